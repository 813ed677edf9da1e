"""MaxSim over packed tokens in compiled loops (numba, extra `fast`); `packing` has the layout.

A block holds 16 tokens, the same 32 bits of all of them side by side: four dimensions as bytes, or 32 as
bits. A lane of a register is then a token, and nothing is summed across lanes. Where the processor
multiplies bytes four at a time into 32 bits (AVX-512 VNNI), that instruction is asked for by name;
elsewhere the same sum is made of shifts and products. All sums are of integers and exact: each
processor gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

LANES = 16
TOGETHER = 4
"""Query tokens that share one reading of a block."""


@cache
def vnni() -> bool:
    """Whether the processor has the instruction."""
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("avx512vnni"))


@cache
def compiled(kind: str) -> Callable[..., None]:
    """The loop of a kind: "bits", "bytes" or "bytes by name". ImportError without numba.

    `loop(query, blocks, starts, ends, best)`, all int32 and contiguous: query (n, words, 4), four tokens
    together; blocks (blocks, words, 16), those of document r being starts[r] to ends[r]; best
    (documents, 4 n) takes for each query token its largest value over the document's tokens: the sum of
    query byte (signed) times document byte (unsigned), or minus the number of bits that differ.
    """
    import numpy as np
    from numba import njit, types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]
    def block_of(context: Any, blocks: Any, query: Any, lanes: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _generate(builder, _COMBINES[kind], *arguments)
            return context.get_dummy_value()

        return types.void(types.uintp, types.uintp, types.uintp, types.intp), generate

    @njit(nogil=True)  # type: ignore[untyped-decorator]
    def loop(query: Any, blocks: Any, starts: Any, ends: Any, best: Any) -> None:
        parts, words = query.shape[0], query.shape[1]
        lanes = np.empty((parts * 4, 16), np.int32)
        asked, found, stride = query.ctypes.data, lanes.ctypes.data, words * 64
        first = blocks.ctypes.data
        for row in range(len(starts)):
            lanes[:] = -2147483648
            for block in range(starts[row], ends[row]):
                for part in range(parts):
                    block_of(first + block * stride, asked + part * words * 16, found + part * 256, words)
            for token in range(parts * 4):
                best[row, token] = lanes[token].max()

    return loop  # type: ignore[no-any-return]


def _generate(builder: Any, combine: Callable[..., Any], blocks: Any, query: Any, lanes: Any, words: Any) -> None:
    """Four query tokens against one block: lanes (4, 16) keep the larger of what they hold and the new sums."""
    from llvmlite import ir
    from numba.core import cgutils

    word = ir.IntType(32)
    wide = ir.VectorType(word, LANES)
    block = builder.inttoptr(blocks, wide.as_pointer())
    asked = builder.inttoptr(query, word.as_pointer())
    kept = builder.inttoptr(lanes, wide.as_pointer())
    zero = ir.Constant(wide, [0] * LANES)
    sums = [cgutils.alloca_once(builder, wide) for _ in range(TOGETHER)]
    for one in sums:
        builder.store(zero, one)
    with cgutils.for_range(builder, words) as loop:
        read = builder.load(builder.gep(block, [loop.index]), align=1)
        for token, one in enumerate(sums):
            place = builder.add(builder.mul(loop.index, words.type(TOGETHER)), words.type(token))
            scalar = builder.load(builder.gep(asked, [place]), align=4)
            builder.store(combine(builder, builder.load(one), read, scalar), one)
    for token, one in enumerate(sums):
        place = builder.gep(kept, [words.type(token)])
        before, now = builder.load(place, align=4), builder.load(one)
        larger = builder.select(builder.icmp_signed(">", now, before), now, before)
        builder.store(larger, place, align=4)


def _spread(builder: Any, scalar: Any) -> Any:
    """The same number in each lane."""
    from llvmlite import ir

    wide = ir.VectorType(scalar.type, LANES)
    nothing = ir.Constant(wide, ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(scalar.type, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(wide, [0] * LANES))


def _function(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    from llvmlite import ir

    return builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _bytes_by_name(builder: Any, sums: Any, read: Any, scalar: Any) -> Any:
    """`vpdpbusd`: 64 products of an unsigned and a signed byte, summed by fours."""
    wide = sums.type
    dot = _function(builder, "llvm.x86.avx512.vpdpbusd.512", wide, [wide, wide, wide])
    return builder.call(dot, [sums, read, _spread(builder, scalar)])


def _bytes(builder: Any, sums: Any, read: Any, scalar: Any) -> Any:
    """The same of products in 32 bits."""
    word, wide = scalar.type, sums.type
    for byte in range(4):
        shifted = builder.lshr(read, wide([8 * byte] * LANES)) if byte else read
        unsigned = builder.and_(shifted, wide([255] * LANES))
        signed = builder.ashr(builder.shl(scalar, word(24 - 8 * byte)), word(24))
        sums = builder.add(sums, builder.mul(unsigned, _spread(builder, signed)))
    return sums


def _bits(builder: Any, sums: Any, read: Any, scalar: Any) -> Any:
    wide = sums.type
    ones = _function(builder, f"llvm.ctpop.v{LANES}i32", wide, [wide])
    return builder.sub(sums, builder.call(ones, [builder.xor(read, _spread(builder, scalar))]))


_COMBINES = {"bits": _bits, "bytes": _bytes, "bytes by name": _bytes_by_name}
