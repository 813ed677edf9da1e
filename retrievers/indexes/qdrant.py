"""Search by Qdrant: for collections that outgrow one machine, with multivectors for late interaction.

Without `server` Qdrant runs in this process over files in the corpus (one process at a time, every vector
compared: for tests and small corpora). With it, vectors go to the server that the environment variable
QDRANT_URL names (key: QDRANT_API_KEY): never to an address that a corpus names. The client sends no
telemetry and does not ask the server for its version.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from rag.document import Labels
from rag.errors import ConfigError, CorpusError
from rag.extras import extra
from rag.filters import Filter
from rag.protocols import Catalog, Scored
from rag.store.files import write_atomically

from ..late import LateInteraction
from .pending import Pending
from .waiting import Waiting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient

    from rag.protocols import Dense, Ragged

STATE = "state.json"
_BATCH = 256
_NAMES = UUID("5f3c1f0e-6a6d-4c8e-9d55-0b8f6d1f4a77")
"""Qdrant names points by numbers or UUIDs: those of our ids are made in this name space."""


class _Collection:
    """What both indexes share: the collection, its client, and the state that commits leave in `folder`.

    As `indexes/chroma`: what is added is on the server before `commit`, which writes the generation; a
    kill in between leaves generation -1 and the index is built anew.
    """

    _multi = False
    _pending: Pending | Waiting

    def __init__(self, folder: str | Path, dim: int, catalog: Catalog | None, server: bool, exact: bool) -> None:
        self.folder = Path(folder)
        self.dim = dim
        self.catalog = catalog
        self.server = server
        self.exact = exact
        self._lock = RLock()

    @property
    def collection(self) -> str:
        """Its name on the server: a function of where the corpus lies, which no setting can change."""
        return f"argus-{sha256(str(self.folder.resolve()).encode()).hexdigest()[:24]}"

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt from the catalog."""
        try:
            told = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
            same = (told["dim"], told["server"], told["multi"]) == (self.dim, self.server, self._multi)
            return int(told["generation"]) if same and not self._pending.cleared else -1
        except (OSError, ValueError, KeyError, TypeError):
            return -1

    def __len__(self) -> int:
        with self._open() as client:
            return client.count(self.collection).count if client else 0

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
        from qdrant_client import models

        with self._lock:
            (self.folder / STATE).unlink(missing_ok=True)
            with self._open(create=True) as client:
                if client is None:
                    raise CorpusError(f"{self.folder}: the collection could not be made")
                removed = [_point(id) for id in sorted(self._pending.removed)]
                for start in range(0, len(removed), _BATCH):
                    selected = models.PointIdsList(points=list(removed[start : start + _BATCH]))
                    client.delete(self.collection, selected, wait=True)
                points: list[models.PointStruct] = []
                for id, vector in self._waiting():
                    points.append(models.PointStruct(id=_point(id), vector=vector.tolist(), payload={"id": id}))
                    if len(points) >= _BATCH:
                        client.upsert(self.collection, points, wait=True)
                        points = []
                if points:
                    client.upsert(self.collection, points, wait=True)
            state = {"generation": generation, "dim": self.dim, "server": self.server, "multi": self._multi}
            write_atomically(self.folder / STATE, json.dumps(state).encode())
            self._pending.forget()

    def _waiting(self) -> Iterator[tuple[str, NDArray[Any]]]:
        raise NotImplementedError

    def _scores(self, query: NDArray[np.float32], vectors: Sequence[NDArray[np.float32]]) -> list[float]:
        raise NotImplementedError

    def _held(self, ids: Sequence[str]) -> list[NDArray[np.float32]]:
        """The vectors of ids, in their order; KeyError for one that is not there."""
        import numpy as np

        held: dict[str, NDArray[np.float32]] = {}
        with self._open() as client:
            for start in range(0, len(ids) if client else 0, _BATCH):
                points = [_point(id) for id in ids[start : start + _BATCH]]
                found = client.retrieve(self.collection, points, with_vectors=True) if client else []
                held.update({str((one.payload or {})["id"]): np.asarray(one.vector, np.float32) for one in found})
        return [held[id] for id in ids]

    def _search(self, queries: Sequence[NDArray[np.float32]], k: int, where: Filter | None) -> Scored:
        if where is not None and self.catalog is None:
            raise ValueError("this index has no catalog to ask: filters need a catalog")
        allowed = self.catalog.matching(where) if where is not None and self.catalog else None
        if k <= 0 or not len(queries) or allowed == frozenset():
            return [[] for _ in queries]
        with self._open() as client:
            if client is None or not (total := client.count(self.collection).count):
                return [[] for _ in queries]
            return [self._nearest(client, query, k, allowed, total) for query in queries]

    def _nearest(
        self, client: QdrantClient, query: NDArray[np.float32], k: int, allowed: frozenset[str] | None, total: int
    ) -> list[tuple[str, float]]:
        """Asks for more until no tie with the k-th is left outside; scored again in float64."""
        import numpy as np
        from qdrant_client import models

        admitted = None
        if allowed is not None:
            # Labels change without an index being touched, so the catalog says which ids a filter admits.
            named = models.HasIdCondition(has_id=[_point(id) for id in sorted(allowed)])
            admitted = models.Filter(must=[named])
        limit = min(k + 8, total)
        while True:
            found = client.query_points(
                self.collection, query.tolist(), query_filter=admitted, limit=limit, with_vectors=True,
                with_payload=True, search_params=models.SearchParams(exact=self.exact),
            ).points  # fmt: skip
            ids = [str((one.payload or {})["id"]) for one in found]
            scores = self._scores(query, [np.asarray(one.vector, np.float32) for one in found])
            scored = sorted(zip(ids, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))
            if len(found) < limit or limit == total or scored[k - 1][1] > scored[-1][1]:
                return scored[:k]
            limit = min(limit * 4, total)

    @contextmanager
    def _open(self, create: bool = False) -> Iterator[QdrantClient | None]:
        """The client where the collection is there, or was made; Qdrant's errors as ours."""
        with extra("qdrant"):
            from qdrant_client import models
            from qdrant_client.http.exceptions import ApiException
        with self._lock, _OPEN.lock:
            try:
                if not create and not self.server and not (self.folder / "local").exists():
                    yield None
                    return
                client = _OPEN.client(self.folder / "local", self.server)
                there = client.collection_exists(self.collection)
                if create and there and self._pending.cleared:
                    client.delete_collection(self.collection)
                    there = False
                if create and not there:
                    many = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
                    shape = models.VectorParams(
                        size=self.dim, distance=models.Distance.DOT, multivector_config=many if self._multi else None
                    )
                    client.create_collection(self.collection, vectors_config=shape)
                yield client if create or there else None
            except (ApiException, OSError, RuntimeError) as error:
                raise CorpusError(
                    f"the Qdrant index of {self.folder} failed ({error}); is the server up, or, without one, does "
                    "another process use this corpus? Rebuild it with: rag check --repair"
                ) from error


