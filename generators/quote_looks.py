"""What text of a look says, where that is asked for ("the red text"): its words alone, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Evidence
from rag.document import PageRegion
from rag.hues import hued
from rag.outstanding import PART, is_narrowed
from rag.overlap import asked, covered, stem, stems, weights
from rag.protocols import Lexicon
from rag.words import ENGLISH_STOPWORDS

from .quote_units import Unit

MOST = 8
"""Parts that are quoted."""
_NEAR = 0.95
_TELLING = 0.3
"""Share of the other words of the question that a part has, from which on they tell which part is asked for."""


def outstanding(question: str, evidence: Sequence[Evidence], lexicon: Lexicon | None) -> list[Unit]:
    """The parts to quote; none where the evidence is no such text.

    Parts that have more of what else the question is about go alone; without such they stand as on their pages.
    """
    narrowed = [one for one in evidence if is_narrowed(one.hit)]
    look = hued(question) if narrowed else None
    if look is None:
        return []
    best = max(one.hit.parts[PART].score for one in narrowed)
    found = [
        Unit(one, line, (line,), "look", at, tuple(stems(line)))
        for one in narrowed
        if one.hit.parts[PART].score >= _NEAR * best
        for at, line in enumerate(one.hit.chunk.text.split("\n"))
    ]
    about = {stem(word) for word in asked(look[1].rest)} - set(map(stem, ENGLISH_STOPWORDS))
    weighed = {word: weight for word, weight in weights(look[1].rest, lexicon).items() if word in about}
    told = [covered(weighed, unit.stems) for unit in found]
    if max(told) >= _TELLING:
        return [unit for unit, share in zip(found, told, strict=True) if share >= max(told) / 2][:MOST]
    return sorted(found, key=_order)[:MOST]


def _order(unit: Unit) -> tuple[str, int, float]:
    """Within a document from top to bottom, as far as places tell."""
    chunk = unit.evidence.hit.chunk
    places = [place for place in chunk.coloured[unit.at].places if isinstance(place, PageRegion)]
    first = (places[0].page, places[0].box.top) if places else (0, 0.0)
    return (chunk.origin.source.digest, *first)
