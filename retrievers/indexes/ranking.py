"""Asking tantivy: queries of terms, filters by id, and an order that does not depend on segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tantivy import Query, Schema, Searcher

MOST_TERMS = 256
"""Distinct words of a query that are looked up; of a longer one the rarest."""
_TERM_SET = 256
"""A filter that admits no more ids than this is part of the query itself."""


@dataclass(frozen=True)
class Admitted:
    """What a filter admits: ids, and their keys."""

    ids: frozenset[str]
    keys: frozenset[int]


def search(
    searcher: Searcher, schema: Schema, terms: Sequence[str], k: int, admitted: Admitted | None, above: float
) -> list[tuple[str, float]]:
    """The k best (id, score) for terms as they stand in the index; `above` is that field's weight."""
    weights = _chosen(searcher, terms)
    if not weights:
        return []
    query = _query(schema, weights, above)
    total = searcher.num_docs
    first = k + 8
    if admitted and len(admitted.ids) <= _TERM_SET:
        query = _restricted(schema, query, admitted.ids)
    elif admitted:
        first = min(first * max(1, 2 * total // len(admitted.ids)), total)
    return _best(searcher, query, k, admitted, first)


def _best(searcher: Searcher, query: Query, k: int, admitted: Admitted | None, first: int) -> list[tuple[str, float]]:
    """The k best admitted, ties by id: asks for more until no tie with the last is left outside."""
    limit = max(1, min(first, searcher.num_docs))
    while True:
        hits = searcher.search(query, limit, count=False).hits
        found = searcher.fast_field_values("key", [address for _, address in hits])
        rows = [
            (-_rounded(score), key, address)
            for (score, address), key in zip(hits, found, strict=True)
            if admitted is None or key in admitted.keys
        ]
        whole = len(hits) < limit or limit >= searcher.num_docs
        last = -_rounded(hits[-1][0]) if hits else 0.0
        if whole or (len(rows) >= k and sorted(row[0] for row in rows)[k - 1] < last):
            pairs = _named(searcher, rows, k, admitted)
            if whole or len(pairs) >= k:
                return pairs
        limit = min(limit * 4, searcher.num_docs)


def _named(
    searcher: Searcher, rows: list[tuple[float, Any, Any]], k: int, admitted: Admitted | None
) -> list[tuple[str, float]]:
    """Ids of the best rows. Keys are the beginnings of ids: those that share one are all read."""
    pairs: list[tuple[str, float]] = []
    previous: tuple[float, Any] | None = None
    for negative, key, address in sorted(rows, key=lambda row: row[:2]):
        if len(pairs) >= k and (negative, key) != previous:
            break
        id = str(searcher.doc(address)["id"][0])
        if admitted is None or id in admitted.ids:
            pairs.append((id, -negative))
            previous = (negative, key)
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:k]


def _chosen(searcher: Searcher, terms: Sequence[str]) -> Mapping[str, int]:
    """The words to look up, with how often each was given."""
    counted = Counter(terms)
    if len(counted) <= MOST_TERMS:
        return counted
    common = {term: searcher.doc_freq("body", term) for term in list(counted)[: 16 * MOST_TERMS]}
    rarest = sorted((term for term in common if common[term]), key=lambda term: (common[term], term))
    return {term: counted[term] for term in rarest[:MOST_TERMS]}


def _query(schema: Schema, weights: Mapping[str, int], above: float) -> Query:
    from tantivy import Occur, Query

    parts = []
    for field, boost in (("body", 1.0), ("above", above)):
        for term, count in weights.items() if boost > 0 else ():
            query = Query.term_query(schema, field, term, "freq")
            weight = boost * count
            parts.append((Occur.Should, query if weight == 1 else Query.boost_query(query, weight)))
    return Query.boolean_query(parts)


def _restricted(schema: Schema, query: Query, allowed: frozenset[str]) -> Query:
    from tantivy import Occur, Query

    ids = Query.const_score_query(Query.term_set_query(schema, "id", sorted(allowed)), 0.0)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, ids)])


def key(id: str) -> int:
    """The first eight bytes of an id as a number: sorts as the ids do, and is read in bulk."""
    return int.from_bytes(id.encode()[:8].ljust(8, b"\0"), "big")


def _rounded(score: float) -> float:
    return float(f"{score:.5g}")
