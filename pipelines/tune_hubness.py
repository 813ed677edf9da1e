"""Whether dividing hubs out of an encoder's vectors finds more, judged by held-out questions; nothing if not.

Half of the questions are the bank, the others are held out: `retrievers.hubness` chooses a form of the inverted
softmax (`auto_tune`) and one of InvGC and LocalAdj (`auto_tune_moves`) on every other one of these and confirms
each on the rest. Where both are confirmed, the one is taken that did better where it was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer import Query
from rag.errors import ConfigError
from rag.store.files import write_atomically

from .toml import written
from .tuning import BATCH, Posed

if TYPE_CHECKING:
    from rag.corpus import Corpus
    from rag.store.store import Store

MOST = 20_000
"""Chunks of the gallery that is searched; those that are right are always in it."""
BANK_CHUNKS = 1000
LEAST = 20
"""Questions below which nothing is tried."""
MOVED = ("localadj", "invgc")
"""Methods of `indexes/unhubbed` whose index has other vectors than the encoder gave."""


@dataclass(frozen=True, slots=True)
class HubsTuned:
    """For an encoder the form that finds more, a `Normalizer` or an `InverseConvolution`; None where nothing is gained.

    `before` and `after` are mean reciprocal ranks of the held-out questions.
    """

    encoder: str
    form: Any
    before: float
    after: float
    questions: int
    bank: Any = None
    """The vectors of the bank's questions, and of its chunks."""

    @property
    def settings(self) -> dict[str, Any]:
        """The form as settings of `indexes/unhubbed`."""
        if self.form is None:
            return {"method": "none"}
        if hasattr(self.form, "local"):
            method = "localadj" if self.form.local else "invgc"
            names: tuple[str, ...] = ("rate_gallery", "rate_query", "pool")
        else:
            method, names = self.form.method, ("beta_query", "beta_gallery", "activated")
        return {"method": method, **{name: getattr(self.form, name) for name in names}}


def tuned_hubs(corpus: Corpus, posed: Sequence[Posed]) -> list[HubsTuned]:
    """One result for each encoder with one vector a chunk whose vectors include what is asked for.

    ValueError where the index holds vectors that are moved already.
    """
    if (method := corpus.store.settings["indexes"]["vectors"].get("method")) in MOVED:
        raise ValueError(
            f"this corpus' vectors are moved already ({method}), and forms are tried on vectors as they are: set "
            '[indexes.vectors] in its corpus.toml to use = "retrievers/indexes/exact", run rag reindex, then tune again'
        )
    asked = [one for one in posed if not one.absent]
    found = []
    for name, encoder in corpus.store.encoders.items():
        if not getattr(encoder, "ragged", False) and len(corpus.store.vectors[name]):
            found.append(_tuned(corpus, name, encoder, asked))
    return found


