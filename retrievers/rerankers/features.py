"""The embedded relevancy scorer: a logistic model over what the channels, the words and the headings say.

No torch, no model file: the fitted numbers stand in `features.json` with where they come from. What the
Relevancy Score of Mortaheb et al. 2025 (arXiv 2501.04695) is for, a score of one query against one candidate
that ranks a coarse list and can be held against a threshold, by a small model instead of a fine-tuned VLM.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from rag.answer import Hit, Query
from rag.identity import combined, findable
from rag.overlap import is_listing
from rag.protocols import Lexicon

from .measures import NAMES, VERSION, measured
from .ordering import by_score


@dataclass(frozen=True, slots=True)
class Features:
    """A Scorer and a Reranker; a score is 0..1, and is held against a threshold only after calibration.

    There are two sets of weights, for lists that an encoder helped to find and for lists found by words
    alone. A chunk without text, a table of contents or an index scores 0.
    """

    lexicon: Lexicon | None = None

    @property
    def fingerprint(self) -> str:
        """Names the measures and the fitted numbers."""
        return f"features-{VERSION}-{combined(_fitted()['models'])[:16]}"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """A score 0..1 for each hit of each query."""
        return [self._scores(query, found) for query, found in zip(queries, hits, strict=True)]

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "features")

    def _scores(self, query: Query, hits: Sequence[Hit]) -> list[float]:
        usable = [at for at, hit in enumerate(hits) if findable(hit.chunk).strip() and not is_listing(hit.chunk.text)]
        scores = [0.0] * len(hits)
        if not usable or not query.text:
            return scores
        kept = [hits[at] for at in usable]
        model = _fitted()["models"]["dense" if any("dense" in hit.parts for hit in kept) else "lexical"]
        for at, values in zip(usable, measured(query.text, self.lexicon, kept), strict=True):
            scores[at] = logistic(model, values)
        return scores


def logistic(model: dict[str, Any], values: Sequence[float]) -> float:
    """The model's probability 0..1 for measures in the order of NAMES, to six digits."""
    weights = model["weights"]
    logit = model["intercept"] + sum(
        weights[name] * value for name, value in zip(NAMES, values, strict=True) if name in weights
    )
    return round(1 / (1 + exp(-max(-30.0, min(30.0, logit)))), 6)


@cache
def _fitted() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((files(__package__) / "features.json").read_text(encoding="utf-8"))
    return told
