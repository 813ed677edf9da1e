"""What stands before and after a hit, for readers that need the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer import Hit, Query
from rag.protocols import Catalog, Retriever


@dataclass(frozen=True)
class Neighbours:
    """Each hit followed by its neighbours in its document's reading order.

    So there are up to k * (1 + before + after) hits a query. A neighbour has the score of its hit
    and is there once, also between two hits; one that is a hit itself stays where it is ranked. A
    filter holds for neighbours too.
    """

    retriever: Retriever
    catalog: Catalog
    before: int = 1
    after: int = 1

    def __post_init__(self) -> None:
        if self.before < 0 or self.after < 0:
            raise ValueError(f"before and after must not be negative, got {self.before} and {self.after}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, and their neighbours."""
        found = self.retriever.retrieve(queries, k)
        return [self._with_neighbours(query, hits) for query, hits in zip(queries, found, strict=True)]

    def _with_neighbours(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        seen = {hit.chunk.id for hit in hits}
        admitted = self.catalog.matching(query.where) if query.where is not None and hits else None
        found: list[Hit] = []
        for hit in hits:
            found.append(hit)
            for chunk in self.catalog.neighbours(hit.chunk.id, self.before, self.after):
                if chunk.id not in seen and (admitted is None or chunk.id in admitted):
                    seen.add(chunk.id)
                    found.append(Hit(chunk, hit.score, "neighbours"))
        return found
