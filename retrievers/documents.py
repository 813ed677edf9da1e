"""Documents first: all chunks of those that a retriever of documents finds.

The first stage of IDentIfy (Lee et al. 2024, "Unified Multi-Modal Interleaved Document Representation for
Information Retrieval", arXiv 2410.02729): documents are found by one vector each, and a reranker then looks
for the section that answers among all sections of the best ones (`rerankers/sections` behind `reranked`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer import Hit, Query, Score
from rag.document import Chunk
from rag.filters import And, Eq
from rag.protocols import Catalog, Retriever


@dataclass(frozen=True)
class Documents:
    """The chunks of the `top` best documents in reading order, each with the score of its document.

    `retriever` finds documents by a chunk of theirs each, such as `retrievers/dense` over
    `encoders/interleaved`; at most `reach` chunks on either side of it are taken. A filter holds for the
    chunks: a document counts where one of them is admitted, whichever chunk it was found by.
    """

    retriever: Retriever
    catalog: Catalog
    top: int = 25
    reach: int = 2000

    def __post_init__(self) -> None:
        if self.top < 1 or self.reach < 0:
            raise ValueError(f"top must be at least 1 and reach at least 0, got {self.top} and {self.reach}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """At most k hits a query, the best document's first."""
        made: list[list[Hit]] = [[] for _ in queries]
        waiting, asked = list(range(len(queries))) if k > 0 else [], self.top
        while waiting:
            found = self.retriever.retrieve([replace(queries[one], where=None) for one in waiting], asked)
            short = []
            for number, hits in zip(waiting, found, strict=True):
                opened = self._opened(queries[number], hits)
                made[number] = [hit for one in opened[: self.top] for hit in one][:k]
                if len(opened) < self.top and len(hits) >= asked:
                    short.append(number)
            waiting, asked = short, asked * 4
        return made

    def _opened(self, query: Query, found: Sequence[Hit]) -> list[list[Hit]]:
        """The admitted chunks of each document, best document first."""
        admitted = None if query.where is None else self.catalog.matching(query.where)
        best: dict[str, Hit] = {}
        for hit in sorted(found, key=lambda hit: (-hit.score, hit.chunk.id)):
            best.setdefault(hit.chunk.origin.source.digest, hit)
        opened = []
        for rank, hit in enumerate(best.values(), 1):
            told = {**hit.parts, "documents": Score(rank, hit.score)}
            chunks = [one for one in self._chunks(hit.chunk) if admitted is None or one.id in admitted]
            if chunks:
                opened.append([Hit(one, hit.score, "documents", told) for one in chunks])
        return opened

    def _chunks(self, chunk: Chunk) -> list[Chunk]:
        """The chunks of its document in reading order; pages' pictures where it is one itself."""
        around = self.catalog.neighbours(chunk.id, self.reach, 0)
        behind = self.catalog.neighbours(chunk.id, 0, self.reach)
        if chunk.role != "page":
            return [*around, chunk, *behind]
        where = And((Eq("source", chunk.origin.source.uri), Eq("role", "page")))
        pages = self.catalog.chunks(sorted(self.catalog.matching(where))).values()
        mine = [one for one in pages if one.origin.source.digest == chunk.origin.source.digest]
        return [*around, *sorted(mine, key=lambda one: one.origin.places[0].page), *behind]  # type: ignore[union-attr]
