"""A hit counts with its page: what the page as a whole says, added to what the passage says.

Callan 1994, "Passage-Level Evidence in Document Retrieval", SIGIR: the score of a passage and that of
the document around it, added with weights. Here the document is the page, scored by BM25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag import words
from rag.answer import Hit, Query, Score
from rag.document import PageRegion
from rag.filters import Filter
from rag.protocols import Catalog, Retriever, Scored

from .joining import joined

Pages = dict[tuple[str, int], Score]
"""(digest of the document, page) to the rank and score of the page."""


class TextIndex(Protocol):
    """Finds the ids of pages' pictures by the words of the pages."""

    def search(self, queries: Sequence[Sequence[str]], k: int, where: Filter | None = None) -> Scored: ...


@dataclass(frozen=True)
class Paged:
    """The hits of `retriever`, those on pages in the order of their own score plus `weight` times their page's.

    Both are scaled by the best of their list. Hits on pages change places, and scores, among themselves: a
    hit without a page of words around it (a block of a web page, a scene of a video, a photo) keeps its rank,
    since it has no second score to show. `depth` hits and the `pages` best pages by `index` are looked at; a
    page that is not among them adds nothing.
    """

    retriever: Retriever
    index: TextIndex
    catalog: Catalog
    weight: float = 1.0
    depth: int = 60
    pages: int = 60

    def __post_init__(self) -> None:
        if self.weight < 0 or self.depth < 1 or self.pages < 1:
            raise ValueError("weight must not be negative; depth and pages must be at least 1")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [self._joined(hits, pages)[:k] for hits, pages in zip(found, self._pages(queries), strict=True)]

    def _pages(self, queries: Sequence[Query]) -> list[Pages]:
        terms = [words.content_words(query.text) for query in queries]

        def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
            return self.index.search([terms[number] for number in numbers], k, where)

        found = joined(search, queries, self.pages, self.catalog, "page")
        return [{place: hit.parts["page"] for hit in hits for place in _places(hit)} for hits in found]

    def _joined(self, hits: list[Hit], pages: Pages) -> list[Hit]:
        slots = [slot for slot, hit in enumerate(hits) if _places(hit)]
        if not slots or not pages:
            return hits
        top = max(hits[slot].score for slot in slots)
        best = max(page.score for page in pages.values())

        def counted(hit: Hit) -> float:
            page = _page(hit, pages)
            return (hit.score / top if top > 0 else 0.0) + (self.weight * page.score / best if page else 0.0)

        ordered = sorted((hits[slot] for slot in slots), key=lambda hit: (-counted(hit), hit.chunk.id))
        joined = list(hits)
        for slot, hit in zip(slots, ordered, strict=True):
            page = _page(hit, pages)
            parts = {**hit.parts, "page": page} if page else hit.parts
            joined[slot] = replace(hit, score=hits[slot].score, parts=parts)
        return joined


def _page(hit: Hit, pages: Pages) -> Score | None:
    """The best of a hit's pages."""
    return max((pages[place] for place in _places(hit) if place in pages), key=lambda one: one.score, default=None)


def _places(hit: Hit) -> list[tuple[str, int]]:
    """The pages around a hit; a photo is all of its own, which knows no more words than the photo."""
    if hit.chunk.role == "photo":
        return []
    digest = hit.chunk.origin.source.digest
    return [(digest, place.page) for place in hit.chunk.origin.places if isinstance(place, PageRegion)]
