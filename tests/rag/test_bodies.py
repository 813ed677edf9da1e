"""Bodies are unpacked under limits."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.bodies import Body, TooLarge


def unpacked(data: bytes, coding: str, limit: int = 10**6, step: int = 1000) -> bytes:
    body = Body(coding, limit)
    pieces = [body.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*pieces, body.end()])


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=3000), st.integers(1, 50))
def test_each_coding_comes_back(data: bytes, step: int) -> None:
    assert unpacked(data, "", step=step) == data
    assert unpacked(data, "identity", step=step) == data
    assert unpacked(gzip.compress(data), "gzip", step=step) == data
    assert unpacked(gzip.compress(data), " X-GZIP ", step=step) == data
    assert unpacked(zlib.compress(data), "deflate", step=step) == data
    assert unpacked(bare(data), "deflate", step=step) == data


def test_long_runs_come_back() -> None:
    data = b"abc" * 100_000
    assert unpacked(gzip.compress(data), "gzip") == data


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_codings_that_were_not_asked_for(coding: str) -> None:
    with pytest.raises(ValueError, match="not asked for"):
        Body(coding, 100)


def test_limits() -> None:
    assert unpacked(b"x" * 100, "", limit=100) == b"x" * 100
    with pytest.raises(TooLarge):
        unpacked(b"x" * 101, "", limit=100)
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(b"x" * 101), "gzip", limit=100)


def test_a_bomb_is_stopped_by_its_ratio_and_in_little_memory() -> None:
    bomb = gzip.compress(bytes(300_000_000), 1)
    tracemalloc.start()
    with pytest.raises(TooLarge, match="200 times"):
        unpacked(bomb, "gzip", limit=10**9, step=65536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_damaged_and_cut_off(coding: str) -> None:
    whole = gzip.compress(b"some text " * 50) if coding == "gzip" else zlib.compress(b"some text " * 50)
    with pytest.raises(ValueError, match="cut off"):
        unpacked(whole[:-6], coding)
    with pytest.raises(ValueError, match="damaged"):
        unpacked(whole[:-8] + b"\xff" * 8, coding)
    with pytest.raises(ValueError, match="damaged"):
        unpacked(b"\xf8plain text, not packed at all", coding)
