"""Ask a corpus its questions: each searched and answered, one record a question."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.answer import Answer, Hit, Query
from rag.document import Chunk
from rag.errors import GenerationError
from rag.filters import Eq
from rag.identity import combined
from rag.markup import parse

from .blocks import GoldBlock
from .boxes import covers
from .correctness import SpanCorrectness, least_of, mean_of
from .documents import Documents, Target
from .questions import Fault, Question
from .records import Covered, Found, Judged, Record, Run, Said, Scope
from .texts import unmarked
from .units import gold_units, hit_units, unit_kind

if TYPE_CHECKING:
    from rag.corpus import Corpus

DEPTH = 30
"""Hits that are asked for: as many as `rag ask` selects its evidence from."""
MOST_ERRORS = 3
"""Failed answers in a row after which the model is taken to be gone."""
Units = Callable[[Chunk], tuple[str, ...]]
Told = Callable[[int, int], None]
"""(done, total)."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A question with the document that its `doc` means."""

    question: Question
    target: Target | None

    @property
    def digest(self) -> str:
        return combined(self.question.digest, self.target.digest if self.target else "")[:32]


def targets(corpus: Corpus) -> Documents:
    """The documents of a corpus, by all their paths."""
    return Documents(
        Target(source.digest, source.uri, one.pages) for one in corpus.documents() for source in one.sources
    )


def placed(corpus: Corpus, questions: Iterable[Question], file: str) -> tuple[list[Placed], list[Fault]]:
    """Each question with its document; a fault for each whose document, or block in it, cannot be told."""
    found: list[Placed] = []
    faults: list[Fault] = []
    documents = targets(corpus)
    for one in questions:
        try:
            placing = Placed(one, documents.find(one.doc) if one.doc else None)
            gold_block(corpus, placing)
            found.append(placing)
        except ValueError as error:
            faults.append(Fault(file, one.line, str(error)))
    return found, faults


def gold_block(corpus: Corpus, one: Placed) -> GoldBlock | None:
    """What the question's `path` selects in the stored page; None where there is no path, or no page.

    ValueError for a path that selects nothing.
    """
    if not one.question.path or one.target is None:
        return None
    try:
        page = parse(corpus.store.assets.kept(one.target.digest).read_bytes())
    except OSError:
        return None
    return GoldBlock(page, one.question.path) if page is not None else None


def marker(corpus: Corpus, one: Placed) -> Units:
    """Names what a chunk covers, as this question counts it."""
    block = gold_block(corpus, one)
    return lambda chunk: hit_units(chunk, one.question, one.target, block)


def notes(given: Iterable[Placed]) -> list[str]:
    """What a reader should know of the gold: pages that cannot exist, answerable questions without a place."""
    told: list[str] = []
    without = 0
    for one in given:
        question, pages = one.question, one.target.pages if one.target else 0
        for page in question.pages:
            if page < 1:
                told.append(f"line {question.line}: page {page} is passed over, as pages count from 1")
            elif pages and page > pages:
                told.append(f"line {question.line}: page {page} is named, {question.doc} has {pages}")
        without += question.answerable and not (one.target and gold_units(question, one.target))
    if without:
        told.append(f"{without} answerable without a gold place: counted as not found, whatever is found")
    return told


def run_questions(
    corpus: Corpus, given: Sequence[Placed], run: Run, told: Told = lambda *_: None
) -> tuple[list[Record], list[Fault]]:
    """The records of the questions in order, those that the run has already taken from there.

    A question whose answer the model failed to give is a fault, and is asked again by the next run;
    GenerationError after three in a row.
    """
    records: list[Record] = []
    faults: list[Fault] = []
    row = 0
    judge = SpanCorrectness(judging(corpus))
    for number, one in enumerate(given):
        told(number, len(given))
        record = run.done(one.question.id, one.digest)
        if record is None:
            try:
                record = asked(corpus, one, run, judge)
            except GenerationError as error:
                row += 1
                if row >= MOST_ERRORS:
                    raise
                faults.append(Fault("no answer", one.question.line, str(error)))
                continue
            run.add(record)
            row = 0
        records.append(record)
    told(len(given), len(given))
    return records, faults


def judging(corpus: Corpus) -> Any:
    """The scorer of spans that the profile names as `[parts.correctness]`; None for words, numbers and names alone."""
    table = corpus.profile.get("parts", {}).get("correctness")
    return None if table is None else corpus.built(table, "parts.correctness")


def asked(corpus: Corpus, one: Placed, run: Run, judge: SpanCorrectness = SpanCorrectness()) -> Record:  # noqa: B008
    """One question, searched in each scope and answered in the first; `judge` scores the spans of the answer."""
    question, target, about = one.question, one.target, run.about
    queries = {scope: query for scope in about.scopes if (query := _query(one, scope)) is not None}
    units = marker(corpus, one)
    found = []
    for scope, query in queries.items():
        started = time.perf_counter()
        hits = corpus.hits([query], about.depth)[0]
        seconds = time.perf_counter() - started
        found.append(Found(scope, tuple(covered(hit, one, units) for hit in hits), round(seconds, 4)))
    said = None
    if about.answers and queries:
        started = time.perf_counter()
        answer = corpus.answers([next(iter(queries.values()))])[0]
        said = _said(answer, units, one, time.perf_counter() - started, judge)
    return Record(
        question.id, one.digest, question.text, question.answerable, question.answers, question.doc, question.kinds,
        unit_kind(question), gold_units(question, target) if target else (), bool(question.boxes), tuple(found), said,
    )  # fmt: skip


def _query(one: Placed, scope: Scope | str) -> Query | None:
    if scope == "corpus":
        return Query((one.question.text,))
    return Query((one.question.text,), where=Eq("source", one.target.uri)) if one.target else None


def covered(hit: Hit, one: Placed, units: Units) -> Covered:
    """A hit by what it covers of a question's gold, and else."""
    chunk, target = hit.chunk, one.target
    within = target is not None and chunk.origin.source.digest == target.digest
    boxed = within and covers(chunk.origin.places, one.question.boxes)
    return Covered(chunk.id, round(hit.score, 6), units(chunk), boxed)


def _said(answer: Answer, units: Units, one: Placed, seconds: float, judge: SpanCorrectness) -> Said:
    cited = {number for citation in answer.citations for number in citation.evidence}
    places = [name for evidence in answer.evidence if evidence.number in cited for name in units(evidence.hit.chunk)]
    refused = answer.refusal is not None
    text = "" if refused else unmarked(answer.text)
    gold = set(gold_units(one.question, one.target) if one.target else ())
    shown = answer.refusal.near_misses if answer.refusal else answer.evidence
    evidence = tuple(
        Judged(
            piece.relevance, not gold.isdisjoint(units(piece.hit.chunk)), piece.hit.chunk.tokens,
            int(piece.hit.chunk.media is not None),
        )
        for piece in shown
    )  # fmt: skip
    (spans,) = judge([answer])
    return Said(
        text, refused, tuple(dict.fromkeys(places)), round(seconds, 4), evidence, mean_of(spans), least_of(spans)
    )  # fmt: skip
