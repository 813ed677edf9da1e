"""Two stores: shares kept, turns taken, an empty store is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rag.retrievers.stores import Stores

from rag.answer import Hit, Query, Score, query
from rag.filters import And, Eq, In
from tests.retrievers.test_fused import A, Listed


def listed(prefix: str, count: int) -> Listed:
    chunks = [replace(A, id=f"{prefix}{n}", text=f"{prefix}{n}") for n in range(count)]
    return Listed([(chunk, 1 - n / 10) for n, chunk in enumerate(chunks)], prefix)


def names(stores: Stores, k: int) -> list[str]:
    return [hit.chunk.id for hit in stores.retrieve([query("x")], k)[0]]


def test_two_and_two() -> None:
    stores = Stores({"texts": listed("t", 6), "pictures": listed("p", 6)})
    assert names(stores, 4) == ["t0", "p0", "t1", "p1"]
    assert names(stores, 7) == ["t0", "p0", "t1", "p1", "t2", "p2", "t3"]
    assert names(stores, 12) == names(stores, 99)
    assert len(names(stores, 99)) == 12


def test_shares() -> None:
    stores = Stores({"texts": listed("t", 6), "pictures": listed("p", 6)}, share={"texts": 3, "pictures": 1})
    assert names(stores, 4) == ["t0", "p0", "t1", "t2"]
    assert names(stores, 8)[4:] == ["t3", "p1", "t4", "t5"]


def test_a_store_without_pictures_is_that_of_texts() -> None:
    assert names(Stores({"texts": listed("t", 6), "pictures": listed("p", 0)}), 4) == ["t0", "t1", "t2", "t3"]
    assert names(Stores({"texts": listed("t", 1), "pictures": listed("p", 5)}), 4) == ["t0", "p0", "p1", "p2"]
    assert names(Stores({"texts": listed("t", 0), "pictures": listed("p", 0)}), 4) == []


def test_a_chunk_that_both_found_is_there_once_with_both_scores() -> None:
    hits = Stores({"one": listed("t", 3), "other": listed("t", 3)}).retrieve([query("x")], 4)[0]
    assert [hit.chunk.id for hit in hits] == ["t0", "t1", "t2"]
    assert hits[1].parts == {"one": Score(2, 0.9), "other": Score(2, 0.9)}
    assert [hit.score for hit in hits] == [1.0, 1 / 2, 1 / 3]
    assert {hit.by for hit in hits} == {"stores"}


def test_each_store_is_asked_for_its_modalities() -> None:
    asked: list[Query] = []

    class Noting:
        def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
            asked.extend(queries)
            return [[] for _ in queries]

    stores = Stores({"texts": Noting(), "pictures": Noting()}, only={"pictures": ("image", "table")})
    stores.retrieve([query("x", Eq("title", "t"))], 4)
    assert asked[0].where == Eq("title", "t")
    assert asked[1].where == And((Eq("title", "t"), In("modality", ("image", "table"))))


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="share of photos: retrievers are texts"):
        Stores({"texts": listed("t", 1)}, share={"photos": 1})
    with pytest.raises(ValueError, match="1 or more"):
        Stores({"texts": listed("t", 1)}, share={"texts": 0})
