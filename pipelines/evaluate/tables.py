"""Figures for people at a terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rag.contract import visible

from .intervals import Estimate, Paired
from .questions import Fault
from .scoring import ANSWERS, LABELS
from .summary import Comparison, Summary
from .trust import Trust

T = TypeVar("T")
GROUPS = {"corpus": "one corpus", "document": "within the document", ANSWERS: "answers"}
WIDTH = 26
EXPLAINED = "Means over questions with 95% bootstrap intervals."
NO_CORRECTION = "p by a paired randomisation test, not corrected for the number of measures."


def summary_lines(summary: Summary) -> list[str]:
    """The table of a run."""
    units = ", ".join(summary.units) or "none"
    lines = [f"{counted(summary)}; unit: {units}. {EXPLAINED}", ""]
    scopes = [name for name in GROUPS if name in summary.whole and name != ANSWERS]
    if scopes:
        lines.append("".join(["".ljust(WIDTH), *(GROUPS[scope].ljust(WIDTH) for scope in scopes)]).rstrip())
        for name in dict.fromkeys(name for scope in scopes for name in summary.whole[scope]):
            cells = [_cell(summary.whole[scope].get(name)).ljust(WIDTH) for scope in scopes]
            lines.append(f"{name:<{WIDTH}}{''.join(cells)}".rstrip())
    if answers := summary.whole.get(ANSWERS):
        lines += ["", "answers"]
        lines += [
            f"{LABELS[name]:<{WIDTH}}{_cell(one):<{WIDTH - 1}} {questions(one.n)}" for name, one in answers.items()
        ]
    if summary.trust:
        lines += ["", *trust_lines(summary.trust)]
    if summary.kinds:
        lines += ["", *_kind_lines(summary)]
    return lines


def trust_lines(trust: Trust) -> list[str]:
    """Calibration and abstention in words."""
    lines = [
        f"relevance of the first piece, {questions(trust.n)}: expected calibration error {trust.error:.3f} "
        f"(of a perfectly calibrated scorer at this n: {trust.perfect:.3f})",
        f"area under risk against coverage (AURC) {trust.aurc:.3f} [{trust.aurc_bounds[0]:.3f}, "
        f"{trust.aurc_bounds[1]:.3f}]; in random order {trust.aurc_random:.3f}, in the best {trust.aurc_best:.3f}",
    ]
    if trust.unanswerable:
        lines.append(f"answered though not answerable: {trust.answered_unanswerable} of {trust.unanswerable}")
    return lines


def trust_json(trust: Trust) -> dict[str, Any]:
    """The same as plain values, with the bins of the reliability diagram and the curve."""
    return {
        "n": trust.n, "ece": round(trust.error, 4), "ece_of_a_perfect_scorer": round(trust.perfect, 4),
        "bins": [{"predicted": round(b.predicted, 4), "seen": round(b.seen, 4), "n": b.count} for b in trust.bins],
        "aurc": round(trust.aurc, 4), "aurc_interval": [round(one, 4) for one in trust.aurc_bounds],
        "aurc_random": round(trust.aurc_random, 4), "aurc_best": round(trust.aurc_best, 4),
        "risk_coverage": [[round(coverage, 4), round(risk, 4)] for coverage, risk in trust.curve],
        "unanswerable": trust.unanswerable, "answered_unanswerable": trust.answered_unanswerable,
    }  # fmt: skip


def counted(summary: Summary) -> str:
    """How many questions there were."""
    return f"{questions(summary.questions)}, {summary.answerable} answerable, {summary.unanswerable} not"


def questions(count: int) -> str:
    """`1 question`, `2 questions`."""
    return f"{count} question{'' if count == 1 else 's'}"


def kind_columns(summary: Summary) -> list[tuple[str, str, str]]:
    """(group, measure, heading) of what is told by kind of evidence."""
    columns = [(scope, f"page@{k}", f"{scope[:3]}@{k}") for scope in ("corpus", "document") for k in summary.ks]
    columns.append((ANSWERS, "contains", "contains"))
    return [one for one in columns if one[1] in summary.whole.get(one[0], {})]


def _kind_lines(summary: Summary) -> list[str]:
    columns = kind_columns(summary)
    named = "page@k as one corpus (cor) and within the document (doc)"
    lines = [f"by kind of evidence: {named}", "".join([" " * (WIDTH + 4), *(f"{one[2]:>9}" for one in columns)])]
    for kind, (count, figures) in summary.kinds.items():
        cells = [_mean(figures.get(group, {}).get(name)) for group, name, _ in columns]
        lines.append("".join([f"{visible(kind)[:WIDTH]:<{WIDTH}}{count:>4}", *(f"{cell:>9}" for cell in cells)]))
    return lines


def comparison_lines(comparison: Comparison, a: str, b: str) -> list[str]:
    """The table of two runs."""
    lines = [f"A: {a}", f"B: {b}", f"{questions(comparison.questions)} that both asked. {NO_CORRECTION}"]
    if comparison.left_out:
        lines.append(f"{questions(comparison.left_out)} left out: in one run only, or asked or judged otherwise")
    for group, measures in comparison.groups.items():
        lines += ["", f"{GROUPS[group]:<{WIDTH}}{'A':>7}{'B':>8}   {'B - A':<27}{'p':<8}"]
        lines += [_pair_line(LABELS.get(name, name), one) for name, one in measures.items()]
    return lines


def _pair_line(name: str, one: Paired) -> str:
    change = f"{one.difference.mean:+.3f} [{one.difference.low:+.3f}, {one.difference.high:+.3f}]"
    return f"{name:<{WIDTH}}{one.a:>7.3f}{one.b:>8.3f}   {change:<27}{one.p:<8.3f}{verdict(one)}"


def verdict(one: Paired) -> str:
    """What the difference says, in words."""
    if one.within_noise:
        return "within noise"
    return "B is higher" if one.difference.mean > 0 else "B is lower"


def _cell(one: Estimate | None) -> str:
    return f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" if one else ""


def _mean(one: Estimate | None) -> str:
    return f"{one.mean:.2f}" if one else "-"


def summary_json(summary: Summary) -> dict[str, Any]:
    """The figures of a run as plain values."""
    return {
        "questions": summary.questions,
        "answerable": summary.answerable,
        "unanswerable": summary.unanswerable,
        "units": list(summary.units),
        "ks": list(summary.ks),
        **_plain(summary.whole, estimate_json),
        "kinds": {
            kind: {"questions": count, **_plain(figures, estimate_json)}
            for kind, (count, figures) in summary.kinds.items()
        },
        "seconds": summary.seconds,
        "trust": trust_json(summary.trust) if summary.trust else None,
    }


def _plain(groups: Mapping[str, Mapping[str, T]], told: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """`found` by scope, and `answers`."""
    plain = {group: {name: told(one) for name, one in measures.items()} for group, measures in groups.items()}
    answers = plain.pop(ANSWERS, {})
    return {"found": plain, "answers": answers}


def estimate_json(one: Estimate) -> dict[str, Any]:
    """`{"mean", "low", "high", "n"}`."""
    return {"mean": round(one.mean, 4), "low": round(one.low, 4), "high": round(one.high, 4), "n": one.n}


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Two runs as plain values."""
    return {
        "questions": comparison.questions,
        "left_out": comparison.left_out,
        **_plain(comparison.groups, pair_json),
    }


def pair_json(one: Paired) -> dict[str, Any]:
    """`{"a", "b", "difference", "p", "verdict"}`."""
    return {
        "a": round(one.a, 4), "b": round(one.b, 4), "difference": estimate_json(one.difference),
        "p": round(one.p, 4), "verdict": verdict(one),
    }  # fmt: skip


def grouped(faults: Sequence[Fault], most: int = 20) -> list[str]:
    """Faults for people; the same trouble on many lines is told once."""
    same: dict[tuple[str, str], list[int]] = {}
    for one in faults:
        same.setdefault((one.file, one.message), []).append(one.line)
    lines = [
        f"{file}, line{'s' if len(numbers) > 1 else ''} {_numbers(numbers)}: {message}"
        for (file, message), numbers in same.items()
    ]
    return lines[:most] + ([f"and {len(lines) - most} more"] if len(lines) > most else [])


def _numbers(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return ", ".join(map(str, numbers[:8])) + more
