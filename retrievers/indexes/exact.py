"""Exact inner-product search over segment files: nothing to build, nothing approximate.

Right and fast up to 250,000 vectors or so: one pass over the memory-mapped rows a query, as fast as
memory is read. The same content gives the same result however it came in: candidates near the
k-th are scored again in float64, each row for itself, and ties go by id.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from rag.document import Labels
from rag.errors import CorpusError
from rag.filters import Filter
from rag.protocols import Catalog, Scored
from rag.store.files import stamp as stamp_of

from . import segments, writing
from .pending import Pending
from .segments import EMPTY, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Dense

_TOLERANCE = 1e-5
"""Float32 sums of unit vectors differ by less, in whatever order they are taken."""
_BLOCK = 1 << 22
"""Scores held at once."""
_GATHERED = 4096
"""Rows copied at once."""
_READS = 20


class Exact:
    """Index[Dense] and Derived, in `folder`.

    What was added and removed is found after `commit` (and by other processes then, too); until
    then the last committed state is searched. One writer at a time, any number of readers; threads
    may share an instance. Labels are not kept: a filter asks `catalog`, and without one it is
    refused. `generation` is -1 when there is no state, or a damaged one: `clear`, add everything
    from the catalog, commit.
    """

    comfortable = 250_000
    """Vectors up to which a search takes tens of milliseconds; above, an approximate index is faster."""

    def __init__(self, folder: str | Path, dim: int, catalog: Catalog | None = None) -> None:
        self.folder = Path(folder)
        self.dim = dim
        self.catalog = catalog
        self._lock = RLock()
        self._stamp: tuple[int, int, int] | None = None
        self._snapshot = EMPTY
        self._damage = ""
        self._pending = Pending(dim, self.folder)

    # --- reading ---------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt from the catalog."""
        with self._lock:
            if self._pending.cleared:
                return -1
            self._refresh()
            return -1 if self._damage else self._snapshot.generation

    def __len__(self) -> int:
        """Vectors in the committed state; 0 of a damaged one."""
        with self._lock:
            self._refresh()
            return self._snapshot.living

    def vectors(self, ids: Sequence[str]) -> Dense:
        """(n, dim) in the order of the ids; KeyError naming one that is not there."""
        import numpy as np

        snapshot = self._sound()
        rows = np.array([snapshot.rows[id] for id in ids], np.intp)
        return snapshot.take(rows) if len(ids) else np.zeros((0, self.dim), np.float32)

    def search(self, queries: Dense, k: int, where: Filter | None = None) -> Scored:
        """The k largest inner products of each query (n, dim), among the ids that `where` admits."""
        import numpy as np

        queries = self._pending.checked(queries, "queries")
        if where is not None and self.catalog is None:
            raise ValueError("this index has no catalog to ask: filters need Exact(..., catalog=...)")
        snapshot = self._sound()
        if k <= 0 or not len(queries) or not snapshot.living:
            return [[] for _ in queries]
        allowed = snapshot.admitted(self.catalog.matching(where)) if where is not None and self.catalog else None
        if allowed is not None and not len(allowed):
            return [[] for _ in queries]
        found: Scored = []
        rows = snapshot.starts[-1] if allowed is None else len(allowed)
        step = max(1, _BLOCK // rows)
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            scores = _scores(snapshot, block, allowed)
            lengths = np.linalg.norm(block, axis=1)
            for query, row, length in zip(block, scores, lengths.tolist(), strict=True):
                slack = 2 * _TOLERANCE * max(1.0, length * snapshot.largest)
                near = _nearest(row, k, slack)
                found.append(_ranked(snapshot, query, near if allowed is None else allowed[near], k))
        return found

    # --- writing ---------------------------------------------------------------------------------

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim), from the next commit on; ValueError for bad ones."""
        vectors = self._pending.checked_with(ids, vectors)
        with self._lock:
            self._pending.add(ids, vectors)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove ids, from the next commit on; those that are not there are left out."""
        with self._lock:
            self._pending.remove(ids)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        with self._lock:
            self._pending.clear()

    def commit(self, generation: int) -> None:
        """Make it durable at that generation: all of it, or (after a kill) none.

        CorpusError when the state is damaged and was not cleared.
        """
        with self._lock:
            self._refresh()
            if self._damage and not self._pending.cleared:
                raise self._damaged()
            old = replace(self._snapshot, segments=(), largest=0.0) if self._pending.cleared else self._snapshot
            removed = self._pending.removed if not self._pending.cleared else frozenset[str]()
            writing.commit(self.folder, self.dim, old, self._pending, removed, generation)
            self._pending.forget()

    # --- state -----------------------------------------------------------------------------------

    def _sound(self) -> Snapshot:
        with self._lock:
            self._refresh()
            if self._damage:
                raise self._damaged()
            return self._snapshot

    def _damaged(self) -> CorpusError:
        return CorpusError(f"the vector index is damaged ({self._damage}); rebuild it with: rag check --repair")

    def _refresh(self) -> None:
        """Take up what was committed since; one `stat` when nothing was."""
        for _ in range(_READS):
            stamp = stamp_of(self.folder / segments.MANIFEST)
            if stamp == self._stamp:
                return
            try:
                snapshot, damage = (segments.read(self.folder, self.dim) if stamp else EMPTY), ""
            except (OSError, ValueError) as error:
                if stamp_of(self.folder / segments.MANIFEST) != stamp:
                    continue  # a writer swapped the manifest and swept while we read
                snapshot, damage = EMPTY, str(error)
            self._snapshot, self._damage, self._stamp = snapshot, damage, stamp
            return
        raise CorpusError(f"{self.folder}: the vector index changes faster than it can be read; try again")


