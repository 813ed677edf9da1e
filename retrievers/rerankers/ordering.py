"""Hits put in the order of new scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer import Hit, Query, Score
from rag.protocols import Scorer


def reordered(hits: Sequence[Hit], scores: Sequence[float], by: str) -> list[Hit]:
    """A permutation: best first, ties by chunk id. Each hit keeps its channels and gains one named `by`."""
    ranked = sorted(zip(scores, hits, strict=True), key=lambda pair: (-pair[0], pair[1].chunk.id))
    return [
        replace(hit, score=score, by=by, parts={**hit.parts, by: Score(rank, score)})
        for rank, (score, hit) in enumerate(ranked, 1)
    ]


def by_score(scorer: Scorer, queries: Sequence[Query], hits: Sequence[Sequence[Hit]], by: str) -> list[list[Hit]]:
    """Each list in the order of a scorer; nothing is scored where there is nothing."""
    if not any(hits):
        return [[] for _ in queries]
    return [reordered(one, row, by) for one, row in zip(hits, scorer.score(queries, hits), strict=True)]
