"""Several rankings made one.

`rrf`: reciprocal rank fusion, the sum of weight / (constant + rank). Cormack, Clarke and Buettcher
2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods".

`weighted`: a convex combination of scores. Each list's scores are scaled to 0..1 over its depth
(min-max; a list of equal scores becomes ones), a chunk that a list lacks counts 0 there, and
weights are divided by their sum. Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for
Hybrid Retrieval".

`calibrated`: the probability that a chunk is right, from what each channel adds to its log-odds
(`rag.channels`), as `rag tune --fusion` fitted it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.answer import Hit, Query, Score
from rag.channels import Joint, probability
from rag.document import Chunk
from rag.errors import ConfigError
from rag.identity import combined
from rag.protocols import Retriever

from .language import foreign


@dataclass(frozen=True)
class Fused:
    """A Retriever made of named Retrievers.

    Each is asked for `depth` hits (k, if that is more); `weights` default to 1. Where a query is
    not in English, the weights of the retrievers named in `english_only` are multiplied by
    `foreign_factor` (1.0 asks for no language). `Hit.parts` holds each one's own rank and score;
    the channels of one that is itself fused are there as NAME.CHANNEL. `bias`, `curves` and `made_of` (which
    names the channels and encoders that they hold for) are those of the calibrated method; a weight multiplies
    what its channel adds.
    """

    retrievers: Mapping[str, Retriever]
    method: Literal["rrf", "weighted", "calibrated"] = "rrf"
    weights: Mapping[str, float] = field(default_factory=dict)
    constant: float = 60
    depth: int = 100
    english_only: tuple[str, ...] = ("dense", "summaries")
    foreign_factor: float = 0.3
    bias: float = 0.0
    curves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    made_of: str = ""

    def __post_init__(self) -> None:
        if self.method not in ("rrf", "weighted", "calibrated"):
            raise ValueError(f"method must be 'rrf', 'weighted' or 'calibrated', got {self.method!r}")
        if self.method == "calibrated" and not self.curves:
            raise ValueError("method 'calibrated' needs bias and curves, as rag tune --fusion writes them")
        if unknown := sorted(set(self.curves) - set(self.retrievers)):
            raise ValueError(f"curves for {', '.join(unknown)}: retrievers are {', '.join(self.retrievers)}")
        Joint(self.bias, self.curves)
        if unknown := sorted(set(self.weights) - set(self.retrievers)):
            raise ValueError(f"weights for {', '.join(unknown)}: retrievers are {', '.join(self.retrievers)}")
        if any(weight < 0 for weight in (*self.weights.values(), self.constant, self.foreign_factor)):
            raise ValueError("weights, constant and foreign_factor must not be negative")

    @property
    def channels(self) -> str:
        """Names the channels with their encoders: what a fitted fusion holds for."""
        return combined(sorted((name, _encoders(one)) for name, one in self.retrievers.items()))[:16]

    @property
    def whole(self) -> float:
        """The score of a hit that is first in every list; of the calibrated method the most that there can be."""
        if self.method != "rrf":
            return 1.0
        return sum(self.weights.get(name, 1.0) for name in self.retrievers) / (self.constant + 1)

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id."""
        if k <= 0 or not queries:
            return [[] for _ in queries]
        if self.made_of and self.made_of != (found := self.channels):
            raise ConfigError(
                f"this fusion was fitted for {self.made_of}, but its channels are {found}; fit it again with: "
                "rag tune --fusion", key="made_of",
            )  # fmt: skip
        depth = max(k, self.depth)
        lists = {name: one.retrieve(queries, depth) for name, one in self.retrievers.items()}
        return [
            self._fused({name: hits[number] for name, hits in lists.items()}, self._weights(query), k)
            for number, query in enumerate(queries)
        ]

    def _weights(self, query: Query) -> dict[str, float]:
        weights = {name: self.weights.get(name, 1.0) for name in self.retrievers}
        weak = [name for name in self.english_only if name in weights]
        if len(weights) > len(weak) > 0 and self.foreign_factor != 1 and foreign(query.text):
            for name in weak:
                weights[name] *= self.foreign_factor
        return weights

    def _fused(self, lists: Mapping[str, Sequence[Hit]], weights: Mapping[str, float], k: int) -> list[Hit]:
        joint, calibrated = Joint(self.bias, self.curves), self.method == "calibrated"
        whole = sum(weights.values()) or 1.0
        chunks: dict[str, Chunk] = {}
        scores: dict[str, float] = {}
        parts: dict[str, dict[str, Score]] = {}
        for name, hits in lists.items():
            if calibrated:
                values = joint.added(name, [hit.score for hit in hits])
            else:
                values = _METHODS[self.method](hits, self.constant)
            for rank, (hit, value) in enumerate(zip(hits, values, strict=True), 1):
                id = hit.chunk.id
                chunks[id] = hit.chunk
                share = weights[name] / whole if self.method == "weighted" else weights[name]
                scores[id] = scores.get(id, self.bias if calibrated else 0.0) + share * value
                parts.setdefault(id, {})[name] = Score(rank, hit.score)
                if set(hit.parts) - {hit.by}:
                    parts[id].update({f"{name}.{channel}": one for channel, one in hit.parts.items()})
        best = sorted(scores, key=lambda id: (-scores[id], id))[:k]
        if calibrated:
            scores = {id: probability(scores[id]) for id in best}
        return [Hit(chunks[id], scores[id], "fused", parts[id]) for id in best]


def _encoders(retriever: object) -> list[str]:
    """The fingerprints of the encoders in a tree of retrievers."""
    own = getattr(getattr(retriever, "encoder", None), "fingerprint", "")
    inner = getattr(retriever, "retriever", None)
    below = [*getattr(retriever, "retrievers", {}).values(), *([inner] if inner is not None else [])]
    return [*([own] if own else []), *(name for one in below for name in _encoders(one))]


def _reciprocal(hits: Sequence[Hit], constant: float) -> list[float]:
    return [1 / (constant + rank) for rank in range(1, len(hits) + 1)]


def _scaled(hits: Sequence[Hit], _: float) -> list[float]:
    scores = [hit.score for hit in hits]
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]


_METHODS: dict[str, Callable[[Sequence[Hit], float], list[float]]] = {
    "rrf": _reciprocal,
    "weighted": _scaled,
}
