"""Diverse, Neighbours, and the join with the catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rag.retrievers.diverse import Diverse
from rag.retrievers.joining import joined
from rag.retrievers.neighbours import Neighbours

from rag.answer import query
from rag.filters import Eq, Filter
from rag.protocols import Scored
from tests.golden.catalogs import MemoryCatalog, document
from tests.retrievers.lists import Listed

LONG = document("long", [f"long {number}" for number in range(8)])
SHORT = document("short", ["short 0", "short 1"])


def test_further_hits_of_a_document_move_behind() -> None:
    listed = Listed([*((chunk, 1.0) for chunk in LONG[:5]), (SHORT[0], 0.5), (LONG[5], 0.4), (SHORT[1], 0.3)])
    spread = Diverse(listed, per_document=2)
    texts = [hit.chunk.text for hit in spread.retrieve([query("x")], 8)[0]]
    assert texts == ["long 0", "long 1", "short 0", "short 1", "long 2", "long 3", "long 4", "long 5"]
    assert [hit.chunk.text for hit in spread.retrieve([query("x")], 3)[0]] == texts[:3]
    assert listed.asked == [50, 50]
    assert [hit.score for hit in spread.retrieve([query("x")], 3)[0]] == [1.0, 1.0, 0.5]


def test_further_hits_of_a_page_move_behind() -> None:
    pages = [chunk.origin.places[0] for chunk in LONG[:3]]
    twice = replace(LONG[1], origin=replace(LONG[1].origin, places=(pages[0],)))
    listed = Listed([(LONG[0], 1.0), (twice, 0.9), (LONG[2], 0.8)])
    texts = [hit.chunk.text for hit in Diverse(listed, per_page=1).retrieve([query("x")], 3)[0]]
    assert texts == ["long 0", "long 2", "long 1"]
    assert Diverse(listed, per_page=2).retrieve([query("x")], 3) == listed.retrieve([query("x")], 3)


def test_one_document_alone_is_as_it_was() -> None:
    listed = Listed([(chunk, 1.0) for chunk in LONG])
    assert Diverse(listed, per_document=1).retrieve([query("x")], 6) == listed.retrieve([query("x")], 6)


def test_neighbours_follow_their_hit_once() -> None:
    catalog = MemoryCatalog([*LONG, *SHORT])
    listed = Listed([(LONG[4], 0.9), (LONG[6], 0.8), (SHORT[0], 0.7)])
    hits = Neighbours(listed, catalog, before=1, after=2).retrieve([query("x")], 3)[0]
    assert [hit.chunk.text for hit in hits] == [
        "long 4", "long 3", "long 5", "long 6", "long 7", "short 0", "short 1",
    ]  # fmt: skip
    assert [hit.by for hit in hits][:3] == ["listed", "neighbours", "neighbours"]
    assert [hit.score for hit in hits][:3] == [0.9, 0.9, 0.9]


def test_a_filter_holds_for_neighbours() -> None:
    listed = Listed([(LONG[4], 0.9)])
    wrapped = Neighbours(listed, MemoryCatalog(LONG), before=2, after=2)
    (hits,) = wrapped.retrieve([query("x", Eq("page", 4))], 1)
    assert [hit.chunk.text for hit in hits] == ["long 4", "long 3"]


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="per_document"):
        Diverse(Listed([]), per_document=0)
    with pytest.raises(ValueError, match="before"):
        Neighbours(Listed([]), MemoryCatalog(), before=-1)


def test_the_join_asks_the_catalog_once_and_the_index_again_only_where_hits_are_short() -> None:
    asked: list[tuple[list[int], int, Filter | None]] = []
    ranked = [(chunk.id, 1.0 - place / 10) for place, chunk in enumerate(LONG)]
    other = [(chunk.id, 1.0) for chunk in SHORT]

    def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
        asked.append((numbers, k, where))
        return [(other if number == 1 else ranked)[:k] for number in numbers]

    catalog = MemoryCatalog([*LONG, *SHORT])
    first, second = joined(search, [query("a"), query("b")], 2, catalog, "x")
    assert ([hit.chunk for hit in first], [hit.chunk for hit in second]) == (LONG[:2], SHORT)
    assert (len(asked), catalog.calls) == (1, 1)
    asked.clear()
    catalog.remove([chunk.id for chunk in LONG[:3]])
    first, second = joined(search, [query("a"), query("b")], 2, catalog, "x")
    assert [hit.chunk for hit in first] == LONG[3:5]
    assert [hit.parts["x"].rank for hit in first] == [1, 2]
    assert [hit.chunk for hit in second] == SHORT
    assert [(numbers, k) for numbers, k, _ in asked] == [([0, 1], 2), ([0], 8)]


def test_the_join_ends_when_everything_is_gone() -> None:
    def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
        return [[(chunk.id, 1.0) for chunk in LONG][:k] for _ in numbers]

    assert joined(search, [query("a")], 3, MemoryCatalog(), "x") == [[]]


def test_the_join_tells_true_from_one() -> None:
    asked: list[object] = []

    def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
        asked.append(where)
        return [[] for _ in numbers]

    wheres = (Eq("label.final", True), Eq("label.final", 1), None, Eq("label.final", True))
    joined(search, [replace(query("x"), where=where) for where in wheres], 3, MemoryCatalog(), "test")
    assert [repr(where) for where in asked] == [repr(where) for where in wheres[:3]]
