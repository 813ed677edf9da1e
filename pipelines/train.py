"""Train a relevancy head on a corpus' own triples, and say what it is worth on documents that it never saw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import registry
from rag.answer import Query
from rag.calibration import Calibrations, calibration_error, dumped, fit
from rag.document import WORDED

from .questions import Made, made

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.corpus import Corpus
    from rag.document import Chunk

HELD_FOLDS = 5
"""One document in so many is held out."""
NEAREST = 8
"""Hits among which the hard negative of a question is looked for."""
SHUFFLES = 5


@dataclass(frozen=True, slots=True)
class Triple:
    """A context, a question that it answers, and one that it does not, made from a chunk much like it."""

    context: Chunk
    matching: str
    other: str
    held: bool = False
    """Whether its documents are kept out of training."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A head and what it is worth on held-out triples, in shares 0..1."""

    head: Any
    """Numbers over an encoder's vectors as a table, or a `StatesHead` of the retrievers' room."""
    calibrations: Calibrations
    triples: int
    held: int
    accuracy: float
    auc: float
    auc_cosine: float | None
    """Of plain cosine on the same pairs; None without an encoder of words."""
    shuffled: float
    """Accuracy of heads trained on shuffled labels: chance is 0.5."""
    chance: float
    """Two standard errors of a fair coin at this many pairs."""
    blank: float
    """Accuracy with the context blanked: above chance, questions alone would give the answer away."""
    error: tuple[float, float]


def triples(corpus: Corpus, count: int) -> list[Triple]:
    """Two triples for each made question and a question of a chunk much like its own, as the retriever finds them.

    Each of the two is matching once and other once, so that no question gives its label away; both are
    about documents on the same side, held out or not.
    """
    asked = made(corpus, count)
    held = _sides([one.digest for one in asked])
    by_chunk: dict[str, list[Made]] = {}
    for one in asked:
        for id in one.chunks:
            by_chunk.setdefault(id, []).append(one)
    found: list[Triple] = []
    for start in range(0, len(asked), 32):
        batch = asked[start : start + 32]
        hits = corpus.hits([Query((one.text,)) for one in batch], NEAREST)
        for one, listed in zip(batch, hits, strict=True):
            near = (
                other
                for hit in listed
                for other in by_chunk.get(hit.chunk.id, ())
                if held[other.digest] == held[one.digest] and not set(other.chunks) & set(one.chunks)
            )
            if (other := next(near, None)) is not None:
                known = corpus.store.catalog.chunks([one.chunks[0], other.chunks[0]])
                if len(known) == 2:
                    side = held[one.digest]
                    found.append(Triple(known[one.chunks[0]], one.text, other.text, side))
                    found.append(Triple(known[other.chunks[0]], other.text, one.text, side))
    return found


def _sides(digests: Sequence[str]) -> dict[str, bool]:
    """Whether each document is held out: every fifth, in the order of their digests."""
    return {digest: at % HELD_FOLDS == 0 for at, digest in enumerate(sorted(set(digests)))}


def trained(corpus: Corpus, count: int = 2000) -> Trained:
    """The head over the corpus' encoder; ValueError with fewer than 50 triples, or no encoder of words."""
    import numpy as np

    encoder = worded(corpus)
    if encoder is None:
        raise ValueError(f"{corpus.folder} has no encoder of words, on whose vectors the head would stand")
    found = enough(triples(corpus, count))
    held_out = np.array([one.held for one in found], bool)
    room: Any = registry.load("retrievers/rerankers/relevancy")
    contexts = encoder.encode_chunks([one.context for one in found])
    asked = encoder.encode_queries([Query((text,)) for one in found for text in (one.matching, one.other)])
    pairs = _pairs(room, asked, contexts)
    right = np.tile([1.0, 0.0], len(found))
    held = np.repeat(held_out, 2)
    weights, bias = room.fitted(pairs[~held], right[~held])
    head = {
        "format": 1, "encoder": encoder.fingerprint, "dim": int(contexts.shape[1]), "weights": weights, "bias": bias,
        "provenance": {"triples": int((~held_out).sum()), "made": "by rule, hard negatives by the retriever"},
    }  # fmt: skip
    logits = pairs @ np.array(weights) + bias
    scores = np.round(1 / (1 + np.exp(-np.clip(logits, -30, 30))), 6)
    calibrations, error = calibrated(found, scores, room.named(head, encoder.fingerprint))
    blanked = _pairs(room, asked, np.repeat(contexts[~held_out].mean(0, keepdims=True), len(found), 0))
    return Trained(
        head, calibrations, len(found), int(held_out.sum()), accuracy(scores[held], right[held]),
        auc(scores[held], right[held]), auc(pairs[held, -1], right[held]), shuffled(room, pairs, right, held),
        1 / float(held.sum()) ** 0.5, accuracy(fitted(room, blanked, right, held), right[held]), error,
    )  # fmt: skip


