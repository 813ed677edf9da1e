"""Cutoffs: how many of the candidates, best first, to keep. Pure functions of relevance."""

from __future__ import annotations

from collections.abc import Sequence

from rag.protocols import Candidate, Cutoff


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
    """At most k, none whose relevance is below tau; possibly none at all."""
    most, least = fixed(k), threshold(tau)
    return lambda candidates: min(most(candidates), least(candidates))


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


def _at_least(value: int, least: int, name: str) -> None:
    if value < least:
        raise ValueError(f"{name} is at least {least}, got {value}")
