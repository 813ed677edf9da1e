"""Every scorer and reranker, ready to run: what the contract suites go over."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from rag.retrievers.rerankers.chain import Chain, Stage
from rag.retrievers.rerankers.cross_encoder import CrossEncoder
from rag.retrievers.rerankers.diversity import Diversity
from rag.retrievers.rerankers.features import Features
from rag.retrievers.rerankers.sections import Sections
from rag.retrievers.rerankers.votes import Votes
from rag.retrievers.rerankers.yes_no import YesNo

from tests.golden import scorers
from tests.golden.encoders import HashEncoder


@cache
def yes_no() -> YesNo:
    return YesNo(scorers.causal())


@cache
def cross_encoder() -> CrossEncoder:
    return CrossEncoder(scorers.classifier())


SCORERS: dict[str, Callable[[], Any]] = {
    "features": Features,
    "relevancy": scorers.relevancy,
    "chain": lambda: Chain([Stage(Features()), Stage(scorers.relevancy(), best=3)]),
    "yes_no": yes_no,
    "cross_encoder": cross_encoder,
}
RERANKERS: dict[str, Callable[[], Any]] = {
    **SCORERS,
    "votes": Votes,
    "votes-number": lambda: Votes("page", "number", 3),
    "diversity": Diversity,
    "diversity-vectors": lambda: Diversity(0.5, "vectors", HashEncoder()),
    "sections": lambda: Sections(top_documents=1),
}
