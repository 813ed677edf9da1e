"""What waits for the next commit of a vector index: added, removed, or everything cleared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .changes import Changes, check_ids

if TYPE_CHECKING:
    from rag.protocols import Dense

KEPT = 32_768
"""Vectors that wait in memory; what is above waits in a file without a name, which dies with the process."""


class Pending(Changes):
    """Vectors of `dim` numbers to be added, ids to be removed.

    Beyond `KEPT` vectors the memory does not grow but by ids: to build an index anew, everything
    that a corpus has waits here at once.
    """

    def forget(self) -> None:
        """Nothing waits: it was committed."""
        super().forget()
        self._taken = 0
        self._written = 0
        self._blocks: list[Dense] = []

    @property
    def added(self) -> Sequence[str]:
        """Their ids, in the order of `blocks`."""
        return sorted(self._rows, key=self._rows.__getitem__)

    def blocks(self, size: int = 8192) -> Iterator[tuple[list[str], Dense]]:
        """Ids and vectors to be added, at most (size, dim) at a time, in the order of `added`.

        The file is read, not mapped: mapped pages would count as this process' memory.
        """
        import numpy as np

        ids = self.added
        rows = np.fromiter((self._rows[id] for id in ids), np.intp, len(ids))
        for first in range(0, self._taken, size):
            begin, end = (int(at) for at in np.searchsorted(rows, [first, first + size]))
            if begin < end:
                yield list(ids[begin:end]), self._read(first, min(first + size, self._taken))[rows[begin:end] - first]

    def _read(self, first: int, end: int) -> Dense:
        """All rows from `first` to `end`, those included that were replaced since."""
        import numpy as np

        taken = np.empty((end - first, self.dim), np.float32)
        split = min(max(first, self._written), end) - first
        if split and self._file is not None:
            self._file.seek(first * self.dim * taken.itemsize)
            if self._file.readinto(taken[:split].data.cast("B")) != split * self.dim * taken.itemsize:  # type: ignore[attr-defined]
                raise OSError(f"{self._folder}: vectors that waited for the commit cannot be read back")
            self._file.seek(0, os.SEEK_END)
        start = self._written
        for block in self._blocks:
            low, high = max(start, first), min(start + len(block), end)
            if low < high:
                taken[low - first : high - first] = block[low - start : high - start]
            start += len(block)
        return taken

    def add(self, ids: Sequence[str], vectors: Dense) -> None:
        """Vectors (n, dim) as `checked`, copied: the caller's may change."""
        self._blocks.append(vectors.copy())
        self._rows.update(zip(ids, range(self._taken, self._taken + len(ids)), strict=True))
        self._taken += len(ids)
        if self._taken - self._written > KEPT:
            self._spill()

    def _spill(self) -> None:
        file = self._opened()
        for block in self._blocks:
            file.write(block.data)
        self._written, self._blocks = self._taken, []

    def checked_with(self, ids: Sequence[str], vectors: Dense) -> Dense:
        """The vectors, one an id; ValueError for bad ones and for ids that no index takes."""
        vectors = self.checked(vectors, "vectors")
        check_ids(ids, len(vectors), "vectors")
        return vectors

    def checked(self, vectors: Dense, what: str) -> Dense:
        """As float32 (n, dim) in one piece; ValueError for another shape or what is not finite."""
        import numpy as np

        array = np.ascontiguousarray(vectors, np.float32)
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise ValueError(f"{what} must have shape (n, {self.dim}), got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{what} must be finite")
        return array
