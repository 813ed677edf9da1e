"""What holds for every index of vectors. An index that has `commit` is committed before each look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rag.retrievers.indexes.chroma import Chroma
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.qdrant import Qdrant
from rag.retrievers.indexes.unhubbed import Unhubbed

from rag.filters import Eq, Not
from tests.golden.catalogs import MemoryCatalog, document

if TYPE_CHECKING:
    from rag.protocols import Dense

DIM = 16
INDEXES: dict[str, Callable[[Path, MemoryCatalog], Any]] = {
    "chroma": lambda folder, catalog: Chroma(folder / "vectors", DIM, catalog),
    "exact": lambda folder, catalog: Exact(folder / "vectors", DIM, catalog),
    "qdrant": lambda folder, catalog: Qdrant(folder / "vectors", DIM, catalog),
    "unhubbed": lambda folder, catalog: Unhubbed(folder / "vectors", DIM, catalog),
}
CHUNKS = [
    *document("one.txt", [f"first {number}" for number in range(20)], year=2019),
    *document("two.txt", [f"second {number}" for number in range(20)], year=2020),
]
IDS = [chunk.id for chunk in CHUNKS]


def units(count: int, seed: int = 0) -> Dense:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS = units(len(IDS))


@pytest.fixture(params=INDEXES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return INDEXES[request.param](tmp_path, MemoryCatalog(CHUNKS))


def add(index: Any, ids: Sequence[str], vectors: Dense) -> None:
    index.add(ids, vectors, [chunk.labels for chunk in CHUNKS if chunk.id in ids])
    commit(index)


def commit(index: Any) -> None:
    if hasattr(index, "commit"):
        index.commit(1)


def expected(query: Dense, k: int, ids: Sequence[str] = IDS) -> list[str]:
    rows = [IDS.index(id) for id in ids]
    scores = VECTORS[rows].astype(np.float64) @ query.astype(np.float64)
    return [id for _, id in sorted(zip(-scores, ids, strict=True))][:k]


def test_finds_the_nearest_best_first(index: Any) -> None:
    add(index, IDS, VECTORS)
    queries = units(5, seed=1)
    for query, found in zip(queries, index.search(queries, 7), strict=True):
        assert [id for id, _ in found] == expected(query, 7)
        for id, score in found:
            assert score == pytest.approx(float(VECTORS[IDS.index(id)] @ query), abs=1e-5)


def test_keeps_vectors(index: Any) -> None:
    add(index, IDS, VECTORS)
    assert len(index) == len(IDS)
    chosen = [IDS[5], IDS[0], IDS[33]]
    assert np.abs(index.vectors(chosen) - VECTORS[[5, 0, 33]]).max() <= 1e-6
    assert index.vectors([]).shape == (0, DIM)
    with pytest.raises(KeyError):
        index.vectors(["nobody"])


def test_adding_again_replaces(index: Any) -> None:
    add(index, IDS, VECTORS)
    add(index, [IDS[0]], VECTORS[1:2])
    assert len(index) == len(IDS)
    (found,) = index.search(VECTORS[1:2], 2)
    assert [id for id, _ in found] == sorted(IDS[:2])


def test_removed_is_not_found(index: Any) -> None:
    add(index, IDS, VECTORS)
    index.remove([IDS[3], "nobody"])
    commit(index)
    assert len(index) == len(IDS) - 1
    (found,) = index.search(VECTORS[3:4], len(IDS))
    assert IDS[3] not in dict(found)
    assert len(found) == len(IDS) - 1
    add(index, [IDS[3]], VECTORS[3:4])
    assert index.search(VECTORS[3:4], 1)[0][0][0] == IDS[3]


def test_k_beyond_all_gives_all_and_none_gives_none(index: Any) -> None:
    add(index, IDS, VECTORS)
    query = units(1, seed=2)
    for k in (len(IDS), len(IDS) + 1, 10_000):
        assert [id for id, _ in index.search(query, k)[0]] == expected(query[0], k)
    assert index.search(query, 0) == [[]]
    assert index.search(query, -1) == [[]]
    assert index.search(units(0), 3) == []


def test_an_empty_index_finds_nothing(index: Any) -> None:
    assert len(index) == 0
    assert index.search(units(2), 3) == [[], []]
    commit(index)
    assert index.search(units(2), 3) == [[], []]


def test_ties_go_by_id(index: Any) -> None:
    add(index, IDS, np.repeat(VECTORS[:1], len(IDS), axis=0))
    (found,) = index.search(VECTORS[:1], 5)
    assert [id for id, _ in found] == sorted(IDS)[:5]
    assert len({score for _, score in found}) == 1


def test_a_filter_holds(index: Any) -> None:
    add(index, IDS, VECTORS)
    query = units(1, seed=3)
    (found,) = index.search(query, 30, Eq("label.year", 2020))
    assert [id for id, _ in found] == expected(query[0], 30, IDS[20:])
    (found,) = index.search(query, 3, Not(Eq("page", 7)))
    assert [id for id, _ in found] == expected(query[0], 3, [id for id in IDS if id not in (IDS[6], IDS[26])])
    assert index.search(query, 3, Eq("label.year", 1900)) == [[]]


def test_a_query_alone_is_as_in_a_batch(index: Any) -> None:
    add(index, IDS, VECTORS)
    queries = units(9, seed=4)
    assert index.search(queries, 5) == [index.search(query[None], 5)[0] for query in queries]


def test_bad_input_is_refused(index: Any) -> None:
    with pytest.raises(ValueError):
        index.add(["a"], units(2))
    with pytest.raises(ValueError):
        index.add(["a"], np.zeros((1, DIM + 1), np.float32))
