"""Token vectors on disk, beside the pooled ones of `segments`: more files of the same segments.

For each segment there are also `N.bounds.npy` (rows + 1; first token of each row), `N.tokens.npy`
(tokens, dim; float16), `N.bytes.npy` and `N.bits.npy` (blocks, words, 16; see `packing`) and
`N.scales.npy` (rows). `N.vectors.npy` holds the pooled vectors: the mean of a row's tokens, of unit
length. The manifest is the same, with the sha256 of each file of a segment in `sums`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from . import segments, writing
from .packing import Kind, packed, words
from .segments import Segment, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KINDS = ("vectors", "ids", "bounds", "tokens", "bytes", "bits", "scales")
Row = tuple[bytes, "NDArray[np.float16]"]
"""An id and its tokens (n, dim)."""


@dataclass(frozen=True)
class TokenSegment(Segment):
    """A segment with the tokens behind its pooled vectors, all memory-mapped."""

    bounds: NDArray[np.int64]
    tokens: NDArray[np.float16]
    bytes: NDArray[np.int32]
    bits: NDArray[np.int32]
    scales: NDArray[np.float32]

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """(rows + 1,) first block of each row."""
        import numpy as np

        return np.concatenate([[0], np.cumsum(-(-np.diff(self.bounds) // 16))])

    def of(self, row: int) -> NDArray[np.float16]:
        """The tokens of a row (n, dim)."""
        return self.tokens[self.bounds[row] : self.bounds[row + 1]]

    def packed(self, kind: Kind) -> NDArray[np.int32]:
        return self.bytes if kind == "bytes" else self.bits


def read(folder: Path, dim: int) -> Snapshot:
    """The committed state, its segments with tokens; errors as `segments.read`."""
    snapshot = segments.read(folder, dim)
    return replace(snapshot, segments=tuple(_with_tokens(folder, dim, one) for one in snapshot.segments))


def _with_tokens(folder: Path, dim: int, segment: Segment) -> TokenSegment:
    import numpy as np

    number, rows = segment.number, len(segment.ids)
    columns = {kind: segments._mapped(folder, number, kind) for kind in KINDS[2:]}
    bounds = columns["bounds"]
    if bounds.shape != (rows + 1,) or bounds.dtype != np.int64 or bounds[0] or not (np.diff(bounds) > 0).all():
        raise ValueError(f"{folder}: the bounds of segment {number} do not part its tokens into {rows} rows")
    blocks = int((-(-np.diff(bounds) // 16)).sum())
    expected: dict[str, tuple[tuple[int, ...], type]] = {
        "tokens": ((int(bounds[-1]), dim), np.float16), "scales": ((rows,), np.float32),
        "bytes": ((blocks, words("bytes", dim), 16), np.int32), "bits": ((blocks, words("bits", dim), 16), np.int32),
    }  # fmt: skip
    for kind, (shape, dtype) in expected.items():
        if columns[kind].shape != shape or columns[kind].dtype != dtype:
            raise ValueError(f"{folder}: {kind} of segment {number} are not of shape {shape}")
    return TokenSegment(number, segment.vectors, segment.ids, segment.alive, **columns)


def damaged(folder: Path) -> list[str]:
    """Names of the files whose bytes are not those that were written."""
    sums: dict[str, str] = json.loads((folder / segments.MANIFEST).read_text(encoding="utf-8"))["sums"]
    return [name for name, told in sums.items() if _digest(folder / name) != told]


def _digest(file: Path) -> str:
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def commit(
    folder: Path, dim: int, old: Snapshot, added: Sequence[str], rows: Iterable[Row], counts: Sequence[int],
    removed: AbstractSet[str], generation: int,
) -> None:  # fmt: skip
    """`old` without `removed`, with `rows` (ids `added`, of so many tokens): wholly, or after a kill not at all."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    kept, merged = writing._plan(writing._survivors(old, removed | set(added)), len(added))
    number = max(old.following, writing._highest(folder) + 1)
    listed = [(one.number, len(one.ids)) for one in kept]
    sums, longest = _kept_sums(folder, {one.number for one in kept}), old.largest
    if merged or added:
        lengths = [n for one in merged for n in np.diff(one.bounds)[one.alive].tolist()] + list(counts)  # type: ignore[attr-defined]
        chained = (row for part in (_living(merged), rows) for row in part)
        sums.update(_write(folder, number, dim, lengths, chained))
        longest = max(longest, 1.0)
        listed.append((number, len(lengths)))
    dead = [(one.number, row) for one in kept for row in np.flatnonzero(~one.alive).tolist()]
    if dead:
        writing._write_array(segments.path(folder, number + 1, "deleted"), np.array(dead, np.int64))
    deleted = number + 1 if dead else None
    state = {
        "generation": generation, "next": number + 2, "largest": longest, "segments": listed, "deleted": deleted,
        "sums": sums,
    }  # fmt: skip
    writing._write_manifest(folder, dim, state)
    _sweep(folder, set(sums) | {f"{deleted}.deleted.npy"})


