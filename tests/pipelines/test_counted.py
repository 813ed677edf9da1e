"""Counting questions are computed from the catalog and cite all places."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rag.pipelines.counted import MOST_MARKERS, Counted

from rag.answer import Answer, query
from rag.document import WHOLE, Box, Chunk, Element, MarkupPath, Origin, PageRegion, Role, Source
from rag.filters import Eq
from rag.identity import digest, identified
from tests.golden.catalogs import MemoryCatalog


def made(name: str, pages: int, *roles: tuple[int, Role]) -> list[Chunk]:
    source = Source(f"{name}.pdf", "application/pdf", digest(name))
    things = [
        Chunk("", "text", Origin(source, (PageRegion(page, Box(0, at / 100, 1, 1)),)), str(at), role, name.title())
        for at, (page, role) in enumerate(roles)
    ]
    pictures = [
        Chunk("", "image", Origin(source, (PageRegion(page, WHOLE),)), role="page", title=name.title())
        for page in range(1, pages + 1)
    ]
    return list(identified([*things, *pictures]))


STATION = made("station", 4, (1, "paragraph"), (2, "table"), (2, "table"), (3, "figure"), (4, "table"))
WEATHER = made("weather", 2, (1, "table"))
CATALOG = MemoryCatalog([*STATION, *WEATHER])


def asked(question: str, catalog: MemoryCatalog = CATALOG, source: str = "") -> Answer | None:
    return Counted(catalog).compute([query(question, Eq("source", source) if source else None)])[0]


@pytest.mark.parametrize(
    ("question", "text", "places"),
    [
        ("How many tables are there?", "There are 4 tables in 2 documents: Station 3, Weather 1.", 4),
        ("How many tables are in the station report?", "Station has 3 tables, on pages 2, 4.", 3),
        ("How many pages of the station report contain tables?", "Station has 2 pages with tables, on pages 2, 4.", 3),
        ("How many tables are on page 2 of the station report?", "Station has 2 tables on page 2.", 2),
        ("How many pages does Station.pdf have?", "Station has 4 pages.", 4),
        ("How many pictures are in the weather report?", "Weather has 0 figures and pictures.", 0),
        ("How many documents are there?", "There are 2 documents.", 0),
    ],
)
def test_answers(question: str, text: str, places: int) -> None:
    answer = asked(question)
    assert answer is not None
    assert answer.text.startswith(text)
    assert [claim.status for claim in answer.claims] == ["computed"]
    assert len(answer.evidence) == places
    assert answer.claims[0].support == tuple(range(1, places + 1))
    assert [citation.evidence for citation in answer.citations] == ([answer.claims[0].support] if places else [])


class Labelled(MemoryCatalog):
    """A catalog whose elements are labelled with their texts."""

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        return [replace(one, label=one.text) for one in super().elements(digest, page)]


def test_those_with_a_label_of_their_own_are_told_from_what_merely_stands_in_columns() -> None:
    texts = iter(["Table 1", "Table 2", "", "Table 2"])
    tables = [replace(one, text=next(texts)) for one in made("paper", 1, *[(1, "table")] * 4)[:4]]
    answer = asked("How many tables are there?", Labelled(tables))
    assert answer is not None
    assert answer.text.startswith("Paper has 4 tables, 3 of them numbered, on page 1.")


def test_pages_from_the_end() -> None:
    answer = asked("How many tables are on the last page?")
    assert answer is not None
    assert answer.text.startswith("There is 1 table on the last page in 2 documents: Station 1, Weather 0.")
    assert [one.hit.chunk.origin.places for one in answer.evidence] == [STATION[4].origin.places]


def test_a_filter_narrows() -> None:
    answer = asked("How many tables are there?", source="weather.pdf")
    assert answer is not None
    assert answer.text.startswith("Weather has 1 table, on page 1.")


def test_what_stands_on_no_page_is_no_evidence_for_a_count_of_pages() -> None:
    source = Source("rain.html", "text/html", digest("rain"))
    (web,) = identified([Chunk("", "table", Origin(source, (MarkupPath("/html/body/table"),)), "1", "table", "Rain")])
    catalog = MemoryCatalog([*WEATHER, web])
    for question, text, count in (
        ("How many pages contain tables?", "There is 1 page with tables in 2 documents: Weather 1, Rain 0. [1]", 1),
        ("How many tables are there?", "There are 2 tables in 2 documents: Weather 1, Rain 1. [1][2]", 2),
    ):
        answer = asked(question, catalog)
        assert answer is not None
        assert (answer.text, len(answer.evidence)) == (text, count)


@pytest.mark.parametrize(
    "question", ["How many tables show rain?", "How much rain fell?", "How many charts are there?"]
)
def test_what_is_left_to_others(question: str) -> None:
    assert asked(question) is None


def test_a_table_in_pieces_counts_once() -> None:
    table = STATION[1]
    pieces = list(identified(replace(table, id="", text=f"piece {at}", parent="e1") for at in range(3)))
    elements = MemoryCatalog([*pieces])
    elements.elements = lambda digest: MemoryCatalog([pieces[0]]).elements(digest)  # type: ignore[method-assign]
    answer = asked("How many tables are there?", elements)
    assert answer is not None
    assert answer.text.startswith("Station has 1 table, on page 2.")
    assert len(answer.evidence) == 1


def test_many_places_are_all_cited_and_few_written() -> None:
    many = MemoryCatalog(made("long", 40, *((page, "table") for page in range(1, 41))))
    answer = asked("How many tables are there?", many)
    assert answer is not None
    assert len(answer.citations[0].evidence) == 40
    assert answer.text.endswith(f"[{MOST_MARKERS}] and {40 - MOST_MARKERS} more")
    assert "on pages 1-40." in answer.text
