"""Search: a question to hits, and where each stage lost a candidate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag.answer import Hit, Query
from rag.protocols import Retriever


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the best `k` chunks for each query with one retriever."""

    retriever: Retriever
    trace: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, queries: Sequence[Query], k: int = 10) -> list[list[Hit]]:
        """For each query its hits, best first; at most `k`."""
        if k <= 0 or not queries:
            return [[] for _ in queries]
        started = time.perf_counter()
        # The empty question finds nothing, but a filter alone is no question either.
        found = iter(self.retriever.retrieve([one for one in queries if one.parts], k))
        hits = [next(found)[:k] if one.parts else [] for one in queries]
        self.trace["retrieve"] = time.perf_counter() - started
        return hits

    def explain(self, query: Query, k: int = 10) -> list[dict[str, object]]:
        """Each channel's candidates with their ranks, and why those were dropped that were.

        Walks the tree of retrievers: a fused one is asked channel by channel.
        """
        kept = {hit.chunk.id: rank for rank, hit in enumerate(self([query], k)[0], 1)}
        stages: list[dict[str, object]] = []
        for name, retriever in _leaves(self.retriever, "retriever"):
            candidates = retriever.retrieve([replace(query)], max(k, 20))[0]
            listed = [
                {
                    "chunk_id": hit.chunk.id, "rank": rank, "score": round(hit.score, 6),
                    "source": hit.chunk.origin.source.uri, "kept_at": kept.get(hit.chunk.id),
                    "dropped": None if hit.chunk.id in kept else f"behind the best {k} after fusion",
                }
                for rank, hit in enumerate(candidates, 1)
            ]  # fmt: skip
            stages.append({"stage": name, "candidates": listed})
        return stages


def _leaves(retriever: Retriever, name: str) -> list[tuple[str, Retriever]]:
    """The retrievers at the ends of a tree, with the names they have there."""
    many = getattr(retriever, "retrievers", None)
    if many:
        alone = len(many) == 1
        return [leaf for key, one in many.items() for leaf in _leaves(one, name if alone else key)]
    inner = getattr(retriever, "retriever", None)
    return _leaves(inner, name) if inner is not None else [(name, retriever)]
