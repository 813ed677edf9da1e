"""Nouns as rows: what a part of a document looks like in the catalog."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.document import Chunk, Element, Labels, Origin, Page, PageRegion, Part, Place, Source
from rag.serialise import completed, dumps, from_plain, to_plain


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk without its source and labels, which the document's rows hold."""

    id: str
    modality: str
    role: str
    first_page: int | None
    last_page: int | None
    media: str | None
    body: str
    views: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ElementRow:
    id: str
    role: str
    page: int | None
    media: str | None
    body: str


@dataclass(frozen=True, slots=True)
class PartRows:
    """What one journalled step adds to a document: one part, and the chunks that came with it."""

    number: int
    head: str
    warnings: str
    pages: tuple[tuple[int, str], ...]
    elements: tuple[ElementRow, ...]
    chunks: tuple[ChunkRow, ...]


def part_rows(part: Part, chunks: Sequence[Chunk]) -> PartRows:
    """The rows of a part and of the chunks cut since the part before."""
    return PartRows(
        number=part.number,
        head=dumps(part.head),
        warnings=dumps(part.warnings),
        pages=tuple((page.number, dumps(page)) for page in part.pages),
        elements=tuple(_element_row(element) for element in part.elements),
        chunks=tuple(chunk_row(chunk) for chunk in chunks),
    )


def _element_row(element: Element) -> ElementRow:
    plain = to_plain(element)
    plain["places"] = plain.pop("origin")["places"]
    pages = _pages(element.origin.places)
    media = element.media.digest if element.media else None
    return ElementRow(element.id, element.role, pages[0], media, _json(plain))


def chunk_row(chunk: Chunk) -> ChunkRow:
    """A chunk's row; `chunk_from` turns it back."""
    plain = to_plain(replace(chunk, labels=()))
    plain["places"] = plain.pop("origin")["places"]
    first, last = _pages(chunk.origin.places)
    media = chunk.media.digest if chunk.media else None
    views = tuple((view.name, view.digest) for view in chunk.views)
    return ChunkRow(chunk.id, chunk.modality, chunk.role, first, last, media, _json(plain), views)


def _pages(places: Sequence[Place]) -> tuple[int | None, int | None]:
    pages = [place.page for place in places if isinstance(place, PageRegion)]
    return (min(pages), max(pages)) if pages else (None, None)


def chunk_from(body: str, source: Source, labels: Labels = ()) -> Chunk:
    """The chunk of a row, with its document's source and labels."""
    plain = json.loads(body)
    origin = Origin(source, from_plain(_PLACES, plain.pop("places")))
    return completed(Chunk, plain, origin=origin, labels=labels)


def element_from(body: str, source: Source) -> Element:
    """The element of a row."""
    plain = json.loads(body)
    return completed(Element, plain, origin=Origin(source, from_plain(_PLACES, plain.pop("places"))))


_PLACES: Any = tuple[Place, ...]


def add_views(connection: sqlite3.Connection, views: Sequence[tuple[str, str, str]]) -> None:
    """(chunk id, name, digest) of views of live chunks that are made after their document; those there are stay."""
    connection.executemany(
        "INSERT INTO views (chunk, name, digest) SELECT c.row, ?2, ?3 FROM chunks c JOIN documents d ON "
        "d.row = c.document AND d.state = 'live' WHERE c.id = ?1 AND NOT EXISTS "
        "(SELECT 1 FROM views w WHERE w.chunk = c.row AND w.name = ?2 AND w.digest = ?3)",
        views,
    )


def page_from(body: str) -> Page:
    """The page of a row."""
    return from_plain(Page, json.loads(body))


def source_from(row: sqlite3.Row | tuple[Any, ...]) -> Source:
    """The source of a (uri, media_type, digest, path) row."""
    uri, media_type, digest, path = row
    return Source(uri, media_type, digest, path)


def _json(plain: object) -> str:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
