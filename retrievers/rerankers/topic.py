"""Whether a list of hits speaks of what its question is about: numbers of the whole list.

A question about something else finds hits too: some share a common word with it, some lie nearest among what is
far away. What tells it apart: no passage holds its rare words together, none lies near, and the channels find
different ones. Words that only say where to look ("in the figure") are no topic, so a question that has no others
is about anything; what stands at a place that a question points at needs none of its words, and what a glossary found
for it needs few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer import Hit
from rag.outstanding import PART
from rag.overlap import covered

from .measures import Asked, Seen

DEPTH = 20
"""Best hits that are looked at: one behind them moves nothing."""
GLOSSED = 0.5
"""What a hit of a glossary is worth in the place of the words of the question; set, not fitted."""
LOOKED = 0.9
"""The chance that text of the look that is asked for, and of nothing else, is what is meant; set, not fitted."""
RAREST = 3
"""Words of a question that are looked for together."""
NAMES = (
    "near",
    "sentence_of",
    "chunk_of",
    "rarest_of",
    "pairs_of",
    "agree",
    "common",
    "drop",
    "pointed_at",
    "no_topic",
)
"""The order of the weights; none is the name of a measure of a hit."""


def topic(question: Asked, hits: Sequence[Hit], seen: Sequence[Seen]) -> list[float]:
    """The measures of a list in the order of NAMES; hits of equal score by their id."""
    order = sorted(range(len(hits)), key=lambda at: (-hits[at].score, hits[at].chunk.id))[:DEPTH]
    hits, seen = [hits[at] for at in order], [seen[at] for at in order]
    told = question.shares
    rarest = sorted(told, key=lambda word: (-told[word], word))[:RAREST]
    lexical = sorted((hit.parts["lexical"].score for hit in hits if "lexical" in hit.parts), reverse=True)
    glossed = GLOSSED if any("glossary" in hit.parts for hit in hits) else 0.0
    instead = max(_part(hits, "pointed"), glossed) if told else 1.0
    return [
        _part(hits, "dense"),
        max(instead, _most(told, [one.sentence for one in seen])),
        max(instead, _most(told, [one.whole for one in seen])),
        max(instead, _most(dict.fromkeys(rarest, 1 / max(1, len(rarest))), [one.whole for one in seen])),
        max((one.pairs for one in seen), default=0.0),
        max((_rank(hit, "dense") for hit in hits if _rank(hit, "lexical") == 1), default=0.0),
        sum(_rank(hit, "dense") >= 0.1 and _rank(hit, "lexical") >= 0.1 for hit in hits) / 10,
        (lexical[0] - lexical[min(9, len(lexical) - 1)]) / lexical[0] if lexical and lexical[0] > 0 else 0.0,
        _part(hits, "pointed"), float(not told),
    ]  # fmt: skip


def looked(question: Asked, hits: Sequence[Hit]) -> float:
    """The least chance of a list that was asked for by a look alone, and has such text."""
    return LOOKED * _part(hits, PART) if question.looks_only else 0.0


def _most(shares: Mapping[str, float], every: Sequence[frozenset[str]]) -> float:
    return max((covered(shares, one) for one in every), default=0.0)


def _part(hits: Sequence[Hit], name: str) -> float:
    return max((hit.parts[name].score for hit in hits if name in hit.parts), default=0.0)


def _rank(hit: Hit, channel: str) -> float:
    return 1 / hit.parts[channel].rank if channel in hit.parts else 0.0
