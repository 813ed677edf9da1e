"""Cutoffs: how many are kept, over any list of candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.cutoffs import (
    all_of,
    budget,
    fixed,
    gap,
    mass,
    near_best,
    risk,
    risk_threshold,
    threshold,
    up_to_k,
)

from rag.protocols import Candidate, Cutoff

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


@given(CHANCES, st.floats(0, 1))
def test_near_best_keeps_the_best_and_what_comes_near_it(chances: list[float], ratio: float) -> None:
    kept = near_best(ratio)(candidates(chances))
    assert kept == sum(chance >= ratio * max(chances) for chance in chances)
    assert kept > 0 or not chances


def test_examples() -> None:
    ranked = candidates([0.9, 0.8, 0.3, 0.2])
    assert near_best(0.5)(ranked) == 2
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
    with pytest.raises(ValueError, match="ratio"):
        near_best(1.5)


PIECES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 400), st.integers(0, 2)), max_size=12).map(
    lambda rows: [Candidate(*row) for row in sorted(rows, key=lambda row: -row[0])]
)
LEVELS = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=1, max_size=40)
EVERY: dict[str, Cutoff] = {
    "fixed": fixed(4),
    "threshold": threshold(0.4),
    "up_to_k": up_to_k(4, 0.4),
    "gap": gap(4, 0.5),
    "mass": mass(0.8, 0.1),
    "near_best": near_best(0.3),
    "budget": budget(600, 3),
    "all_of": all_of([budget(600), threshold(0.2)]),
    "risk": risk(0.3, [[0.1 * at] for at in range(10)]),
}
every = pytest.mark.parametrize("cut", EVERY.values(), ids=EVERY)


@every
@given(found=PIECES)
def test_a_number_of_those_given(cut: Cutoff, found: list[Candidate]) -> None:
    assert 0 <= cut(found) <= len(found)


@every
@given(found=PIECES, data=st.data())
def test_the_order_of_equal_candidates_changes_nothing(
    cut: Cutoff, found: list[Candidate], data: st.DataObject
) -> None:
    shuffled = sorted(data.draw(st.permutations(found)), key=lambda one: -one.relevance)
    relevant = [Candidate(one.relevance, 100, 1) for one in found]
    assert cut(relevant) == cut([Candidate(one.relevance, 100, 1) for one in shuffled])


@pytest.mark.parametrize("cut", [cut for name, cut in EVERY.items() if name != "mass"])
@given(found=PIECES, tokens=st.integers(0, 400))
def test_a_hit_below_the_cut_changes_nothing(cut: Cutoff, found: list[Candidate], tokens: int) -> None:
    kept = cut(found)
    if kept < len(found):
        assert cut([*found, Candidate(found[-1].relevance, tokens)]) == kept


@given(found=PIECES, extra=st.floats(0, 0.0999))
def test_a_hit_below_the_least_changes_no_mass(found: list[Candidate], extra: float) -> None:
    whole = sorted([*found, Candidate(extra, 10)], key=lambda one: -one.relevance)
    assert mass(0.8, 0.1)(found) == mass(0.8, 0.1)(whole)


@given(found=PIECES, k=st.integers(0, 14), low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_is_kept_for_a_larger_k_and_a_smaller_tau(found: list[Candidate], k: int, low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    assert up_to_k(k, high)(found) <= up_to_k(k + 1, high)(found)
    assert up_to_k(k, high)(found) <= up_to_k(k, low)(found)
    assert mass(low)(found) <= mass(high)(found)
    assert budget(int(100 * low), 1)(found) <= budget(int(100 * high), 2)(found) <= len(found)
    kept = found[: up_to_k(k, low)(found)]
    assert all(one.relevance >= low for one in kept)


@given(found=PIECES, more=st.integers(0, 4))
def test_a_k_of_all_and_no_tau_keep_all(found: list[Candidate], more: int) -> None:
    k = len(found) + more
    assert {fixed(k)(found), up_to_k(k, 0.0)(found), gap(k, 0.0)(found), budget(10**6)(found)} == {len(found)}


@given(found=PIECES, tokens=st.integers(0, 2000), images=st.integers(0, 6))
def test_a_budget_is_kept_and_used(found: list[Candidate], tokens: int, images: int) -> None:
    kept = budget(tokens, images)(found)
    spent = [(sum(o.tokens for o in found[:at]), sum(o.images for o in found[:at])) for at in range(len(found) + 1)]
    assert spent[kept][0] <= tokens
    assert spent[kept][1] <= images
    if kept < len(found):
        assert spent[kept + 1][0] > tokens or spent[kept + 1][1] > images


@given(found=PIECES, share=st.floats(0.01, 1))
def test_mass_is_reached_and_not_without_the_last(found: list[Candidate], share: float) -> None:
    values = [one.relevance for one in found]
    kept = mass(share)(found)
    assert sum(values[:kept]) >= share * sum(values) - 1e-6
    if kept:
        assert sum(values[: kept - 1]) < share * sum(values)


@given(needed=LEVELS, alpha=st.floats(0.05, 0.95))
def test_the_risk_on_the_calibration_set_is_under_alpha_and_the_next_level_is_not(
    needed: list[list[float]], alpha: float
) -> None:
    def loss(tau: float) -> float:
        return sum(sum(level < tau for level in one) / len(one) for one in needed)

    n = len(needed)
    if alpha < 1 / (n + 1):
        with pytest.raises(ValueError, match="cannot be promised"):
            risk_threshold(alpha, needed)
        return
    tau = risk_threshold(alpha, needed)
    assert (loss(tau) + 1) / (n + 1) <= alpha + 1e-6
    above = [level for one in needed for level in one if level > tau]
    if above:
        assert (loss(min(above)) + 1) / (n + 1) > alpha - 1e-6


@given(needed=LEVELS, low=st.floats(0.3, 0.95), high=st.floats(0.3, 0.95))
def test_a_larger_risk_keeps_no_more(needed: list[list[float]], low: float, high: float) -> None:
    if len(needed) >= 3:
        low, high = min(low, high), max(low, high)
        assert risk_threshold(low, needed) <= risk_threshold(high, needed)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_the_promise_holds_for_questions_drawn_alike(alpha: float) -> None:
    """Over 3,000 draws of 60 questions, the mean loss of the 61st is under alpha, and not far under it."""
    import numpy as np

    generator = np.random.default_rng(1)
    lost = []
    for _ in range(3000):
        draws = [[float(level) for level in generator.beta(3, 1, generator.integers(1, 4))] for _ in range(61)]
        tau = risk_threshold(alpha, draws[:60])
        lost.append(np.mean([level < tau for level in draws[60]]))
    error = np.std(lost) / len(lost) ** 0.5
    assert alpha - 1 / 61 - 4 * error - 0.01 < np.mean(lost) < alpha + 3 * error


def test_what_was_not_retrieved_counts_against_the_promise() -> None:
    needed = [[0.9]] * 95 + [[float("-inf")]] * 5
    assert risk_threshold(0.1, needed) == 0.9
    with pytest.raises(ValueError, match=r"5\.0% was not among the candidates: allow at least 0\.059"):
        risk_threshold(0.05, needed)
    assert risk(0.5, needed)(candidates([0.95, 0.9, 0.89])) == 2
    with pytest.raises(ValueError, match="at least one piece"):
        risk_threshold(0.1, [])
    with pytest.raises(ValueError, match="not a number"):
        risk_threshold(0.1, [[float("nan")]])
    with pytest.raises(ValueError, match="alpha"):
        risk_threshold(0.0, [[0.5]])


def test_mass_budget_and_all_of_by_example() -> None:
    ranked = [Candidate(0.8, 100, 1), Candidate(0.15, 300), Candidate(0.05, 50, 1)]
    assert [mass(share)(ranked) for share in (0.0, 0.5, 0.8, 0.9, 1.0)] == [0, 1, 1, 2, 3]
    assert [budget(400, one)(ranked) for one in (0, 1, None)] == [0, 2, 2]
    assert all_of([budget(10**6), fixed(1)])(ranked) == 1
    for wrong in (lambda: mass(1.1), lambda: budget(-1), lambda: budget(1, -1), lambda: all_of([])):
        with pytest.raises(ValueError):
            wrong()
