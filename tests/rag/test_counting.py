"""Which questions count what a document is made of, and which only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.counting import counted


@pytest.mark.parametrize(
    ("question", "thing", "per_page", "pages", "left"),
    [
        ("How many tables are there?", "table", False, [], ()),
        ("How many pages contain tables?", "table", True, [], ()),
        ("Count the tables in the report.", "table", False, [], ()),
        ("What is the total number of pages in this report?", "page", False, [], ()),
        ("How many images are on page 3?", "figure", False, [3], ()),
        ("How many documents are there in the corpus?", "document", False, [], ()),
        ("How many figures does the gnuplot manual contain?", "figure", False, [], ("gnuplot",)),
        ("how many pages have at least one figure", "figure", True, [], ()),
    ],
)
def test_counts(question: str, thing: str, per_page: bool, pages: list[int], left: tuple[str, ...]) -> None:
    asked = counted(question)
    assert asked is not None
    assert (asked.thing, asked.per_page, [one.number for one in asked.pages], asked.left) == (
        thing, per_page, pages, left,
    )  # fmt: skip


@pytest.mark.parametrize(
    "question",
    ["How much rain fell?", "Which table counts the pages?", "How many charts are there?", "How many birds are there?",
     "How many documents mention rain?", "How many pages contain documents?"],
)  # fmt: skip
def test_others(question: str) -> None:
    assert counted(question) is None


def test_a_condition_is_left_over() -> None:
    asked = counted("How many tables show rainfall?")
    assert asked is not None
    assert asked.left == ("show", "rainfall")


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    counted(text)
