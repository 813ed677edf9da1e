"""Retrieval by words: BM25 over a text index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag import words
from rag.answer import Hit, Query
from rag.filters import Filter
from rag.protocols import Catalog, Scored

from .joining import joined


class TextIndex(Protocol):
    """Finds ids by words, as `rag.words.words` cuts them."""

    def search(self, queries: Sequence[Sequence[str]], k: int, where: Filter | None = None) -> Scored: ...


@dataclass(frozen=True)
class Lexical:
    """Hits by the words of the query. English function words are left out if others remain."""

    index: TextIndex
    catalog: Catalog
    stopwords: bool = True
    """Whether to leave function words out."""

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first; a query without words finds nothing."""
        cut = words.content_words if self.stopwords else words.words
        terms = [cut(query.text) for query in queries]

        def search(numbers: list[int], k: int, where: Filter | None) -> Scored:
            return self.index.search([terms[number] for number in numbers], k, where)

        return joined(search, queries, k, self.catalog, "lexical")