class Qdrant(_Collection):
    """Index[Dense] and Derived: one vector a chunk, by inner product; `exact` compares every vector."""

    def __init__(
        self, folder: str | Path, dim: int, catalog: Catalog | None = None, server: bool = False, exact: bool = False
    ) -> None:
        super().__init__(folder, dim, catalog, server, exact)
        self._vectors = self._pending = Pending(dim, self.folder)

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim), from the next commit on; ValueError for bad ones."""
        checked = self._vectors.checked_with(ids, vectors)
        with self._lock:
            self._vectors.add(ids, checked)

    def vectors(self, ids: Sequence[str]) -> Dense:
        """(n, dim) in the order of the ids; KeyError for one that is not there."""
        import numpy as np

        return np.stack(self._held(ids)) if len(ids) else np.zeros((0, self.dim), np.float32)

    def search(self, queries: Dense, k: int, where: Filter | None = None) -> Scored:
        """The k largest inner products of each query (n, dim), among the ids that `where` admits."""
        return self._search(list(self._vectors.checked(queries, "queries")), k, where)

    def _waiting(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for ids, vectors in self._vectors.blocks():
            yield from zip(ids, vectors, strict=True)

    def _scores(self, query: NDArray[np.float32], vectors: Sequence[NDArray[np.float32]]) -> list[float]:
        import numpy as np

        return [float((one.astype(np.float64) * query).sum()) for one in vectors]


class QdrantTokens(_Collection):
    """Index[Ragged] and Derived: many vectors a chunk, compared by Qdrant's own MaxSim (sum of max)."""

    _multi = True

    def __init__(
        self, folder: str | Path, dim: int, catalog: Catalog | None = None, server: bool = False, exact: bool = False
    ) -> None:
        super().__init__(folder, dim, catalog, server, exact)
        self._tokens = self._pending = Waiting(dim, self.folder)

    def add(self, ids: Sequence[str], vectors: Ragged, labels: Sequence[Labels] = ()) -> None:
        """Add or replace arrays (tokens, dim), from the next commit on; ValueError for bad ones."""
        with self._lock:
            self._tokens.add(ids, vectors)

    def vectors(self, ids: Sequence[str]) -> Ragged:
        """The tokens of each id (n, dim); KeyError for one that is not there."""
        return self._held(ids)

    def search(self, queries: Ragged, k: int, where: Filter | None = None) -> Scored:
        """The k best of each query (tokens, dim), among the ids that `where` admits."""
        return self._search(self._tokens.checked(queries, "queries"), k, where)

    def _waiting(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for id, tokens in self._tokens.rows():
            yield id.decode(), tokens

    def _scores(self, query: NDArray[np.float32], vectors: Sequence[NDArray[np.float32]]) -> list[float]:
        return [float(one) for one in LateInteraction().score(query, vectors)]


class _Clients:
    """One client a folder, since local files bear one, and one for the server."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._open: dict[str, QdrantClient] = {}

    def client(self, folder: Path, server: bool, environment: Mapping[str, str] | None = None) -> QdrantClient:
        from qdrant_client import QdrantClient

        given = os.environ if environment is None else environment
        where = given.get("QDRANT_URL", "") if server else str(folder.resolve())
        if not where:
            raise ConfigError("the Qdrant index has `server = true`: set QDRANT_URL (and QDRANT_API_KEY if it has one)")
        if where not in self._open:
            if not self._open:
                atexit.register(self.close)  # later, at its end, the interpreter cannot import what closing needs
            if server:
                key = given.get("QDRANT_API_KEY") or None
                self._open[where] = QdrantClient(url=where, api_key=key, check_compatibility=False, timeout=60)
            else:
                self._open[where] = QdrantClient(path=where)
        return self._open[where]

    def close(self) -> None:
        """Close all; they are opened again when they are asked for."""
        with self.lock:
            while self._open:
                self._open.popitem()[1].close()


_OPEN = _Clients()


def _point(id: str) -> str:
    return str(uuid5(_NAMES, id))