def _kept_sums(folder: Path, numbers: set[int]) -> dict[str, str]:
    if not numbers:
        return {}
    told: dict[str, str] = json.loads((folder / segments.MANIFEST).read_text(encoding="utf-8"))["sums"]
    return {name: value for name, value in told.items() if int(name.split(".")[0]) in numbers}


def _living(merged: Sequence[Any]) -> Iterator[Row]:
    for segment in merged:
        for row in segment.alive.nonzero()[0].tolist():
            yield segment.ids[row], segment.of(row)


def _write(folder: Path, number: int, dim: int, counts: Sequence[int], rows: Iterable[Row]) -> dict[str, str]:
    """Write one segment row by row; the sha256 of each file by its name."""
    import numpy as np

    blocks = sum(-(-count // 16) for count in counts)
    shapes: dict[str, tuple[tuple[int, ...], str]] = {
        "vectors": ((len(counts), dim), "<f4"), "tokens": ((sum(counts), dim), "<f2"),
        "bytes": ((blocks, words("bytes", dim), 16), "<i4"), "bits": ((blocks, words("bits", dim), 16), "<i4"),
        "scales": ((len(counts),), "<f4"), "bounds": ((len(counts) + 1,), "<i8"),
    }  # fmt: skip
    ids: list[bytes] = []
    with ExitStack() as stack:
        files = {
            kind: _Column(stack.enter_context(open(segments.path(folder, number, kind), "wb")), shape, dtype)
            for kind, (shape, dtype) in shapes.items()
        }
        files["bounds"].write(np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]))
        for id, tokens in rows:
            ids.append(id)
            wide = tokens.astype(np.float32)
            files["tokens"].write(tokens)
            files["vectors"].write(pooled(wide))
            codes, scale = packed("bytes", wide)
            files["bytes"].write(codes)
            files["scales"].write(np.array([scale]))
            files["bits"].write(packed("bits", wide)[0])
        sums = {segments.path(folder, number, kind).name: file.close() for kind, file in files.items()}
    place = segments.path(folder, number, "ids")
    writing._write_array(place, np.array(ids, dtype=np.bytes_))
    return {**sums, place.name: _digest(place)}


class _Column:
    """A file of one array, written piece by piece, and the digest of its bytes."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...], dtype: str) -> None:
        import io

        import numpy as np

        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
        self._file, self._dtype, self._digest = file, dtype, hashlib.sha256()
        self._put(header.getvalue())

    def write(self, array: NDArray[Any]) -> None:
        import numpy as np

        self._put(np.ascontiguousarray(array, dtype=self._dtype).tobytes())

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)

    def close(self) -> str:
        writing._sync(self._file)
        return self._digest.hexdigest()


def pooled(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """(dim,) the mean of tokens (n, dim), of unit length; zeros where it is zero."""
    import numpy as np

    mean = tokens.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    made: NDArray[np.float32] = (mean / length if length else mean).astype(np.float32)
    return made


def _sweep(folder: Path, named: set[str]) -> None:
    """Delete the files that the manifest does not name; one that cannot go now goes next time."""
    for file in folder.glob("*.npy"):
        if file.name not in named:
            try:
                os.unlink(file)
            except OSError:
                continue
