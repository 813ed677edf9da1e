"""Photos among texts: they come first as far as the question seems to ask for what a photo shows.

A photo has no words but those of its caption, so lists that add up several channels bury it under long texts that
share words with the question. Which kind of thing is asked for is told apart first, and the lists are joined by it:
Arguello, Diaz, Callan, Crespo: Sources of Evidence for Vertical Selection, SIGIR 2009 (the scores that each kind's
best hit reaches, by logistic regression), and Robertson: The Probability Ranking Principle in IR, 1977.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp

from rag.answer import Hit, Query, Score
from rag.document import Role
from rag.overlap import rarities
from rag.protocols import Lexicon, Retriever

WORDLESS: frozenset[Role] = frozenset({"photo", "keyframe"})
LEAST = 0.01
"""The chance below which no photo is raised."""


@dataclass(frozen=True)
class Photos:
    """The hits of `retriever`, photos and silent frames raised by the chance that the question asks for one.

    The log-odds of that chance are `bias`, plus `seen` times the best score that one of them has in the channel
    `dense`, less `near` times the best that any other hit has there, less `said` times the best score of another hit
    in `lexical`, as a share of the rarity of the question's words. A photo's score, which knows of no words, is
    replaced as far as that chance goes by its share of the photos' range in `dense`, where that is more; the share is
    of the score that a hit has which is first in all channels. Other hits keep their scores and their order.

    A question that nothing answers has no near text either: that a photo shows what it asks for has the log-odds
    `shows` times its own score above `half`. `Hit.parts["photos"]` tells the product of both chances. What ships was
    fitted by benchmarks/fit_photos.py, for MiniLM's cosines and Argus' BM25.
    """

    retriever: Retriever
    lexicon: Lexicon | None = None
    bias: float = 3.51
    seen: float = 9.41
    near: float = 14.18
    said: float = 8.02
    shows: float = 20.47
    half: float = 0.36
    dense: str = "dense"
    lexical: str = "lexical"
    depth: int = 60

    def __post_init__(self) -> None:
        if min(self.seen, self.near, self.said, self.shows) < 0 or self.depth < 1:
            raise ValueError("seen, near, said and shows must not be negative; depth must be at least 1")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [self._raised(query, hits)[:k] for query, hits in zip(queries, found, strict=True)]

    def signs(self, query: Query, hits: Sequence[Hit]) -> tuple[float, float, float]:
        """What `seen`, `near` and `said` are times of; 0.0 for what no hit has."""
        mass = max(sum(rarities(query.text, self.lexicon).values()), 1.0)
        others = [hit for hit in hits if hit.chunk.role not in WORDLESS]
        return (
            max(_scores((hit for hit in hits if hit.chunk.role in WORDLESS), self.dense), default=0.0),
            max(_scores(others, self.dense), default=0.0),
            max(_scores(others, self.lexical), default=0.0) / mass,
        )

    def chance(self, seen: float, near: float, said: float) -> float:
        """That the question asks for what a photo shows, and not for what is written."""
        return _logistic(self.bias + self.seen * seen - self.near * near - self.said * said)

    def fits(self, score: float) -> float:
        """The chance that a photo with this score in `dense` shows what is asked for, where no text answers."""
        return _logistic(self.shows * (score - self.half))

    def _raised(self, query: Query, hits: list[Hit]) -> list[Hit]:
        photos = [hit for hit in hits if hit.chunk.role in WORDLESS and self.dense in hit.parts]
        if not photos or not query.text:
            return hits
        signs = self.signs(query, hits)
        chance, low, high = self.chance(*signs), min(_scores(hits, self.dense)), signs[0]
        if chance < LEAST:
            return hits
        told, whole = {}, getattr(self.retriever, "whole", 1.0)
        for hit in photos:
            own = hit.parts[self.dense].score
            share = whole * ((own - low) / (high - low) if high > low else 1.0)
            parts = {**hit.parts, "photos": Score(1, round(chance * self.fits(own), 4))}
            told[hit.chunk.id] = replace(hit, score=hit.score + chance * max(0.0, share - hit.score), parts=parts)
        every = (told.get(hit.chunk.id, hit) for hit in hits)
        return sorted(every, key=lambda hit: (-hit.score, hit.chunk.id))


def _scores(hits: Iterable[Hit], channel: str) -> list[float]:
    return [hit.parts[channel].score for hit in hits if channel in hit.parts]


def _logistic(odds: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, odds))))
