"""What the feature reranker looks at in one hit: numbers of it, and of it against the best of its list.

Nothing here looks at how a question is worded beyond what it asks for, its content words weighted by rarity, its
numbers and names; and nothing that the making of questions by rule decides: what kind of chunk they are made
from, and whether its heading is their text. What a glossary found shows in the retriever's own score alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from rag import overlap
from rag.answer import Hit
from rag.hues import hued
from rag.identity import findable
from rag.outstanding import PART
from rag.overlap import covered
from rag.protocols import Lexicon
from rag.words import ENGLISH_STOPWORDS, normalised

from .commonness import shares
from .matching import Finder, best_row, best_sentence, finder, neighbours, prepared

VERSION = 2
"""Goes up when a measure is computed otherwise: the fitted weights are then of another thing."""
CHANNELS = ("dense", "lexical", "page")
UNSEEN_COSINE = 0.2
"""The cosine of a hit that the dense channel did not return among its best."""
MOST_READ = 20_000
"""Characters of a chunk that are looked at."""
NAMES = (
    "cosine", "coverage", "full", "mass", "sentence", "signs", "sparse", "dense_rank", "lexical_rank", "dense_lead",
    "lexical_lead", "lexical_mass", "pairs", "rare", "best_cosine", "cosine_coverage", "share", "first", "page_rank",
    "page_share", "pointed", "named", "short",
)  # fmt: skip
"""The order of the weights."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the measures need it: the stems of its content words and how much each tells, 1 in all.

    `weights` are by rarity in the corpus, `shares` by rarity in English.
    """

    weights: Mapping[str, float]
    mass: float
    shares: Mapping[str, float]
    signs: tuple[re.Pattern[str], ...]
    pairs: frozenset[tuple[str, str]]
    rarest: tuple[str, ...]
    finder: Finder
    look: str = ""
    """A question that points at text by its look ("the red text"): what was found by it has the words for it."""
    looks_only: bool = False
    """It asks for nothing else."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The stems of a question that a chunk has: in its text, in its best sentence, and with title and headings.

    `signs` is the share of numbers, codes and names that it has, 1.0 where none is asked for; `words` how long it is.
    """

    text: frozenset[str]
    sentence: frozenset[str]
    whole: frozenset[str]
    pairs: float
    signs: float
    words: int


@dataclass(frozen=True, slots=True)
class Best:
    """The best and the second best score of each channel in a list of hits, and the best of the retriever's own."""

    first: Mapping[str, float]
    second: Mapping[str, float]
    score: float


def asked(text: str, lexicon: Lexicon | None) -> Asked:
    """The question, weighed by the corpus and by English."""
    rare = overlap.rarities(text, lexicon)
    mass = sum(rare.values())
    weights = {word: weight / mass for word, weight in rare.items()}
    pairs = frozenset((a, b) for a, b in pairwise(overlap.stems(overlap.matter(text))) if a in weights and b in weights)
    told = hued(text)
    topic = (
        [one for one in overlap.asked(told[1].rest) if one not in ENGLISH_STOPWORDS] if told else overlap.asked(text)
    )
    about = shares(topic, frozenset(overlap.stems(" ".join(overlap.signs(text)))))
    return Asked(
        weights, mass, about,
        tuple(re.compile(rf"(?<![^\W_]){re.escape(normalised(one))}(?![^\W_])") for one in overlap.signs(text)),
        pairs, tuple(sorted(weights, key=lambda word: (-weights[word], word))[:2]), finder(list(weights)),
        text if told else "", bool(told) and not about,
    )  # fmt: skip


def best_of(hits: Sequence[Hit]) -> Best:
    """What hits are measured against; a hit that no channel ranks high changes nothing of it."""
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for channel in CHANNELS:
        scores = sorted((hit.parts[channel].score for hit in hits if channel in hit.parts), reverse=True)
        first[channel] = scores[0] if scores else 0.0
        second[channel] = scores[1] if len(scores) > 1 else 0.0
    return Best(first, second, max((hit.score for hit in hits), default=0.0))


def seen(question: Asked, hit: Hit) -> Seen:
    """One scan of a hit's text."""
    chunk = hit.chunk
    text = findable(chunk)[:MOST_READ]
    if question.look and PART in hit.parts:
        text = f"{text}\n{question.look}"
    plain, lowered = prepared(text)
    spots = question.finder.spots(lowered)
    here = frozenset(one for *_, found in spots for one in found)
    table = chunk.modality == "table"
    sentence = (best_row if table else best_sentence)(lowered if table else plain, spots, question.weights)
    adjacent = neighbours(lowered, spots) & question.pairs if question.pairs and len(here) > 1 else ()
    heading = "\n".join((chunk.title, *chunk.headings))
    pairs = len(adjacent) / len(question.pairs) if question.pairs else 0.0
    whole = here | question.finder.within(heading)
    return Seen(here, sentence, whole, pairs, _signs(question, f"{heading}\n{text}"), len(text.split()))


def measures(question: Asked, hit: Hit, told: Seen, best: Best) -> list[float]:
    """The measures of one hit in the order of NAMES, each about 0..1; `best` is that of the whole list."""
    weights, parts = question.weights, hit.parts
    scores = {name: hit.score_by(name) for name in CHANNELS}
    ranks = {name: 1 / parts[name].rank if name in parts else 0.0 for name in CHANNELS}
    coverage = covered(weights, told.whole)
    cosine = scores["dense"] if "dense" in parts else UNSEEN_COSINE
    share = max(0.0, hit.score) / best.score if best.score > 0 else 0.0
    return [
        cosine, coverage, float(coverage > 0.99), log(1 + coverage * question.mass) / 4,
        covered(weights, told.sentence), told.signs, 1 / log(2 + told.words),
        ranks["dense"], ranks["lexical"], _lead("dense", scores, best), _lead("lexical", scores, best),
        min(2.0, scores["lexical"] / max(question.mass, 1.0) / 2), told.pairs,
        sum(word in told.text for word in question.rarest) / max(len(question.rarest), 1),
        best.first["dense"], cosine * coverage, share, float(share >= 1.0), ranks["page"],
        scores["page"] / best.first["page"] if best.first["page"] > 0 else 0.0,
        hit.score_by("pointed"), hit.score_by("named"),
        1 / max(1, len(weights)),
    ]  # fmt: skip


def _signs(question: Asked, text: str) -> float:
    if not question.signs:
        return 1.0
    plain = normalised(text)
    return sum(bool(one.search(plain)) for one in question.signs) / len(question.signs)


def _lead(channel: str, scores: Mapping[str, float], best: Best) -> float:
    """By how much the best of a channel is ahead of its second, as a share; 0 for the others."""
    first = best.first[channel]
    return (first - best.second[channel]) / first if first > 0 and scores[channel] >= first else 0.0
