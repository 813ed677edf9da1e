"""Retrieval by meaning: an encoder and an index of its vectors.

Karpukhin et al. 2020, "Dense Passage Retrieval for Open-Domain Question Answering".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag.answer import Hit, Query
from rag.document import WORDED
from rag.filters import Filter
from rag.protocols import Catalog, Encoder, Index, Scored
from rag.sound import spoilt, unsound

from .joining import joined


@dataclass(frozen=True)
class Dense:
    """Hits by inner product of query and chunk vectors.

    With an encoder and an index of token vectors (Ragged) the score is that of their late interaction.
    A query without words finds nothing, unless it holds a picture and the encoder reads pictures. Nor does one
    whose vector is zero, which says that the encoder saw nothing in it (a drawing asked of an encoder of photos).
    """

    encoder: Encoder[Any]
    index: Index[Any]
    catalog: Catalog

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first; the score is the inner product (the cosine of unit vectors)."""
        found: list[list[Hit]] = [[] for _ in queries]
        looks = getattr(self.encoder, "view", "text") not in WORDED
        asked = [number for number, query in enumerate(queries) if query.text or (looks and query.parts)]
        if k <= 0 or not asked or not len(self.index):
            return found
        worded = [queries[number] for number in asked]
        vectors = self.encoder.encode_queries(worded)
        if unsound(vectors):
            raise spoilt(self.encoder, "a question")

        def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
            chosen: Any = [vectors[one] for one in numbers] if isinstance(vectors, list) else vectors[numbers]
            return self.index.search(chosen, k, where)

        hits = joined(search, worded, k, self.catalog, "dense")
        for number, vector, one in zip(asked, vectors, hits, strict=True):
            found[number] = one if vector.any() else []
        return found