def worded(corpus: Corpus) -> Any:
    """The corpus' first encoder of words, or None."""
    return next((one for one in corpus.store.encoders.values() if one.view in WORDED), None)


def enough(found: Sequence[Triple]) -> Sequence[Triple]:
    """The triples; ValueError where they are too few to train on and to tell what it is worth."""
    held = sum(one.held for one in found)
    documents = len({one.context.origin.source.digest for one in found})
    if len(found) < 50 or not 10 <= held < len(found) - 10 or documents < 2 * HELD_FOLDS:
        raise ValueError(
            f"training needs 50 triples or more over {2 * HELD_FOLDS} documents, got {len(found)}: add documents"
        )
    return found


def calibrated(found: Sequence[Triple], scores: Any, scorer: str) -> tuple[Calibrations, tuple[float, float]]:
    """Half of what is held out calibrates and sets the threshold, the other half is reported on: by document again.

    `scores` (2 n,) of (context, matching), (context, other), and so on; those of held-out triples are looked at.
    """
    import numpy as np

    right = np.tile([1.0, 0.0], len(found))
    held = np.repeat([one.held for one in found], 2)
    order = sorted({one.context.origin.source.digest for one in found if one.held})
    second = np.repeat([one.context.origin.source.digest in set(order[::2]) for one in found], 2)
    part, rest = held & second, held & ~second
    curve = fit(scores[part].tolist(), right[part].astype(bool).tolist(), "platt")
    told = curve(scores[rest].tolist())
    tau = round(curve([youden(scores[part], right[part])])[0], 4)
    calibrations = Calibrations(scorer, {"": curve}, tau=tau, provenance={"pairs": int(part.sum())})
    return calibrations, calibration_error(told, right[rest].astype(bool).tolist())


def youden(scores: Any, right: Any) -> float:
    """The threshold that parts right from wrong best: most right ones at or above it, fewest wrong ones.

    Youden 1950, "Index for rating diagnostic tests": the largest sensitivity + specificity - 1; of several such
    thresholds the lowest.
    """
    import numpy as np

    scores, right = np.asarray(scores, float), np.asarray(right, float) > 0.5
    levels = np.unique(scores)
    above = scores[None, :] >= levels[:, None]
    good = (above & right).sum(1) / max(1, right.sum())
    bad = (above & ~right).sum(1) / max(1, (~right).sum())
    return float(levels[int(np.argmax(np.round(good - bad, 12)))])


def _pairs(room: Any, asked: NDArray[np.float32], contexts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Features of (context, matching), (context, other), and so on."""
    import numpy as np

    rows = [room.features(asked[at], contexts[at // 2 : at // 2 + 1]) for at in range(len(asked))]
    return np.concatenate(rows)


def fitted(room: Any, pairs: Any, right: Any, held: Any) -> Any:
    """Scores on the held-out pairs of a head trained on the others."""
    import numpy as np

    weights, bias = room.fitted(pairs[~held], right[~held])
    return 1 / (1 + np.exp(-np.clip(pairs[held] @ np.array(weights) + bias, -30, 30)))


def shuffled(room: Any, pairs: Any, right: Any, held: Any) -> float:
    """Mean accuracy with the labels of training pairs shuffled within their triples."""
    import numpy as np

    generator = np.random.default_rng(0)
    found = []
    for _ in range(SHUFFLES):
        swapped = np.repeat(generator.random(len(right) // 2) < 0.5, 2)
        found.append(accuracy(fitted(room, pairs, np.where(swapped, 1 - right, right), held), right[held]))
    return float(np.mean(found))


def accuracy(scores: Any, right: Any) -> float:
    """The share of pairs on the right side of 1/2; a score of 1/2 is half right."""
    import numpy as np

    return float(np.mean(np.where(scores == 0.5, 0.5, (scores > 0.5) == (right > 0.5))))


def auc(scores: Sequence[float] | Any, right: Sequence[float] | Any) -> float:
    """The chance that a right pair scores above a wrong one; ties count half."""
    import numpy as np

    scores, right = np.asarray(scores, float), np.asarray(right, float) > 0.5
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    _, starts, counts = np.unique(scores[order], return_index=True, return_counts=True)
    for start, count in zip(starts, counts, strict=True):
        ranks[order[start : start + count]] = start + (count + 1) / 2
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        raise ValueError("an AUC needs right and wrong ones")
    return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad))


def write(told: Trained, folder: Path) -> None:
    """Head and calibration into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(told.head, dict):
        (folder / "head.json").write_text(json.dumps(told.head) + "\n", encoding="utf-8")
    else:
        room: Any = registry.load("retrievers/rerankers/relevancy")
        room.write_states(told.head, folder)
    (folder / "calibration.json").write_text(dumped(told.calibrations), encoding="utf-8")
