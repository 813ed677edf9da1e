"""Server-sent events, however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sse import Payloads


def read(data: bytes, cuts: list[int] | None = None, limit: int = 1000) -> list[str]:
    payloads = Payloads(limit)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    found = [one for a, b in pairwise(edges) for one in payloads.feed(data[a:b])]
    return [*found, *payloads.end()]


STREAM = (
    '\ufeff: a comment\r\ndata: {"a": 1}\r\n\r\nevent: x\nid: 7\ndata:two\ndata: lines\n\n'
    "retry: 10\n\ndata\n\ndata:  spaces \r\rdata: é😀\n\ndata: [DONE]\n\n"
).encode()
MEANT = ['{"a": 1}', "two\nlines", "", " spaces ", "é😀", "[DONE]"]


def test_the_forms_of_the_standard() -> None:
    assert read(STREAM) == MEANT


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    assert read(STREAM, cuts) == MEANT


def test_byte_by_byte() -> None:
    assert read(STREAM, list(range(len(STREAM)))) == MEANT


def test_an_end_without_an_empty_line() -> None:
    assert read(b"data: a\n\ndata: b") == ["a", "b"]
    assert read(b"data: a\n\ndata: b\n") == ["a", "b"]
    assert read(b"") == []


@pytest.mark.parametrize("data", [b"data: " + b"x" * 2000, b"data: xxxxxxxxx\n" * 200, b"x" * 2000 + b"\n"])
def test_limits(data: bytes) -> None:
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        read(data[:1900], list(range(0, 1900, 10)))


def test_many_small_events_are_no_large_one() -> None:
    assert len(read(b"data: xxxxxxxxx\n\n" * 500)) == 500


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for one in read(data):
        assert isinstance(one, str)
