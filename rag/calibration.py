"""Scores of a scorer to probabilities, and how far such probabilities can be believed.

A calibration belongs to the scorer it was fitted for, by its fingerprint, and is refused for another: a
threshold never outlives a change of scorer in silence. Two methods: isotonic regression by pooling adjacent
violators (Zadrozny and Elkan 2002, "Transforming Classifier Scores into Accurate Multiclass Probability
Estimates"), joined by straight lines between the means of its blocks, and Platt's sigmoid (Platt 1999,
"Probabilistic Outputs for Support Vector Machines", targets of section 2.2).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log
from pathlib import Path
from typing import Any, Literal

from rag.errors import ConfigError

Method = Literal["isotonic", "platt"]
FORMAT = 1
BINS = 15
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Curve:
    """A Calibration: straight lines between points, level beyond them. `y` never falls; it holds 0..1."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.x, self.x[1:], strict=False))
        within = all(0 <= a <= b <= 1 for a, b in zip((0.0, *self.y), (*self.y, 1.0), strict=True))
        if not self.x or len(self.x) != len(self.y) or not rising or not within or not all(map(isfinite, self.x)):
            raise ValueError("a curve needs rising scores and probabilities 0..1 that never fall, as many of each")

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """A probability for each score."""
        return [self._at(score) for score in scores]

    def _at(self, score: float) -> float:
        after = bisect_right(self.x, score)
        if after == 0 or after == len(self.x):
            return self.y[min(after, len(self.x) - 1)]
        x0, x1, y0, y1 = self.x[after - 1], self.x[after], self.y[after - 1], self.y[after]
        return min(y1, y0 + (y1 - y0) * (score - x0) / (x1 - x0))

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"method": "isotonic", "x": list(self.x), "y": list(self.y)}


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """A Calibration: 1 / (1 + exp(-(slope * score + shift))); `slope` is not negative."""

    slope: float
    shift: float

    def __post_init__(self) -> None:
        if not (isfinite(self.slope) and isfinite(self.shift)) or self.slope < 0:
            raise ValueError(f"a sigmoid needs a slope of 0 or more and a shift, got {self.slope} and {self.shift}")

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """A probability for each score."""
        return [_sigmoid(self.slope * score + self.shift) for score in scores]

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"method": "platt", "slope": self.slope, "shift": self.shift}