def _scores(snapshot: Snapshot, queries: Dense, allowed: NDArray[np.intp] | None) -> Dense:
    """(queries, rows) inner products in float32, or (queries, allowed); -inf for deleted rows."""
    import numpy as np

    total = snapshot.starts[-1]
    if allowed is not None and len(allowed) * 4 < total:
        parts = [allowed[start : start + _GATHERED] for start in range(0, len(allowed), _GATHERED)]
        return np.concatenate([queries @ snapshot.take(part).T for part in parts], axis=1)
    scores = np.empty((len(queries), total), np.float32)
    for segment, start in zip(snapshot.segments, snapshot.starts, strict=False):
        part = scores[:, start : start + len(segment.ids)]
        np.matmul(queries, segment.vectors.T, out=part)
        if not segment.whole:
            part[:, ~segment.alive] = -np.inf
    return scores if allowed is None else scores[:, allowed]


def _nearest(scores: NDArray[np.floating], k: int, slack: float) -> NDArray[np.intp]:
    """Positions of the k best and of all that rounding may have kept from being among them."""
    import numpy as np

    floor = -np.inf
    if k < len(scores):
        floor = float(np.partition(scores, len(scores) - k)[len(scores) - k]) - slack
    return np.flatnonzero((scores >= floor) & (scores > -np.inf))


def _ranked(snapshot: Snapshot, query: NDArray[np.float32], rows: NDArray[np.intp], k: int) -> list[tuple[str, float]]:
    """The k best of some rows, scored in float64."""
    import numpy as np

    exact = np.empty(len(rows))
    wide = query.astype(np.float64)
    for start in range(0, len(rows), _GATHERED):
        part = rows[start : start + _GATHERED]
        # A sum over each row for itself: a matrix product's last bit depends on its neighbours.
        exact[start : start + len(part)] = (snapshot.take(part) * wide).sum(axis=1)
    pairs = zip(snapshot.names(rows), exact.tolist(), strict=True)
    return heapq.nsmallest(k, pairs, key=lambda pair: (-pair[1], pair[0]))
