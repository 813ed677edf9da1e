"""Several pages and documents among the first hits, where there are several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answer import Hit, Query
from rag.document import PageRegion
from rag.protocols import Retriever


@dataclass(frozen=True)
class Diverse:
    """At most so many hits of a page, and of a document, before the first hits of others.

    The rest moves behind, in its order, and is not dropped: where one document holds everything,
    nothing changes. Hits keep their scores, so the order is no longer that of the scores. A hit
    over several pages counts for its first. None sets no limit; `depth` hits are looked at (k, if
    that is more).
    """

    retriever: Retriever
    per_document: int | None = None
    per_page: int | None = None
    depth: int = 50

    def __post_init__(self) -> None:
        for name, limit in (("per_document", self.per_document), ("per_page", self.per_page)):
            if limit is not None and limit < 1:
                raise ValueError(f"{name} must be at least 1, got {limit}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [self._spread(hits)[:k] for hits in found]

    def _spread(self, hits: Sequence[Hit]) -> list[Hit]:
        seen: Counter[tuple[str, int | None]] = Counter()
        first: list[Hit] = []
        behind: list[Hit] = []
        for hit in hits:
            limited = list(self._limited(hit))
            if all(seen[place] < limit for place, limit in limited):
                seen.update(place for place, _ in limited)
                first.append(hit)
            else:
                behind.append(hit)
        return first + behind

    def _limited(self, hit: Hit) -> Iterator[tuple[tuple[str, int | None], int]]:
        """What the hit takes a place of, with how many there are."""
        digest = hit.chunk.origin.source.digest
        if self.per_document is not None:
            yield (digest, None), self.per_document
        page = next((place.page for place in hit.chunk.origin.places if isinstance(place, PageRegion)), None)
        if self.per_page is not None and page is not None:
            yield (digest, page), self.per_page
