"""Up to k pieces of evidence, or none: hits to calibrated probabilities, cut at a threshold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from rag.answer import Evidence, Hit, Query, Selection
from rag.identity import combined, findable
from rag.overlap import is_listing
from rag.protocols import Candidate, Lexicon

from ..cutoffs import up_to_k
from .features import VERSION, Asked, asked, features, has_dense, matched

POINTED = 0.5


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A Selector: logistic regression over a few features of each hit, then a cutoff.

    `relevance` is the estimated probability that the chunk holds the answer. At most `k` hits are
    kept, none below `tau` (None: the threshold that was fitted). The fitted numbers and where
    they come from stand in `calibrated.json`; there are two sets, for hits that an encoder helped
    to find and for hits found by words alone. Chunks with neither text nor summary, tables of
    contents and indexes are never evidence.
    """

    k: int = 5
    tau: float | None = None
    near_misses: int = 3
    lexicon: Lexicon | None = None

    def __post_init__(self) -> None:
        if self.k < 0 or self.near_misses < 0:
            raise ValueError(f"k and near_misses are at least 0, got {self.k} and {self.near_misses}")
        if self.tau is not None and not 0 <= self.tau <= 1:
            raise ValueError(f"tau is a probability, got {self.tau}")

    @property
    def fingerprint(self) -> str:
        """Names the features and the fitted numbers."""
        return f"calibrated-{VERSION}-{combined(_profiles())[:16]}"

    def select(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Selection]:
        """For each query what to rest the answer on, best first, or why there is nothing."""
        return [self._select(query, found) for query, found in zip(queries, hits, strict=True)]

    def _select(self, query: Query, hits: Sequence[Hit]) -> Selection:
        question = asked(query.text, self.lexicon)
        usable = {hit.chunk.id: hit for hit in hits if findable(hit.chunk).strip() and not is_listing(hit.chunk.text)}
        profile = _profiles()["dense" if has_dense(usable) else "lexical"]
        ranked = sorted(
            ((relevance(profile, question, hit), hit) for hit in usable.values()),
            key=lambda pair: (-pair[0], pair[1].chunk.id),
        )
        tau = profile["tau"] if self.tau is None else self.tau
        candidates = [Candidate(chance, hit.chunk.tokens, hit.chunk.media is not None) for chance, hit in ranked]
        count = up_to_k(self.k, tau)(candidates) if question.words else 0
        numbered = [Evidence(number, hit, chance) for number, (chance, hit) in enumerate(ranked, 1)]
        if count:
            return Selection(tuple(numbered[:count]), expected_risk=round(1 - numbered[0].relevance, 4))
        return Selection(
            near_misses=tuple(numbered[: self.near_misses]),
            reason=_reason(question, numbered),
            expected_risk=round(1 - numbered[0].relevance, 4) if numbered else 1.0,
        )


def relevance(profile: Mapping[str, Any], question: Asked, hit: Hit) -> float:
    """The probability 0..1 that a hit answers the question.

    What a question points at ("on page 3") answers it by itself with probability `POINTED`, which was set and
    not fitted: the words of such a question need not stand there.
    """
    values = features(question, hit)
    weights: Mapping[str, float] = profile["weights"]
    logit = profile["intercept"] + sum(weight * values[name] for name, weight in weights.items())
    by_words = 1 / (1 + exp(-max(-30.0, min(30.0, logit))))
    pointed = hit.parts["pointed"].score if "pointed" in hit.parts else 0.0
    return round(1 - (1 - by_words) * (1 - POINTED * pointed), 6)


def _reason(question: Asked, ranked: Sequence[Evidence]) -> str:
    if not question.words:
        return "the question has no words"
    if not ranked:
        return "nothing in the corpus fits: no text was found for the question"
    best = max(matched(question, evidence.hit) for evidence in ranked)
    count = f"{best} of {question.words} word{'s' if question.words != 1 else ''}"
    return f"nothing in the corpus fits: the best match covers {count} of the question"


@cache
def _profiles() -> dict[str, Any]:
    text = (files(__package__) / "calibrated.json").read_text(encoding="utf-8")
    profiles: dict[str, Any] = json.loads(text)["profiles"]
    return profiles
