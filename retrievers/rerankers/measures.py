"""What the feature reranker looks at: numbers of one hit, and of it against the best of its list.

Nothing here looks at how a question is worded beyond what it asks for: its content words weighted by
rarity, its numbers and names, and the kind of thing asked for (a number, a figure, a table, code).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag import overlap
from rag.answer import Hit
from rag.identity import findable
from rag.protocols import Lexicon

from ..selectors import features as basic

VERSION = 1
"""Goes up when a measure is computed otherwise: the fitted weights are then of another thing."""
CHANNELS = ("dense", "lexical")
_QUANTITY = re.compile(
    r"\b(?:how (?:many|much|long|large|big|often|far|old)|percent\w*|number of|total|average)\b", re.I
)
_PICTURE = re.compile(
    r"\b(?:figure|fig|plot|diagram|chart|graph|picture|image|photo|screenshot|drawing|icon)s?\b", re.I
)
_TABLE = re.compile(r"\b(?:table|column|row|list)s?\b", re.I)
_CODE = re.compile(r"\b(?:function|command|option|syntax|code|script|parameter|argument|directive|call)s?\b", re.I)
_TIME = re.compile(r"\b(?:when|which year|what year|what date|since)\b", re.I)
_DIGITS = re.compile(r"\d")
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
NAMES = (
    "cosine", "coverage", "mass", "sentence", "signs", "sparse", "dense_rank", "lexical_rank", "dense_lead",
    "lexical_lead", "lexical_mass", "heading", "caption", "pairs", "rare", "best_cosine", "cosine_coverage",
    "quantity", "picture", "table", "code", "time", "is_table", "is_picture",
)  # fmt: skip
"""The order of the weights."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best and the second best score of each channel in a list of hits."""

    first: Mapping[str, float]
    second: Mapping[str, float]


def best_of(hits: Sequence[Hit]) -> Best:
    """What hits are measured against; a hit that no channel ranks high changes nothing of it."""
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for channel in CHANNELS:
        scores = sorted((hit.parts[channel].score for hit in hits if channel in hit.parts), reverse=True)
        first[channel] = scores[0] if scores else 0.0
        second[channel] = scores[1] if len(scores) > 1 else 0.0
    return Best(first, second)


def measured(text: str, lexicon: Lexicon | None, hits: Sequence[Hit], best: Best | None = None) -> list[list[float]]:
    """For each hit its measures in the order of NAMES, each about 0..1; `best` is that of the whole list."""
    question = basic.asked(text, lexicon)
    pairs = _pairs(overlap.stems(overlap.matter(text)), question.weights)
    rarest = sorted(question.weights, key=lambda word: (-question.weights[word], word))[:2]
    wants = [bool(one.search(text)) for one in (_QUANTITY, _PICTURE, _TABLE, _CODE, _TIME)]
    best = best or best_of(hits)
    return [_measures(question, pairs, rarest, wants, best, hit) for hit in hits]


def _measures(
    question: basic.Asked, pairs: Sequence[tuple[str, str]], rarest: Sequence[str], wants: Sequence[bool],
    best: Best, hit: Hit,
) -> list[float]:  # fmt: skip
    chunk = hit.chunk
    text = findable(chunk)[: basic.MOST_READ]
    cut = basic.pieces(hit)
    values = basic.features_of(question, hit, cut)
    there = {word for one in cut for word in one}
    heading = overlap.covered(question.weights, overlap.stems(chunk.headings[-1])) if chunk.headings else 0.0
    caption = overlap.covered(question.weights, overlap.stems(text.partition("\n")[0][:300]))
    adjacent = {pair for one in cut for pair in pairwise(one)} if pairs else set()
    scores = {name: hit.parts[name].score if name in hit.parts else 0.0 for name in CHANNELS}
    ranks = {name: 1 / hit.parts[name].rank if name in hit.parts else 0.0 for name in CHANNELS}
    is_picture = chunk.modality in ("image", "video")
    quantity, picture, table, code, time = wants
    values.update(
        dense_rank=ranks["dense"],
        lexical_rank=ranks["lexical"],
        dense_lead=_lead("dense", scores, best),
        lexical_lead=_lead("lexical", scores, best),
        lexical_mass=min(2.0, scores["lexical"] / max(question.mass, 1.0) / 2),
        heading=heading,
        caption=caption if is_picture or chunk.modality == "table" else 0.0,
        pairs=sum(pair in adjacent for pair in pairs) / len(pairs) if pairs else 0.0,
        rare=sum(word in there for word in rarest) / max(len(rarest), 1),
        best_cosine=best.first["dense"],
        cosine_coverage=values["cosine"] * values["coverage"],
        quantity=float(quantity and bool(_DIGITS.search(text))) - float(quantity),
        picture=float(picture and is_picture),
        table=float(table and chunk.modality == "table"),
        code=float(code and chunk.role == "code"),
        time=float(time and bool(_YEAR.search(text))),
        is_table=float(chunk.modality == "table"),
        is_picture=float(is_picture),
    )
    return [values[name] for name in NAMES]


def _lead(channel: str, scores: Mapping[str, float], best: Best) -> float:
    """By how much the best of a channel is ahead of its second, as a share; 0 for the others."""
    first = best.first[channel]
    return (first - best.second[channel]) / first if first > 0 and scores[channel] >= first else 0.0


def _pairs(stems: Sequence[str], weights: Mapping[str, float]) -> list[tuple[str, str]]:
    """Neighbouring words of the question that both tell something."""
    return [(a, b) for a, b in pairwise(stems) if a in weights and b in weights]
