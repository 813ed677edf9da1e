"""Sections by headings, and pages that need not be drawn."""

from __future__ import annotations

from dataclasses import replace

from rag.document import WHOLE, Chunk, Origin, PageRegion
from rag.sections import section_key, sections, without_drawn_pages
from tests.golden.catalogs import document


def test_chunks_under_the_same_headings_are_a_section() -> None:
    made = [replace(one, headings=tuple(one.text.split(">"))) for one in document("d", ["a>b", "a", "a>b", "c"])]
    assert [[one.headings for one in found] for found in sections(made)] == [
        [("a", "b"), ("a", "b")],
        [("a",)],
        [("c",)],
    ]
    assert sections([]) == []
    other = replace(document("e", ["a"])[0], headings=("a",))
    assert section_key(other) != section_key(made[1])


def test_a_page_stays_where_nothing_else_is_known_of_it() -> None:
    texts = document("d", ["one", "two"])
    source = texts[0].origin.source
    pages = [Chunk(str(n), "image", Origin(source, (PageRegion(n, WHOLE),)), role="page") for n in (1, 2, 3)]
    assert without_drawn_pages([*texts, *pages]) == [*texts, pages[2]]
    assert without_drawn_pages(pages) == pages
