"""What holds for every index of token vectors (late interaction); committed before each look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rag.retrievers.indexes.maxsim import MaxSim
from rag.retrievers.indexes.qdrant import QdrantTokens

from rag.filters import Eq, Not
from tests.golden.catalogs import MemoryCatalog, document

if TYPE_CHECKING:
    from rag.protocols import Ragged

DIM = 16
INDEXES: dict[str, Callable[[Path, MemoryCatalog], Any]] = {
    "maxsim": lambda folder, catalog: MaxSim(folder / "tokens", DIM, catalog),
    "qdrant": lambda folder, catalog: QdrantTokens(folder / "tokens", DIM, catalog),
}
CHUNKS = [
    *document("one.txt", [f"first {number}" for number in range(20)], year=2019),
    *document("two.txt", [f"second {number}" for number in range(20)], year=2020),
]
IDS = [chunk.id for chunk in CHUNKS]
CLOSE = 5e-3
"""What rounding of stored numbers to 16 bits may change of a score of four tokens."""


def ragged(sizes: Sequence[int], seed: int = 0) -> Ragged:
    random = np.random.default_rng(seed)
    arrays = [random.standard_normal((size, DIM)).astype(np.float32) for size in sizes]
    return [one / np.linalg.norm(one, axis=1, keepdims=True) for one in arrays]


VECTORS = ragged([1 + number % 19 for number in range(len(IDS))])


@pytest.fixture(params=INDEXES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return INDEXES[request.param](tmp_path, MemoryCatalog(CHUNKS))


def add(index: Any, ids: Sequence[str], vectors: Ragged) -> None:
    index.add(ids, vectors, [chunk.labels for chunk in CHUNKS if chunk.id in ids])
    index.commit(1)


def score(query: Any, chunk: Any) -> float:
    return float((query.astype(np.float64) @ chunk.astype(np.float64).T).max(axis=1).sum())


def expected(query: Any, k: int, ids: Sequence[str] = IDS) -> list[str]:
    scores = [score(query, VECTORS[IDS.index(id)]) for id in ids]
    return [id for _, id in sorted(zip([-one for one in scores], ids, strict=True))][:k]


def test_finds_the_best_first(index: Any) -> None:
    add(index, IDS, VECTORS)
    queries = ragged([4, 1, 3, 2], seed=1)
    for query, found in zip(queries, index.search(queries, 7), strict=True):
        assert [id for id, _ in found] == expected(query, 7)
        for id, value in found:
            assert value == pytest.approx(score(query, VECTORS[IDS.index(id)]), abs=CLOSE)


def test_keeps_vectors(index: Any) -> None:
    add(index, IDS, VECTORS)
    assert len(index) == len(IDS)
    for number, found in zip((5, 0, 33), index.vectors([IDS[5], IDS[0], IDS[33]]), strict=True):
        assert found.dtype == np.float32
        assert found.shape == VECTORS[number].shape
        assert np.abs(found - VECTORS[number]).max() <= 1e-3
    assert index.vectors([]) == []
    with pytest.raises(KeyError):
        index.vectors(["nobody"])


def test_adding_again_replaces(index: Any) -> None:
    add(index, IDS, VECTORS)
    add(index, [IDS[0]], VECTORS[1:2])
    assert len(index) == len(IDS)
    (found,) = index.search(VECTORS[1:2], 2)
    assert [id for id, _ in found] == sorted(IDS[:2])
    assert index.vectors([IDS[0]])[0].shape == VECTORS[1].shape


def test_removed_is_not_found(index: Any) -> None:
    add(index, IDS, VECTORS)
    index.remove([IDS[3], "nobody"])
    index.commit(1)
    assert len(index) == len(IDS) - 1
    (found,) = index.search(VECTORS[3:4], len(IDS))
    assert IDS[3] not in dict(found)
    assert len(found) == len(IDS) - 1
    add(index, [IDS[3]], VECTORS[3:4])
    assert index.search(VECTORS[3:4], 1)[0][0][0] == IDS[3]


def test_k_beyond_all_gives_all_and_none_gives_none(index: Any) -> None:
    add(index, IDS, VECTORS)
    (query,) = queries = ragged([3], seed=2)
    for k in (len(IDS), len(IDS) + 1, 10_000):
        assert [id for id, _ in index.search(queries, k)[0]] == expected(query, k)
    assert index.search(queries, 0) == [[]]
    assert index.search(queries, -1) == [[]]
    assert index.search([], 3) == []


def test_an_empty_index_finds_nothing(index: Any) -> None:
    assert len(index) == 0
    assert index.search(ragged([2, 3]), 3) == [[], []]
    index.commit(1)
    assert index.search(ragged([2, 3]), 3) == [[], []]


def test_ties_go_by_id(index: Any) -> None:
    add(index, IDS, VECTORS[7:8] * len(IDS))
    (found,) = index.search(VECTORS[7:8], 5)
    assert [id for id, _ in found] == sorted(IDS)[:5]
    assert len({value for _, value in found}) == 1


def test_a_filter_holds(index: Any) -> None:
    add(index, IDS, VECTORS)
    (query,) = queries = ragged([4], seed=3)
    (found,) = index.search(queries, 30, Eq("label.year", 2020))
    assert [id for id, _ in found] == expected(query, 30, IDS[20:])
    (found,) = index.search(queries, 3, Not(Eq("page", 7)))
    assert [id for id, _ in found] == expected(query, 3, [id for id in IDS if id not in (IDS[6], IDS[26])])
    assert index.search(queries, 3, Eq("label.year", 1900)) == [[]]


def test_a_query_alone_is_as_in_a_batch(index: Any) -> None:
    add(index, IDS, VECTORS)
    queries = ragged([3, 1, 7, 2], seed=4)
    assert index.search(queries, 5) == [index.search([query], 5)[0] for query in queries]


def test_cleared_begins_anew(index: Any) -> None:
    add(index, IDS, VECTORS)
    index.clear()
    assert index.generation == -1
    index.add(IDS[:3], VECTORS[:3])
    index.commit(9)
    assert (len(index), index.generation) == (3, 9)


def test_bad_input_is_refused(index: Any) -> None:
    with pytest.raises(ValueError):
        index.add(["a"], ragged([1, 1]))
    with pytest.raises(ValueError):
        index.add(["a"], [np.zeros((2, DIM + 1), np.float32)])
    with pytest.raises(ValueError):
        index.add(["a"], [np.zeros((0, DIM), np.float32)])
    with pytest.raises(ValueError):
        index.add(["a"], [np.full((1, DIM), np.nan, np.float32)])
    with pytest.raises(ValueError):
        index.add([""], ragged([1]))
    with pytest.raises(ValueError):
        index.search([np.zeros(DIM, np.float32)], 1)
