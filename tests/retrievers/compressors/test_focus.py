"""Sentences nearest to the question: places narrowed, nothing written, budget held."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.compressors.focus import Focus

from rag.answer import Selection, query
from rag.document import CharSpan
from rag.words import WordCounter
from tests.generators.build import selection
from tests.golden.encoders import HashEncoder

ASKED = query("How much rain fell in September?")
CHOSEN = selection(
    "The gauge stands in the yard. In September 81 mm of rain fell. It is read at nine.",
    "Boats sail on the lake. Rain fell on few of them.",
)
MAKES = {"words": Focus, "vectors": lambda: Focus(likeness="vectors", encoder=HashEncoder())}
every = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def tokens(chosen: Selection) -> int:
    return sum(WordCounter().count([one.hit.chunk.text for one in chosen.evidence]))


@every
@settings(max_examples=30, deadline=None)
@given(budget=st.integers(1, 60))
def test_the_budget_is_held_and_each_sentence_stands_where_its_place_says(make: type[Focus], budget: int) -> None:
    out = make().compress(ASKED, CHOSEN, budget)
    assert 0 < tokens(out) <= max(budget, 1)
    before = {one.number: one.hit.chunk for one in CHOSEN.evidence}
    for one in out.evidence:
        whole = before[one.number]
        spans = [place for place in one.hit.chunk.origin.places if isinstance(place, CharSpan)]
        if one.hit.chunk != whole:
            assert "\n".join(whole.text[span.start : span.end] for span in spans) == one.hit.chunk.text
            assert one.hit.chunk.tokens == WordCounter().count([one.hit.chunk.text])[0]
        assert one.hit.chunk.id == whole.id


@every
@given(small=st.integers(1, 40), more=st.integers(0, 20))
@settings(max_examples=20, deadline=None)
def test_a_larger_budget_keeps_what_a_smaller_one_keeps(make: type[Focus], small: int, more: int) -> None:
    low, high = (make().compress(ASKED, CHOSEN, budget) for budget in (small, small + more))
    kept = {one.number: one.hit.chunk.text for one in high.evidence}
    for one in low.evidence:
        assert all(line in kept[one.number] for line in one.hit.chunk.text.split("\n"))


@every
def test_the_sentence_that_answers_is_kept_first(make: type[Focus]) -> None:
    out = make().compress(ASKED, CHOSEN, 8)
    assert [one.hit.chunk.text for one in out.evidence] == ["In September 81 mm of rain fell."]
    assert out.evidence[0].number == 1


def test_all_is_kept_where_there_is_room_and_at_most_so_many_where_asked() -> None:
    assert Focus().compress(ASKED, CHOSEN, 1000) == CHOSEN
    assert Focus(most=5).compress(ASKED, CHOSEN, 1000) == CHOSEN
    two = Focus(most=2).compress(ASKED, CHOSEN, 1000)
    assert [one.hit.chunk.text for one in two.evidence] == [
        "In September 81 mm of rain fell.", "Rain fell on few of them.",
    ]  # fmt: skip
    assert Focus().compress(ASKED, Selection(), 5) == Selection()


def test_tables_are_cut_into_rows_and_pictures_stay() -> None:
    table = selection("| month | rain |\n| --- | --- |\n| May | 20 |\n| September | 81 |", modality="table")
    assert Focus(most=1).compress(ASKED, table, 100).evidence[0].hit.chunk.text == "| September | 81 |"
    pictured = Selection((*selection("", modality="image").evidence, *CHOSEN.evidence[1:]))
    assert Focus().compress(ASKED, pictured, 3).evidence[0] == pictured.evidence[0]


def test_settings_are_checked() -> None:
    for wrong in (lambda: Focus(most=0), lambda: Focus(likeness="x"), lambda: Focus(likeness="vectors")):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ValueError, match="at least 1 token"):
        Focus().compress(ASKED, CHOSEN, 0)
