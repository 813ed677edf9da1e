"""What several channels together say of a chunk, as the probability that it is right.

Each channel adds to the log-odds: for having found the chunk, for its score, for its share of the channel's
range of scores (min-max over the list, as the weighted fusion has it), and for 1 / rank. The weights are fitted
by logistic regression with a small ridge, and none is negative, so no channel's order is turned round. This is
the calibrated fusion of several rankings; `rag tune --fusion` fits it, `retrievers/fused` uses it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNS = ("found", "score", "share", "rank")
"""What a channel says of a chunk that it found, in the order of `signs`."""
RIDGE = 1e-3
STEPS = 30
Ranking = Sequence[tuple[str, float]]
"""(chunk id, score), best first."""


@dataclass(frozen=True, slots=True)
class Joint:
    """The fitted weights: for each channel one for each of SIGNS, and the log-odds of a chunk that no channel found."""

    bias: float
    channels: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        for name, one in self.channels.items():
            if unknown := sorted(set(one) - set(SIGNS)):
                raise ValueError(f"{name}: a channel has {', '.join(SIGNS)}, and no {unknown[0]!r}")
            if any(weight < 0 for weight in one.values()):
                raise ValueError(f"{name}: a negative weight would turn the channel's order round")

    def added(self, channel: str, scores: Sequence[float]) -> list[float]:
        """What a channel adds to the log-odds of each of its hits, best first."""
        weights = self.channels.get(channel, {})
        return [
            sum(weights.get(name, 0.0) * value for name, value in zip(SIGNS, told, strict=True))
            for told in signs(scores)
        ]


def signs(scores: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """The signs of each hit of a list, from its scores, best first."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    span = high - low
    return [(1.0, score, (score - low) / span if span > 0 else 1.0, 1 / rank) for rank, score in enumerate(scores, 1)]


def probability(odds: float) -> float:
    """Of log-odds, 0..1."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, odds))))


def fitted(asked: Sequence[tuple[Mapping[str, Ranking], Container[str]]]) -> Joint:
    """Weights from questions: each channel's ranking, and the ids that are right.

    ValueError where no channel found anything right, or all that was found is right.
    """
    import numpy as np

    names = sorted({name for lists, _ in asked for name in lists})
    rows: list[NDArray[np.float64]] = []
    right: list[bool] = []
    for lists, wanted in asked:
        held: dict[str, NDArray[np.float64]] = {}
        for at, name in enumerate(names):
            ranking = lists.get(name, ())
            for (id, _), told in zip(ranking, signs([score for _, score in ranking]), strict=True):
                row = held.setdefault(id, np.zeros(len(names) * len(SIGNS)))
                row[at * len(SIGNS) : (at + 1) * len(SIGNS)] = told
        rows += held.values()
        right += [id in wanted for id in held]
    if not any(right) or all(right):
        raise ValueError("a fusion is fitted on questions of which some hits are right and some are not")
    weights, bias = _logistic(np.stack(rows), np.array(right, np.float64))
    return Joint(
        round(bias, 6),
        {
            name: {
                sign: round(float(weights[at * len(SIGNS) + n]), 6) for n, sign in enumerate(SIGNS)
                if weights[at * len(SIGNS) + n] > 0
            }
            for at, name in enumerate(names)
        },
    )  # fmt: skip


def _logistic(rows: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """(weights, bias), none of the weights negative: those that would be are taken out, the most negative first."""
    import numpy as np

    spread = rows.std(axis=0)
    kept = [int(at) for at in np.flatnonzero(spread > 1e-9)]
    while True:
        scaled = np.concatenate([rows[:, kept] / spread[kept], np.ones((len(rows), 1))], axis=1)
        found = _newton(scaled, right)
        worst = int(np.argmin(found[:-1])) if kept else 0
        if not kept or found[worst] >= 0:
            weights = np.zeros(rows.shape[1])
            weights[kept] = found[:-1] / spread[kept]
            return weights, float(found[-1])
        del kept[worst]


def _newton(rows: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by Newton's method, each step halved until it helps; the last column is the bias and not held small."""
    import numpy as np

    ridge = np.full(rows.shape[1], RIDGE * len(rows))
    ridge[-1] = 1e-6

    def loss(weights: NDArray[np.float64]) -> float:
        odds = rows @ weights
        return float((np.logaddexp(0.0, odds) - right * odds).sum() + (ridge * weights**2).sum() / 2)

    weights = np.zeros(rows.shape[1])
    weights[-1] = np.log(right.mean() / (1 - right.mean()))
    reached = loss(weights)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -500, 500)))
        slope = rows.T @ (right - chance) - ridge * weights
        curve = (rows * (chance * (1 - chance))[:, None]).T @ rows + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        while (lower := loss(weights + step)) > reached and np.abs(step).max() > 1e-9:
            step = step / 2
        gained, reached = reached - lower, min(reached, lower)
        if gained <= 1e-9:
            break
        weights = weights + step
    return weights
