"""Finding the words of a question in a text: the same as cutting the text into words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.rerankers.commonness import rarity, shares
from rag.retrievers.rerankers.matching import best_row, best_sentence, finder, neighbours, prepared

from rag.overlap import stems

WORDS = """
    plot plots plotting replot defined definition café Café rain-fall fit_log FIT_LOG naïve 1234 1,234 3.14 utf-8 log
""".split()
TEXT = st.lists(st.sampled_from([*WORDS, ".", ",", "\n", "("]), max_size=20).map(" ".join)


def found(text: str, *asked: str) -> set[str]:
    """The stems of words that stand in a text."""
    _, lowered = prepared(text)
    return {one for *_, here in finder(asked).spots(lowered) for one in here}


@given(TEXT, st.sets(st.sampled_from(sorted({one for word in WORDS for one in stems(word)})), max_size=6))
def test_what_stands_there_is_what_cutting_into_words_finds(text: str, asked: set[str]) -> None:
    assert found(text, *sorted(asked)) == set(stems(text)) & asked


@pytest.mark.parametrize(
    ("text", "asked", "there"),
    [
        ("It is 12.5 wide", "12", False),
        ("report", "port", False),
        ("the PORTS", "port", True),
        ("FIT_LOG", "log", True),
        ("It costs 1,234,567 dollars", "1234567", True),
        ("ﬁgure of a ﬁsh", "fish", True),
        ("東京の天気", "天気", True),
    ],
)
def test_examples(text: str, asked: str, there: bool) -> None:
    assert (asked in found(text, asked)) == there


def test_the_best_sentence_and_the_best_row() -> None:
    weights = {"rain": 0.6, "wind": 0.3, "snow": 0.2}
    plain, lowered = prepared("Rain fell. Wind and snow came. Then the wind fell silent.")
    assert best_sentence(plain, finder(list(weights)).spots(lowered), weights) == {"rain"}
    assert best_sentence(plain, finder(["wind", "snow"]).spots(lowered), weights) == {"wind", "snow"}
    table = "Rain by month\n| month | wind |\n|---|---|\n| snow | 1 |\n| May | 2 |"
    _, lowered = prepared(table)
    assert best_row(lowered, finder(list(weights)).spots(lowered), weights) == {"rain", "wind", "snow"}
    assert best_row(lowered.replace("snow", "hail"), finder(["snow", "rain"]).spots(lowered), weights) >= {"rain"}


def test_neighbours_follow_each_other() -> None:
    _, lowered = prepared("rain, wind; and snow")
    assert neighbours(lowered, finder(["rain", "wind", "snow"]).spots(lowered)) == {("rain", "wind")}


def test_rare_words_tell_what_a_question_is_about() -> None:
    assert rarity("the") < rarity("weather") < rarity("barometer") <= 1
    assert rarity("postgresql") == 1.0
    told = shares(["rain", "postgresql", "page", "figure"])
    assert sum(told.values()) == pytest.approx(1)
    assert told["postgresql"] > told["rain"]
    assert set(told) == {"postgresql", "rain"}
    assert shares(["page", "figure"]) == {}
    assert shares(["rain", "wind"], {"rain"})["rain"] > shares(["rain", "wind"])["rain"]
