"""Lines that say something are kept, what was made out of specks is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.ocr.filtering import MAX_LETTERS, MAX_LINES, legible

from rag.document import Box
from rag.protocols import Recognised
from tests.golden.recognisers import line


def kept(text: str, confidence: float = 0.9) -> list[str]:
    return [one.text for one in legible([line(text, 0.1, 0.1, 0.9, 0.2, confidence=confidence)], 0.6)]


@pytest.mark.parametrize(
    "text", ["STOP", "119 €", "(2014)", "7", "82.8%", "水", "東京都", "Ünïcode", "a.b.c", "C++ 11"]
)
def test_words_and_numbers_stay(text: str) -> None:
    assert kept(text) == [text]


@pytest.mark.parametrize("text", ["+", "~~,", ". . . : .", "—", "l", "|", "0000000000", "ooooooo", "\u200b", "( ] ."])
def test_specks_go(text: str) -> None:
    assert kept(text) == []


def test_doubtful_lines_go() -> None:
    assert kept("Bearing", 0.59) == []
    assert kept("Bearing", 0.6) == ["Bearing"]
    assert kept("42", 0.7) == []
    assert kept("42", 0.8) == ["42"]


def test_words_are_made_plain_and_keep_their_boxes() -> None:
    (found,) = legible([line("the \u200b ﬁnal re\u00adport\x07", 0.1, 0.1, 0.9, 0.2)], 0.5)
    assert found.text == "the final report"
    assert len(found.words) == 3


def test_a_box_without_area_goes() -> None:
    assert legible([replace(line("word", 0.1, 0.1, 0.9, 0.2), box=Box(0.1, 0.2, 0.9, 0.2))], 0.5) == []


def test_there_is_an_end() -> None:
    assert len(legible([line("word", 0.1, 0.1, 0.9, 0.2)] * 2000, 0.5)) == MAX_LINES
    (found,) = legible([line("many words " * 200, 0.1, 0.1, 0.9, 0.2)], 0.5)
    assert len(found.text) <= MAX_LETTERS
    assert len(found.words) == found.text.count(" ") + 1


@given(st.text(max_size=60), st.floats(0, 1))
def test_whatever_an_engine_says_is_tidy(text: str, confidence: float) -> None:
    for one in legible([Recognised(text, Box(0, 0, 1, 1), confidence)], 0.5):
        assert one.text.isprintable()
        assert one.text == " ".join(one.text.split())
        assert one.confidence >= 0.5
