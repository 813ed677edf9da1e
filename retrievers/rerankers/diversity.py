"""Maximal marginal relevance: hits that say something new before hits that repeat.

Carbonell and Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and
Producing Summaries", SIGIR: at each step the hit with the largest
share * relevance - (1 - share) * (likeness to the nearest of those taken).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag.answer import Hit, Query
from rag.overlap import stems
from rag.words import ENGLISH_STOPWORDS

from .ordering import reordered

Likeness = Callable[[int, int], float]


@dataclass(frozen=True, slots=True)
class Diversity:
    """A Reranker; relevance is the hit's score scaled to 0..1 over the list.

    Likeness is that of words (Jaccard, of stems), or the cosine of the corpus' encoder
    (`likeness="vectors"`; it encodes each hit anew). `share` 1 keeps the order, 0 looks at likeness alone.
    """

    share: float = 0.7
    likeness: Literal["words", "vectors"] = "words"
    encoder: Any = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is between 0 and 1, got {self.share}")
        if self.likeness == "vectors" and self.encoder is None:
            raise ValueError("likeness by vectors needs an encoder; this corpus has none that runs here")

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, by what it adds."""
        return [self._spread(found) for _, found in zip(queries, hits, strict=True)]

    def _spread(self, given: Sequence[Hit]) -> list[Hit]:
        hits = sorted(given, key=lambda hit: (-hit.score, hit.chunk.id))
        if not hits:
            return []
        low, high = hits[-1].score, hits[0].score
        relevance = [(hit.score - low) / (high - low) if high > low else 1.0 for hit in hits]
        like = self._likeness(hits)
        nearest = [0.0] * len(hits)
        left = list(range(len(hits)))
        order: list[int] = []
        values: list[float] = []
        while left:
            value, at = max((self.share * relevance[at] - (1 - self.share) * nearest[at], -at) for at in left)
            taken = -at
            order.append(taken)
            values.append(value)
            left.remove(taken)
            for one in left:
                nearest[one] = max(nearest[one], like(taken, one))
        return reordered([hits[at] for at in order], values, "diversity", sort=False)

    def _likeness(self, hits: Sequence[Hit]) -> Likeness:
        if self.likeness == "vectors":
            vectors = self.encoder.encode_chunks([hit.chunk for hit in hits])
            return lambda a, b: max(0.0, float(vectors[a] @ vectors[b]))
        bags = [frozenset(stems(hit.chunk.text)) - ENGLISH_STOPWORDS for hit in hits]
        return lambda a, b: len(bags[a] & bags[b]) / max(1, len(bags[a] | bags[b]))
