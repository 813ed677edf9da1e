"""How far the relevance of evidence can be believed: calibration, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.calibration import Bin, calibration_error, reliability

from .intervals import LEVEL, RESAMPLES, SEED
from .records import Record


@dataclass(frozen=True, slots=True)
class Trust:
    """Of the first piece of each question, kept or nearly: is it right as often as its relevance says?"""

    n: int
    bins: tuple[Bin, ...]
    error: float
    """Expected calibration error."""
    perfect: float
    """What it would be on average if every relevance were true."""
    curve: tuple[tuple[float, float], ...]
    """(coverage, risk): answering that share of the questions, the surest first, this share is wrong."""
    aurc: float
    aurc_bounds: tuple[float, float]
    """Of its 95% interval, by bootstrap over the questions."""
    aurc_random: float
    aurc_best: float
    unanswerable: int
    answered_unanswerable: int


def trusted(records: Sequence[Record]) -> Trust | None:
    """The figures of a run; None where no answer shows evidence. Questions whose gold has no place are left out."""
    judged = [one for one in records if one.said and (one.gold or not one.answerable)]
    pairs = [
        (piece[0].relevance, piece[0].right and one.answerable) if (piece := one.said.evidence) else (0.0, False)
        for one in judged
        if one.said
    ]
    if not any(one.said and one.said.evidence for one in judged):
        return None
    predicted, right = [p for p, _ in pairs], [r for _, r in pairs]
    error, perfect = calibration_error(predicted, right)
    curve = risk_coverage(pairs)
    no = [one for one in records if one.said and not one.answerable]
    return Trust(
        len(pairs), tuple(reliability(predicted, right)), error, perfect, tuple(curve), aurc(curve),
        aurc_bounds(pairs), 1 - sum(right) / len(right), aurc(risk_coverage([(float(r), r) for r in right])),
        len(no), sum(one.said is not None and not one.said.refused for one in no),
    )  # fmt: skip


def risk_coverage(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """(coverage, risk) with the 1, 2, ... surest of (confidence, right) answered.

    Equals are answered together in the mean: each has the risk of the whole group, so that their order
    decides nothing. El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification".
    """
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    found: list[tuple[float, float]] = []
    wrong = 0.0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        share = sum(not right for _, right in ranked[start:end]) / (end - start)
        for at in range(start, end):
            wrong += share
            found.append(((at + 1) / len(ranked), wrong / (at + 1)))
        start = end
    return found


def aurc(curve: Sequence[tuple[float, float]]) -> float:
    """The mean risk over all coverages; Geifman, Uziel and El-Yaniv 2019, equation 3."""
    return sum(risk for _, risk in curve) / len(curve) if curve else 0.0


def aurc_bounds(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """The 95% percentile interval of `aurc` over resamples of the questions, seeded as `intervals` is."""
    import numpy as np

    if not pairs:
        return 0.0, 0.0
    ranked = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))
    _, group = np.unique([-confidence for confidence, _ in ranked], return_inverse=True)
    wrong = np.array([not right for _, right in ranked], np.float64)
    n, generator, places = len(ranked), np.random.default_rng(SEED), np.arange(1, len(ranked) + 1)
    found = np.empty(RESAMPLES)
    for at in range(RESAMPLES):
        drawn = np.bincount(generator.integers(0, n, n), minlength=n)
        many, bad = np.bincount(group, drawn).astype(int), np.bincount(group, drawn * wrong)
        # Equals have the risk of their group, as in `risk_coverage`.
        risks = np.repeat(bad / np.maximum(many, 1), many).cumsum() / places
        found[at] = risks.mean()
    low, high = np.percentile(found, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
