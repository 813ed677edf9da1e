"""Token vectors that wait for the next commit: in memory, and beyond a limit in a file without a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .changes import Changes, check_ids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Ragged

KEPT = 1 << 26
"""Bytes of float16 that wait in memory."""
_LARGEST = 60_000.0


class Waiting(Changes):
    """Arrays (tokens, dim) to be added, ids to be removed."""

    def forget(self) -> None:
        """Nothing waits: it was committed."""
        super().forget()
        self._held = 0

    def counts(self) -> list[int]:
        """Their tokens."""
        return [row[1] if isinstance(row, tuple) else len(row) for row in self._rows.values()]

    def rows(self) -> Iterator[tuple[bytes, NDArray[np.float16]]]:
        """Ids and tokens, one at a time in memory where they lie in the file."""
        import numpy as np

        for id, row in self._rows.items():
            if isinstance(row, tuple) and self._file is not None:
                self._file.seek(row[0])
                data = self._file.read(row[1] * self.dim * 2)
                yield id.encode(), np.frombuffer(data, np.float16).reshape(row[1], self.dim)
            elif not isinstance(row, tuple):
                yield id.encode(), row

    def add(self, ids: Sequence[str], vectors: Ragged) -> None:
        """Copies, as float16; all are checked before the first is taken."""
        import numpy as np

        checked = self.checked(vectors, "vectors")
        check_ids(ids, len(checked), "arrays of vectors")
        for id, one in zip(ids, checked, strict=True):
            self._rows.pop(id, None)
            self._rows[id] = kept = one.astype(np.float16)
            self._held += kept.nbytes
            if self._held > KEPT:
                self._spill()

    def _spill(self) -> None:
        import numpy as np

        file = self._opened()
        for id, row in self._rows.items():
            if not isinstance(row, tuple):
                place = file.seek(0, 2)
                file.write(np.ascontiguousarray(row).tobytes())
                self._rows[id] = (place, len(row))
        self._held = 0

    def checked(self, vectors: Ragged, what: str) -> Ragged:
        """As float32 (tokens, dim) each; ValueError for other shapes, no tokens, or what float16 cannot hold."""
        import numpy as np

        arrays = [np.ascontiguousarray(one, np.float32) for one in vectors]
        for one in arrays:
            if one.ndim != 2 or one.shape[1] != self.dim or not len(one):
                raise ValueError(f"{what} must be arrays of shape (tokens, {self.dim}) with a token, got {one.shape}")
            if not np.isfinite(one).all() or np.abs(one).max() > _LARGEST:
                raise ValueError(f"{what} must be finite numbers of at most {_LARGEST:g}")
        return arrays
