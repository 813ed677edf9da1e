"""Index results to hits: joined with the catalog, which decides what exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.answer import Hit, Query, Score
from rag.document import Chunk
from rag.filters import Filter
from rag.protocols import Catalog, Scored

Search = Callable[[list[int], int, Filter | None], Scored]
"""(numbers of queries, k, their filter) to the (id, score) pairs of each."""


def joined(search: Search, queries: Sequence[Query], k: int, catalog: Catalog, by: str) -> list[list[Hit]]:
    """k hits a query as the index ranks them, by channel `by`.

    Ids that the catalog no longer has are dropped, and the index is asked for more where fewer
    than k remain. Queries with the same filter are searched together.
    """
    groups: dict[str, tuple[Filter | None, list[int]]] = {}
    for number, query in enumerate(queries):
        # Told apart as written: a label that is True is not 1, though Python holds them equal.
        groups.setdefault(repr(query.where), (query.where, []))[1].append(number)
    found: list[list[Hit]] = [[] for _ in queries]
    for where, numbers in groups.values():
        for number, hits in _group(search, numbers, where, k, catalog, by):
            found[number] = hits
    return found


def _group(
    search: Search, numbers: list[int], where: Filter | None, k: int, catalog: Catalog, by: str
) -> list[tuple[int, list[Hit]]]:
    done: list[tuple[int, list[Hit]]] = []
    asked = k
    while numbers and k > 0:
        results = search(numbers, asked, where)
        chunks = catalog.chunks(list({id for result in results for id, _ in result}))
        short = []
        for number, result in zip(numbers, results, strict=True):
            hits = _hits(result, chunks, k, by)
            if len(hits) < k and len(result) >= asked:
                short.append(number)
            else:
                done.append((number, hits))
        numbers, asked = short, asked * 4
    return done


def _hits(result: Sequence[tuple[str, float]], chunks: dict[str, Chunk], k: int, by: str) -> list[Hit]:
    alive = [(chunks[id], score) for id, score in result if id in chunks][:k]
    return [Hit(chunk, score, by, {by: Score(rank, score)}) for rank, (chunk, score) in enumerate(alive, 1)]
