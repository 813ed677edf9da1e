"""What tells whether a chunk answers a question: numbers of one hit, never of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from rag import overlap
from rag.answer import Hit
from rag.identity import findable
from rag.protocols import Lexicon
from rag.sentences import sentences

UNSEEN_COSINE = 0.2
"""The cosine of a hit that the dense channel did not return among its best."""
MOST_READ = 20_000
"""Characters of a chunk that are looked at."""
VERSION = 2
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
    there = set(overlap.stems("\n".join((_above(hit), findable(hit.chunk)))))
    return sum(word in there for word in question.weights)


def features(question: Asked, hit: Hit) -> dict[str, float]:
    """Feature values by name, each about 0..1."""
    return features_of(question, hit, pieces(hit))


def pieces(hit: Hit) -> list[list[str]]:
    """The stems of each sentence of a hit, or of each row."""
    text = findable(hit.chunk)[:MOST_READ]
    return _rows(text) if hit.chunk.modality == "table" else _sentences(text)


def features_of(question: Asked, hit: Hit, cut: Sequence[Sequence[str]]) -> dict[str, float]:
    """`features`, given the pieces of the hit."""
    text = findable(hit.chunk)[:MOST_READ]
    best = max((overlap.covered(question.weights, one) for one in cut), default=0.0)
    there = {word for one in cut for word in one}.union(overlap.stems(_above(hit)))
    whole = overlap.covered(question.weights, there)
    cosine = hit.parts["dense"].score if "dense" in hit.parts else UNSEEN_COSINE
    return {
        "cosine": cosine,
        "coverage": whole,
        "full": float(whole > 0.99),
        "mass": log(1 + whole * question.mass) / 4,
        "sentence": best,
        "signs": overlap.signs_share(question.signs, f"{_above(hit)}\n{text}"),
        "short": 1 / max(question.words, 1),
        "sparse": 1 / log(2 + sum(map(len, cut))),
    }


def _sentences(text: str) -> list[list[str]]:
    """The stems of each sentence."""
    return [overlap.stems(text[start:end]) for start, end in sentences(text)]


def _rows(text: str) -> list[list[str]]:
    """The stems of each row of a table, with those of its caption and header, which say what the row is about."""
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    about = overlap.stems("\n".join([line for line in lines if not line.startswith("|")] + rows[:1]))
    return [[*about, *overlap.stems(row)] for row in rows[1:]] or [about]


def has_dense(hits: Mapping[str, Hit]) -> bool:
    """Whether an encoder took part in finding these."""
    return any("dense" in hit.parts for hit in hits.values())


def _above(hit: Hit) -> str:
    return "\n".join((hit.chunk.title, *hit.chunk.headings))
