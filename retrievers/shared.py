"""One store for several kinds of vectors: words of chunks, and summaries of pictures, in one space.

Riedler and Langer, "Beyond Text" (arXiv 2410.21943): summaries and texts in one shared vector store, k = 4 in
all. Here each kind has an index of its own, and their scores are compared as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.answer import Hit, Query, Score
from rag.protocols import Retriever


@dataclass(frozen=True)
class Shared:
    """A Retriever made of named Retrievers whose scores mean the same: those of one encoder over several views.

    A chunk counts with the best of its scores. `Hit.parts` holds each one's own rank and score; hits of a single
    retriever stay as they are.
    """

    retrievers: Mapping[str, Retriever]

    def __post_init__(self) -> None:
        if not self.retrievers:
            raise ValueError("retrievers is a table of one retriever or more")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id."""
        if k <= 0 or not queries:
            return [[] for _ in queries]
        if len(self.retrievers) == 1:
            return next(iter(self.retrievers.values())).retrieve(queries, k)
        lists = {name: one.retrieve(queries, k) for name, one in self.retrievers.items()}
        return [_joined({name: hits[number] for name, hits in lists.items()})[:k] for number in range(len(queries))]


def _joined(lists: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    best: dict[str, Hit] = {}
    parts: dict[str, dict[str, Score]] = {}
    for name, hits in lists.items():
        for rank, hit in enumerate(hits, 1):
            id = hit.chunk.id
            parts.setdefault(id, {})[name] = Score(rank, hit.score)
            if id not in best or hit.score > best[id].score:
                best[id] = hit
    ranked = sorted(best.values(), key=lambda hit: (-hit.score, hit.chunk.id))
    return [replace(hit, by="shared", parts=parts[hit.chunk.id]) for hit in ranked]
