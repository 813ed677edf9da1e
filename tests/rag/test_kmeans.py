"""k-means++: clusters none of which is empty, and the members nearest to their means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.kmeans import kmeans


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 3), st.integers(1, 6))
def test_clusters(total: int, count: int, seed: int, distinct: int) -> None:
    rng = np.random.default_rng(total)
    points = list(rng.normal(size=(distinct, 3))[rng.integers(0, distinct, total)])
    labels, members = kmeans(points, count, seed)
    assert len(labels) == total
    assert len(members) == len(set(members)) <= min(count, distinct)
    assert [labels[member] for member in members] == list(range(len(members)))
    means = [np.mean([point for point, one in zip(points, labels, strict=True) if one == label], axis=0)
             for label in range(len(members))]  # fmt: skip
    for label, member in enumerate(members):
        apart = [float(np.square(point - means[label]).sum()) for point, one in zip(points, labels, strict=True)
                 if one == label]  # fmt: skip
        assert float(np.square(points[member] - means[label]).sum()) == pytest.approx(min(apart))
    assert kmeans(points, count, seed) == (labels, members)


def test_clusters_that_are_there_are_found() -> None:
    rng = np.random.default_rng(0)
    points = [np.array([10.0 * (at // 10), 0.0]) + rng.normal(scale=0.1, size=2) for at in range(40)]
    for seed in range(5):
        labels, _ = kmeans(points, 4, seed)
        if len({tuple(labels[at : at + 10]) for at in range(0, 40, 10)}) == 4:
            break
    assert [len(set(labels[at : at + 10])) for at in range(0, 40, 10)] == [1, 1, 1, 1]
