"""Scores to probabilities: never falling, true on draws, bound to their scorer."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.calibration import (
    Calibrations,
    Curve,
    Method,
    Sigmoid,
    calibration_error,
    checked,
    dumped,
    expected_error,
    fit,
    load,
    parsed,
    reliability,
)
from rag.errors import ConfigError

PAIRS = st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=2, max_size=40)
both = pytest.mark.parametrize("method", ["isotonic", "platt"])


@both
@given(pairs=PAIRS, asked=st.lists(st.floats(-60, 60), max_size=20))
def test_probabilities_that_never_fall(method: Method, pairs: list[tuple[float, bool]], asked: list[float]) -> None:
    curve = fit([score for score, _ in pairs], [right for _, right in pairs], method)
    told = curve(sorted(asked))
    assert all(0 <= one <= 1 for one in told)
    assert all(a <= b + 1e-12 for a, b in pairwise(told))


@both
@given(pairs=PAIRS, data=st.data())
def test_the_order_of_the_examples_changes_nothing(
    method: Method, pairs: list[tuple[float, bool]], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(pairs))
    first, second = (fit([s for s, _ in row], [r for _, r in row], method) for row in (pairs, other))
    if method == "isotonic":
        assert first == second
    else:
        assert first([-1.0, 0.0, 3.0]) == pytest.approx(second([-1.0, 0.0, 3.0]), abs=1e-3)


@both
def test_draws_of_a_sigmoid_are_calibrated_on_fresh_draws(method: Method) -> None:
    generator = np.random.default_rng(3)
    scores = generator.normal(0, 2, 6000)
    right = generator.random(6000) < 1 / (1 + np.exp(-(1.5 * scores - 1)))
    curve = fit(scores[:3000].tolist(), right[:3000].tolist(), method)
    error, perfect = calibration_error(curve(scores[3000:].tolist()), right[3000:].tolist())
    assert error < 0.03
    assert 0.005 < perfect < 0.03
    raw, _ = calibration_error((1 / (1 + np.exp(-scores))).tolist(), right.tolist())
    assert raw > 0.08


def test_isotonic_pools_adjacent_violators() -> None:
    curve = fit([1, 2, 3, 4, 5, 6], [False, True, False, True, True, True])
    assert isinstance(curve, Curve)
    assert curve([0, 1]) == [0.25, 0.25]  # (0 + 1/2) / (1 + 1)
    assert curve([2.5]) == [0.5]  # the block of 2 and 3: (1 + 1/2) / (2 + 1)
    assert curve([5, 9])[1] == pytest.approx(0.875)


def test_platt_finds_the_slope_that_draws_came_from() -> None:
    generator = np.random.default_rng(5)
    scores = generator.normal(0, 1, 20_000)
    right = generator.random(20_000) < 1 / (1 + np.exp(-(2 * scores + 0.5)))
    curve = fit(scores.tolist(), right.tolist(), "platt")
    assert isinstance(curve, Sigmoid)
    assert curve.slope == pytest.approx(2, abs=0.1)
    assert curve.shift == pytest.approx(0.5, abs=0.1)
    falling = fit([1.0, 2.0, 3.0, 4.0], [True, True, False, False], "platt")
    assert isinstance(falling, Sigmoid)
    assert falling.slope == 0


def test_a_calibration_is_refused_for_another_scorer(tmp_path: Path) -> None:
    told = Calibrations("scorer-1", {"": Curve((0.0, 1.0), (0.1, 0.9)), "table": Sigmoid(1.0, 0.0)}, 0.3, 0.5,
                        ((0.2, 0.4), (float("-inf"),)), {"by": "test"})  # fmt: skip
    path = tmp_path / "c.json"
    path.write_text(dumped(told), encoding="utf-8")
    assert load(path, "scorer-1") == told
    with pytest.raises(ConfigError, match=r"scorer-1, the one in use is scorer-2.*rag tune"):
        load(path, "scorer-2")
    assert checked(told, "scorer-1", "x") is told
    assert told.of("table", "") == Sigmoid(1.0, 0.0)
    assert told.of("image") == told.curves[""]
    with pytest.raises(ConfigError, match="no calibration for image"):
        Calibrations("s", {"table": Sigmoid(1.0, 0.0)}).of("image")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.json", "s")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2, "scorer": "a", "curves": {}}',
     json.dumps({"format": 1, "scorer": "a", "curves": {"": {"method": "isotonic", "x": [1, 0], "y": [0, 1]}}}),
     json.dumps({"format": 1, "scorer": "a", "curves": {"": {"method": "isotonic", "x": [0, 1], "y": [0, 2]}}}),
     json.dumps({"format": 1, "scorer": "a", "curves": {"": {"method": "platt", "slope": -1, "shift": 0}}}),
     json.dumps({"format": 1, "scorer": "a", "curves": {}, "tau": 7})],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no calibration file"):
        parsed(text, "c.json")


def test_examples_that_cannot_be_fitted() -> None:
    for scores, right in (([1.0], [True]), ([1.0, 2.0], [True]), ([1.0, float("nan")], [True, False])):
        with pytest.raises(ValueError):
            fit(scores, right)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_bins_hold_each_prediction_once_and_part_no_equals(pairs: list[tuple[float, bool]]) -> None:
    bins = reliability([p for p, _ in pairs], [r for _, r in pairs], 5)
    assert sum(one.count for one in bins) == len(pairs)
    assert sum(one.count * one.predicted for one in bins) == pytest.approx(sum(p for p, _ in pairs))
    assert 0 <= expected_error(bins) <= 1
    assert len(reliability([0.5] * 9, [True] * 9)) == 1
