"""Answers in the words of the sources: sentences and table rows that answer, each cited."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.answer import (
    Answer,
    Checked,
    Citation,
    Claim,
    ClaimStatus,
    Done,
    Event,
    Evidence,
    Evidenced,
    Query,
    Refusal,
    Selection,
    Settings,
    TextPiece,
    Usage,
)
from rag.protocols import Encoder, Lexicon

from .quote_looks import outstanding
from .quote_overview import is_overview, is_pointed, overview
from .quote_scores import Scored, ranked, wanted
from .quote_units import Unit, is_verbatim, units

if TYPE_CHECKING:
    from rag.protocols import Dense

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Quote:
    """An extractive Generator: at most `sentences` pieces, quoted word for word.

    Pieces are scored by the question's words (rare ones count more, by `lexicon`), by cosine (if
    there is an `encoder`), and by the kind of answer asked for. A piece after the first is taken if its
    score is at least `keep` of the best. `Answer.citations` is the truth about what cites what: a
    document may itself contain "[1]".
    """

    sentences: int = 3
    keep: float = 0.85
    encoder: Encoder[Dense] | None = None
    lexicon: Lexicon | None = None

    def __post_init__(self) -> None:
        if self.sentences < 1:
            raise ValueError(f"sentences is at least 1, got {self.sentences}")
        if not 0 <= self.keep <= 1:
            raise ValueError(f"keep is between 0 and 1, got {self.keep}")

    def generate(self, queries: Sequence[Query], selections: Sequence[Selection], settings: Settings) -> list[Answer]:
        """For each query its answer; a refusal where nothing was selected or nothing can be quoted."""
        return [self._answer(query, one, settings) for query, one in zip(queries, selections, strict=True)]

    async def stream(self, query: Query, selection: Selection, settings: Settings) -> AsyncIterator[Event]:
        """The evidence, the text sentence by sentence, the claims, the answer."""
        yield Evidenced(selection)
        answer = await asyncio.to_thread(self._answer, query, selection, settings)
        starts = [citation.start for citation in answer.citations][1:]
        for start, end in zip([0, *starts], [*starts, len(answer.text)], strict=True):
            if end > start:
                yield TextPiece(answer.text[start:end])
        for claim in answer.claims:
            yield Checked(claim)
        yield Done(answer)

    def _answer(self, query: Query, selection: Selection, settings: Settings) -> Answer:
        if not selection.evidence:
            reason = selection.reason or "no evidence was selected"
            return _refused(selection, reason, selection.near_misses)
        evidence = list(_within(_pointed(selection.evidence), settings.token_budget))
        calls = 0
        if looks := outstanding(query.text, evidence, self.lexicon):
            chosen = self._in_turn(looks, settings)
        else:
            asked = wanted(query.text)
            found = [unit for one in evidence for unit in units(one, asked) if _says(unit, asked)]
            if (photos := _shown(evidence)) and not any(unit.evidence in photos for unit in found):
                reason = "a photo may show what is asked for, and no text in it says so"
                return _refused(selection, reason, photos[:3])
            if is_overview(query.text, evidence):
                best = overview(found)
            else:
                best = ranked(query, found, self.lexicon, self.encoder)
                calls = 1 if self.encoder else 0
            chosen = self._chosen(best, settings)
        if not chosen:
            reason = "the evidence holds no text that can be quoted"
            return _refused(selection, reason, selection.evidence[:3])
        read = sum(one.hit.chunk.tokens for one in evidence)
        return _written(chosen, selection, Usage(input_tokens=read, calls=calls))

    def _in_turn(self, looks: Sequence[Unit], settings: Settings) -> list[list[Unit]]:
        """Pieces in their order as far as there is room, those that say the same together."""
        groups: list[list[Unit]] = []
        size = 0
        for unit in looks:
            same = next((group for group in groups if _alike(group[0], unit)), None)
            if same:
                same.append(unit)
                continue
            size += tokens(unit.text) + 3
            if size > settings.max_tokens or _stopped(unit, settings):
                break
            groups.append([unit])
        return groups

    def _chosen(self, best: Sequence[Scored], settings: Settings) -> list[list[Unit]]:
        """Groups of pieces that say the same, best group first, within the settings."""
        groups: list[list[Unit]] = []
        size = 0
        for one in best:
            if groups and one.score < self.keep * best[0].score:
                break
            if groups and one.own < best[0].own / 2:
                continue
            if shared := [group for group in groups if _shares(group[0], one.unit)]:
                more = tokens(one.unit.text) - tokens(shared[0][0].text)
                fits = not _stopped(one.unit, settings) and size + more <= settings.max_tokens
                if fits and len(shared) == 1 and _holds(one.unit, shared[0][0]):
                    shared[0][0], size = one.unit, size + more
                continue
            same = next((group for group in groups if _alike(group[0], one.unit)), None)
            if same:
                if one.unit.evidence.number not in {unit.evidence.number for unit in same}:
                    same.append(one.unit)
                continue
            if len(groups) == self.sentences or _stopped(one.unit, settings):
                continue
            cost = tokens(one.unit.text) + 3
            if size + cost > settings.max_tokens:
                continue
            size += cost
            groups.append([one.unit])
        return _in_order(groups)


def tokens(text: str) -> int:
    """Words and marks of a text: what `max_tokens` counts here."""
    return len(_TOKEN.findall(text))


def _pointed(evidence: Sequence[Evidence]) -> Sequence[Evidence]:
    """What stands at the place that the question names ("on page 3"), where there is such; else everything."""
    return [one for one in evidence if is_pointed(one)] or evidence


def _shown(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The photos that a question is likelier than not to ask for: then other texts are no answer."""
    return tuple(one for one in evidence if one.hit.score_by("photos") >= 0.5)


