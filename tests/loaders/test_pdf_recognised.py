"""Recognised lines become paragraphs in reading order, whichever way the page lies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.pdf.recognised import MAX_BLOCKS, together, turn, written

from rag.document import WHOLE, Box
from rag.protocols import Recognised
from tests.golden.recognisers import column, line, rotated

PARAGRAPH = [
    "The turbine was inspected in the spring of the year and its",
    "main bearings were found to be worn far beyond the lim-",
    "it that the maker allows for machines of this size.",
]
SECOND = ["A second paragraph stands below a gap and speaks of the", "anchors of the mooring alone."]


def test_lines_are_paragraphs_by_their_spacing() -> None:
    first, second = written(column([*PARAGRAPH, "", "", *SECOND]), 600, 800)
    assert first.text.startswith("The turbine was inspected")
    assert "beyond the limit that the maker" in first.text
    assert second.text == " ".join(SECOND)
    assert first.box.bottom < second.box.top


def test_words_are_where_they_stand() -> None:
    found = column([*PARAGRAPH, "", "", *SECOND])
    for block in written(found, 600, 800):
        assert block.words
        for word in block.words:
            text = block.text[word.start : word.end]
            (source,) = [one for one in found if one.box.top <= word.box.top + 1e-3 <= one.box.bottom]
            at = [round(box.left, 3) for box in source.words].index(round(word.box.left, 3))
            assert source.text.split(" ")[at].rstrip("-") == text
    assert sum(len(block.words) for block in written(found, 600, 800)) == sum(len(one.words) for one in found)


def test_columns_are_read_one_after_the_other() -> None:
    left = column([f"left column line {at} has some words" for at in range(8)], 0.05)
    right = column([f"right column line {at} has others" for at in range(8)], 0.55, right=0.98)
    mixed = [one for pair in zip(left, right, strict=True) for one in pair]
    text = " ".join(block.text for block in written(mixed, 600, 800))
    assert text.index("left column line 7") < text.index("right column line 0")


def test_a_larger_line_is_a_heading() -> None:
    blocks = written([line("Inspection", 0.1, 0.02, 0.5, 0.07), *column(PARAGRAPH)], 600, 800)
    assert [(block.role, bool(block.level)) for block in blocks] == [("heading", True), ("paragraph", False)]


def test_noise_in_the_size_of_type_makes_no_headings() -> None:
    found = [replace(one, size=0.016 * (1 + 0.02 * (at % 5))) for at, one in enumerate(column(PARAGRAPH * 3))]
    (block,) = written(found, 600, 800)
    assert block.role == "paragraph"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_page_reads_as_an_upright_one(degrees: int) -> None:
    upright = [line("Inspection", 0.1, 0.02, 0.5, 0.07), *column(PARAGRAPH)]
    lying = [
        replace(one, box=rotated(one.box, degrees), words=tuple(rotated(box, degrees) for box in one.words),
                size=one.size * (800 / 600 if degrees in (90, 270) else 1))
        for one in upright
    ]  # fmt: skip
    width, height = (800, 600) if degrees in (90, 270) else (600, 800)
    assert turn(lying) == (360 - degrees) % 360
    plain, turned = written(upright, 600, 800), written(lying, width, height)
    assert [(one.role, one.text) for one in turned] == [(one.role, one.text) for one in plain]
    for one, other in zip(turned, plain, strict=True):
        wanted = rotated(other.box, degrees)
        assert [one.box.left, one.box.top, one.box.right, one.box.bottom] == pytest.approx(
            [wanted.left, wanted.top, wanted.right, wanted.bottom], abs=2e-3
        )


def test_together_is_one_text_on_its_page() -> None:
    blocks = written([line("Inspection", 0.1, 0.02, 0.5, 0.07), *column(PARAGRAPH)], 600, 800)
    text, words = together(blocks, Box(0.5, 0.5, 1, 1))
    assert text.startswith("Inspection\nThe turbine")
    (turbine,) = [word for word in words if text[word.start : word.end] == "turbine"]
    assert turbine.box.left > 0.5
    assert together(blocks, WHOLE)[0] == text
    assert together([], WHOLE) == ("", ())


def test_there_is_an_end() -> None:
    found = [line(f"label {at}", 0.02 + 0.1 * (at % 9), 0.01 + 0.004 * at, 0.06 + 0.1 * (at % 9), 0.012 + 0.004 * at)
             for at in range(240)]  # fmt: skip
    assert len(written(found, 600, 800)) <= MAX_BLOCKS + 1


edges = st.floats(0, 1)


@given(st.lists(st.tuples(st.text("ab g-.1 ", min_size=1, max_size=20), edges, edges, edges, edges, st.floats(0, 1))))
def test_any_boxes_can_be_laid_out(raw: list[tuple[str, float, float, float, float, float]]) -> None:
    found = []
    for text, a, b, c, d, size in raw:
        text = " ".join(text.split())
        box = Box(min(a, b), min(c, d), max(a, b), max(c, d))
        if text and box.left < box.right and box.top < box.bottom:
            found.append(Recognised(text, box, 0.9, (box,) * len(text.split(" ")), size))
    for block in written(found, 600, 800):
        assert all(0 <= word.start < word.end <= len(block.text) for word in block.words)
