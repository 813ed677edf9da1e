"""Several stores side by side, each with its share of the hits: texts here, pictures there.

Riedler and Langer, "Beyond Text: Optimizing RAG with Multimodal Inputs for Industrial Applications" (arXiv
2410.21943): two vector stores, of which 2 texts and 2 pictures are taken. The paper leaves their order open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from rag.answer import Hit, Query, Score
from rag.filters import In, all_of
from rag.protocols import Retriever


@dataclass(frozen=True)
class Stores:
    """A Retriever made of named Retrievers, each with its `share` of every round of hits (default 2).

    A round takes each store's best that are left, in turn; where one has no more, the others fill up. So k = 4
    is 2 texts and 2 pictures, and more hits are further rounds. `only` names the modalities of a store's hits.
    The score is that of the place in this order, 1 / place, as the stores' own scores cannot be compared;
    `Hit.parts` holds these.
    """

    retrievers: Mapping[str, Retriever]
    share: Mapping[str, int] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, names in (("share", self.share), ("only", self.only)):
            if unknown := sorted(set(names) - set(self.retrievers)):
                raise ValueError(f"{what} of {', '.join(unknown)}: retrievers are {', '.join(self.retrievers)}")
        if any(one < 1 for one in self.share.values()):
            raise ValueError(f"a share is 1 or more, got {dict(self.share)}")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, in rounds; each chunk once, where it came first."""
        if k <= 0 or not queries:
            return [[] for _ in queries]
        lists = {name: one.retrieve(self._asked(name, queries), k) for name, one in self.retrievers.items()}
        return [self._joined({name: hits[at] for name, hits in lists.items()}, k) for at in range(len(queries))]

    def _asked(self, name: str, queries: Sequence[Query]) -> Sequence[Query]:
        if not (kinds := self.only.get(name)):
            return queries
        only = In("modality", tuple(kinds))
        return [replace(query, where=all_of([query.where, only])) for query in queries]

    def _joined(self, lists: Mapping[str, Sequence[Hit]], k: int) -> list[Hit]:
        parts: dict[str, dict[str, Score]] = {}
        for name, hits in lists.items():
            for rank, hit in enumerate(hits, 1):
                parts.setdefault(hit.chunk.id, {})[name] = Score(rank, hit.score)
        order: dict[str, Hit] = {}
        rounds = -(-k // max(1, min(self._share(name) for name in lists))) + 1
        for number in range(rounds):
            parted = [hits[number * self._share(n) : (number + 1) * self._share(n)] for n, hits in lists.items()]
            for turn in zip_longest(*parted):
                for hit in turn:
                    if hit is not None:
                        order.setdefault(hit.chunk.id, hit)
        best = list(order.values())[:k]
        return [replace(hit, score=1 / at, by="stores", parts=parts[hit.chunk.id]) for at, hit in enumerate(best, 1)]

    def _share(self, name: str) -> int:
        return self.share.get(name, 2)
