"""One look of a scorer at lists of hits: the scores, and what else it has to tell."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rag.answer import Hit, Query
from rag.protocols import Costs, Judges, Scorer


def looked(
    scorer: Scorer, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]
) -> tuple[list[list[float]], list[float | None], list[dict[str, float]]]:
    """The scores, each list's chance 0..1 (None where the scorer judges no lists), and each query's cost.

    The cost is what the scorer tells, or else `score`: the seconds that were taken, shared evenly.
    """
    started = time.perf_counter()
    chances: list[float | None] = [None] * len(queries)
    if isinstance(scorer, Costs):
        scores, told = scorer.scored(queries, hits)
        costs = [{name: value for name, value in one.items() if name != "chance"} for one in told]
        return scores, [one.get("chance") for one in told], costs
    if isinstance(scorer, Judges):
        scores, known = scorer.judged(queries, hits)
        chances = [*known]
    else:
        scores = scorer.score(queries, hits)
    share = (time.perf_counter() - started) / max(1, len(queries))
    return scores, chances, [{"score": share} for _ in queries]
