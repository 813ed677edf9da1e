"""Questions that point: what stands at the place that a question names counts more.

`rag.pointing` says by rules what a question points at: a page by its number or printed label, the cover, the
last page, the top of a page, "Figure 3", "Section 3.4", a section's title, a second of a recording, a kind of
thing, text by its look ("the red text"), and which document it names. What stands there is raised above what was
found by its words, and brought in where it was not found; nothing is ever dropped, since a rule may misread a
question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer import Hit, Query, Score
from rag.document import Chunk, Source
from rag.naming import named
from rag.outstanding import PART
from rag.pointing import Pointers, pointed
from rag.protocols import Catalog, Retriever

from .pointing.places import Finder, TextIndex


@dataclass(frozen=True)
class Pointed:
    """The hits of `retriever`, those that a question points at first.

    A hit's own score is scaled by the best of the list; added are `weight` times how well it is pointed at
    (0..1, times the share of its document: its best hit against the best of all), `name_weight` times how well
    the question names its document, and `kind_weight` where it is of the kind that is asked for ("the pie
    chart"). Places are looked for in the `documents` documents that the hits speak for; where there are no hits, in
    those that the question names, or in all of them if they are no more.
    """

    retriever: Retriever
    index: TextIndex
    catalog: Catalog
    weight: float = 1.2
    name_weight: float = 0.3
    kind_weight: float = 0.1
    documents: int = 8
    depth: int = 60

    def __post_init__(self) -> None:
        if min(self.weight, self.name_weight, self.kind_weight) < 0 or self.documents < 1 or self.depth < 1:
            raise ValueError("weights must not be negative; documents and depth must be at least 1")

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """k hits a query, best first, ties by chunk id; `Hit.parts` tells what pointed at it."""
        if k <= 0:
            return [[] for _ in queries]
        found = self.retriever.retrieve(queries, max(k, self.depth))
        return [self._raised(query, hits)[:k] for query, hits in zip(queries, found, strict=True)]

    def _raised(self, query: Query, hits: list[Hit]) -> list[Hit]:
        asked = pointed(query.text)
        names = named(self.catalog, query)
        if not asked.all and not names:
            return hits
        shares = self._shares(hits, names) or (self._few(query, names) if asked.all else {})
        if asked.all and (unheard := {digest for digest, how in names.items() if how == 1.0} - shares.keys()):
            every_name = {one.digest: Source(one.uri, "", one.digest) for one in self.catalog.names(query.where)}
            shares |= {digest: (every_name[digest], 1.0) for digest in sorted(unheard)[: self.documents]}
        meant: dict[str, tuple[Chunk, float]] = {}
        if asked.all and shares:
            sources = [source for source, _ in shares.values()]
            meant = Finder(self.catalog, self.index, query.where).found(asked, sources)
        top = max((hit.score for hit in hits), default=0.0)
        every = {hit.chunk.id: hit for hit in hits}
        looks = {id for id, (chunk, _) in meant.items() if asked.hued and chunk.coloured}
        for id, (chunk, _) in meant.items():
            hit = every.get(id, Hit(chunk, 0.0, "pointed"))
            every[id] = replace(hit, chunk=chunk) if id in looks else hit
        raised = []
        sure = 1.0 in names.values()
        for id, hit in every.items():
            digest = hit.chunk.origin.source.digest
            share = shares[digest][1] if digest in shares else 0.0
            if sure:  # "Table 1 of the lmer paper" is no other's Table 1, however well that one speaks
                share = 1.0 if names.get(digest) == 1.0 else share / 2
            at = meant[id][1] * share if id in meant else 0.0
            name = names.get(digest, 0.0)
            score = hit.score / top if top > 0 else 0.0
            score += self.weight * at + self.name_weight * name + self.kind_weight * of_kind(asked, hit.chunk)
            of_look = at if id in looks else 0.0
            parts = (("pointed", at), ("named", name), (PART, of_look))
            told = {part: Score(1, round(value, 4)) for part, value in parts if value}
            raised.append(replace(hit, score=score, parts={**hit.parts, **told}))
        return sorted(raised, key=lambda hit: (-hit.score, hit.chunk.id))

    def _few(self, query: Query, names: dict[str, float]) -> dict[str, tuple[Source, float]]:
        """Where nothing was found by its words: the documents that are named, or all of them if they are few."""
        every = {one.digest: Source(one.uri, "", one.digest) for one in self.catalog.names(query.where)}
        wanted = {digest: source for digest, source in every.items() if digest in names} or every
        return {digest: (source, 1.0) for digest, source in wanted.items()} if len(wanted) <= self.documents else {}

    def _shares(self, hits: Sequence[Hit], names: dict[str, float]) -> dict[str, tuple[Source, float]]:
        """digest to a source of the document and how much the hits speak for it, 0..1; the best documents only."""
        top = max((hit.score for hit in hits), default=0.0) or 1.0
        shares: dict[str, tuple[Source, float]] = {}
        for hit in hits:
            source = hit.chunk.origin.source
            share = min(1.0, max(hit.score, 0.0) / top * (1 + names.get(source.digest, 0.0)))
            if share > shares.get(source.digest, (source, -1.0))[1]:
                shares[source.digest] = source, share
        best = sorted(shares.items(), key=lambda one: (-one[1][1], one[0]))[: self.documents]
        return dict(best)


def of_kind(asked: Pointers, chunk: Chunk) -> float:
    """Whether a chunk is of a kind that is asked for, 0..1; one that has the very word ("map") is more so."""
    best = 0.0
    for pointer in asked.kinds:
        if chunk.role in pointer.roles:
            best = max(best, 1.0 if pointer.word.rstrip("s") in chunk.text.lower() else 0.6)
    return best
