"""Late interaction over stored token vectors: candidates by cheaper forms, exact scores from float16.

A search narrows in stages, each left out where no more rows are left than it keeps: pooled vectors
(float32), signs of the tokens (1 bit), codes of the tokens (int8), then the tokens themselves, scored
in float64. Khattab, Zaharia 2020, "ColBERT"; Faysse et al. 2024, "ColPali".
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from rag.document import Labels
from rag.filters import Filter
from rag.protocols import Catalog, Scored

from ..late import LateInteraction
from . import packing, tokens, writing
from .exact import _nearest, _scores
from .segmented import Segmented
from .segments import Snapshot
from .tokens import TokenSegment
from .waiting import Waiting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Ragged

_SLACK = 1e-4
"""Pooled products are summed in float32."""


class MaxSim(Segmented):
    """Index[Ragged] and Derived, in `folder`; commits, readers and `generation` as of `segmented`.

    Token vectors have `dim` numbers below 60000 and are kept as float16: scores differ from those of the
    vectors that were given by the rounding (2^-11 of each number). `interaction` is the score:
    "colbert" (sum of max), "filip" or "cico". `by_pooled`, `by_bits` and `by_bytes` are the least rows
    that the stages keep; they keep at least 50, 5 and 2 times k. 0 switches a stage off. All stages but
    the last are estimates of sum of max: a row that they misjudge can be missed.
    """

    kind = "token"
    comfortable = 100_000
    """Rows up to which pooled vectors are scanned in tens of milliseconds."""

    def __init__(
        self,
        folder: str | Path,
        dim: int,
        catalog: Catalog | None = None,
        interaction: Literal["colbert", "filip", "cico"] = "colbert",
        by_pooled: int = 5000,
        by_bits: int = 100,
        by_bytes: int = 20,
    ) -> None:
        if min(by_pooled, by_bits, by_bytes) < 0:
            raise ValueError("by_pooled, by_bits and by_bytes must be at least 0")
        self._interaction = LateInteraction.named(interaction)
        self._keep = by_pooled, by_bits, by_bytes
        self._pending = Waiting(dim, Path(folder))
        super().__init__(folder, dim, catalog, self._pending)

    def vectors(self, ids: Sequence[str]) -> Ragged:
        """The tokens of each id (n, dim), float32 out of float16; KeyError naming one that is not there."""
        import numpy as np

        snapshot = self._sound()
        return [
            one.astype(np.float32) for one in _taken(snapshot, np.array([snapshot.rows[id] for id in ids], np.intp))
        ]

    def search(self, queries: Ragged, k: int, where: Filter | None = None) -> Scored:
        """The k best of each query (tokens, dim), among the ids that `where` admits."""
        import numpy as np

        queries = self._pending.checked(queries, "queries")
        if where is not None and self.catalog is None:
            raise ValueError("this index has no catalog to ask: filters need MaxSim(..., catalog=...)")
        snapshot = self._sound()
        if k <= 0 or not snapshot.living:
            return [[] for _ in queries]
        if where is not None and self.catalog is not None:
            rows = snapshot.admitted(self.catalog.matching(where))
        else:
            alive = [
                start + one.alive.nonzero()[0] for one, start in zip(snapshot.segments, snapshot.starts, strict=False)
            ]
            rows = np.concatenate(alive)
        return [self._best(snapshot, query, k, rows) for query in queries]

    def _best(
        self, snapshot: Snapshot, query: NDArray[np.float32], k: int, rows: NDArray[np.intp]
    ) -> list[tuple[str, float]]:
        by_pooled, by_bits, by_bytes = self._keep
        if by_pooled and len(rows) > max(by_pooled, 50 * k):
            scores = _scores(snapshot, tokens.pooled(query)[None], rows)[0]
            rows = rows[_nearest(scores, max(by_pooled, 50 * k), _SLACK)]
        if by_bits and len(rows) > max(by_bits, 5 * k):
            rows = rows[_nearest(_estimated(snapshot, "bits", query, rows), max(by_bits, 5 * k), 0.0)]
        if by_bytes and len(rows) > max(by_bytes, 2 * k):
            rows = rows[_nearest(_estimated(snapshot, "bytes", query, rows), max(by_bytes, 2 * k), 0.0)]
        scored = self._interaction.score(query, _taken(snapshot, rows)).tolist()
        return heapq.nsmallest(k, zip(snapshot.names(rows), scored, strict=True), key=lambda pair: (-pair[1], pair[0]))

    def add(self, ids: Sequence[str], vectors: Ragged, labels: Sequence[Labels] = ()) -> None:
        """Add or replace arrays (tokens, dim), from the next commit on; ValueError for bad ones."""
        with self._lock:
            self._pending.add(ids, vectors)

    def _read(self) -> Snapshot:
        return tokens.read(self.folder, self.dim)

    def _write(self, number: int, merged: Sequence[Any]) -> tuple[int, float, writing.Sums]:
        return tokens.ragged(self.folder, self.dim, self._pending, number, merged)


def _taken(snapshot: Snapshot, rows: NDArray[np.intp]) -> list[NDArray[np.float16]]:
    """The tokens of some rows, in their order."""
    import numpy as np

    found: list[NDArray[np.float16]] = [np.empty((0, 0), np.float16)] * len(rows)
    for inside, place, segment in _apart(snapshot, rows):
        for position, row in zip(place.tolist(), inside.tolist(), strict=True):
            found[position] = segment.of(row)
    return found


def _estimated(
    snapshot: Snapshot, kind: packing.Kind, query: NDArray[np.float32], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(rows,) sum of max by codes or signs."""
    import numpy as np

    # One way for a whole index: a stage's few rows in each segment are little work only by themselves.
    fast = packing.worth(sum(len(one.tokens) for one in cast("tuple[TokenSegment, ...]", snapshot.segments)))
    scores = np.empty(len(rows))
    for inside, place, segment in _apart(snapshot, rows):
        first, end = segment.blocks[inside], segment.blocks[inside + 1]
        scores[place] = packing.sums(kind, query, segment.packed(kind), segment.scales[inside], first, end, fast)
    return scores


def _apart(snapshot: Snapshot, rows: NDArray[np.intp]) -> Iterator[tuple[Any, NDArray[np.intp], TokenSegment]]:
    """Rows by their segment: those inside it, and their positions among all."""
    return cast("Iterator[tuple[Any, NDArray[np.intp], TokenSegment]]", snapshot._apart(rows))
