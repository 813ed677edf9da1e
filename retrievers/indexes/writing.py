"""Committing to the segment files of `segments`: new files first, then the manifest, then the sweep."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def commit(
    folder: Path,
    dim: int,
    old: Snapshot,
    pending: Pending,
    removed: AbstractSet[str],
    generation: int,
) -> None:
    """`old` without `removed`, with what waits, at `generation`: wholly, or (after a kill) not at all.

    Vectors are written block by block: memory holds ids and one block, however much is merged or added.
    """
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    added = pending.added
    kept, merged = _plan(_survivors(old, removed | set(added)), len(added))
    number = max(old.following, _highest(folder) + 1)
    segments = [(segment.number, len(segment.ids)) for segment in kept]
    longest = old.largest
    if merged or added:
        ids = [name for segment in merged for name in segment.ids[segment.alive].tolist()]
        ids += [id.encode() for id in added]
        waiting = (vectors for _, vectors in pending.blocks(_BLOCK))
        longest = max(longest, _write_segment(folder, number, dim, ids, chain(_living(merged), waiting)))
        segments.append((number, len(ids)))
    dead = [(s.number, row) for s in kept for row in np.flatnonzero(~s.alive).tolist()]
    if dead:
        _write_array(path(folder, number + 1, "deleted"), np.array(dead, np.int64))
    state = {
        "generation": generation,
        "next": number + 2,
        "largest": longest,
        "segments": segments,
        "deleted": number + 1 if dead else None,
    }
    _write_manifest(folder, dim, state)
    _sweep(folder, {number for number, _ in segments}, state["deleted"])


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


def _living(segments: Sequence[Segment]) -> Iterator[Dense]:
    for segment in segments:
        for start in range(0, len(segment.ids), _BLOCK):
            alive = segment.alive[start : start + _BLOCK]
            yield segment.vectors[start : start + _BLOCK][alive]


def _write_segment(folder: Path, number: int, dim: int, ids: Sequence[bytes], blocks: Iterable[Dense]) -> float:
    """The length of the longest vector that was written."""
    import numpy as np

    longest = 0.0
    with open(path(folder, number, "vectors"), "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            longest = max(longest, float(np.linalg.norm(block, axis=1).max(initial=0.0)))
            file.write(np.ascontiguousarray(block, dtype="<f4").data)
        _sync(file)
    _write_array(path(folder, number, "ids"), np.array(ids, dtype=np.bytes_))
    return longest


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


def _sweep(folder: Path, segments: set[int], deleted: object) -> None:
    """Delete the files that the manifest does not name; one that cannot go now goes next time."""
    named = {path(folder, number, kind) for number in segments for kind in ("vectors", "ids")}
    for file in folder.glob("*.npy"):
        if file not in named and file.name != f"{deleted}.deleted.npy":
            try:
                file.unlink()
            except OSError:
                continue


def _highest(folder: Path) -> int:
    """The highest number that a file of the folder bears; 0 without any."""
    numbers = (file.name.split(".")[0] for file in folder.glob("*.npy"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _write_array(file: Path, array: NDArray[Any]) -> None:
    import numpy as np

    with open(file, "wb") as handle:
        np.save(handle, array, allow_pickle=False)
        _sync(handle)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
