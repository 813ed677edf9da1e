"""Near duplicates by their hashes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.alike import CLOSE, near

HASHES = st.integers(0, 2**256 - 1)


def flipped(value: int, count: int) -> str:
    """The hash with so many of its fields turned."""
    for at in range(count):
        value ^= 1 << (at * 11 % 256)
    return f"{value:064x}"


@given(HASHES, st.integers(0, 60))
def test_the_limit_is_exact(value: int, apart: int) -> None:
    found = near({"a": f"{value:064x}", "b": flipped(value, apart)})
    assert found == ({"a": ["b"], "b": ["a"]} if apart <= CLOSE else {})


@given(st.lists(HASHES, max_size=30))
def test_what_looks_alike_does_so_both_ways(values: list[int]) -> None:
    found = near({str(at): f"{value:064x}" for at, value in enumerate(values)})
    assert all(name in found[other] and name != other for name, others in found.items() for other in others)


def test_more_than_a_block_of_documents() -> None:
    looks = {str(at): f"{(at * 2654435761) ** 7 % 2**256:064x}" for at in range(1200)}
    looks["copy"] = looks["1100"]
    assert near(looks) == {"1100": ["copy"], "copy": ["1100"]}


def test_what_is_no_hash_is_passed_over() -> None:
    assert near({}) == {}
    assert near({"a": 5, "b": "", "c": "g" * 64, "d": "0" * 63}) == {}
