"""Intervals and tests: by hand, and what must hold for any values."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.pipelines.evaluate.intervals import estimate, paired, randomisation_p

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_an_interval_holds_the_mean_whatever_the_order(values: list[float], chance: random.Random) -> None:
    one = estimate(values)
    assert one.low <= one.mean <= one.high
    assert min(values) - 1e-9 <= one.low
    assert one.high <= max(values) + 1e-9
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert estimate(shuffled) == one


def test_an_interval_of_shares() -> None:
    """30 of 100: the interval is near the normal one, 0.3 +- 1.96 sqrt(0.3 x 0.7 / 100)."""
    one = estimate([1.0] * 30 + [0.0] * 70)
    assert (one.mean, one.n) == (0.3, 100)
    assert one.low == pytest.approx(0.21, abs=0.02)
    assert one.high == pytest.approx(0.39, abs=0.02)
    assert estimate([0.1] * 3).low == pytest.approx(0.1)
    with pytest.raises(ValueError, match="at least one"):
        estimate([])


@settings(max_examples=40, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_a_run_is_within_noise_of_itself(values: list[float], chance: random.Random) -> None:
    run = {str(at): value for at, value in enumerate(values)}
    same = paired(run, run)
    assert same.p == 1.0
    assert same.within_noise
    assert (same.difference.mean, same.difference.low, same.difference.high) == (0.0, 0.0, 0.0)
    other = {id: chance.random() for id in run}
    order = list(run)
    chance.shuffle(order)
    assert paired({id: run[id] for id in order}, other) == paired(run, other)


def test_the_randomisation_test_by_hand() -> None:
    """Of the 8 sign patterns of 1, 2, 3 two have a sum of at least 6 in size, six of at least 2."""
    assert randomisation_p([1, 2, 3]) == 2 / 8
    assert randomisation_p([-1, 0, 3]) == 4 / 4
    assert randomisation_p([0.1] * 8) == 2 / 256
    differences = [0.3, -0.1, 0.2, 0.4, 0.1, -0.2]
    signs = [abs(sum(s * d for s, d in zip(p, differences, strict=True))) for p in product((1, -1), repeat=6)]
    assert randomisation_p(differences) == sum(one >= 0.7 - 1e-9 for one in signs) / 64


def test_many_differences_are_sampled_and_seeded() -> None:
    wins = [1.0] * 30 + [-1.0] * 10
    assert randomisation_p(wins) == randomisation_p(list(reversed(wins)))
    assert 0.0005 < randomisation_p(wins) < 0.01  # the sign test's is 0.0022
    assert randomisation_p([1.0] * 20 + [-1.0] * 20) == 1.0


def test_only_common_questions_are_compared() -> None:
    told = paired({"a": 0.0, "b": 1.0, "x": 5.0}, {"b": 1.0, "a": 1.0, "y": 7.0})
    assert (told.a, told.b, told.difference.n) == (0.5, 1.0, 2)
    few = paired(dict.fromkeys("abcd", 0.0), dict.fromkeys("abcd", 1.0))
    assert (few.p, few.difference.low, few.within_noise) == (2 / 16, 1.0, True)
    clear = paired({str(at): 0.0 for at in range(20)}, {str(at): 1.0 for at in range(20)})
    assert not clear.within_noise
    with pytest.raises(ValueError, match="in common"):
        paired({"a": 1.0}, {"b": 1.0})
