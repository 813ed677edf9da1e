"""The embedded relevancy scorer: logistic models over what the channels, the words and the places say.

No torch, no model file: the fitted numbers stand in `features.json` with where they come from. What the
Relevancy Score of Mortaheb et al. 2025 (arXiv 2501.04695) is for, a score of one query against one candidate
that ranks a coarse list and can be held against a threshold, by small models instead of a fine-tuned VLM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from rag.answer import Hit, Query
from rag.identity import combined, findable
from rag.overlap import is_listing
from rag.protocols import Lexicon

from .measures import NAMES, VERSION, asked, best_of, measures, seen
from .ordering import by_score
from .topic import NAMES as TOPIC_NAMES
from .topic import looked, topic

LEAST = 1e-6
"""The least chance: the order of the hits is kept where nothing seems to fit."""


@dataclass(frozen=True, slots=True)
class Features:
    """A Scorer, a Reranker, and one that Judges lists; a score is 0..1, held against a threshold once calibrated.

    Two models: the chance that the list speaks of what the question is about, and that a hit of such a list
    holds the answer; a score is their product. Each has two sets of weights, for lists that an encoder
    helped to find and for lists found by words alone. A chunk without text, a table of contents or an index
    scores 0.
    """

    lexicon: Lexicon | None = None

    @property
    def fingerprint(self) -> str:
        """Names the measures and the fitted numbers."""
        return f"features-{VERSION}-{combined(_fitted()['models'])[:16]}"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """A score 0..1 for each hit of each query."""
        return self.judged(queries, hits)[0]

    def judged(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> tuple[list[list[float]], list[float]]:
        """The scores, and for each query the chance 0..1 that its hits speak of what it is about."""
        told = [self._judged(query, found) for query, found in zip(queries, hits, strict=True)]
        return [scores for scores, _ in told], [chance for _, chance in told]

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "features")

    def _judged(self, query: Query, hits: Sequence[Hit]) -> tuple[list[float], float]:
        usable = [at for at, hit in enumerate(hits) if findable(hit.chunk).strip() and not is_listing(hit.chunk.text)]
        scores = [0.0] * len(hits)
        if not usable or not query.text:
            return scores, 0.0
        kept = [hits[at] for at in usable]
        models = _fitted()["models"]["dense" if any("dense" in hit.parts for hit in kept) else "lexical"]
        question, best = asked(query.text, self.lexicon), best_of(kept)
        read = [seen(question, hit) for hit in kept]
        chance = max(LEAST, logistic(models["topic"], TOPIC_NAMES, topic(question, kept, read)), looked(question, kept))
        for at, hit, one in zip(usable, kept, read, strict=True):
            scores[at] = round(chance * logistic(models["hit"], NAMES, measures(question, hit, one, best)), 9)
        return scores, round(chance, 6)


def logistic(model: Mapping[str, Any], names: Sequence[str], values: Sequence[float]) -> float:
    """The model's probability 0..1 for measures in the order of their names."""
    weights = model["weights"]
    logit = model["intercept"] + sum(
        weights[name] * value for name, value in zip(names, values, strict=True) if name in weights
    )
    return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


@cache
def _fitted() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((files(__package__) / "features.json").read_text(encoding="utf-8"))
    return told
