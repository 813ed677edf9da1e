"""Approximate inner-product search by Chroma, embedded: HNSW over our own vectors.

Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using
Hierarchical Navigable Small World graphs". Chroma runs in this process (`PersistentClient`) with
telemetry off; vectors are always passed to it, no embedding function is stored, and nothing of it
listens on a network.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from rag.document import Labels
from rag.errors import CorpusError
from rag.extras import extra
from rag.filters import Filter
from rag.protocols import Catalog, Scored
from rag.store.files import Stamp, stamp, write_atomically

from .pending import Pending

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection

    from rag.protocols import Dense

STATE = "state.json"
NAME = "vectors"
_BATCH = 5000
"""Vectors handed over at once; Chroma takes 5461."""
_GATHERED = 2000
"""A filter that admits no more ids than this is answered exactly, from their vectors."""


class Chroma:
    """Index[Dense] and Derived, in `folder`: approximate, for more vectors than `exact` is fast for.

    Candidates come from the graph (`ef_search` of them are looked at); their scores are computed
    again from the vectors in float64, ties go by id. A filter asks `catalog`: of few admitted ids
    the answer is exact, else the graph is asked for more until k are admitted. Large additions are
    found before `commit`, which makes them durable; after a kill in between, `generation` is -1 and
    the index must be rebuilt. One writer at a time; readers in other processes see each commit at
    their next search. The folder must be writable for readers too, which is Chroma's wish.
    """

    def __init__(
        self,
        folder: str | Path,
        dim: int,
        catalog: Catalog | None = None,
        ef_search: int = 100,
        ef_construction: int = 100,
        neighbours: int = 16,
    ) -> None:
        if min(ef_search, ef_construction, neighbours) < 1:
            raise ValueError("ef_search, ef_construction and neighbours must be at least 1")
        self.folder = Path(folder)
        self.dim = dim
        self.catalog = catalog
        self._hnsw = {
            "space": "ip", "ef_search": ef_search, "ef_construction": ef_construction, "max_neighbors": neighbours,
        }  # fmt: skip
        self._pending = Pending(dim, self.folder)
        self._lock = RLock()

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt from the catalog."""
        try:
            told = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
            if told["dim"] != self.dim or self._pending.cleared:
                return -1
            return int(told["generation"])
        except (OSError, ValueError, KeyError, TypeError):
            return -1

    def __len__(self) -> int:
        with self._reading() as collection:
            return collection.count() if collection else 0

    def vectors(self, ids: Sequence[str]) -> Dense:
        """The vectors of ids, (n, dim), as committed; KeyError for one that is not there."""
        import numpy as np

        with self._reading() as collection:
            held = _held(collection, list(dict.fromkeys(ids))) if collection else {}
        return np.array([held[id] for id in ids], np.float32).reshape(-1, self.dim)

    def search(self, queries: Dense, k: int, where: Filter | None = None) -> Scored:
        """About the k largest inner products of each query (n, dim), among the ids that `where` admits."""
        queries = self._pending.checked(queries, "queries")
        if where is not None and self.catalog is None:
            raise ValueError("this index has no catalog to ask: filters need Chroma(..., catalog=...)")
        allowed = self.catalog.matching(where) if where is not None and self.catalog else None
        if k <= 0 or not len(queries) or allowed == frozenset():
            return [[] for _ in queries]
        with self._reading() as collection:
            if collection is None or not (total := collection.count()):
                return [[] for _ in queries]
            if allowed is not None and len(allowed) <= _GATHERED:
                held = _held(collection, sorted(allowed))
                return [_scored(query, held)[:k] for query in queries]
            return [self._nearest(collection, query, k, allowed, total) for query in queries]

    def _nearest(
        self, collection: Collection, query: Dense, k: int, allowed: frozenset[str] | None, total: int
    ) -> list[tuple[str, float]]:
        """Asks for more until k are admitted and no tie with the last of them is left outside."""
        limit = k + 8 if allowed is None else (k + 8) * max(1, 2 * total // len(allowed))
        while True:
            limit = min(limit, total)
            found = collection.query(query_embeddings=[query.tolist()], n_results=limit, include=["embeddings"])
            held = dict(zip(found["ids"][0], found["embeddings"][0], strict=True))  # type: ignore[index]
            if len(held) < limit == total <= _GATHERED:  # equal vectors part the graph: it does not reach all
                held = _held(collection, collection.get(include=[])["ids"])
            scored = _scored(query, held)
            admitted = [pair for pair in scored if allowed is None or pair[0] in allowed]
            if limit == total or (len(admitted) >= k and admitted[k - 1][1] > scored[-1][1]):
                return admitted[:k]
            limit *= 4

    # --- writing ---------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim); ValueError for bad ones. Labels are not kept: filters ask the catalog."""
        vectors = self._pending.checked_with(ids, vectors)
        with self._lock:
            self._pending.add(ids, vectors)
            if len(self._pending) >= _BATCH:
                self._flush()

    def remove(self, ids: Sequence[str]) -> None:
        """Remove ids, from the next commit on; those that are not there are left out."""
        with self._lock:
            self._pending.remove(ids)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        with self._lock:
            self._pending.clear()

    def commit(self, generation: int) -> None:
        """Make it durable at that generation."""
        with self._lock:
            self._flush()
            state = {"generation": generation, "dim": self.dim}
            write_atomically(self.folder / STATE, json.dumps(state).encode())
            with _OPEN.lock:
                _OPEN.taken(self.folder)

    def _flush(self) -> None:
        """Hand over what waits. Until the next commit the state on disk is no generation."""
        (self.folder / STATE).unlink(missing_ok=True)
        with _OPEN.lock, _reported(self.folder):
            if self._pending.cleared:
                _OPEN.close(self.folder)
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            collection = _OPEN.collection(self.folder, self._hnsw)
            for batch in _batches(sorted(self._pending.removed)):
                collection.delete(ids=batch)
            for batch, vectors in self._pending.blocks(_BATCH):
                collection.upsert(ids=batch, embeddings=vectors.tolist())
        self._pending.forget()

    @contextmanager
    def _reading(self) -> Iterator[Collection | None]:
        """The collection as last committed; None where there is none."""
        with _OPEN.lock:
            if not (self.folder / "chroma.sqlite3").exists():
                yield None
                return
            with _reported(self.folder):
                yield _OPEN.collection(self.folder, self._hnsw)


class _Clients:
    """One client a folder for the whole process: Chroma shares them, so that one must close for all."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._open: dict[Path, tuple[Stamp | None, Client, Collection]] = {}

    def collection(self, folder: Path, hnsw: dict[str, Any]) -> Collection:
        """The collection of a folder, opened anew where another process has committed since."""
        folder = folder.resolve()
        now = stamp(folder / STATE)
        found = self._open.get(folder)
        if found and (now is None or found[0] in (None, now)):
            return found[2]
        self.close(folder)
        with extra("chroma"):
            import chromadb
            from chromadb.config import Settings
        settings = Settings(anonymized_telemetry=False)
        client = cast("Client", chromadb.PersistentClient(str(folder), settings=settings))
        configuration = cast("CreateCollectionConfiguration", {"hnsw": hnsw})
        collection = client.get_or_create_collection(NAME, configuration=configuration, embedding_function=None)
        self._open[folder] = now, client, collection
        return collection

    def taken(self, folder: Path) -> None:
        """What is on disk now is what the client here wrote."""
        folder = folder.resolve()
        if found := self._open.get(folder):
            self._open[folder] = stamp(folder / STATE), *found[1:]

    def close(self, folder: Path) -> None:
        if found := self._open.pop(folder.resolve(), None):
            found[1].close()


_OPEN = _Clients()


def _held(collection: Collection, ids: Sequence[str]) -> dict[str, Dense]:
    """The vectors of those ids that are there."""
    held: dict[str, Dense] = {}
    for batch in _batches(ids):
        found = collection.get(ids=batch, include=["embeddings"])
        held.update(zip(found["ids"], found["embeddings"], strict=True))  # type: ignore[arg-type]
    return held


def _scored(query: Dense, held: dict[str, Dense]) -> list[tuple[str, float]]:
    import numpy as np

    if not held:
        return []
    # Row by row: a product over a matrix rounds differently with its other rows.
    wide = query.astype(np.float64)
    scores = [float((np.asarray(vector, np.float64) * wide).sum()) for vector in held.values()]
    return sorted(zip(held, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _BATCH):
        yield list(ids[start : start + _BATCH])


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Chroma's errors as ours."""
    try:
        from chromadb.errors import ChromaError
    except ImportError:
        yield  # opening says what is missing
        return
    try:
        yield
    except (ChromaError, OSError) as error:
        raise CorpusError(
            f"the vector index in {folder} failed ({error}); rebuild it with: rag check --repair"
        ) from error
