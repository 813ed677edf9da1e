"""Made pairs of queries and chunks with a gap between them and hubs among the chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

DIM = 64


@dataclass(frozen=True)
class Pairs:
    """Query i wants row i of the gallery."""

    queries: Any
    gallery: Any
    bank: Any
    bank_chunks: Any
    strange: Any
    """A bank of queries of another domain."""


def units(array: Any) -> Any:
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def pairs(
    seed: int, count: int = 400, bank: int = 1200, gap: float = 0.6, lean: float = 1.2, noise: float = 1.05
) -> Pairs:
    """5% of the gallery lean towards the mean of the queries."""
    random = np.random.default_rng(seed)
    to_queries, to_chunks, elsewhere = units(random.standard_normal((3, DIM)))

    def made(number: int, about: Any) -> tuple[Any, Any]:
        meaning = units(random.standard_normal((number, DIM)))
        asked = meaning + gap * about + noise * units(random.standard_normal((number, DIM)))
        told = meaning + gap * to_chunks + noise * units(random.standard_normal((number, DIM)))
        hubs = random.random(number) < 0.05
        told[hubs] += lean * to_queries
        return units(asked), units(told)

    queries, gallery = made(count, to_queries)
    known, known_chunks = made(bank, to_queries)
    strange, _ = made(bank, elsewhere)
    return Pairs(queries, gallery, known, known_chunks, strange)


def recall(scores: Any) -> float:
    """Percent of queries whose own row comes first."""
    return 100 * float((scores.argmax(axis=1) == np.arange(len(scores))).mean())
