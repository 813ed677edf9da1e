"""The joint calibration of channels: its arithmetic, what it fits, and that no order is turned round."""

from __future__ import annotations

import numpy as np
import pytest

from rag.channels import RIDGE, SIGNS, Joint, fitted, probability, signs


def test_signs_of_a_list() -> None:
    assert signs([0.9, 0.5, 0.1]) == [(1.0, 0.9, 1.0, 1.0), (1.0, 0.5, pytest.approx(0.5), 0.5), (1.0, 0.1, 0.0, 1 / 3)]
    assert signs([2.0]) == [(1.0, 2.0, 1.0, 1.0)]
    assert signs([]) == []


def test_what_a_channel_adds() -> None:
    joint = Joint(-2.0, {"a": {"found": 0.5, "score": 2.0}, "b": {"rank": 1.0}})
    assert joint.added("a", [0.9, 0.4]) == pytest.approx([0.5 + 1.8, 0.5 + 0.8])
    assert joint.added("b", [7.0, 6.0]) == pytest.approx([1.0, 0.5])
    assert joint.added("c", [1.0]) == [0.0]
    assert probability(0.0) == 0.5
    assert 0.0 < probability(-1e9) < probability(1e9) < 1.0


def drawn(seed: int = 0, count: int = 120) -> list[tuple[dict[str, list[tuple[str, float]]], set[str]]]:
    """Questions of which one channel knows the answer in 0.8 of all cases, and the other nothing."""
    random = np.random.default_rng(seed)
    asked = []
    for at in range(count):
        ids = [f"{at}.{n}" for n in range(12)]
        good = ids[:] if random.random() < 0.8 else list(random.permutation(ids))
        lists = {
            "good": [(id, 1.0 - n / 12 + random.normal(0, 0.01)) for n, id in enumerate(good[:8])],
            "noise": [(id, float(random.random())) for id in random.permutation(ids)[:8]],
        }
        lists = {name: sorted(one, key=lambda pair: -pair[1]) for name, one in lists.items()}
        asked.append((lists, {ids[0]}))
    return asked


def test_the_channel_that_knows_weighs_more() -> None:
    joint = fitted(drawn())
    good, noise = (sum(joint.added(name, [0.9, 0.5, 0.1])[:1]) for name in ("good", "noise"))
    assert good > noise + 1
    assert joint == fitted(drawn())


def test_the_fit_is_where_the_penalised_likelihood_is_flat() -> None:
    """By the plain formula: no weight that is used can be better, and none that is 0 would be better above 0."""
    asked = drawn(1, 60)
    joint = fitted(asked)
    names = sorted(joint.channels)
    rows, right = [], []
    for lists, wanted in asked:
        for id in {id for one in lists.values() for id, _ in one}:
            row = [0.0] * (len(names) * len(SIGNS))
            for at, name in enumerate(names):
                for (other, _), told in zip(lists[name], signs([score for _, score in lists[name]]), strict=True):
                    if other == id:
                        row[at * len(SIGNS) : (at + 1) * len(SIGNS)] = told
            rows.append(row)
            right.append(id in wanted)
    x, y = np.array(rows), np.array(right, float)
    w = np.array([joint.channels[name].get(sign, 0.0) for name in names for sign in SIGNS])
    chance = 1 / (1 + np.exp(-(x @ w + joint.bias)))
    slope = x.T @ (y - chance) - RIDGE * len(x) * x.var(axis=0) * w
    assert np.abs(slope[w > 0]).max() < 0.05
    assert abs((y - chance).sum()) < 0.05
    assert (w >= 0).all()
    assert (w == 0).any() or slope.max() < 0.05


def test_a_channel_that_misleads_is_not_turned_round() -> None:
    asked = [({"bad": [(f"{n}", 10.0 - n) for n in range(10)]}, {"9"}) for _ in range(20)]
    joint = fitted(asked)
    assert all(weight == 0 for weight in joint.channels["bad"].values())


def test_what_cannot_be_fitted_or_held() -> None:
    with pytest.raises(ValueError, match="some hits are right"):
        fitted([({"a": [("x", 1.0)]}, {"y"})])
    with pytest.raises(ValueError, match="some hits are right"):
        fitted([({"a": [("x", 1.0)]}, {"x"})])
    with pytest.raises(ValueError, match="turn the channel's order round"):
        Joint(0.0, {"a": {"score": -1.0}})
    with pytest.raises(ValueError, match="no 'depth'"):
        Joint(0.0, {"a": {"depth": 1.0}})
