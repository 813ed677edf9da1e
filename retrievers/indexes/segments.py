"""Vectors on disk: append-only segment files and the manifest that names them.

A folder holds `N.vectors.npy` (rows, dim; float32) and `N.ids.npy` (rows, bytes) for each segment,
`N.deleted.npy` (pairs of segment number and row) and `manifest.json`. No file is ever replaced but
the manifest, by one atomic rename; what it does not name does not exist. So a kill at any moment
leaves the state before or after, and an open reader keeps its files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import CorpusError
from rag.recent import Recent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Dense

MANIFEST = "manifest.json"
VERSION = 1
_REMEMBERED = 500_000
"""Rows that filters admitted, kept for the next question with the same filter."""


@dataclass(frozen=True)
class Segment:
    """`vectors` (rows, dim) memory-mapped; `ids` (rows,) as UTF-8 bytes; `alive` (rows,)."""

    number: int
    vectors: Dense
    ids: NDArray[np.bytes_]
    alive: NDArray[np.bool_]

    @cached_property
    def whole(self) -> bool:
        """Whether no row is deleted."""
        return bool(self.alive.all())

    @cached_property
    def living(self) -> int:
        return int(self.alive.sum())


@dataclass(frozen=True)
class Snapshot:
    """What one manifest names. Rows are numbered through all segments, deleted ones included."""

    generation: int
    following: int
    """The number that the next file takes."""
    largest: float
    """No vector is longer."""
    segments: tuple[Segment, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First row of each segment, and the number of rows."""
        starts = [0]
        for segment in self.segments:
            starts.append(starts[-1] + len(segment.ids))
        return tuple(starts)

    @cached_property
    def living(self) -> int:
        return sum(segment.living for segment in self.segments)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each living id."""
        found: dict[str, int] = {}
        for segment, start in zip(self.segments, self.starts, strict=False):
            names = [name.decode() for name in segment.ids.tolist()]
            if segment.whole:
                found.update(zip(names, range(start, start + len(names)), strict=True))
            else:
                found.update((names[row], start + row) for row in segment.alive.nonzero()[0].tolist())
        return found

    @cached_property
    def _admitted(self) -> Recent[frozenset[str], NDArray[np.intp]]:
        return Recent(_REMEMBERED)

    def admitted(self, ids: frozenset[str]) -> NDArray[np.intp]:
        """The rows of the ids that live here, rising."""

        def found() -> NDArray[np.intp]:
            import numpy as np

            rows = np.sort(np.fromiter((self.rows.get(id, -1) for id in ids), np.intp))
            return rows[np.searchsorted(rows, 0) :]

        return self._admitted(ids, found)

    def take(self, rows: NDArray[np.intp]) -> Dense:
        """The vectors of some rows, (n, dim)."""
        import numpy as np

        dim = self.segments[0].vectors.shape[1] if self.segments else 0
        taken = np.empty((len(rows), dim), np.float32)
        for inside, place, segment in self._apart(rows):
            taken[place] = segment.vectors[inside]
        return taken

    def names(self, rows: NDArray[np.intp]) -> list[str]:
        """The ids of some rows."""
        found = [""] * len(rows)
        for inside, place, segment in self._apart(rows):
            for position, name in zip(place.tolist(), segment.ids[inside].tolist(), strict=True):
                found[position] = name.decode()
        return found

    def _apart(self, rows: NDArray[np.intp]) -> Iterator[tuple[Any, NDArray[np.intp], Segment]]:
        import numpy as np

        owner = np.searchsorted(np.array(self.starts), rows, side="right") - 1
        for number in np.unique(owner).tolist():
            place = np.flatnonzero(owner == number)
            yield rows[place] - self.starts[number], place, self.segments[number]


EMPTY = Snapshot(-1, 1, 0.0, ())


def read(folder: Path, dim: int) -> Snapshot:
    """The committed state; FileNotFoundError when a file is gone, ValueError when one is damaged."""
    data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"{folder / MANIFEST}: not a manifest of version {VERSION}")
    if data.get("dim") != dim:
        raise CorpusError(f"{folder}: holds vectors of dim {data.get('dim')}, expected {dim}")
    try:
        return _snapshot(folder, dim, data)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{folder / MANIFEST}: {error!r}") from error


def _snapshot(folder: Path, dim: int, data: Mapping[str, Any]) -> Snapshot:
    import numpy as np

    dead: dict[int, list[int]] = {}
    if data["deleted"] is not None:
        for number, row in _mapped(folder, data["deleted"], "deleted").tolist():
            dead.setdefault(number, []).append(row)
    segments = []
    for number, count in data["segments"]:
        vectors = _mapped(folder, number, "vectors")
        ids = _mapped(folder, number, "ids")
        right = vectors.shape == (count, dim) and vectors.dtype == np.float32
        if not right or ids.shape != (count,) or ids.dtype.kind != "S":
            raise ValueError(f"{folder}: segment {number} does not hold {count} vectors of dim {dim}")
        alive = np.ones(count, np.bool_)
        alive[dead.get(number, [])] = False
        segments.append(Segment(number, vectors, ids, alive))
    return Snapshot(int(data["generation"]), int(data["next"]), float(data["largest"]), tuple(segments))


def _mapped(folder: Path, number: int, kind: str) -> NDArray[Any]:
    """A file's array; mapping it fails where the header promises more than the file holds."""
    import numpy as np

    if not path(folder, number, kind).stat().st_size:
        raise ValueError(f"{path(folder, number, kind)}: empty")
    mapped: NDArray[Any] = np.load(path(folder, number, kind), mmap_mode="r", allow_pickle=False)
    return mapped.view(np.ndarray)


def path(folder: Path, number: int, kind: str) -> Path:
    """The file of that number; kinds are vectors, ids, deleted."""
    return folder / f"{int(number)}.{kind}.npy"
