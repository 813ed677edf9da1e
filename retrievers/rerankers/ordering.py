"""Hits put in the order of new scores, and a retriever whose hits are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer import Hit, Query, Score
from rag.protocols import Reranker, Retriever, Scorer


def reordered(hits: Sequence[Hit], scores: Sequence[float], by: str, *, sort: bool = True) -> list[Hit]:
    """A permutation: best first, ties by chunk id; as given where `sort` is false.

    Each hit keeps its channels and gains one named `by`.
    """
    ranked = list(zip(scores, hits, strict=True))
    if sort:
        ranked.sort(key=lambda pair: (-pair[0], pair[1].chunk.id))
    return [
        replace(hit, score=score, by=by, parts={**hit.parts, by: Score(rank, score)})
        for rank, (score, hit) in enumerate(ranked, 1)
    ]


def by_score(scorer: Scorer, queries: Sequence[Query], hits: Sequence[Sequence[Hit]], by: str) -> list[list[Hit]]:
    """Each list in the order of a scorer; nothing is scored where there is nothing."""
    if not any(hits):
        return [[] for _ in queries]
    return [reordered(one, row, by) for one, row in zip(hits, scorer.score(queries, hits), strict=True)]


@dataclass(frozen=True, slots=True)
class Reranked:
    """A Retriever: the `depth` best of another (k, if that is more) in the order of a reranker."""

    retriever: Retriever
    reranker: Reranker
    depth: int = 50

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"depth is at least 1, got {self.depth}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first."""
        if k <= 0 or not queries:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [hits[:k] for hits in self.reranker.rerank(queries, found)]
