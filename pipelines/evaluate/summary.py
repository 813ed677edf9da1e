"""Figures with intervals: of a run as a whole, and of each kind of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .intervals import Estimate, Paired, estimate, paired
from .records import Record
from .scoring import Scores, scored
from .trust import Trust, trusted

Estimates = dict[str, dict[str, Estimate]]
"""Group (`corpus`, `document`, `answers`) -> measure -> estimate."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the table, the JSON and the page show of a run."""

    questions: int
    answerable: int
    unanswerable: int
    units: tuple[str, ...]
    ks: tuple[int, ...]
    whole: Estimates
    kinds: dict[str, tuple[int, Estimates]]
    """Kind -> number of questions and their figures."""
    seconds: dict[str, float]
    """Median seconds of a search in each scope, and of an answer."""
    trust: Trust | None = None
    """How far the relevance of evidence can be believed; None where no answer shows any."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, measure by measure, over the questions that both asked with the same gold."""

    questions: int
    left_out: int
    groups: dict[str, dict[str, Paired]]


def summarised(records: Sequence[Record], ks: Sequence[int]) -> Summary:
    """The figures of a run."""
    scores = scored(records, ks)
    return Summary(
        len(records),
        sum(one.answerable for one in records),
        sum(not one.answerable for one in records),
        tuple(sorted({one.unit for one in records if one.unit})),
        tuple(ks),
        _estimates(scores.groups),
        {kind: (len(ids), _estimates(scores.of_kind(kind))) for kind, ids in scores.kinds.items()},
        _seconds(records),
        trusted(records),
    )


def compared(a: Sequence[Record], b: Sequence[Record], ks: Sequence[int]) -> Comparison:
    """Run B against run A; ValueError where they share no question, or no measure of one."""
    other = {one.id: one for one in b}
    ids = {one.id for one in a if one.id in other and other[one.id].digest == one.digest}
    if not ids:
        raise ValueError("the two runs have no question in common (same id, text, gold and document)")
    kept = [scored([one for one in run if one.id in ids], ks) for run in (a, b)]
    return Comparison(len(ids), len({one.id for one in a} | set(other)) - len(ids), differences(*kept))


def differences(a: Scores, b: Scores) -> dict[str, dict[str, Paired]]:
    """Each measure that both have on some question, paired."""
    return {
        group: {
            name: paired(values, b.groups[group][name])
            for name, values in measures.items()
            if not values.keys().isdisjoint(b.groups[group].get(name, {}))
        }
        for group, measures in a.groups.items()
        if group in b.groups
    }


def _estimates(groups: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Estimates:
    return {
        group: {name: estimate(list(values.values())) for name, values in measures.items() if values}
        for group, measures in groups.items()
    }


def _seconds(records: Sequence[Record]) -> dict[str, float]:
    from statistics import median

    times: dict[str, list[float]] = {}
    for one in records:
        for found in one.found:
            times.setdefault(found.scope, []).append(found.seconds)
        if one.said:
            times.setdefault("answers", []).append(one.said.seconds)
    return {name: round(median(values), 4) for name, values in times.items()}
