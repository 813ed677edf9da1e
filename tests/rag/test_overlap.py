"""How much of a question a text speaks of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.overlap import asked, covered, is_listing, matter, signs, signs_share, stem, stems, weights
from tests.generators.build import Frequencies


@pytest.mark.parametrize(
    ("one", "other"),
    [("defines", "defined"), ("columns", "column"), ("running", "runs"), ("replace", "replaces"), ("studies", "study")],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one)[:3] == stem(other)[:3]
    if one != "running":
        assert stem(one) == stem(other)


@pytest.mark.parametrize("name", ["fit_log", "44538", "c-c", "ls", "雨", "used2"])
def test_names_and_short_words_are_left_alone(name: str) -> None:
    assert stem(name) == name


def test_function_words_are_not_what_is_asked() -> None:
    assert asked("How many elements may the vector have?") == ["elements", "may", "vector"]
    assert asked("What is it?") == ["what", "is", "it"]


def test_the_form_of_the_answer_is_left_out() -> None:
    assert matter("What is EBITDA in 2021?Round your answer to two places.") == "What is EBITDA in 2021?"
    assert matter("What does the answer key say?") == "What does the answer key say?"


def test_rare_words_weigh_more_and_weights_are_one_in_all() -> None:
    weighed = weights("rain gauge", Frequencies({"rain": 400, "gauge": 1}, 500))
    assert weighed["gaug"] > 3 * weighed["rain"]
    assert sum(weighed.values()) == pytest.approx(1)
    assert weights("rain gauge", None) == {"rain": 0.5, "gaug": 0.5}


@given(st.text(max_size=60), st.text(max_size=60))
def test_shares_are_shares(question: str, text: str) -> None:
    weighed = weights(question, None)
    assert 0 <= covered(weighed, stems(text)) <= 1 + 1e-9
    assert not weighed or covered(weighed, weighed) == pytest.approx(1)
    assert 0 <= signs_share(signs(question), text) <= 1
    is_listing(text)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does %F stand for?", ["%F"]),
        ("Which keys are bound to C-c in Emacs?", ["C-c", "Emacs"]),
        ("How does fit use FIT_LOG since 1987?", ["FIT_LOG", "1987"]),
        ("Which well-known file is it?", []),
    ],
)
def test_signs(question: str, expected: list[str]) -> None:
    assert signs(question) == expected


def test_signs_are_whole_words() -> None:
    assert signs_share(["10"], "it is 100") == 0
    assert signs_share(["10"], "it is 10.") == 1
    assert signs_share([], "") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Introduction ........ 12", True),
        ("1 Rain . . . . . 7 2 Snow . . . . . 9 3 Hail . . . . . 11", True),
        ("mp, 251, 263, 268, 291 noxdtics, 215 mttics, 172 noxmtics, 216 mztics, 175 y2tics, 223", True),
        ("In 2020, 15 of 20 people, 75 percent in all, said yes; in 2021, it was 18 of 20.", False),
        ("Wait... and see what comes of it in the year 12", False),
        ("| 1 | 2 | 3 |\n| 4 | 5 | 6 |", False),
    ],
)
def test_listings(text: str, expected: bool) -> None:
    assert is_listing(text) is expected
