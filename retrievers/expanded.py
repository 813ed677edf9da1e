"""A question that names what documents only list the parts of is asked in their words too.

"What is the current ratio?" is answered by two lines of a balance sheet that does not say "ratio". Query
expansion by a thesaurus, as in Voorhees: Query Expansion using Lexical-Semantic Relations, SIGIR 1994; here by
a small glossary that a person can read and change, and with the scores of both questions added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files

from rag import glossary
from rag.answer import Hit, Query, Score
from rag.overlap import signs
from rag.protocols import Retriever


@dataclass(frozen=True)
class Expanded:
    """The hits of `retriever` for the question, and for the words of the glossary where it names an entry.

    Both lists are scaled by their best score; that of the glossary's words counts `weight` times. They are asked
    together with the names and numbers of the question. `file` is a glossary of the user's own, read in place
    of the one that ships (measures of accounting), or with it if `both`; a question that names no entry costs
    nothing.
    """

    retriever: Retriever
    weight: float = 1.5
    file: str = ""
    both: bool = False
    depth: int = 60

    def __post_init__(self) -> None:
        if self.weight < 0 or self.depth < 1:
            raise ValueError("weight must not be negative; depth must be at least 1")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id; `Hit.parts["glossary"]` tells what its words found."""
        if k <= 0:
            return [[] for _ in queries]
        others = {number: other for number, query in enumerate(queries) if (other := self._other(query)) is not None}
        depth = max(k, self.depth) if others else k
        found = self.retriever.retrieve([*queries, *others.values()], depth)
        for number, hits in zip(others, found[len(queries) :], strict=True):
            found[number] = self._joined(found[number], hits)
        return [hits[:k] for hits in found[: len(queries)]]

    def _other(self, query: Query) -> Query | None:
        entries = glossary.meant(self._glossary, query.text)
        if not entries:
            return None
        terms = {word.lower() for term, _ in entries for word in term.split()}
        names = [sign for sign in signs(query.text) if sign.lower() not in terms]
        return replace(query, parts=(" ".join([*names, *(words for _, words in entries)]),))

    def _joined(self, hits: Sequence[Hit], others: Sequence[Hit]) -> list[Hit]:
        scores: dict[str, float] = {}
        for weight, ranked in ((1.0, hits), (self.weight, others)):
            best = max((hit.score for hit in ranked), default=0.0)
            for hit in ranked:
                share = hit.score / best if best > 0 else 0.0
                scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + weight * share
        every = {hit.chunk.id: hit for hit in reversed([*hits, *others])}
        for rank, hit in enumerate(others, 1):
            own = every[hit.chunk.id]
            every[hit.chunk.id] = replace(own, parts={**own.parts, "glossary": Score(rank, hit.score)})
        joined = [replace(hit, score=scores[id]) for id, hit in every.items()]
        return sorted(joined, key=lambda hit: (-hit.score, hit.chunk.id))

    @cached_property
    def _glossary(self) -> glossary.Glossary:
        shipped = (files(__package__) / "glossary.toml").read_text(encoding="utf-8")
        own = glossary.load(self.file) if self.file else ()
        return (*own, *glossary.read(shipped)) if self.both or not self.file else own
