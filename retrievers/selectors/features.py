"""What tells whether a chunk answers a question: numbers of one hit, never of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from rag import overlap
from rag.answer import Hit
from rag.protocols import Lexicon
from rag.sentences import sentences

UNSEEN_COSINE = 0.2
"""The cosine of a hit that the dense channel did not return among its best."""
VERSION = 1
"""Goes up when a feature is computed otherwise: the fitted weights are then of another thing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the features need it: stems and their shares, their mass, and signs to match to the letter."""

    weights: Mapping[str, float]
    mass: float
    signs: tuple[str, ...]

    @property
    def words(self) -> int:
        return len(self.weights)


def asked(question: str, lexicon: Lexicon | None) -> Asked:
    """The question, weighed by the corpus."""
    rare = overlap.rarities(question, lexicon)
    mass = sum(rare.values())
    return Asked({word: weight / mass for word, weight in rare.items()}, mass, tuple(overlap.signs(question)))


def matched(question: Asked, hit: Hit) -> int:
    """How many of the question's words the chunk or its headings hold."""
    there = set(_stems(hit))
    return sum(word in there for word in question.weights)


def features(question: Asked, hit: Hit) -> dict[str, float]:
    """Feature values by name, each about 0..1."""
    chunk = hit.chunk
    every = _stems(hit)
    own = overlap.stems(chunk.text)
    spans = sentences(chunk.text)[:200]
    best = max(
        (overlap.covered(question.weights, overlap.stems(chunk.text[start:end])) for start, end in spans),
        default=0.0,
    )
    cosine = hit.parts["dense"].score if "dense" in hit.parts else UNSEEN_COSINE
    whole = overlap.covered(question.weights, every)
    return {
        "cosine": cosine,
        "coverage": whole,
        "full": float(whole > 0.99),
        "mass": log(1 + whole * question.mass) / 4,
        "sentence": best,
        "signs": overlap.signs_share(question.signs, "\n".join((*chunk.headings, chunk.text))),
        "short": 1 / max(question.words, 1),
        "sparse": 1 / log(2 + len(own)),
    }


def has_dense(hits: Mapping[str, Hit]) -> bool:
    """Whether an encoder took part in finding these."""
    return any("dense" in hit.parts for hit in hits.values())


def _stems(hit: Hit) -> list[str]:
    return overlap.stems("\n".join((hit.chunk.title, *hit.chunk.headings, hit.chunk.text)))