def _tuned(corpus: Corpus, name: str, encoder: Any, asked: Sequence[Posed]) -> HubsTuned:
    import numpy as np

    from rag.registry import load

    auto_tune: Any = load("retrievers/hubness/auto_tune")
    auto_tune_moves: Any = load("retrievers/hubness/auto_tune_moves")
    reciprocal: Any = load("retrievers/hubness/reciprocal")
    gallery, wanted = _gallery(corpus, name, asked)
    usable = [at for at, ids in enumerate(wanted) if ids]
    if len(usable) < LEAST:
        return HubsTuned(name, None, 0.0, 0.0, len(usable))
    ids = list(gallery)
    rows = {id: row for row, id in enumerate(ids)}
    vectors = corpus.store.vectors[name].vectors(ids)
    queries = [Query((asked[at].text,)) for at in usable]
    told = np.concatenate([
        encoder.encode_queries(queries[start : start + BATCH]) for start in range(0, len(queries), BATCH)
    ])  # fmt: skip
    # Of several right chunks that which the encoder itself ranks first.
    best = [
        max((rows[id] for id in wanted[at]), key=lambda row, one=one: float(vectors[row] @ one))  # type: ignore[misc]
        for at, one in zip(usable, told, strict=True)
    ]
    bank, held = told[::2], told[1::2]
    chunks = vectors[:: max(1, len(vectors) // BANK_CHUNKS)]
    target = np.array(best[1::2])
    centre = chunks.mean(axis=0)  # as the index has it, which does not know the whole collection
    taken, moves = (
        auto_tune(held, target, vectors, bank, chunks),
        auto_tune_moves(held, target, vectors, bank, chunks, centre=centre),
    )
    before = reciprocal(type(taken)("none").scores(held, vectors, bank, chunks), target)
    gained = []
    if taken.method != "none":
        gained.append((reciprocal(taken.scores(held, vectors, bank, chunks), target), taken))
    if max(moves.rate_gallery, moves.rate_query) > 0:
        gained.append((reciprocal(held @ moves(vectors, bank, chunks, centre=centre).T, target), moves))
    after, form = max(gained, key=lambda one: float(one[0][::2].mean()), default=(before, None))
    return HubsTuned(name, form, float(before.mean()), float(after.mean()), len(held), (bank, chunks))


def _gallery(corpus: Corpus, name: str, asked: Sequence[Posed]) -> tuple[dict[str, None], list[list[str]]]:
    """The ids to be searched, and for each question those that are right among them."""
    store = corpus.store
    documents: dict[str, list[Any]] = {one.digest: [] for one in asked}
    live = [id for _, id in store.catalog.live_ids()]
    held = _stored(store.vectors[name], live)
    for start in range(0, len(held), 2000):
        for chunk in store.catalog.chunks(held[start : start + 2000]).values():
            if (digest := chunk.origin.source.digest) in documents:
                documents[digest].append(chunk)
    wanted = [[chunk.id for chunk in documents[one.digest] if one.right(chunk)] for one in asked]
    right = dict.fromkeys(id for ids in wanted for id in ids)
    return {**right, **dict.fromkeys(held[:: max(1, len(held) // MOST)])}, wanted


def _stored(index: Any, ids: Sequence[str]) -> list[str]:
    """The ids of which an index has a vector."""
    if not ids:
        return []
    try:
        index.vectors(ids)
    except KeyError:
        if len(ids) == 1:
            return []
        half = len(ids) // 2
        return [*_stored(index, ids[:half]), *_stored(index, ids[half:])]
    return list(ids)


def apply(store: Store, tuned: Sequence[HubsTuned]) -> Path:
    """Store the banks and let corpus.toml name the index that uses them; `rag reindex` then builds it.

    One index serves all encoders: the form is that with the largest gain, and an encoder that gains nothing gets
    no bank, which moves nothing.
    """
    import numpy as np

    from rag.registry import load

    gained = [one for one in tuned if one.form is not None]
    path = Path(store.folder) / "corpus.toml"
    if not gained:
        raise ValueError("no encoder gains anything, so there is nothing to apply")
    best = max(gained, key=lambda one: one.after - one.before)
    table = {"use": "retrievers/indexes/unhubbed", **best.settings}
    before = written({"indexes": {"vectors": dict(store.settings["indexes"]["vectors"])}}).strip()
    text = path.read_text(encoding="utf-8")
    if text.count(before) != 1:
        settings = written({"indexes": {"vectors": table}})
        raise ConfigError(f"write these settings by hand, then run: rag reindex\n{settings}", path=str(path))
    keep: Any = load("retrievers/hubness/store_bank")
    for one in tuned:  # also where an earlier one lies that no longer helps
        folder: Path = store.vectors[one.encoder].folder  # type: ignore[attr-defined]
        bank = one.bank if one.form is not None else (np.zeros((0, store.encoders[one.encoder].dim)),)
        keep(folder, *bank)
    write_atomically(path, text.replace(before, written({"indexes": {"vectors": table}}).strip()).encode())
    return path