@dataclass(frozen=True, slots=True)
class Calibrations:
    """The calibrations of one scorer, by group: a modality, or `dense`, `lexical`, or "" for what has none of its own.

    `tau`, `ratio`, `max_risk` and `least_chance` are what was chosen with them, `needed` the relevances of needed
    evidence, a list a question, for the cut by risk.
    """

    scorer: str
    curves: Mapping[str, Curve | Sigmoid]
    tau: float | None = None
    max_risk: float | None = None
    needed: tuple[tuple[float, ...], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    ratio: float | None = None
    """Of the best relevance: what is below that share of it is left out."""
    least_chance: float | None = None
    """For scorers that judge whole lists: where the chance is below it nothing is kept."""

    def of(self, *groups: str) -> Curve | Sigmoid:
        """The calibration of the first of these groups that has one; ConfigError where none has."""
        for group in (*groups, ""):
            if group in self.curves:
                return self.curves[group]
        raise ConfigError(f"no calibration for {' or '.join(groups)}: there are {', '.join(self.curves) or 'none'}")


def fit(scores: Sequence[float], right: Sequence[bool], method: Method = "isotonic") -> Curve | Sigmoid:
    """The calibration of scores by whether they were right; ValueError with fewer than two, or all alike."""
    if len(scores) != len(right) or len(scores) < 2:
        raise ValueError(
            f"a calibration needs as many outcomes as scores, two or more, got {len(scores)} and {len(right)}"
        )
    if not all(map(isfinite, scores)):
        raise ValueError("a calibration needs scores that are numbers")
    return _platt(scores, right) if method == "platt" else _isotonic(scores, right)


def _isotonic(scores: Sequence[float], right: Sequence[bool]) -> Curve:
    """Pooled adjacent violators; each block a point at its mean score."""
    blocks: list[list[float]] = []  # [sum of scores, sum of right, count]
    grouped: dict[float, list[float]] = {}
    for score, one in zip(scores, right, strict=True):
        group = grouped.setdefault(score, [0.0, 0.0, 0.0])
        group[0], group[1], group[2] = group[0] + score, group[1] + one, group[2] + 1
    for score in sorted(grouped):
        blocks.append(grouped[score])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    points: dict[float, float] = {}
    for total, good, count in blocks:
        # Half a right and half a wrong one are added: no block of a few is sure.
        points[round(total / count, _DIGITS)] = round((good + 0.5) / (count + 1), _DIGITS)
    x = sorted(points)
    y = [points[one] for one in x]
    for at in range(1, len(y)):
        y[at] = max(y[at], y[at - 1])
    return Curve(tuple(x), tuple(y))


def _platt(scores: Sequence[float], right: Sequence[bool]) -> Sigmoid:
    """Newton's method on the log loss, from a level line; the slope is held at 0 or more."""
    good = sum(right)
    high, low = (good + 1) / (good + 2), 1 / (len(right) - good + 2)
    targets = [high if one else low for one in right]
    mean = sum(scores) / len(scores)
    slope, shift = 0.0, log((good + 1) / (len(right) - good + 1))
    for _ in range(100):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for score, target in zip(scores, targets, strict=True):
            x = score - mean
            p = _sigmoid(slope * x + shift)
            d, w = p - target, max(p * (1 - p), 1e-12)
            g0, g1 = g0 + d, g1 + d * x
            h00, h01, h11 = h00 + w, h01 + w * x, h11 + w * x * x
        h11 += 1e-9
        determinant = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        shift, slope = shift - step0, slope - step1
        if abs(step0) + abs(step1) < 1e-9:
            break
    slope = max(0.0, slope)
    return Sigmoid(round(slope, _DIGITS), round(shift - slope * mean, _DIGITS))


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-max(-40.0, min(40.0, value))))


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions that lie together: their mean, the share of them that was right, and how many."""

    predicted: float
    seen: float
    count: int


def reliability(predicted: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """The reliability diagram: bins of equal count, by rising prediction; equals are not parted."""
    pairs = sorted(zip(predicted, right, strict=True))
    found: list[Bin] = []
    start = 0
    for number in range(1, bins + 1):
        end = max(start, len(pairs) * number // bins)
        while 0 < end < len(pairs) and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            part = pairs[start:end]
            found.append(Bin(sum(p for p, _ in part) / len(part), sum(r for _, r in part) / len(part), len(part)))
            start = end
    return found


def expected_error(found: Sequence[Bin]) -> float:
    """Expected calibration error: the mean distance of predicted and seen, weighted by count."""
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.predicted - one.seen) for one in found) / total if total else 0.0


def calibration_error(predicted: Sequence[float], right: Sequence[bool], draws: int = 200) -> tuple[float, float]:
    """The expected calibration error, and what it would be on average for these predictions if all were true.

    The second is not 0: a share of a few hundred is never the probability. Guo, Pleiss, Sun and Weinberger
    2017, "On Calibration of Modern Neural Networks", equation 3, with bins of equal count.
    """
    from random import Random

    generator = Random(0)
    error = expected_error(reliability(predicted, right))
    perfect = [
        expected_error(reliability(predicted, [generator.random() < p for p in predicted])) for _ in range(draws)
    ]
    return error, sum(perfect) / max(1, len(perfect))


def dumped(told: Calibrations) -> str:
    """A calibration file."""
    plain = {
        "format": FORMAT, "scorer": told.scorer, "provenance": dict(told.provenance), "tau": told.tau,
        "ratio": told.ratio, "max_risk": told.max_risk, "least_chance": told.least_chance,
        "curves": {name: curve.plain() for name, curve in told.curves.items()},
        "needed": [[None if level == float("-inf") else level for level in one] for one in told.needed],
    }  # fmt: skip
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parsed(text: str, name: str) -> Calibrations:
    """The calibrations of a file's text; ConfigError naming the file where it is none."""
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, expected {FORMAT}")
        curves = {str(group): _curve(one) for group, one in told["curves"].items()}
        needed = tuple(
            tuple(float("-inf") if level is None else float(level) for level in one) for one in told.get("needed", [])
        )
        return Calibrations(
            str(told["scorer"]), curves, _share(told.get("tau")), _share(told.get("max_risk")), needed,
            dict(told.get("provenance", {})), _share(told.get("ratio")), _share(told.get("least_chance")),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"no calibration file ({error}); make one with: rag tune", path=name) from error


def _curve(told: Mapping[str, Any]) -> Curve | Sigmoid:
    if told["method"] == "platt":
        return Sigmoid(float(told["slope"]), float(told["shift"]))
    if told["method"] != "isotonic":
        raise ValueError(f"method {told['method']!r}, expected isotonic or platt")
    return Curve(tuple(map(float, told["x"])), tuple(map(float, told["y"])))


def _share(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"expected a number from 0 to 1, got {value!r:.40}")
    return float(value)


def load(path: str | Path, scorer: str) -> Calibrations:
    """The calibrations in a file for the scorer of that fingerprint; ConfigError for those of another."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the calibration cannot be read ({error})", path=str(path)) from error
    return checked(parsed(text, str(path)), scorer, str(path))


def checked(told: Calibrations, scorer: str, name: str) -> Calibrations:
    """The calibrations if they are of that scorer; ConfigError naming both if not."""
    if told.scorer != scorer:
        raise ConfigError(
            f"this calibration was fitted for the scorer {told.scorer}, the one in use is {scorer}: its numbers mean "
            "nothing for another. Fit anew with: rag tune",
            path=name,
        )
    return told
