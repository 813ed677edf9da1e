"""Ranges of pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ranges import END, ranges, within


def test_numbers_ranges_and_open_ends() -> None:
    assert ranges("") == ()
    assert ranges("1-20, 35,50-") == ((1, 20), (35, 35), (50, END))
    assert [page for page in range(1, 60) if within(page, ranges("3,5-7,58-"))] == [3, 5, 6, 7, 58, 59]
    assert within(8, ())


@pytest.mark.parametrize("said", ["x", "0", "5-3", "1,,2", "-4", "1-2-3", "iv", "99999999"])
def test_what_is_no_range_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="page"):
        ranges(said)


@given(st.from_regex(r"[0-9,\- ]{0,12}", fullmatch=True))
def test_any_text_is_ranges_or_a_plain_error(said: str) -> None:
    try:
        found = ranges(said)
    except ValueError:
        return
    assert all(1 <= first <= last for first, last in found)
