"""How sure a mean over questions is, and whether two runs differ by more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2000
PERMUTATIONS = 9999
SEED = 20260101
ALPHA = 0.05
_EXACT = 12
"""Differences up to which all sign patterns are tried (4,096)."""
_BLOCK = 1 << 21
_SLACK = 1e-12
_DIGITS = 12
"""Of a bound: a sum's last bits must not decide whether an interval holds 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n questions with the bounds of its interval."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs on the same questions: their means, B - A with its interval, and the p-value."""

    a: float
    b: float
    difference: Estimate
    p: float

    @property
    def within_noise(self) -> bool:
        """Whether chance explains the difference: p is 0.05 or more, or the interval holds 0."""
        return self.p >= ALPHA or self.difference.low <= 0 <= self.difference.high


def estimate(values: Sequence[float]) -> Estimate:
    """The mean and its bootstrap percentile interval over questions.

    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3: 2,000 resamples of n
    values with replacement, the 2.5% and 97.5% points of their means. Seeded, and the same whatever
    the order of the values. ValueError without values.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    mean = fsum(values) / len(values)
    low, high = _percentiles(sorted(values))
    return Estimate(mean, min(low, mean), max(high, mean), len(values))


def paired(a: Mapping[str, float], b: Mapping[str, float]) -> Paired:
    """Two runs by the questions that both have; ValueError where there are none.

    The interval is that of the mean of the differences (paired bootstrap). The p-value is that of the
    two-sided randomisation test, Smucker, Allan and Carterette 2007, "A Comparison of Statistical
    Significance Tests for Information Retrieval Evaluation", section 3.2: the share of sign patterns
    of the differences whose mean is at least as far from 0; all patterns up to 12 differences, else
    9,999 random ones and the one that was seen.
    """
    both = [id for id in a if id in b]
    if not both:
        raise ValueError("the two runs have no question in common")
    differences = sorted(b[id] - a[id] for id in both)
    means = [fsum(run[id] for id in both) / len(both) for run in (a, b)]
    return Paired(means[0], means[1], estimate(differences), randomisation_p(differences))


def randomisation_p(differences: Sequence[float]) -> float:
    """The p-value of `paired`; 1.0 where nothing differs."""
    import numpy as np

    moved = np.array(sorted(one for one in differences if one))
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) * (1 - _SLACK) - _SLACK
    if len(moved) <= _EXACT:
        patterns = (np.arange(1 << len(moved))[:, None] >> np.arange(len(moved))) & 1
        return float((np.abs((1 - 2 * patterns) @ moved) >= seen).mean())
    generator, extreme, left = np.random.default_rng(SEED), 0, PERMUTATIONS
    while left:
        rows = min(left, max(1, _BLOCK // len(moved)))
        signs = generator.integers(0, 2, (rows, len(moved)), np.int8)
        extreme += int((np.abs((1 - 2 * signs) @ moved) >= seen).sum())
        left -= rows
    return (extreme + 1) / (PERMUTATIONS + 1)


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    import numpy as np

    data: NDArray[np.float64] = np.array(values, np.float64)
    generator = np.random.default_rng(SEED)
    rows = max(1, _BLOCK // len(data))
    means = np.concatenate(
        [
            data[generator.integers(0, len(data), (min(rows, RESAMPLES - start), len(data)))].mean(axis=1)
            for start in range(0, RESAMPLES, rows)
        ]
    )
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return round(float(low), _DIGITS) + 0.0, round(float(high), _DIGITS) + 0.0
