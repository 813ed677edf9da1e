"""Token vectors on disk, beside the pooled ones of `segments`: more files of the same segments.

For each segment there are also `N.bounds.npy` (rows + 1; first token of each row), `N.tokens.npy`
(tokens, dim; float16), `N.bytes.npy` and `N.bits.npy` (blocks, words, 16; see `packing`) and
`N.scales.npy` (rows). `N.vectors.npy` holds the pooled vectors: the mean of a row's tokens, of unit
length. The manifest is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import segments, writing
from .packing import Kind, packed, words
from .segments import Segment, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .waiting import Waiting

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


def ragged(
    folder: Path, dim: int, pending: Waiting, number: int, merged: Sequence[Any]
) -> tuple[int, float, writing.Sums]:
    """A `writing.Write` of tokens, row by row."""
    import numpy as np

    counts = [n for one in merged for n in np.diff(one.bounds)[one.alive].tolist()] + pending.counts()
    chained = (row for part in (_living(merged), pending.rows()) for row in part)
    return len(counts), 1.0, _write(folder, number, dim, counts, chained)


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
            kind: writing.Column(stack.enter_context(open(segments.path(folder, number, kind), "wb")), shape, dtype)
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
    return sums | writing.written_array(segments.path(folder, number, "ids"), np.array(ids, dtype=np.bytes_))


def pooled(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """(dim,) the mean of tokens (n, dim), of unit length; zeros where it is zero."""
    import numpy as np

    mean = tokens.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    made: NDArray[np.float32] = (mean / length if length else mean).astype(np.float32)
    return made
