"""Search by Qdrant: for collections that outgrow one machine, with multivectors for late interaction.

Without `server` Qdrant runs in this process, with everything in memory and every vector compared: for tests
and small corpora (`qdrant_local`). With it, vectors go to the server of QDRANT_URL (`qdrant_clients`), which
applies filters by itself (`qdrant_filters`).
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rag.document import Labels
from rag.filters import Filter
from rag.protocols import Catalog, Scored
from rag.replies import EndpointError
from rag.store.files import write_atomically

from . import qdrant_filters, qdrant_local
from .pending import Pending
from .qdrant_clients import Clients, reported
from .waiting import Waiting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient, models

    from rag.protocols import Dense, Ragged

STATE = "qdrant.json"
VERSION = 2
"""Of what points bear. The first had nothing to filter by, and a state of the name that Chroma's has, too."""
_FIRST = "state.json"
_WAITING = 2048
"""Points that wait for their commit here; what is more is handed over before."""
_NUMBERS = 250_000
"""In one request, of some 20 bytes each: a server takes 32 MB."""
_POINTS = 256
_DIGITS = 5
_FILES = re.compile("[0-9a-f]{0,32}")
_OPEN = Clients()


class _Collection:
    """What both indexes share: the collection and the state that commits leave in `folder`.

    Points are handed over before `commit`, which writes the generation. A kill in between costs a repetition:
    the changes since the last commit are made again, or all of them where the collection was begun anew
    (generation -1). One that is gone from the server, was made for another folder (a corpus that was moved or
    copied) or by an older version is built anew from the catalog; nothing is encoded again.
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
        self._told: dict[str, Labels] = {}
        self._seen = False
        self._lost = False

    @property
    def comfortable(self) -> int:
        """Vectors up to which a search takes tens of milliseconds."""
        return sys.maxsize if self.server else 20_000

    # --- state -----------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt from the catalog."""
        state = self._state()
        return int(state["generation"]) if state and not self._pending.cleared else -1

    def _state(self) -> dict[str, Any]:
        """What the last commit left; empty where there is none, or it is not of such a collection as this."""
        state = self._stored()
        asked = {"version": VERSION, "dim": self.dim, "server": self.server, "multi": self._multi}
        same = all(state.get(key) == value for key, value in asked.items())
        sound = isinstance(state.get("generation"), int) and _FILES.fullmatch(str(state.get("files", "")))
        return state if same and sound and state.get("collection") == self._name(state) else {}

    def _stored(self, name: str = STATE) -> dict[str, Any]:
        try:
            state = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _name(self, state: dict[str, Any]) -> str:
        """The collection's: on a server a function of where the corpus lies, which no setting can change, and
        of a number drawn by lot, so that corpora of one path on two machines do not share theirs."""
        where = str(self.folder.resolve()) + (f"\0{state['lot']}" if state.get("lot") else "")
        return f"argus-{sha256(where.encode()).hexdigest()[:24]}" if self.server else qdrant_local.COLLECTION

    def _write(self, state: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / STATE, json.dumps(state).encode())

    # --- writing ---------------------------------------------------------------------------------

    def remove(self, ids: Sequence[str]) -> None:
        """Remove ids, from the next commit on; those that are not there are left out."""
        with self._lock:
            self._pending.remove(ids)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        with self._lock:
            self._pending.clear()
            self._told.clear()

    def commit(self, generation: int) -> None:
        """Make it durable at that generation."""
        with self._lock:
            self._flush()
            state = {**self._stored(), "generation": -1 if self._lost else generation}
            if self.server:
                self._write(state)
            else:
                self._save(state)
            self._seen = self._lost = False

    def _save(self, state: dict[str, Any]) -> None:
        """Write what lies in memory, and the state that names it."""
        number = uuid4().hex
        with self._asked(state) as client:
            qdrant_local.save(client, self.folder, number, self.dim)
            self._write({**state, "files": number})
            _OPEN.saved(self.folder, number)
            qdrant_local.sweep(self.folder, number)

    def _take(self, ids: Sequence[str], labels: Sequence[Labels]) -> None:
        """Note what was told of ids, and hand over where many wait."""
        for id in ids:
            self._told.pop(id, None)
        self._told.update(zip(ids, labels, strict=False))
        if len(self._pending) >= _WAITING:
            self._flush()

    def _flush(self) -> None:
        """Hand over what waits."""
        state = self._state()
        fresh = not state or self._pending.cleared
        with self._asked({} if fresh else state) as client:
            if not fresh and not self._seen and not client.collection_exists(state["collection"]):
                fresh = self._lost = True
            if fresh:
                state = self._begin(client)
            self._seen = True
            if state.get("filters") and any(
                "document" not in dict(self._told.get(id, ())) for id in self._pending.added
            ):
                state = {**state, "filters": False}
                self._write(state)
            self._send(client, state["collection"])
        self._pending.forget()
        self._told.clear()

    def _begin(self, client: QdrantClient) -> dict[str, Any]:
        """An empty collection, and its state, which is no generation until the next commit."""
        from qdrant_client import models

        shutil.rmtree(self.folder / "local", ignore_errors=True)  # of the first version
        first = self._stored(_FIRST)
        before = self._stored() or (first if "multi" in first else {})
        ours = self.server and before.get("server") and before.get("collection", self._name({})) == self._name(before)
        if ours or not self.server:
            client.delete_collection(self._name(before))
        lot = {"lot": before["lot"] if ours and before.get("lot") else uuid4().hex}
        state = {
            "version": VERSION, "generation": -1, "dim": self.dim, "server": self.server, "multi": self._multi,
            "filters": True, "collection": self._name(lot), **lot,
        }  # fmt: skip
        self._write(state)
        if "multi" in first:
            (self.folder / _FIRST).unlink()
        try:
            qdrant_local.create(client, self.dim, self._multi, self._name(lot))
        except EndpointError as error:
            if error.status != 409:  # made by a first try whose answer was lost
                raise
        for key, kind in qdrant_filters.FIELDS.items() if self.server else ():
            client.create_payload_index(self._name(lot), key, models.PayloadSchemaType(kind), wait=True)
        return state

    def _send(self, client: QdrantClient, name: str) -> None:
        from qdrant_client import models

        removed = [qdrant_filters.point(id) for id in sorted(self._pending.removed)]
        for start in range(0, len(removed), 10 * _POINTS):
            selected = models.PointIdsList(points=list(removed[start : start + 10 * _POINTS]))
            client.delete(name, selected, wait=True)
        points: list[models.PointStruct] = []
        numbers = 0
        for id, vector in self._rows():
            if points and (numbers + vector.size > _NUMBERS or len(points) == _POINTS):
                client.upsert(name, points, wait=True)
                points, numbers = [], 0
            told = qdrant_filters.payload(id, self._told.get(id, ()))
            points.append(models.PointStruct(id=qdrant_filters.point(id), vector=vector.tolist(), payload=told))
            numbers += vector.size
        if points:
            client.upsert(name, points, wait=True)

    def _rows(self) -> Iterator[tuple[str, NDArray[Any]]]:
        raise NotImplementedError

    @contextmanager
    def _asked(self, state: dict[str, Any]) -> Iterator[QdrantClient]:
        """A client to ask. What lies in memory is asked by one thread at a time."""
        with reported(self.folder):
            if self.server:
                yield _OPEN.served()
                return
            with _OPEN.lock:
                yield _OPEN.local(self.folder, str(state.get("files", "")), self.dim, self._multi)

    # --- reading ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not (state := self._state()):
            return 0
        with self._asked(state) as client:
            # Not `exact`, which would walk over all points: without a filter both are the same.
            return client.count(state["collection"], exact=False).count

    def _held(self, ids: Sequence[str]) -> list[NDArray[np.float32]]:
        """The vectors of ids, in their order; KeyError for one that is not there."""
        import numpy as np

        held: dict[str, NDArray[np.float32]] = {}
        state = self._state()
        size = 8 if self._multi else max(1, _NUMBERS // self.dim)
        with self._asked(state) as client:
            for start in range(0, len(ids) if state else 0, size):
                points = [qdrant_filters.point(id) for id in ids[start : start + size]]
                found = client.retrieve(state["collection"], points, with_payload=["id"], with_vectors=True)
                held.update({str((one.payload or {})["id"]): np.asarray(one.vector, np.float32) for one in found})
        return [held[id] for id in ids]

    def _search(self, queries: Sequence[NDArray[np.float32]], k: int, where: Filter | None) -> Scored:
        if where is not None and self.catalog is None:
            raise ValueError("this index has no catalog to ask: filters need a catalog")
        state = self._state()
        if not state or k <= 0 or not len(queries):
            return [[] for _ in queries]
        allowed: frozenset[str] | None = None
        admitted: Sequence[models.Filter | None] = [None]
        if where is not None and self.catalog is not None:
            if self.server:
                admitted = self._admitted(self.catalog, where, bool(state.get("filters")))
            else:  # which looks at every point for a filter, value by value: we are faster
                allowed = self.catalog.matching(where)
        if not admitted or allowed == frozenset():
            return [[] for _ in queries]
        with self._asked(state) as client:
            share = 1 if allowed is None else max(1, 2 * client.count(state["collection"]).count // len(allowed))
            found: Scored = []
            for query in queries:
                best: dict[str, float] = {}
                for one in admitted:
                    best.update(self._nearest(client, state["collection"], query, k, share, one, allowed))
                found.append(_ranked(best)[:k])
            return found

    def _admitted(self, catalog: Catalog, where: Filter, filters: bool) -> Sequence[models.Filter]:
        """Filters that admit together what `where` does; none where that is nothing."""
        said = catalog.resolved(where) if filters else None
        found = qdrant_filters.compiled(said) if said is not None else None
        return qdrant_filters.of_ids(catalog.matching(where)) if found is None else found

    def _nearest(
        self, client: QdrantClient, name: str, query: NDArray[np.float32], k: int, share: int,
        admitted: models.Filter | None, allowed: frozenset[str] | None,
    ) -> list[tuple[str, float]]:  # fmt: skip
        """Asks for more until k are admitted and no tie with the last of them is left outside.

        Scores are told to five digits: the order in which Qdrant adds up moves nothing.
        """
        from qdrant_client import models

        limit = (k + 8) * share
        while True:
            found = client.query_points(
                name, query.tolist(), query_filter=admitted, limit=limit, with_payload=["id"],
                search_params=models.SearchParams(exact=True) if self.server and self.exact else None,
            ).points  # fmt: skip
            scored = _ranked({str((one.payload or {})["id"]): float(f"{one.score:.{_DIGITS}g}") for one in found})
            kept = scored if allowed is None else [pair for pair in scored if pair[0] in allowed]
            if len(found) < limit or (len(kept) >= k and kept[k - 1][1] > scored[-1][1]):
                return kept[:k]
            limit *= 4


def _ranked(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


class Qdrant(_Collection):
    """Index[Dense] and Derived: one vector a chunk, by inner product; `exact` compares every vector."""

    def __init__(
        self, folder: str | Path, dim: int, catalog: Catalog | None = None, server: bool = False, exact: bool = False
    ) -> None:
        super().__init__(folder, dim, catalog, server, exact)
        self._vectors = self._pending = Pending(dim, self.folder)

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim), at the latest with the next commit; ValueError for bad ones."""
        checked = self._vectors.checked_with(ids, vectors)
        with self._lock:
            self._vectors.add(ids, checked)
            self._take(ids, labels)

    def vectors(self, ids: Sequence[str]) -> Dense:
        """(n, dim) in the order of the ids; KeyError for one that is not there."""
        import numpy as np

        return np.stack(self._held(ids)) if len(ids) else np.zeros((0, self.dim), np.float32)

    def search(self, queries: Dense, k: int, where: Filter | None = None) -> Scored:
        """The k largest inner products of each query (n, dim), among the ids that `where` admits."""
        return self._search(list(self._vectors.checked(queries, "queries")), k, where)

    def _rows(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for ids, vectors in self._vectors.blocks():
            yield from zip(ids, vectors, strict=True)


class QdrantTokens(_Collection):
    """Index[Ragged] and Derived: many vectors a chunk, compared by Qdrant's own MaxSim (sum of max)."""

    _multi = True

    def __init__(
        self, folder: str | Path, dim: int, catalog: Catalog | None = None, server: bool = False, exact: bool = False
    ) -> None:
        super().__init__(folder, dim, catalog, server, exact)
        self._tokens = self._pending = Waiting(dim, self.folder)

    def add(self, ids: Sequence[str], vectors: Ragged, labels: Sequence[Labels] = ()) -> None:
        """Add or replace arrays (tokens, dim), at the latest with the next commit; ValueError for bad ones."""
        with self._lock:
            self._tokens.add(ids, vectors)
            self._take(ids, labels)

    def vectors(self, ids: Sequence[str]) -> Ragged:
        """The tokens of each id (n, dim); KeyError for one that is not there."""
        return self._held(ids)

    def search(self, queries: Ragged, k: int, where: Filter | None = None) -> Scored:
        """The k best of each query (tokens, dim), among the ids that `where` admits."""
        return self._search(self._tokens.checked(queries, "queries"), k, where)

    def _rows(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for id, tokens in self._tokens.rows():
            yield id.decode(), tokens
