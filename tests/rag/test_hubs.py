"""Skewness of how often something is found."""

from __future__ import annotations

import numpy as np
import pytest

from rag.hubs import among, occurrences, skewness
from tests.golden.hubs import pairs


def test_by_hand() -> None:
    assert skewness(np.array([3, 3, 3])) == 0
    assert skewness(np.array([0, 0, 0, 4])) == pytest.approx(2 / 3**0.5)
    assert skewness(np.array([1, 2, 3])) == pytest.approx(0)
    assert skewness(np.zeros(0)) == 0
    assert occurrences([["a", "b"], ["a"]], ["a", "b", "c"]).tolist() == [2, 1, 0]


def test_one_that_is_near_to_all() -> None:
    around = np.eye(20)
    centre = np.full((1, 20), 20**-0.5)
    assert among(around[:11]) == 0
    assert among(np.concatenate([centre, around]), k=1) > 4


def test_hubs_among_made_chunks() -> None:
    made = pairs(0)
    plain = np.random.default_rng(0).standard_normal((400, 5))
    leaning = np.concatenate([made.gallery, made.queries])
    assert among(leaning) > 1 > among(plain / np.linalg.norm(plain, axis=1, keepdims=True))
