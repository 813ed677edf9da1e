"""Token vectors as bytes and as bits, in blocks of 16, and the largest products over them.

Bytes: a document has one scale, its largest absolute value over 127; a code is kept plus 128, so that it
is unsigned. Bits: the signs (32 dimensions a word); minus the number of differing signs orders like an
estimate of the angle. The last token is repeated up to a whole block, which changes no largest value.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from .kernels import LANES, TOGETHER, compiled, vnni

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["bytes", "bits"]
COMPILED_FROM = 20_000
"""Tokens from which the compiled loops, which take seconds to make, are worth it."""


def words(kind: Kind, dim: int) -> int:
    """32-bit words of a token."""
    return -(-dim // (4 if kind == "bytes" else 32))


def packed(kind: Kind, tokens: NDArray[np.float32]) -> tuple[NDArray[np.int32], float]:
    """(blocks, words, 16) of one document's tokens (n, dim), and their scale (1 of bits)."""
    import numpy as np

    codes, scale = _codes(kind, tokens)
    if kind == "bytes":
        codes = codes ^ np.uint8(128)  # the signed code plus 128
    flat = np.ascontiguousarray(codes).view(np.int32)
    full = np.concatenate([flat, np.repeat(flat[-1:], -len(flat) % LANES, axis=0)])
    return np.ascontiguousarray(full.reshape(-1, LANES, full.shape[1]).transpose(0, 2, 1)), scale


def _codes(kind: Kind, tokens: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    """(n, bytes) of signed codes or of signs, filled up with zeros to whole words; and the scale."""
    import numpy as np

    wide = words(kind, tokens.shape[1]) * 4
    if kind == "bits":
        signs = np.packbits(tokens > 0, axis=1, bitorder="little")
        return np.pad(signs, ((0, 0), (0, wide - signs.shape[1]))), 1.0
    scale = float(np.abs(tokens).max(initial=0.0)) / 127 or 1.0
    codes = np.rint(tokens / scale).astype(np.int8)
    return np.pad(codes, ((0, 0), (0, wide - codes.shape[1]))).view(np.uint8), scale


def sums(
    kind: Kind, query: NDArray[np.float32], blocks: NDArray[np.int32], scales: NDArray[np.float32],
    starts: NDArray[np.int64], ends: NDArray[np.int64], fast: bool | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """(documents,) sum over the query's tokens (n, dim) of their largest product with each document's.

    Document r has the blocks starts[r] to ends[r]. Products are estimates: of the numbers by bytes, of
    minus the differing signs by bits. `fast` asks for numba or for NumPy; None takes numba for much work.
    """
    import numpy as np

    if fast is None:
        fast = worth(int((ends - starts).sum()) * LANES)
    codes, each = _query(kind, query)
    largest = _compiled(kind, codes, blocks, starts, ends) if fast else _plain(kind, codes, blocks, starts, ends)
    if kind == "bits":
        differing: NDArray[np.float64] = largest.sum(axis=1, dtype=np.float64)
        return differing
    signed = codes.view(np.int8).astype(np.int64).sum(axis=1)
    exact = largest.astype(np.int64) - 128 * signed
    totals: NDArray[np.float64] = (exact * each).sum(axis=1)
    return totals * scales.astype(np.float64)


def worth(tokens: int) -> bool:
    """Whether to compare so many tokens in compiled loops."""
    return tokens >= COMPILED_FROM and available()


@cache
def available() -> bool:
    """Whether numba (extra `fast`) is there."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def _query(kind: Kind, query: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Codes (n, bytes), each token with a scale of its own, and the scales (n,)."""
    import numpy as np

    each = [_codes(kind, token[None]) for token in query]
    return np.concatenate([codes for codes, _ in each]), np.array([scale for _, scale in each])


def _compiled(
    kind: Kind, codes: NDArray[np.uint8], blocks: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int32]:
    import numpy as np

    loop = compiled("bytes by name" if kind == "bytes" and vnni() else kind)
    asked = np.pad(np.ascontiguousarray(codes).view(np.int32), ((0, -len(codes) % TOGETHER), (0, 0)))
    asked = np.ascontiguousarray(asked.reshape(-1, TOGETHER, asked.shape[1]).transpose(0, 2, 1))
    best = np.empty((len(starts), asked.shape[0] * TOGETHER), np.int32)
    workers = min(os.cpu_count() or 1, 1 + len(starts) // 64)
    cuts = np.linspace(0, len(starts), workers + 1).astype(int).tolist()

    def run(first: int, end: int) -> None:
        loop(asked, blocks, starts[first:end], ends[first:end], best[first:end])

    if workers == 1:
        run(0, len(starts))
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, cuts[:-1], cuts[1:]))
    return best[:, : len(codes)]


def _plain(
    kind: Kind, codes: NDArray[np.uint8], blocks: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The same numbers by matrix products of NumPy, document by document."""
    import numpy as np

    exact = np.float64 if blocks.shape[1] > 128 else np.float32  # sums of bytes are whole below 2^24 in float32
    asked: NDArray[Any] = codes.view(np.int8) if kind == "bytes" else np.unpackbits(codes, axis=1)
    asked = asked.astype(exact)
    best = np.empty((len(starts), len(codes)), np.int32)
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        flat = np.ascontiguousarray(blocks[start:end].transpose(0, 2, 1)).reshape(-1, blocks.shape[1]).view(np.uint8)
        if kind == "bytes":
            best[row] = (asked @ flat.astype(exact).T).max(axis=1)
        else:
            seen: NDArray[Any] = np.unpackbits(flat, axis=1).astype(exact)
            differ = asked.sum(axis=1)[:, None] + seen.sum(axis=1) - 2 * (asked @ seen.T)
            best[row] = -differ.min(axis=1)
    return best
