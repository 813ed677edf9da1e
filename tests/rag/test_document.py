"""The nouns of what was read."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import document
from rag.document import Box, Origin, PageRegion, Source, labels

SOURCE = Source("a.pdf", "application/pdf", "0" * 64)
anything = st.floats(allow_nan=True, allow_infinity=True)


def test_every_noun_is_frozen_and_slotted() -> None:
    nouns = [one for one in vars(document).values() if dataclasses.is_dataclass(one) and isinstance(one, type)]
    assert len(nouns) >= 15
    for noun in nouns:
        assert noun.__dataclass_params__.frozen, noun
        assert "__slots__" in vars(noun), noun


def test_every_noun_is_hashable() -> None:
    origin = Origin(SOURCE, (PageRegion(1, Box(0, 0, 1, 1)),))
    chunk = document.Chunk("x", "text", origin, labels=labels({"b": 1, "a": "z"}))
    assert len({chunk, dataclasses.replace(chunk), SOURCE, origin}) == 3


@given(anything, anything, anything, anything)
def test_a_box_lies_on_the_page_or_is_refused(left: float, top: float, right: float, bottom: float) -> None:
    try:
        box = Box(left, top, right, bottom)
    except ValueError:
        return
    assert 0 <= box.left <= box.right <= 1
    assert 0 <= box.top <= box.bottom <= 1
    assert Box(box.left, box.top, box.right, box.bottom) == box, "rounding a second time moves nothing"


def test_a_box_is_cut_to_the_page_and_rounded() -> None:
    assert Box(-3, 0.12344, 7, 0.98765) == Box(0, 0.1234, 1, 0.9877)


@pytest.mark.parametrize("sides", [(0.5, 0, 0.4, 1), (0, 0.5, 1, 0.4)])
def test_a_box_turned_over_is_refused(sides: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="top left to bottom right"):
        Box(*sides)


def test_an_origin_has_a_place() -> None:
    with pytest.raises(ValueError, match=r"needs at least one place, in a\.pdf"):
        Origin(SOURCE, ())


def test_labels_are_the_same_in_any_order() -> None:
    assert labels({"b": 1, "a": "x"}) == labels({"a": "x", "b": 1}) == (("a", "x"), ("b", 1))
