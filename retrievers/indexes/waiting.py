"""Token vectors that wait for the next commit: in memory, and beyond a limit in a file without a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Ragged

KEPT = 1 << 26
"""Bytes of float16 that wait in memory."""
_LARGEST = 60_000.0


class Waiting:
    """Arrays (tokens, dim) to be added, ids to be removed; its owner holds the lock."""

    def __init__(self, dim: int, folder: Path) -> None:
        self.dim = dim
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.forget()

    def forget(self) -> None:
        """Nothing waits: it was committed."""
        self._rows: dict[str, NDArray[np.float16] | tuple[int, int]] = {}
        self._held = 0
        self.removed: set[str] = set()
        self.cleared = False
        if self._file is not None:
            self._file.close()
        self._file = None

    @property
    def added(self) -> list[str]:
        """Ids to be added, in the order of `rows`."""
        return list(self._rows)

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
        if len(ids) != len(checked):
            raise ValueError(f"{len(ids)} ids were given for {len(checked)} arrays of vectors")
        for id in ids:
            if not id or "\0" in id:
                raise ValueError(f"an id is a text without NUL, got {id!r}")
        for id, one in zip(ids, checked, strict=True):
            self._rows.pop(id, None)
            self._rows[id] = kept = one.astype(np.float16)
            self._held += kept.nbytes
            if self._held > KEPT:
                self._spill()

    def _spill(self) -> None:
        import numpy as np

        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115
        for id, row in self._rows.items():
            if not isinstance(row, tuple):
                place = self._file.seek(0, 2)
                self._file.write(np.ascontiguousarray(row).tobytes())
                self._rows[id] = (place, len(row))
        self._held = 0

    def remove(self, ids: Sequence[str]) -> None:
        """Ids to be removed; what waits of them is not added."""
        for id in ids:
            self._rows.pop(id, None)
            self.removed.add(id)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        self.forget()
        self.cleared = True

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
