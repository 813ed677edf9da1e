"""Choose fusion weights, N, k, tau and the level of abstention for a stated target, by cross-validation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.calibration import Calibrations, calibration_error
from rag.identity import combined

from .evaluate.intervals import Estimate, estimate
from .tuning import FOLDS, Kept, Piece, Posed, Setting, Weighed, crossed, curves, kept, relevances, weighed

if TYPE_CHECKING:
    from rag.corpus import Corpus

Goal = Literal["recall", "tokens", "risk"]
DENSE_WEIGHTS = (0.5, 1.0, 2.0)
"""Of the dense channel against 1 of the lexical one."""
NS = (20, 50)
KS = (1, 2, 3, 5, 8, 10)
TAUS = tuple(round(0.02 * at, 2) for at in range(26))
MARGINS = (0.0, 0.1, 0.2, 0.3, 0.5)
"""By how much harder than the target the choice is asked, one after the other, until held-out documents meet it."""
Told = Callable[[str, int, int], None]
FEATURES: dict[str, Any] = {"use": "retrievers/rerankers/features"}
Ranked = list[tuple[float, Piece]]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the trade-off."""

    setting: Setting
    gold: Estimate
    tokens: Estimate
    pieces: Estimate


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen, how it did on documents that it was not chosen on, and the trade-off around it."""

    goal: Goal
    target: float
    reached: bool
    setting: Setting
    max_risk: float
    least_chance: float | None
    """Where the scorer judges lists it is this that refuses, and `max_risk` is 1."""
    calibrations: Calibrations
    held_out: Point
    answered: Point
    """The same, with nothing kept of what is refused: what the profile does."""
    precision: float
    refused_answerable: Estimate
    refused_absent: Estimate | None
    fixed: Point
    """The first five of the retriever as they come, for comparison."""
    curve: tuple[Point, ...]
    error: tuple[float, float]
    """Expected calibration error of first pieces over held-out folds, and that of a perfect scorer."""
    questions: int
    documents: int


def tuned(
    corpus: Corpus, posed: Sequence[Posed], goal: Goal, target: float, *, scorer_table: Mapping[str, Any] = FEATURES,
    refuse: float = 0.05, provenance: Mapping[str, Any] = {}, keep: Path | None = None,
    progress: Told = lambda *_: None,
) -> Tuned:  # fmt: skip
    """The best setting for a goal: recall (at least, fewest tokens), tokens (at most, most gold), risk (at most).

    For `risk` the threshold is that of conformal risk control. `refuse` is the share of answerable questions
    that may be refused: it sets the level of abstention, of the chance of the list where the scorer judges lists, and
    of the best relevance where it does not. Where the choice misses the target on documents that it was
    not made on, it is made again for a somewhat harder one (`MARGINS`). What was searched for is kept in the folder
    `keep`: the same call goes on from there after a stop. ValueError with fewer than 30 answerable questions or 5
    documents.
    """
    answerable = [one for one in posed if not one.absent]
    documents = {one.digest for one in answerable}
    if len(answerable) < 30 or len(documents) < FOLDS:
        raise ValueError(
            f"tuning needs 30 answerable questions about {FOLDS} documents or more, got {len(answerable)} about "
            f"{len(documents)}; rag tune --self makes them from the corpus, --count so many"
        )
    scorer = corpus.built(dict(scorer_table), "scorer")
    lists = _searched(corpus, scorer, posed, keep, progress)
    ranked = {(weights, n): crossed(one, scorer.fingerprint, n) for weights, one in lists.items() for n in NS}
    first = next(iter(lists.values()))
    folds = [one.fold for one in first]
    wanted = [at for at, one in enumerate(first) if not one.posed.absent]
    setting, reached, held = _chosen_for(ranked, wanted, folds, goal, target)
    rows = ranked[setting.weights, setting.n]
    whole = lists[setting.weights]
    least = least_chance([whole[at].chance for at in wanted], refuse)
    most_risk = (
        1.0 if least is not None else abstention([row[0][0] if (row := rows[at]) else 0.0 for at in wanted], refuse)
    )
    final = Calibrations(scorer.fingerprint, curves(whole))
    calibrations = Calibrations(
        scorer.fingerprint,
        final.curves,
        setting.tau,
        most_risk,
        needed(whole, final, setting.n),
        dict(provenance),
        least_chance=least,
    )
    firsts = [(row[0][0], row[0][1].right) if row else (0.0, False) for row in rows]
    absent = [at for at, one in enumerate(first) if one.posed.absent]
    gone = [refused(row, one.chance, most_risk, least) for row, one in zip(rows, whole, strict=True)]
    return Tuned(
        goal, target, reached, setting, most_risk, least, calibrations, _point(setting, [held[at] for at in wanted]),
        _point(setting, [emptied(held[at]) if gone[at] else held[at] for at in wanted]),
        _precision(list(held.values())), estimate([gone[at] for at in wanted]),
        estimate([gone[at] for at in absent]) if absent else None, _fixed(first, wanted, setting),
        tuple(trade_off(rows, wanted, setting)), calibration_error([p for p, _ in firsts], [r for _, r in firsts]),
        len(answerable), len(documents),
    )  # fmt: skip


def _searched(
    corpus: Corpus, scorer: Any, posed: Sequence[Posed], keep: Path | None, progress: Told
) -> dict[tuple[tuple[str, float], ...], list[Weighed]]:
    """For each of the fusion weights the questions with their scored candidates."""
    tried = list(retrievers(corpus))
    lists = {}
    for at, (weights, retriever) in enumerate(tried):
        told = partial(_told, progress, at * len(posed), len(tried) * len(posed))
        file = _file(keep, corpus, scorer, weights, posed)
        lists[weights] = list(weighed(corpus, retriever, scorer, posed, max(NS), keep=file, progress=told))
    return lists


def _told(progress: Told, before: int, total: int, done: int) -> None:
    progress("searching", before + done, total)


def _chosen_for(
    ranked: Mapping[tuple[tuple[tuple[str, float], ...], int], Sequence[Ranked]], wanted: Sequence[int],
    folds: Sequence[int], goal: Goal, target: float,
) -> tuple[Setting, bool, dict[int, Kept]]:  # fmt: skip
    """The setting, whether held-out documents meet the target, and what is kept on those.

    A setting chosen to meet a target just so misses it elsewhere, so harder ones are asked for in turn; where none
    helps, the one that came nearest is taken.
    """
    best: tuple[float, Setting, dict[int, Kept]] | None = None
    for margin in MARGINS:
        harder = _harder(goal, target, margin)
        setting, within = chosen(ranked, wanted, goal, harder)
        held = _crossed(ranked, wanted, folds, goal, harder)
        lacking = lacks(goal, target, [held[at] for at in wanted])
        if best is None or lacking < best[0]:
            best = lacking, setting, held
        if lacking <= 0 or not within:
            break
    if best is None:
        raise ValueError("there is nothing to choose from")
    return best[1], best[0] <= 0, best[2]


def _crossed(
    ranked: Mapping[tuple[tuple[tuple[str, float], ...], int], Sequence[Ranked]], wanted: Sequence[int],
    folds: Sequence[int], goal: Goal, target: float,
) -> dict[int, Kept]:  # fmt: skip
    """What is kept for each question by the setting that was chosen on the documents of other folds."""
    held: dict[int, Kept] = {}
    for fold in sorted(set(folds)):
        own, _ = chosen(ranked, [at for at in wanted if folds[at] != fold], goal, target)
        rows = ranked[own.weights, own.n]
        held |= {at: kept(rows[at], own.k, own.tau) for at in wanted if folds[at] == fold}
    return held


def _harder(goal: Goal, target: float, margin: float) -> float:
    """A target that asks for more by a part of what is left of it: 0.9 and a half give 0.95."""
    if goal == "recall":
        return target + (1 - target) * margin
    return target * (1 - margin)


def lacks(goal: Goal, target: float, found: Sequence[Kept]) -> float:
    """How far what was kept is from the target on average, in shares or tokens; 0 or less where it is met."""
    gold = sum(one.gold for one in found) / len(found)
    if goal == "recall":
        return target - gold
    if goal == "tokens":
        return sum(one.tokens for one in found) / len(found) - target
    return 1 - gold - target


def _file(
    keep: Path | None, corpus: Corpus, scorer: Any, weights: tuple[tuple[str, float], ...], posed: Sequence[Posed]
) -> Path | None:
    """Where what a retriever found is kept: a name for corpus, retriever, scorer and questions."""
    if keep is None:
        return None
    keep.mkdir(parents=True, exist_ok=True)
    held = sorted((one.digest, one.derivation) for one in corpus.documents())
    name = combined(
        held, corpus.profile["retriever"], scorer.fingerprint, weights, max(NS),
        [[one.id, one.text, one.absent] for one in posed],
    )  # fmt: skip
    return keep / f"{name[:24]}.jsonl"


def retrievers(corpus: Corpus) -> Iterator[tuple[tuple[tuple[str, float], ...], Any]]:
    """(fusion weights, retriever) to be tried; the one of the profile alone where it fuses no dense channel."""
    table = corpus.profile["retriever"]
    fused = fused_table(table)
    calibrated = fused is not None and fused.get("method") == "calibrated"  # it was fitted: no weights to be tried
    if (
        fused is None
        or calibrated
        or "dense" not in fused["retrievers"]
        or corpus.retriever is None
        or not _dense(corpus)
    ):
        yield (), corpus.retriever
        return
    for weight in DENSE_WEIGHTS:
        changed = copy.deepcopy(table)
        found = fused_table(changed)
        if found is not None:
            found["weights"] = {**found.get("weights", {}), "dense": weight}
        yield (("dense", weight),), corpus.built(changed, "retriever")


def _dense(corpus: Corpus) -> bool:
    return any(len(index) for index in corpus.store.vectors.values())


def fused_table(table: Any) -> dict[str, Any] | None:
    """The first table of `retrievers/fused` in a tree of tables."""
    if not isinstance(table, dict):
        return None
    if table.get("use") == "retrievers/fused" and isinstance(table.get("retrievers"), dict):
        return table
    return next((found for one in table.values() if (found := fused_table(one)) is not None), None)


def chosen(
    ranked: Mapping[tuple[tuple[tuple[str, float], ...], int], Sequence[Ranked]], ats: Sequence[int], goal: Goal,
    target: float,
) -> tuple[Setting, bool]:  # fmt: skip
    """The best setting over these questions, and whether it reaches the target."""
    best: tuple[tuple[float, ...], Setting] | None = None
    for (weights, n), rows in ranked.items():
        for k in KS:
            for tau, gold, tokens in _swept([rows[at] for at in ats], k):
                if goal == "recall":
                    key = (0.0, tokens, -gold) if gold >= target else (1.0, -gold, tokens)
                elif goal == "tokens":
                    key = (0.0, -gold, tokens) if tokens <= target else (1.0, tokens, -gold)
                else:
                    # Conformal risk control: (missed + 1) / (questions + 1).
                    risk = ((1 - gold) * len(ats) + 1) / (len(ats) + 1)
                    key = (0.0, tokens, -gold) if risk <= target else (1.0, risk, tokens)
                if best is None or key < best[0]:
                    best = key, Setting(weights, n, k, tau)
    if best is None:
        raise ValueError("there is nothing to choose from")
    return best[1], best[0][0] == 0.0


def _swept(rows: Sequence[Ranked], k: int) -> Iterator[tuple[float, float, float]]:
    """(tau, share of gold kept, mean tokens) for each threshold."""
    tops = [row[:k] for row in rows]
    for tau in TAUS:
        gold = tokens = 0
        for row in tops:
            hit = False
            for chance, piece in row:
                if chance < tau:
                    break
                tokens += piece.tokens
                hit = hit or piece.right
            gold += hit
        yield tau, gold / len(rows), tokens / len(rows)


def abstention(best: Sequence[float], refuse: float) -> float:
    """The risk above which to refuse, so that at most that share of answerable questions is refused."""
    return round(min(1.0, 1 - _level(best, refuse) + 1e-6), 6)


def least_chance(chances: Sequence[float | None], refuse: float) -> float | None:
    """The chance of a list below which to refuse, for the same share; None where the scorer did not judge them all."""
    judged = [chance for chance in chances if chance is not None]
    if not judged or len(judged) < len(chances):
        return None
    return floor(1000 * _level(judged, refuse)) / 1000


def _level(values: Sequence[float], share: float) -> float:
    """The value that no more than a share of them are below."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def refused(row: Ranked, chance: float | None, most_risk: float, least: float | None) -> float:
    """1 where a list is refused as the selector does it, 0 where not."""
    doubted = least is not None and chance is not None and chance < least
    return float(not row or doubted or 1 - row[0][0] > most_risk)


