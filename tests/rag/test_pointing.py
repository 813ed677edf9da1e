"""What questions point at, by rules; and what they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.document import Page
from rag.pointing import Labelled, Moment, PageAt, Titled, pointed, roman, same_number


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("Which date is on page 14?", [14]),
        ("What is on page fourteen?", [14]),
        ("Pages 3, 5 and 7 to 9, please", [3, 5, 7, 8, 9]),
        ("What does slide 7 say?", [7]),
        ("the title on the twenty-first page", [21]),
        ("What is on the cover page?", [1]),
        ("Who is on the cover of the report?", [1]),
        ("the first page", [1]),
        ("the last two slides", [-2, -1]),
        ("the back cover", [-1]),
        ("the penultimate page", [-2]),
        ("see p. 12", [12]),
        ("the 3rd page", [3]),
        ("How many pages are there?", []),
        ("a page about 14 birds", []),
        ("page 12.5 of nothing", []),
        ("Which pages show a map? Answer as a list like ['page 2', 'page 4'].", []),
    ],
)
def test_pages(question: str, numbers: list[int]) -> None:
    assert [one.number for one in pointed(question).all if isinstance(one, PageAt)] == numbers


def test_a_roman_page_is_a_label() -> None:
    assert pointed("What is on page iv?").all == (PageAt(0, "iv"),)


def test_pages_are_meant_by_place_and_by_what_is_printed() -> None:
    pages = [Page(1, "i", 1, 1), Page(2, "1", 1, 1), Page(3, "2", 1, 1)]
    assert PageAt(2, "2").among(pages) == {2, 3}
    assert PageAt(0, "i").among(pages) == {1}
    assert PageAt(-1).among(pages) == {3}
    assert PageAt(9, "9").among(pages) == set()


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        ("In figure 3, how many icons?", [("figure", "3")]),
        ("According to table II", [("table", "ii")]),
        ("Tables 1 and 2", [("table", "1"), ("table", "2")]),
        ("What is in Section 3.4.2?", [("section", "3.4.2")]),
        ("in Appendix E", [("appendix", "e")]),
        ("Exhibit P-10", [("exhibit", "p-10")]),
        ("Fig. A.2", [("figure", "a.2")]),
        ("equation (3)", []),
        ("the figure I saw", []),
        ("a table a user edits", []),
        ("Unit 8", [("unit", "8")]),
        ("table 5% of them", []),
    ],
)
def test_labels(question: str, labels: list[tuple[str, str]]) -> None:
    assert [(one.kind, one.number) for one in pointed(question).all if isinstance(one, Labelled)] == labels


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ('What is in the section "Cleaning the gauge"?', ["Cleaning the gauge"]),
        ("In the Section Warning and Cautions, what is shown?", ["Warning and Cautions"]),
        ("What does the abstract say? What is said in the abstract?", ["abstract"]),
        ("a section of the road", []),
    ],
)
def test_titles(question: str, titles: list[str]) -> None:
    assert [one.title for one in pointed(question).all if isinstance(one, Titled)] == titles


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What is said at 2:15?", [135.0]),
        ("at 1:02:03 in the talk", [3723.0]),
        ("after 90 seconds", [90.0]),
        ("at 2 minutes and 5 seconds", [125.0]),
        ("the tweet of 14:04 CET", []),
        ("version 1.2:3", []),
    ],
)
def test_moments(question: str, seconds: list[float]) -> None:
    assert [one.seconds for one in pointed(question).all if isinstance(one, Moment)] == seconds


def test_kinds_and_bands() -> None:
    asked = pointed("What does the pie chart at the bottom of page 5 show?")
    assert [one.word for one in asked.kinds] == ["pie chart"]
    assert asked.band == "bottom"
    assert pointed("Which bird is at the top of the food chain?").all == ()


def test_most_questions_point_at_nothing() -> None:
    assert pointed("How much rain fell in November?").all == ()


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    pointed(text)


@given(st.integers(1, 3999))
def test_roman_numerals(number: int) -> None:
    digits = [(1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
              (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]  # fmt: skip
    text, rest = "", number
    for value, letters in digits:
        text += letters * (rest // value)
        rest %= value
    assert roman(text) == number
    assert same_number(text.upper(), str(number))
