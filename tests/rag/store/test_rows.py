"""Nouns as rows and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from rag.document import (
    Box,
    CharSpan,
    Chunk,
    Element,
    Head,
    MarkupPath,
    Media,
    Origin,
    Page,
    PageRegion,
    Part,
    Place,
    Source,
)
from rag.serialise import from_plain, to_plain
from rag.store.rows import PartRows, chunk_from, chunk_row, element_from, page_from, part_rows, source_from
from tests.rag import nouns

SOURCE = Source("a.pdf", "application/pdf", "0" * 64, "/a.pdf")
few = settings(max_examples=60, deadline=None)


@few
@given(nouns.chunks)
def test_a_chunk_comes_back_with_its_source_and_labels(chunk: Chunk) -> None:
    row = chunk_row(chunk)
    assert chunk_from(row.body, chunk.origin.source, chunk.labels) == chunk
    assert chunk_from(row.body, SOURCE) == replace(chunk, origin=Origin(SOURCE, chunk.origin.places), labels=())
    assert (row.id, row.modality, row.role) == (chunk.id, chunk.modality, chunk.role)
    assert row.media == (chunk.media.digest if chunk.media else None)
    assert row.views == tuple((view.name, view.digest) for view in chunk.views)


@few
@given(nouns.parts)
def test_a_part_is_taken_apart_and_survives_the_pipe_of_a_worker(part: Part) -> None:
    rows = part_rows(part, [])
    assert [
        element_from(row.body, one.origin.source) for row, one in zip(rows.elements, part.elements, strict=True)
    ] == list(part.elements)
    assert [page_from(body) for _, body in rows.pages] == list(part.pages)
    assert json.loads(rows.warnings) == [to_plain(one) for one in part.warnings]
    assert from_plain(PartRows, json.loads(json.dumps(to_plain(rows)))) == rows


@pytest.mark.parametrize(
    ("places", "first", "last"),
    [
        ((PageRegion(3, Box(0, 0, 1, 1)),), 3, 3),
        ((PageRegion(3, Box(0, 0, 1, 1)), PageRegion(5, Box(0, 0, 1, 1)), PageRegion(4, Box(0, 0, 1, 1))), 3, 5),
        ((MarkupPath("/p"), CharSpan(1, 2)), None, None),
    ],
)
def test_a_row_knows_its_pages(places: tuple[Place, ...], first: int | None, last: int | None) -> None:
    row = chunk_row(Chunk("c", "text", Origin(SOURCE, places)))
    assert (row.first_page, row.last_page) == (first, last)
    element = part_rows(Part(0, Head(), (Element("e", "text", "paragraph", Origin(SOURCE, places)),)), []).elements[0]
    assert element.page == first


def test_a_row_holds_no_path_of_this_machine() -> None:
    media = Media("image/png", "b" * 64, 3)
    chunk = Chunk("c", "text", Origin(SOURCE, (MarkupPath("/p"),)), media=media, labels=(("a", 1),))
    assert "a.pdf" not in chunk_row(chunk).body
    assert "labels" not in chunk_row(chunk).body


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "3", "null", "{}", '{"places":[]}', '{"id":"c","modality":"text","places":[]}',
     '{"id":"c","modality":"smell","places":[{"path":"/p","kind":"MarkupPath"}]}',
     '{"id":"c","modality":"text","places":[{"path":"/p","kind":"MarkupPath"}],"labels":[["a",1]],"x":1}'],
)  # fmt: skip
def test_a_damaged_row_is_no_chunk(body: str) -> None:
    for read in (chunk_from, element_from):
        with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            read(body, SOURCE)


def test_pages_and_sources() -> None:
    page = Page(3, "iii", 595.5, 842.0)
    assert page_from(part_rows(Part(0, Head(), pages=(page,)), []).pages[0][1]) == page
    assert source_from(("a.pdf", "application/pdf", "0" * 64, "/a.pdf")) == SOURCE
