"""Scorers one after the other: a cheap one over all candidates, a dear one over the best, within a budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, pi
from typing import Any

from rag.answer import Hit, Query
from rag.identity import combined
from rag.judging import looked
from rag.protocols import Scorer

from .ordering import by_score


@dataclass(frozen=True, slots=True)
class Stage:
    """A scorer for the best `best` of what comes to it, at most `calls` pairs and `seconds` a query (None: no limit).

    Pairs are scored `batch` at a time, best first; what the budget leaves out keeps its place behind.
    """

    scorer: Scorer
    best: int | None = None
    calls: int | None = None
    seconds: float | None = None
    batch: int = 8

    def __post_init__(self) -> None:
        for name in ("best", "calls", "seconds"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        if self.batch < 1:
            raise ValueError(f"batch is at least 1, got {self.batch}")


@dataclass(frozen=True, slots=True)
class Chain:
    """A Scorer and a Reranker: each stage scores the best of the one before.

    A hit's score is the number of stages that it reached plus its score in the last of them, squeezed
    into 0..1 (1/2 + atan / pi): so who got further stands above, and a calibration is that of the chain.
    What each query took is told beside the scores (`scored`): seconds by stage, and `calls`, the pairs that
    stages after the first looked at. A budget of seconds makes scores depend on the machine.
    Where the first stage has no such budget and its scorer judges lists, `chance` there is its judgement.
    """

    stages: Sequence[Stage]

    def __post_init__(self) -> None:
        if not self.stages or not all(isinstance(one, Stage) for one in self.stages):
            raise ValueError("a chain needs stages: tables with use = 'retrievers/rerankers/stage' and a scorer")

    @property
    def fingerprint(self) -> str:
        """Names the scorers and their budgets."""
        told: list[Any] = [[one.scorer.fingerprint, one.best, one.calls, one.seconds] for one in self.stages]
        return f"chain-{combined(told)[:16]}"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """A score 0 to the number of stages for each hit."""
        return self.scored(queries, hits)[0]

    def scored(
        self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]
    ) -> tuple[list[list[float]], list[dict[str, float]]]:
        """The scores, and for each query what it took."""
        told = [self._query(query, found) for query, found in zip(queries, hits, strict=True)]
        return [scores for scores, _ in told], [cost for _, cost in told]

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "chain")

    def _query(self, query: Query, hits: Sequence[Hit]) -> tuple[list[float], dict[str, float]]:
        scores = [0.0] * len(hits)
        ids = [hit.chunk.id for hit in hits]
        left = sorted(range(len(hits)), key=lambda at: (-hits[at].score, ids[at]))
        cost: dict[str, float] = {"calls": 0.0}
        for number, stage in enumerate(self.stages):
            started = time.perf_counter()
            limits = [one for one in (stage.best, stage.calls) if one is not None]
            left = left[: min(limits)] if limits else left
            done = self._stage(number, stage, query, hits, left, scores, started, cost)
            left = sorted(left[:done], key=lambda at: (-scores[at], ids[at]))
            cost[f"{number + 1}.{stage.scorer.fingerprint.partition('-')[0]}"] = time.perf_counter() - started
            cost["calls"] += done if number else 0
        return scores, cost

    def _stage(
        self, number: int, stage: Stage, query: Query, hits: Sequence[Hit], left: Sequence[int],
        scores: list[float], started: float, cost: dict[str, float],
    ) -> int:  # fmt: skip
        """Fill in the scores of those that the budget allows, and the chance of the list; how many there were."""
        # A stage without a limit of time may look at its list as a whole, which list-wise measures need.
        batch = stage.batch if stage.seconds is not None else max(1, len(left))
        for start in range(0, len(left), batch):
            if stage.seconds is not None and time.perf_counter() - started >= stage.seconds:
                return start
            part = left[start : start + batch]
            (values,), (chance,), _ = looked(stage.scorer, [query], [[hits[at] for at in part]])
            if number == 0 and stage.seconds is None and chance is not None:
                cost["chance"] = chance
            for at, value in zip(part, values, strict=True):
                scores[at] = number + 0.5 + atan(value) / pi
        return len(left)
