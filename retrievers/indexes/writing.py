"""Committing to the segment files of `segments`: new files first, then the manifest, then the sweep.

The manifest has the sha256 of each file in `sums`, so that what names the files also says what is in them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .segments import MANIFEST, VERSION, Segment, Snapshot, path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.protocols import Dense

    from .pending import Pending

MOST_SEGMENTS = 8
MOST_DEAD = 0.1
"""Merge when more than this share of the rows is deleted."""
_BLOCK = 8192


Sums = dict[str, str]
"""sha256 of files by their names."""
Write = Callable[[int, Sequence[Any]], tuple[int, float, Sums]]
"""(number of a new segment, segments that it takes in) to its rows, the length of its longest vector, its sums."""


def commit(
    folder: Path, dim: int, old: Snapshot, added: Sequence[str], removed: AbstractSet[str], generation: int,
    write: Write,
) -> None:  # fmt: skip
    """`old` without `removed`, with the ids `added` that `write` writes: wholly, or (after a kill) not at all."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    kept, merged = _plan(_survivors(old, removed | set(added)), len(added))
    number = max(old.following, _highest(folder) + 1)
    listed = [(segment.number, len(segment.ids)) for segment in kept]
    sums, longest = _kept_sums(folder, {number for number, _ in listed}), old.largest
    if merged or added:
        rows, reached, fresh = write(number, merged)
        sums.update(fresh)
        longest = max(longest, reached)
        listed.append((number, rows))
    dead = [(s.number, row) for s in kept for row in np.flatnonzero(~s.alive).tolist()]
    deleted = number + 1 if dead else None
    if dead:
        sums.update(written_array(path(folder, number + 1, "deleted"), np.array(dead, np.int64)))
    state = {
        "generation": generation, "next": number + 2, "largest": longest, "segments": listed, "deleted": deleted,
        "sums": sums,
    }  # fmt: skip
    _write_manifest(folder, dim, state)
    _sweep(folder, {number for number, _ in listed} | {deleted})


def damaged(folder: Path) -> list[str]:
    """Names of the files whose bytes are not those that were written; reads all that is stored.

    Segments of an older version bear no sums, and are not told of.
    """
    return [name for name, told in _sums(folder).items() if _digest(folder / name) != told]


def _sums(folder: Path) -> Sums:
    told: Sums = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("sums", {})
    return told


def _kept_sums(folder: Path, numbers: AbstractSet[int]) -> Sums:
    if not numbers:
        return {}
    return {name: told for name, told in _sums(folder).items() if int(name.split(".")[0]) in numbers}


def _digest(file: Path) -> str:
    try:
        with open(file, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return ""


def _survivors(old: Snapshot, gone: AbstractSet[str]) -> list[Segment]:
    """The segments with the ids that go marked as deleted; those with nothing left are dropped."""
    import numpy as np

    going = np.sort(np.array([id.encode() for id in gone], dtype=np.bytes_))
    kept = []
    for segment in old.segments:
        alive = segment.alive.copy()
        # Not by the dictionary of all ids: to make it costs more than the commit of a few among a million.
        for start in range(0, len(alive) if len(going) else 0, _BLOCK):
            names = segment.ids[start : start + _BLOCK]
            places = np.minimum(np.searchsorted(going, names), len(going) - 1)
            alive[start : start + _BLOCK] &= going[places] != names
        if alive.any():
            kept.append(replace(segment, alive=alive))
    return kept


def _plan(segments: list[Segment], added: int) -> tuple[list[Segment], list[Segment]]:
    """(those that stay, those that go into the new segment).

    Beyond the limit the newest ones are merged, and older ones while they are not more than twice
    as large: a row is then written again about log2(commits) times, not at every eighth commit.
    """
    rows = sum(len(segment.ids) for segment in segments)
    if rows - sum(segment.living for segment in segments) > MOST_DEAD * rows:
        return [], segments
    kept, merged, size = list(segments), [], added
    if len(kept) + bool(added) > MOST_SEGMENTS:
        while kept and (len(kept) >= MOST_SEGMENTS or kept[-1].living <= 2 * size):
            size += kept[-1].living
            merged.append(kept.pop())
    return kept, merged[::-1]


class Column:
    """A file of one array, written piece by piece, and the digest of its bytes."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...], dtype: str) -> None:
        import numpy as np

        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
        self._file, self._dtype, self._hashed = file, dtype, hashlib.sha256()
        self._put(header.getvalue())

    def write(self, array: NDArray[Any]) -> None:
        """The next rows."""
        import numpy as np

        self._put(np.ascontiguousarray(array, dtype=self._dtype).tobytes())

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hashed.update(data)

    def close(self) -> str:
        """The sha256 of all that was written, which is on the disk now."""
        _sync(self._file)
        return self._hashed.hexdigest()


def dense(folder: Path, dim: int, pending: Pending, number: int, merged: Sequence[Segment]) -> tuple[int, float, Sums]:
    """A `Write` of vectors, block by block: memory holds ids and one block, however much is merged or added."""
    import numpy as np

    ids = [name for segment in merged for name in segment.ids[segment.alive].tolist()]
    ids += [id.encode() for id in pending.added]
    longest, file = 0.0, path(folder, number, "vectors")
    with open(file, "wb") as handle:
        column = Column(handle, (len(ids), dim), "<f4")
        for block in chain(_living(merged), (vectors for _, vectors in pending.blocks(_BLOCK))):
            longest = max(longest, float(np.linalg.norm(block, axis=1).max(initial=0.0)))
            column.write(block)
        sums = {file.name: column.close()}
    return len(ids), longest, sums | written_array(path(folder, number, "ids"), np.array(ids, dtype=np.bytes_))


def _living(segments: Sequence[Segment]) -> Iterator[Dense]:
    for segment in segments:
        for start in range(0, len(segment.ids), _BLOCK):
            alive = segment.alive[start : start + _BLOCK]
            yield segment.vectors[start : start + _BLOCK][alive]


def _write_manifest(folder: Path, dim: int, state: Mapping[str, Any]) -> None:
    """Swap the manifest: from here on the new state is the state."""
    fresh = folder / f"{MANIFEST}.new"
    with open(fresh, "wb") as file:
        file.write(json.dumps({"version": VERSION, "dim": dim, **state}).encode())
        _sync(file)
    os.replace(fresh, folder / MANIFEST)
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(folder: Path, numbers: AbstractSet[int | None]) -> None:
    """Delete the files of numbers that the manifest does not name; one that cannot go now goes next time."""
    for file in folder.glob("*.npy"):
        number = file.name.split(".")[0]
        if not number.isdecimal() or int(number) not in numbers:
            try:
                file.unlink()
            except OSError:
                continue


def _highest(folder: Path) -> int:
    """The highest number that a file of the folder bears; 0 without any."""
    numbers = (file.name.split(".")[0] for file in folder.glob("*.npy"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def written_array(file: Path, array: NDArray[Any]) -> Sums:
    """An array in a file of its own, and its sum by the file's name."""
    with open(file, "wb") as handle:
        column = Column(handle, array.shape, array.dtype.str)
        column.write(array)
        return {file.name: column.close()}


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