def _says(unit: Unit, asked: frozenset[str]) -> bool:
    """Whether a piece may answer: of a photo that was found by what it shows, one with a word that is asked for."""
    return "photos" not in unit.evidence.hit.parts or bool(asked & {*unit.stems, *unit.around})


def _within(evidence: Sequence[Evidence], budget: int) -> Iterator[Evidence]:
    """Evidence, best first, while it fits the budget of tokens; the first always."""
    spent = 0
    for one in evidence:
        spent += one.hit.chunk.tokens
        if spent > budget and spent > one.hit.chunk.tokens:
            return
        yield one


def _stopped(unit: Unit, settings: Settings) -> bool:
    """Whether a piece has a text that ends the answer."""
    return any(stop in unit.text for stop in settings.stop if stop)


def _alike(one: Unit, other: Unit) -> bool:
    """Whether two pieces say the same: nearly the same words."""
    mine, theirs = set(one.stems), set(other.stems)
    return len(mine & theirs) >= 0.8 * max(1, min(len(mine), len(theirs))) and (
        len(mine & theirs) >= 0.6 * max(len(mine), len(theirs))
    )


def _shares(one: Unit, other: Unit) -> bool:
    """Whether two pieces have a sentence in common."""
    same = one.evidence.number == other.evidence.number and one.kind == other.kind == "sentence"
    return same and one.start <= other.at and other.start <= one.at


def _holds(one: Unit, other: Unit) -> bool:
    """Whether a piece has all sentences of another, and more."""
    return one.start <= other.start and one.at >= other.at and one.text != other.text


def _in_order(groups: list[list[Unit]]) -> list[list[Unit]]:
    """The best piece first; then those of its chunk in reading order, then those of other chunks."""
    places: dict[int, int] = {}
    for group in groups:
        places.setdefault(group[0].evidence.number, len(places))
    return groups[:1] + sorted(groups[1:], key=lambda group: (places[group[0].evidence.number], group[0].at))


def _written(groups: Sequence[Sequence[Unit]], selection: Selection, usage: Usage) -> Answer:
    """The text with its markers; spans are those of the quoted sentences, markers left out."""
    text = ""
    citations: list[Citation] = []
    claims: list[Claim] = []
    for group in groups:
        text += " " if text else ""
        start = len(text)
        text += group[0].text
        numbers = tuple(sorted({unit.evidence.number for unit in group}))
        citations.append(Citation(start, len(text), numbers))
        status: ClaimStatus = "supported" if is_verbatim(group[0]) else "partial"
        claims.append(Claim(start, len(text), status, numbers))
        text += " " + "".join(f"[{number}]" for number in numbers)
    usage = replace(usage, output_tokens=tokens(text))
    return Answer(text, selection.evidence, tuple(citations), tuple(claims), usage=usage)


def _refused(selection: Selection, reason: str, near: Sequence[Evidence]) -> Answer:
    refusal = Refusal(reason, selection.expected_risk, tuple(near))
    return Answer("", selection.evidence, refusal=refusal)
