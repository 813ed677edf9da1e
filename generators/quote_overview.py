"""Questions that ask for all that stands at a place ("What is on page 3?"): no word of theirs chooses among it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, zip_longest

from rag.answer import Evidence
from rag.document import PageRegion
from rag.naming import words_of
from rag.overlap import asked, stem, stems
from rag.protocols import Named

from .quote_scores import Scored, is_rubble
from .quote_units import Unit

_PLACE = re.compile(
    r"(?:pages?|slides?|(?:sub)*sections?|chapters?|appendix|tables?|figures?|figs?|charts?|parts?|paragraphs?|lines?|"
    r"top|upper|bottom|lower|left|right|middle|cover|first|second|third|last|final|[ivx]{1,5}|[a-z]?(?!(?:1[5-9]|20)\d\d$)[\d.-]+[a-z]?)"
)
_WORDS = frozenset(
    stems(
        "say said tell told describe describes show shown contain summarise summarize summary explain discuss content "
        "contents list give given write written present state mention cover about read display depict illustrate "
        "overview gist main point idea topic information find found stand stands paper report manual document file pdf "
        "book vignette guide article presentation deck reference standard text"
    )
)


def is_overview(question: str, evidence: Sequence[Evidence]) -> bool:
    """Whether a question has no word but its place, its document's name, and the wish to know."""
    if not evidence or not all(map(is_pointed, evidence)):
        return False
    known = _WORDS.union(*(_name(one) for one in evidence))
    return all(stem(word) in known or bool(_PLACE.fullmatch(word)) for word in asked(question))


def overview(found: Sequence[Unit]) -> list[Scored]:
    """The first piece of each chunk in reading order, then the second ones; rows of tables after sentences."""
    chunks: dict[int, list[Unit]] = {}
    ordered = sorted(found, key=lambda one: (_stands(one.evidence), one.evidence.number, one.at))
    whole = [one for one in ordered if not is_rubble(one) and (one.kind != "sentence" or not one.text[:1].islower())]
    for unit in whole or ordered:  # a slide has nothing but a few words a line
        chunks.setdefault(unit.evidence.number, []).append(unit)
    turns = [unit for unit in chain.from_iterable(zip_longest(*chunks.values())) if unit is not None]
    return [Scored(unit, 1.0, 1.0) for unit in sorted(turns, key=lambda unit: unit.kind == "row")]


def is_pointed(one: Evidence) -> bool:
    """Whether evidence stands at the place that the question names."""
    return one.hit.score_by("pointed") >= 0.5


def _name(one: Evidence) -> set[str]:
    source = one.hit.chunk.origin.source
    return words_of(Named(source.digest, one.hit.chunk.title, source.uri))


def _stands(one: Evidence) -> tuple[str, int, float]:
    place = one.hit.chunk.origin.places[0]
    uri = one.hit.chunk.origin.source.uri
    return (uri, place.page, place.box.top) if isinstance(place, PageRegion) else (uri, 0, 0.0)
