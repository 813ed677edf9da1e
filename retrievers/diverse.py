"""Several documents among the first hits, where there are several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer import Hit, Query
from rag.protocols import Retriever


@dataclass(frozen=True)
class Diverse:
    """At most `per_document` hits of a document before the first hits of others.

    The rest moves behind, in its order, and is not dropped: where one document holds everything,
    nothing changes. Hits keep their scores, so the order is no longer that of the scores.
    `depth` hits are looked at (k, if that is more).
    """

    retriever: Retriever
    per_document: int = 3
    depth: int = 50

    def __post_init__(self) -> None:
        if self.per_document < 1:
            raise ValueError(f"per_document must be at least 1, got {self.per_document}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [self._spread(hits)[:k] for hits in found]

    def _spread(self, hits: Sequence[Hit]) -> list[Hit]:
        seen: Counter[str] = Counter()
        first: list[Hit] = []
        behind: list[Hit] = []
        for hit in hits:
            document = hit.chunk.origin.source.digest
            seen[document] += 1
            (first if seen[document] <= self.per_document else behind).append(hit)
        return first + behind