def emptied(one: Kept) -> Kept:
    """What is kept of a question that is refused: nothing."""
    return Kept(0, 0, 0, False, 0, one.best)


def needed(lists: Sequence[Weighed], told: Calibrations, n: int) -> tuple[tuple[float, ...], ...]:
    """For each answerable question the relevance of the best piece that answers it; -inf where none was found."""
    return tuple(
        (max((round(chance, 6) for chance, piece in relevances(one, told, n) if piece.right), default=float("-inf")),)
        for one in lists
        if not one.posed.absent
    )


def trade_off(rows: Sequence[Ranked], ats: Sequence[int], setting: Setting) -> Iterator[Point]:
    """What other thresholds would keep, at the chosen weights, N and k."""
    for tau in TAUS[::3]:
        at_tau = Setting(setting.weights, setting.n, setting.k, tau)
        yield _point(at_tau, [kept(rows[at], setting.k, tau) for at in ats])


def _fixed(lists: Sequence[Weighed], ats: Sequence[int], setting: Setting) -> Point:
    """The first five of the retriever."""
    tops = [sorted(lists[at].pieces, key=lambda piece: piece.rank)[:5] for at in ats]
    rows = [kept([(1.0, piece) for piece in top], 5, 0.0) for top in tops]
    return _point(Setting(setting.weights, 5, 5, 0.0), rows)


def _point(setting: Setting, rows: Sequence[Kept]) -> Point:
    return Point(
        setting, estimate([float(one.gold) for one in rows]), estimate([float(one.tokens) for one in rows]),
        estimate([float(one.pieces) for one in rows]),
    )  # fmt: skip


def _precision(rows: Sequence[Kept]) -> float:
    pieces = sum(one.pieces for one in rows)
    return sum(one.right for one in rows) / pieces if pieces else 0.0
