"""Train a relevancy head on the states of a model of words and pictures, alone or with low-rank adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import registry
from rag.answer import Query
from rag.identity import combined
from rag.vlm import has_pixels

from .train import Trained, Triple, accuracy, auc, calibrated, enough, fitted, shuffled, triples, worded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.corpus import Corpus
    from rag.document import Chunk

SHARD = 16
"""Pairs whose states are kept together while it runs."""
Told = Callable[[str, int, int], None]
"""What is being done, how much of it, of how much."""


def trained(
    corpus: Corpus, model: str, count: int = 2000, *, revision: str = "", course: Any = None, device: str = "auto",
    keep: Path | None = None, progress: Told = lambda *_: None,
) -> Trained:  # fmt: skip
    """The head over `model`, with adapters where `course` (`Relevancy.course`) says how to train them.

    Pictures are shown without their words, so that the head has to look. What was computed is kept in the folder
    `keep`: the same call goes on from there after a stop. The controls, shuffled labels and blanked contexts, are
    of heads on the model as it is: they tell of the triples. ValueError with fewer than 50 triples.
    """
    found = [replace(one, context=shown(one.context)) for one in enough(triples(corpus, count))]
    room: Any = registry.load("retrievers/rerankers/relevancy")
    pairs = room.pairs(model, revision, assets=corpus.store.seen, device=device)
    told = trained_on(found, pairs, room, course=course, keep=keep, progress=progress)
    if (encoder := worded(corpus)) is not None:
        told = replace(told, auc_cosine=_cosine(encoder, found))
    return told


def shown(context: Chunk) -> Chunk:
    """The context as the head sees it in training."""
    return replace(context, text="") if context.modality == "image" and has_pixels(context) else context


def trained_on(
    found: Sequence[Triple], pairs: Any, room: Any, *, course: Any = None, keep: Path | None = None,
    progress: Told = lambda *_: None,
) -> Trained:  # fmt: skip
    """The head over these triples; `pairs` is the model, and holds the adapters afterwards."""
    import numpy as np

    about = combined(pairs.checkpoint.digest, [[one.context.id, one.matching, one.other] for one in found])
    asked = [(text, one.context) for one in found for text in (one.matching, one.other)]
    right = np.tile([1.0, 0.0], len(found))
    held = np.repeat([one.held for one in found], 2)
    plain = _states(pairs, asked, keep, about, progress)
    mean, scale = plain[~held].mean(0), plain[~held].std(0) + 1e-6
    standard = ((plain - mean) / scale).astype(np.float64)
    weights, bias = room.fitted(standard[~held], right[~held])
    head = room.states_head(
        pairs.name, pairs.checkpoint.digest, mean, scale, np.array(weights, np.float32), bias, pairs.revision,
        max_pixels=pairs.max_pixels, dpi=pairs.dpi,
        provenance={"triples": int((~held).sum()) // 2, "made": "by rule, hard negatives by the retriever"},
    )  # fmt: skip
    blanked = (_blank(pairs, asked, keep, about, progress) - mean) / scale
    controls = shuffled(room, standard, right, held), accuracy(fitted(room, blanked, right, held), right[held])
    after = plain
    if course is not None:
        head = room.adapted(
            pairs, head, [(one.context, one.matching, one.other) for one in found if not one.held], course,
            keep / "adapters" if keep else None, combined(about, repr(course)),
            lambda done, total: progress("training", done, total),
        )  # fmt: skip
        after = plain.copy()
        seen = [pair for pair, out in zip(asked, held, strict=True) if out]
        after[held] = _states(pairs, seen, None, about, progress, "the documents held out")
    scores = np.array([head.score(state) if out else 0.0 for state, out in zip(after, held, strict=True)])
    calibrations, error = calibrated(found, scores, room.states_fingerprint(head))
    return Trained(
        head, calibrations, len(found), int(held.sum()) // 2, accuracy(scores[held], right[held]),
        auc(scores[held], right[held]), None, controls[0], 1 / float(held.sum()) ** 0.5, controls[1], error,
    )  # fmt: skip


def _states(
    pairs: Any, asked: Sequence[tuple[str, Chunk]], keep: Path | None, about: str, progress: Told,
    what: str = "reading pairs", *, blank: bool = False,
) -> NDArray[np.float32]:  # fmt: skip
    """(n, dim); read from the folder where they lie there already."""
    import numpy as np

    shards = []
    for start in range(0, len(asked), SHARD):
        name = f"{'blank' if blank else 'states'}-{about[:16]}-{start:07}.npy"
        path = keep / name if keep else None
        rows = _kept(path, len(asked[start : start + SHARD]))
        if rows is None:
            rows = pairs.states(asked[start : start + SHARD], blank=blank)
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh = path.with_suffix(".new.npy")
                np.save(fresh, rows, allow_pickle=False)
                fresh.replace(path)
        shards.append(rows)
        progress(what, min(start + SHARD, len(asked)), len(asked))
    return np.concatenate(shards)


def _kept(path: Path | None, count: int) -> Any:
    import numpy as np

    if path is None or not path.is_file():
        return None
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return rows if rows.ndim == 2 and len(rows) == count else None


def _blank(
    pairs: Any, asked: Sequence[tuple[str, Chunk]], keep: Path | None, about: str, progress: Told
) -> NDArray[np.float32]:
    """The states with blanked contexts: one for each question with a picture, and one without, are all there are."""
    keys = [(question, has_pixels(context)) for question, context in asked]
    firsts = dict(zip(reversed(keys), reversed(asked), strict=True))
    order = sorted(firsts)
    rows = _states(pairs, [firsts[key] for key in order], keep, about, progress, "reading without contexts", blank=True)
    at = {key: number for number, key in enumerate(order)}
    found: NDArray[np.float32] = rows[[at[key] for key in keys]]
    return found


def _cosine(encoder: Any, found: Sequence[Triple]) -> float:
    """The AUC of the encoder's cosine over the held-out pairs."""
    import numpy as np

    held = [one for one in found if one.held]
    contexts = np.repeat(encoder.encode_chunks([one.context for one in held]), 2, 0)
    asked = encoder.encode_queries([Query((text,)) for one in held for text in (one.matching, one.other)])
    return auc((contexts * asked).sum(1), np.tile([1.0, 0.0], len(held)))
