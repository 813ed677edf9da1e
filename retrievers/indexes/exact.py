"""Exact inner-product search over segment files: nothing to build, nothing approximate.

Right and fast up to 250,000 vectors or so: one pass over the memory-mapped rows a query, as fast as
memory is read. The same content gives the same result however it came in: candidates near the
k-th are scored again in float64, each row for itself, and ties go by id.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.document import Labels
from rag.filters import Filter
from rag.protocols import Catalog, Scored

from . import segments, writing
from .pending import Pending
from .segmented import Segmented
from .segments import Segment, Snapshot

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


class Exact(Segmented):
    """Index[Dense] and Derived, in `folder`; commits, readers and `generation` as of `segmented`.

    Labels are not kept: a filter asks `catalog`, and without one it is refused.
    """

    kind = "vector"
    comfortable = 250_000
    """Vectors up to which a search takes tens of milliseconds; above, an approximate index is faster."""

    def __init__(self, folder: str | Path, dim: int, catalog: Catalog | None = None) -> None:
        self._pending = Pending(dim, Path(folder))
        super().__init__(folder, dim, catalog, self._pending)

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

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim), from the next commit on; ValueError for bad ones."""
        vectors = self._pending.checked_with(ids, vectors)
        with self._lock:
            self._pending.add(ids, vectors)

    def _read(self) -> Snapshot:
        return segments.read(self.folder, self.dim)

    def _write(self, number: int, merged: Sequence[Segment]) -> tuple[int, float, writing.Sums]:
        return writing.dense(self.folder, self.dim, self._pending, number, merged)


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
