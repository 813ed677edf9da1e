"""The first k hits as they come, pages and pictures without a word among them.

For models that judge their evidence by looking at it: the fixed top k of VisRAG (Yu et al., ICLR 2025,
arXiv 2410.10594; k of 1 to 3 there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer import Evidence, Hit, Query, Selection
from rag.protocols import Candidate

from ..cutoffs import up_to_k


@dataclass(frozen=True, slots=True)
class Top:
    """A Selector that calibrates nothing: at most `k` hits, best first, none whose score is below `least`.

    `relevance` is the hit's score held within 0..1, no probability. Whether the evidence holds an
    answer is left to the generator, so the risk is not estimated.
    """

    k: int = 3
    least: float = 0.0
    near_misses: int = 3

    def __post_init__(self) -> None:
        if self.k < 0 or self.near_misses < 0:
            raise ValueError(f"k and near_misses are at least 0, got {self.k} and {self.near_misses}")
        if not 0 <= self.least <= 1:
            raise ValueError(f"least is a score from 0 to 1, got {self.least}")

    def select(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Selection]:
        """For each query what to rest the answer on, best first, or why there is nothing."""
        return [self._select(found) for _, found in zip(queries, hits, strict=True)]

    def _select(self, hits: Sequence[Hit]) -> Selection:
        usable = {hit.chunk.id: hit for hit in hits if hit.chunk.text.strip() or hit.chunk.modality == "image"}
        # By score, not as given: `retrievers/diverse` moves hits of a page already seen behind.
        ranked = sorted(usable.values(), key=lambda hit: (-hit.score, hit.chunk.id))
        numbered = [Evidence(number, hit, _within(hit.score)) for number, hit in enumerate(ranked, 1)]
        candidates = [Candidate(one.relevance, one.hit.chunk.tokens) for one in numbered]
        if count := up_to_k(self.k, self.least)(candidates):
            return Selection(tuple(numbered[:count]))
        if not numbered:
            reason = "nothing in the corpus fits the question"
        elif self.k == 0:
            reason = "no evidence is asked for (k = 0)"
        else:
            reason = (
                f"nothing in the corpus fits: the best score is {numbered[0].relevance:.2f}, below {self.least:.2f}"
            )
        return Selection(near_misses=tuple(numbered[: self.near_misses]), reason=reason)


def _within(score: float) -> float:
    return min(1.0, max(0.0, score))
