"""Cutoffs: how many are kept, over any list of candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.cutoffs import fixed, gap, threshold, up_to_k

from rag.protocols import Candidate

CHANCES = st.lists(st.floats(0, 1), max_size=12).map(lambda values: sorted(values, reverse=True))


def candidates(chances: list[float]) -> list[Candidate]:
    return [Candidate(chance, 10) for chance in chances]


@given(CHANCES, st.integers(0, 15))
def test_fixed_keeps_k_or_all(chances: list[float], k: int) -> None:
    assert fixed(k)(candidates(chances)) == min(k, len(chances))


@given(CHANCES, st.floats(0, 1))
def test_threshold_keeps_exactly_those_that_reach_it(chances: list[float], tau: float) -> None:
    assert threshold(tau)(candidates(chances)) == sum(chance >= tau for chance in chances)


@given(CHANCES, st.integers(0, 15), st.floats(0, 1))
def test_up_to_k_is_the_smaller_of_both(chances: list[float], k: int, tau: float) -> None:
    assert up_to_k(k, tau)(candidates(chances)) == min(k, sum(chance >= tau for chance in chances))


@given(CHANCES, st.integers(0, 15), st.floats(0, 1))
def test_gap_stops_before_the_first_fall(chances: list[float], k: int, ratio: float) -> None:
    kept = gap(k, ratio)(candidates(chances))
    assert kept <= min(k, len(chances))
    assert all(chances[at] >= ratio * chances[at - 1] for at in range(1, kept))
    if 0 < kept < min(k, len(chances)):
        assert chances[kept] < ratio * chances[kept - 1]


def test_examples() -> None:
    ranked = candidates([0.9, 0.8, 0.3, 0.2])
    assert gap(10, 0.5)(ranked) == 2
    assert threshold(0.25)(ranked) == 3
    assert up_to_k(1, 0.25)(ranked) == 1
    assert up_to_k(5, 0.95)(ranked) == 0
    assert threshold(0.5)([Candidate(float("nan"), 1)]) == 0


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="k"):
        fixed(-1)
    with pytest.raises(ValueError, match="ratio"):
        gap(3, 1.5)
