"""Snippets vote for what they are of: a document, or a page, is as good as the sum of its snippets.

Snippet voting as used to identify pieces of music (Balke et al.; Carvalho and Widmer 2023, "Passage
Summarization with Recurrent Models for Audio-Sheet Music Retrieval", and luisfvc/ucasr): each snippet of the
list counts for its parent, and parents are ranked by the count or by the sum of scores.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.answer import Hit, Query
from rag.document import Chunk, PageRegion

from .ordering import reordered


@dataclass(frozen=True, slots=True)
class Votes:
    """A Reranker: hits in the order of their parent's votes, those of one parent in the order of their own score.

    The best `depth` hits vote, one each (`count="number"`) or with their score above that of the last voter
    (`count="sum"`). `parent` is the document, the page of it, or the element that chunks are parts of.
    """

    parent: Literal["document", "page", "element"] = "document"
    count: Literal["number", "sum"] = "sum"
    depth: int = 20

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"depth is at least 1, got {self.depth}")

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best parents first."""
        return [self._voted(found) for _, found in zip(queries, hits, strict=True)]

    def _voted(self, hits: Sequence[Hit]) -> list[Hit]:
        voters = sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[: self.depth]
        low = voters[-1].score if voters else 0.0
        votes: dict[Hashable, float] = {}
        for hit in voters:
            parent = self._of(hit.chunk)
            votes[parent] = votes.get(parent, 0.0) + (1.0 if self.count == "number" else hit.score - low)
        own = {hit.chunk.id: hit.score for hit in hits}
        values = [votes.get(self._of(hit.chunk), -1.0) for hit in hits]
        order = sorted(
            zip(values, hits, strict=True),
            key=lambda one: (-one[0], str(self._of(one[1].chunk)), -own[one[1].chunk.id], one[1].chunk.id),
        )
        return reordered([hit for _, hit in order], [value for value, _ in order], "votes", sort=False)

    def _of(self, chunk: Chunk) -> Hashable:
        digest = chunk.origin.source.digest
        if self.parent == "element":
            return digest, chunk.parent or chunk.id
        if self.parent == "page":
            return digest, next(
                (place.page for place in chunk.origin.places if isinstance(place, PageRegion)), chunk.id
            )
        return digest
