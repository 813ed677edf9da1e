"""Sentences nearest to the question: places narrowed, nothing written, budget held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.compressors.focus import Focus

from rag.answer import Evidence, Selection, query
from rag.document import Box, CharSpan, Element, MarkupPath, Origin, PageRegion, Place
from rag.words import WordCounter
from tests.generators.build import selection
from tests.golden.catalogs import MemoryCatalog
from tests.golden.encoders import HashEncoder

ASKED = query("How much rain fell in September?")
CHOSEN = selection(
    "The gauge stands in the yard. In September 81 mm of rain fell. It is read at nine.",
    "Boats sail on the lake. Rain fell on few of them.",
)
MAKES: dict[str, Callable[[], Focus]] = {
    "words": lambda: Focus(head=0),
    "vectors": lambda: Focus(likeness="vectors", encoder=HashEncoder(), head=0),
}
every = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


def tokens(chosen: Selection) -> int:
    return sum(WordCounter().count([one.hit.chunk.text for one in chosen.evidence]))


def texts(chosen: Selection) -> list[str]:
    return [one.hit.chunk.text for one in chosen.evidence]


def placed(chosen: Selection, *places: Place) -> Selection:
    """The selection with its first evidence at these places."""
    first = chosen.evidence[0]
    chunk = replace(first.hit.chunk, origin=replace(first.hit.chunk.origin, places=places))
    return replace(chosen, evidence=(replace(first, hit=replace(first.hit, chunk=chunk)), *chosen.evidence[1:]))


@every
@settings(max_examples=30, deadline=None)
@given(budget=st.integers(1, 60))
def test_the_budget_is_held_and_each_sentence_stands_where_its_place_says(
    make: Callable[[], Focus], budget: int
) -> None:
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
def test_a_larger_budget_keeps_what_a_smaller_one_keeps(make: Callable[[], Focus], small: int, more: int) -> None:
    low, high = (make().compress(ASKED, CHOSEN, budget) for budget in (small, small + more))
    kept = {one.number: one.hit.chunk.text for one in high.evidence}
    for one in low.evidence:
        assert all(line in kept[one.number] for line in one.hit.chunk.text.split("\n"))


@every
def test_the_sentence_that_answers_is_kept_first(make: Callable[[], Focus]) -> None:
    out = make().compress(ASKED, CHOSEN, 8)
    assert texts(out) == ["In September 81 mm of rain fell."]
    assert out.evidence[0].number == 1


def test_all_is_kept_where_there_is_room_and_at_most_so_many_where_asked() -> None:
    assert Focus().compress(ASKED, CHOSEN, 1000) == CHOSEN
    assert Focus(most=5).compress(ASKED, CHOSEN, 1000) == CHOSEN
    two = Focus(most=2).compress(ASKED, CHOSEN, 1000)
    assert texts(two) == ["In September 81 mm of rain fell.", "Rain fell on few of them."]
    assert Focus().compress(ASKED, Selection(), 5) == Selection()


def test_its_own_budget_holds_where_that_of_the_settings_is_larger_and_heads_are_paid_for() -> None:
    assert texts(Focus(8, head=0).compress(ASKED, CHOSEN, 1000)) == ["In September 81 mm of rain fell."]
    assert len(Focus(16, head=0).compress(ASKED, CHOSEN, 1000).evidence) == 2
    # A second piece of evidence costs its head too: sentences of the first are kept in its stead.
    dear = Focus(27, head=10).compress(ASKED, CHOSEN, 1000)
    assert texts(dear) == ["In September 81 mm of rain fell."]
    assert len(Focus(36, head=10).compress(ASKED, CHOSEN, 1000).evidence) == 2


def test_the_words_beside_a_sentence_and_the_relevance_of_its_evidence_count() -> None:
    beside = selection(
        "Alpha stands here. September brought rain. Boats are red. Nothing at all happens here. It is so."
    )
    (kept,) = texts(Focus(most=2, head=0).compress(query("September rain"), beside, 100))
    assert kept == "Alpha stands here. September brought rain."
    even = selection("It rained in May.", "It rained in June.")
    first, second = even.evidence
    sure = replace(even, evidence=(replace(first, relevance=0.2), replace(second, relevance=0.9)))
    assert texts(Focus(most=1).compress(query("rained"), sure, 100)) == ["It rained in June."]
    assert texts(Focus(most=1).compress(query("rained"), even, 100)) == ["It rained in May."]


def test_tables_keep_their_head_and_the_rows_that_matter_and_pictures_stay() -> None:
    text = "Table 1: Rain by month\n| month | rain |\n| --- | --- |\n| Spring |  |\n| May | 20 |\n| June | 22 |"
    table = selection(f"{text}\n| Autumn |  |\n| September | 81 |\n| October | 90 |", modality="table")
    (kept,) = texts(Focus(most=1).compress(ASKED, table, 100))
    assert kept == ("Table 1: Rain by month\n| month | rain |\n| --- | --- |\n| Autumn |  |\n| September | 81 |")
    assert texts(Focus(head=0).compress(ASKED, table, 3)) != []  # no room for the head: the row's beginning
    pictured = Selection((*selection("", modality="image").evidence, *CHOSEN.evidence[1:]))
    assert Focus(head=0).compress(ASKED, pictured, 3).evidence[0] == pictured.evidence[0]


def test_what_is_said_twice_is_sent_once_even_where_there_is_room() -> None:
    said = "In September 81 mm of rain fell on the yard."
    twice = selection(f"{said} Boats sail.", f"{said} Ships too.", said)
    out = Focus().compress(ASKED, twice, 1000)
    assert texts(out) == [f"{said} Boats sail.", "Ships too."]
    assert [one.number for one in out.evidence] == [1, 2]
    assert Focus(once=False).compress(ASKED, twice, 1000) == twice


@pytest.mark.parametrize(
    "other",
    [
        "In September 18 mm of rain fell on the yard.",  # another number
        "In September 81 mm of rain never fell on the yard.",
        "In September 81 mm of rain fell on the house and yard of others.",
    ],
)
def test_what_differs_in_a_number_a_negation_or_in_words_is_kept(other: str) -> None:
    pair = selection("In September 81 mm of rain fell on the yard.", other)
    assert Focus().compress(ASKED, pair, 1000) == pair


def test_a_place_of_several_blocks_stays_without_a_catalog_and_is_narrowed_with_one() -> None:
    first, second = "The gauge stands in the yard.", "In September 81 mm of rain fell. It is read at nine."
    chosen = placed(selection(f"{first}\n\n{second}"), MarkupPath("/html/p[1]"), MarkupPath("/html/p[2]"))
    alone = Focus(most=1).compress(ASKED, chosen, 100)
    assert texts(alone) == ["In September 81 mm of rain fell."]
    assert alone.evidence[0].hit.chunk.origin.places == (MarkupPath("/html/p[1]"), MarkupPath("/html/p[2]"))
    source = chosen.evidence[0].hit.chunk.origin.source
    elements = [
        Element("e1", "text", "paragraph", Origin(source, (MarkupPath("/html/p[1]"),)), first),
        Element("e2", "text", "paragraph", Origin(source, (MarkupPath("/html/p[2]"),)), second),
    ]
    narrowed = Focus(most=1, catalog=Listed(elements)).compress(ASKED, chosen, 100)
    assert narrowed.evidence[0].hit.chunk.origin.places == (MarkupPath("/html/p[2]"), CharSpan(0, 32))


def test_pages_are_asked_for_those_of_the_chunk_and_the_one_before() -> None:
    chosen = placed(selection("Rain fell in May. Boats sail."), PageRegion(7, Box(0, 0, 1, 0.5)))
    source = chosen.evidence[0].hit.chunk.origin.source
    place = PageRegion(7, Box(0.1, 0.1, 0.9, 0.4))
    catalog = Listed([Element("e", "text", "paragraph", Origin(source, (place,)), "Rain fell in May. Boats sail.")])
    out = Focus(most=1, catalog=catalog).compress(query("rain in May"), chosen, 100)
    assert out.evidence[0].hit.chunk.origin.places == (place, CharSpan(0, 17))
    assert catalog.asked == [6, 7]


def test_a_span_of_a_file_is_narrowed_only_where_its_characters_are_the_text() -> None:
    text = "Boats sail. Rain fell in May."
    exact = placed(selection(text), CharSpan(100, 100 + len(text)))
    out = Focus(most=1).compress(query("rain in May"), exact, 100)
    assert out.evidence[0].hit.chunk.origin.places == (CharSpan(112, 129),)
    folded = placed(selection(text), CharSpan(100, 180))
    out = Focus(most=1).compress(query("rain in May"), folded, 100)
    assert out.evidence[0].hit.chunk.origin.places == (CharSpan(100, 180),)


class Listed(MemoryCatalog):
    """A catalog of these elements, which remembers the pages that it was asked for."""

    def __init__(self, elements: list[Element]) -> None:
        super().__init__()
        self._listed = elements
        self.asked: list[int | None] = []

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        self.asked.append(page)
        return [one for one in self._listed if page is None or page == 7 == one.origin.places[0].page]  # type: ignore[union-attr]


def test_settings_are_checked() -> None:
    for wrong in (
        lambda: Focus(most=0), lambda: Focus(tokens=0), lambda: Focus(head=-1), lambda: Focus(likeness="x"),
        lambda: Focus(likeness="vectors"),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(ValueError, match="at least 1 token"):
        Focus().compress(ASKED, CHOSEN, 0)


def test_evidence_keeps_number_relevance_and_hit() -> None:
    first = Focus(most=1).compress(ASKED, CHOSEN, 100).evidence[0]
    before: Evidence = CHOSEN.evidence[0]
    assert (first.number, first.relevance, first.hit.score) == (before.number, before.relevance, before.hit.score)
    assert first.hit.chunk.headings == before.hit.chunk.headings
