"""Cutoffs: how many of the candidates, best first, to keep. Pure functions of relevance.

A cutoff looks at relevance, tokens and images alone, so that any order of equals and any hit below the
cut change nothing. Each is a component too (`retrievers/cutoffs/up_to_k`), whose arguments stand in a profile.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import floor, inf, isnan

from rag.protocols import Candidate, Cutoff

_SLACK = 1e-12
"""Of sums: their last bits decide nothing."""


def fixed(k: int) -> Cutoff:
    """The first k, however good they are."""
    _at_least(k, 0, "k")
    return lambda candidates: min(k, len(candidates))


def threshold(tau: float) -> Cutoff:
    """Those before the first whose relevance is below tau."""

    def cut(candidates: Sequence[Candidate]) -> int:
        below = (at for at, one in enumerate(candidates) if not one.relevance >= tau)
        return next(below, len(candidates))

    return cut


def up_to_k(k: int, tau: float) -> Cutoff:
    """At most k, none whose relevance is below tau; possibly none at all.

    The rule of Mortaheb et al. 2025, "Re-ranking the Context for Multimodal Retrieval Augmented Generation"
    (arXiv 2501.04695): rank <= k and score >= tau. The paper does not give its k and tau.
    """
    return all_of([fixed(k), threshold(tau)])


def gap(k: int, ratio: float = 0.5) -> Cutoff:
    """At most k, up to the first whose relevance is below `ratio` times that of the one before."""
    _at_least(k, 0, "k")
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio is between 0 and 1, got {ratio}")

    def cut(candidates: Sequence[Candidate]) -> int:
        for at in range(1, min(k, len(candidates))):
            if candidates[at].relevance < ratio * candidates[at - 1].relevance:
                return at
        return min(k, len(candidates))

    return cut


def near_best(ratio: float) -> Cutoff:
    """Those whose relevance is at least `ratio` times the best: few where one stands out, more where none does."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio is between 0 and 1, got {ratio}")

    def cut(candidates: Sequence[Candidate]) -> int:
        return threshold(ratio * candidates[0].relevance)(candidates) if candidates else 0

    return cut


def mass(share: float, least: float = 0.0) -> Cutoff:
    """The fewest whose relevances add up to `share` of those of all that reach `least`.

    With calibrated relevances: the fewest that are expected to hold that share of what is relevant.
    Candidates below `least` neither count nor are kept.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is between 0 and 1, got {share}")
    reached = threshold(least)

    def cut(candidates: Sequence[Candidate]) -> int:
        counted = [max(0.0, one.relevance) for one in candidates[: reached(candidates)]]
        wanted = share * sum(counted)
        total = 0.0
        for at, value in enumerate(counted):
            if total >= wanted * (1 - _SLACK):
                return at
            total += value
        return len(counted)

    return cut


def budget(tokens: int, images: int | None = None) -> Cutoff:
    """Those before the first with which tokens, or images, would be more than allowed (None: any number of images)."""
    _at_least(tokens, 0, "tokens")
    _at_least(images or 0, 0, "images")

    def cut(candidates: Sequence[Candidate]) -> int:
        left, shown = tokens, images
        for at, one in enumerate(candidates):
            left -= one.tokens
            shown = None if shown is None else shown - one.images
            if left < 0 or (shown is not None and shown < 0):
                return at
        return len(candidates)

    return cut


def all_of(cutoffs: Sequence[Cutoff]) -> Cutoff:
    """As many as every one of these would keep."""
    if not cutoffs:
        raise ValueError("all_of needs at least one cutoff")
    return lambda candidates: min(one(candidates) for one in cutoffs)


def risk(alpha: float, needed: Sequence[Sequence[float]]) -> Cutoff:
    """The smallest set that keeps the expected share of needed evidence that is missed at or under alpha.

    `needed` is the calibration set: for each of its questions the relevances of the pieces that its answer
    needs, as the same scorer and calibration give them; a piece that was not among the candidates counts
    -inf. Where any one of several pieces would do, give the best alone: alpha is then the chance to miss.

    Conformal risk control, Angelopoulos, Bates, Fisch, Lei and Schuster 2022 (arXiv 2208.02814), equation 4
    and theorem 1: the loss of a question at threshold t, the share of its pieces below t, grows with t and
    is at most 1, so with the largest t whose (sum of losses + 1) / (n + 1) is at most alpha the expected
    loss of the next question is at most alpha. The promise holds for questions drawn like the calibration
    set (exchangeable with it) and on average over such sets, not for each question.

    ValueError where no threshold can promise that: too few questions, or too much not retrieved at all.
    """
    return threshold(risk_threshold(alpha, needed))


def risk_threshold(alpha: float, needed: Sequence[Sequence[float]]) -> float:
    """The threshold of `risk`: a candidate is kept where its relevance reaches it."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a risk between 0 and 1, got {alpha}")
    losses = [(level, 1 / len(one)) for one in needed for level in one]
    if not losses or any(not one for one in needed):
        raise ValueError("each question of the calibration set needs at least one piece of evidence, and there is one")
    if any(isnan(level) for level, _ in losses):
        raise ValueError("a relevance of the calibration set is not a number")
    losses.sort()
    allowed = alpha * (len(needed) + 1) - 1
    levels = [level for level, _ in losses]
    lost, best = 0.0, -inf
    for level in dict.fromkeys(levels):
        # At a threshold of this level, whatever lies below it is lost; just above it, these are lost too.
        if lost > allowed + _SLACK:
            break
        best = level
        lost += sum(weight for _, weight in losses[bisect_left(levels, level) : bisect_right(levels, level)])
    if best == -inf:
        unreached = sum(weight for level, weight in losses if level == -inf)
        raise ValueError(
            f"a risk of {alpha:g} cannot be promised from {len(needed)} questions, of whose needed evidence "
            f"{unreached / len(needed):.1%} was not among the candidates: allow at least "
            f"{(unreached + 1) / (len(needed) + 1):.3f}, look deeper, or bring {floor(1 / alpha)} questions or more"
        )
    return best


def _at_least(value: int, least: int, name: str) -> None:
    if value < least:
        raise ValueError(f"{name} is at least {least}, got {value}")
