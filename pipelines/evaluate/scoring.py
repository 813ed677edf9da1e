"""Records to figures: each measure's value for each question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from . import citing, texts
from .ranking import by_units, success
from .records import SCOPES, Record

Values = dict[str, float]
"""Question id -> value."""
Measures = dict[str, Values]

ANSWERS = "answers"
LABELS = {
    "contains": "contains the gold answer",
    "f1": "token F1",
    "rouge_l": "ROUGE-L",
    "citation_precision": "citation precision",
    "citation_recall": "citation recall",
    "evidence_pieces": "pieces of evidence kept",
    "evidence_tokens": "tokens of evidence kept",
    "evidence_gold": "gold evidence kept",
    "evidence_precision": "precision of evidence",
    "correctness": "correctness of spans",
    "least_correct": "least correct span",
    "refused_answerable": "refused, answerable",
    "refused_unanswerable": "refused, not answerable",
}
COUNTS = frozenset({"evidence_pieces", "evidence_tokens"})
"""Measures that are no share."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures by scope (`corpus`, `document`) and of the answers; a question counts where it has a value."""

    groups: dict[str, Measures] = field(default_factory=dict)
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Evidence kind -> ids."""

    def of_kind(self, kind: str) -> dict[str, Measures]:
        """The same measures over the questions of one kind of evidence."""
        ids = set(self.kinds[kind])
        return {
            group: {name: {id: value for id, value in values.items() if id in ids} for name, values in measures.items()}
            for group, measures in self.groups.items()
        }


def scored(records: Sequence[Record], ks: Sequence[int]) -> Scores:
    """All measures of a run. Retrieval is judged over answerable questions that name a document."""
    groups: dict[str, Measures] = {}
    for scope in SCOPES:
        if found := {one.id: one for one in records if one.answerable and one.hits(scope) is not None}:
            groups[scope] = _found(scope, list(found.values()), ks)
    if any(one.said for one in records):
        groups[ANSWERS] = answered(records)
    kinds: dict[str, list[str]] = {}
    for one in records:
        for kind in one.kinds:
            kinds.setdefault(kind, []).append(one.id)
    return Scores(groups, {kind: tuple(ids) for kind, ids in sorted(kinds.items())})


def _found(scope: str, records: Sequence[Record], ks: Sequence[int]) -> Measures:
    hits = {one.id: [hit.units for hit in one.hits(scope) or ()] for one in records}
    gold = {one.id: one.gold for one in records}
    measures: Measures = {f"page@{k}": {id: success(hits[id], gold[id], k) for id in hits} for k in ks}
    measures.update(by_units(hits, gold, ks))
    if boxed := [one for one in records if one.boxed]:
        for k in ks:
            measures[f"box@{k}"] = {
                one.id: float(any(hit.boxed for hit in (one.hits(scope) or ())[:k])) for one in boxed
            }
    return measures


def answered(records: Iterable[Record]) -> Measures:
    """Measures of the answers; a refusal holds no answer and cites nothing.

    Citation precision is over the answers that were given; all others of answerable questions are over
    those too that were refused.
    """
    measures: Measures = {name: {} for name in LABELS}
    for one in records:
        if one.said is None:
            continue
        said = one.said
        measures["refused_answerable" if one.answerable else "refused_unanswerable"][one.id] = float(said.refused)
        kept = () if said.refused else said.evidence
        measures["evidence_pieces"][one.id] = float(len(kept))
        measures["evidence_tokens"][one.id] = float(sum(piece.tokens for piece in kept))
        if said.correctness is not None:
            measures["correctness"][one.id] = said.correctness
        if said.least_correct is not None:
            measures["least_correct"][one.id] = said.least_correct
        if not one.answerable:
            continue
        if one.gold:
            measures["evidence_gold"][one.id] = float(any(piece.right for piece in kept))
            if kept:
                measures["evidence_precision"][one.id] = sum(piece.right for piece in kept) / len(kept)
        if one.answers:
            measures["contains"][one.id] = texts.contains(said.text, one.answers)
            measures["f1"][one.id] = texts.token_f1(said.text, one.answers)
            measures["rouge_l"][one.id] = texts.rouge_l(said.text, one.answers)
        if one.gold:
            measures["citation_recall"][one.id] = citing.recall(said.cited, one.gold)
            if not said.refused:
                measures["citation_precision"][one.id] = citing.precision(said.cited, one.gold)
    return {name: values for name, values in measures.items() if values}
