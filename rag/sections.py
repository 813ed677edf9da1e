"""Sections of a document: its chunks by the headings above them, in reading order."""

from __future__ import annotations

from collections.abc import Sequence

from rag.document import Chunk, PageRegion

Key = tuple[str, tuple[str, ...]]
"""(digest of the document, the headings)."""


def section_key(chunk: Chunk) -> Key:
    """The section of a chunk: what stands under the same headings of a document."""
    return chunk.origin.source.digest, chunk.headings


def sections(chunks: Sequence[Chunk]) -> list[list[Chunk]]:
    """The chunks by their sections, each section where its first chunk stands."""
    grouped: dict[Key, list[Chunk]] = {}
    for chunk in chunks:
        grouped.setdefault(section_key(chunk), []).append(chunk)
    return list(grouped.values())


def without_drawn_pages(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The chunks without the pictures of whole pages; a page of which nothing else is known keeps its picture."""
    known = {place for chunk in chunks if chunk.role != "page" for place in _pages(chunk)}
    return [chunk for chunk in chunks if chunk.role != "page" or not known.intersection(_pages(chunk))]


def _pages(chunk: Chunk) -> list[tuple[str, int]]:
    digest = chunk.origin.source.digest
    return [(digest, place.page) for place in chunk.origin.places if isinstance(place, PageRegion)]
