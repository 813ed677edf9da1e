"""What waits for a commit: the same vectors, whether they wait in memory or in the file."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from rag.retrievers.indexes import pending, writing
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.pending import Pending

DIM = 16


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)


def named(start: int, count: int) -> list[str]:
    return [f"id-{number:06}" for number in range(start, start + count)]


def told(waiting: Pending, size: int = 7) -> dict[str, list[float]]:
    blocks = list(waiting.blocks(size))
    assert all(0 < len(ids) <= size for ids, _ in blocks)
    assert [id for ids, _ in blocks for id in ids] == list(waiting.added)
    return {id: row for ids, rows in blocks for id, row in zip(ids, rows.tolist(), strict=True)}


@pytest.mark.parametrize("kept", [1000, 25, 1])
def test_replaced_and_removed_wherever_they_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr(pending, "KEPT", kept)
    waiting = Pending(DIM, tmp_path / "index")
    expected: dict[str, list[float]] = {}
    for step in range(12):
        ids, vectors = named(step * 7, 10), drawn(10, step)  # three of each ten come again with the next
        waiting.add(ids, vectors)
        expected.update(zip(ids, vectors.tolist(), strict=True))
        vectors[:] = 0  # the caller's own
    for id in named(20, 15):
        del expected[id]
    waiting.remove(named(20, 15))
    assert told(waiting) == expected
    assert len(waiting) == len(expected)
    assert list((tmp_path / "index").glob("*")) == []  # a file without a name: nothing to sweep after a kill
    waiting.forget()
    assert told(waiting) == {}
    waiting.add(["a"], drawn(1))
    assert list(told(waiting)) == ["a"]


def test_an_index_built_through_the_file_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, ids = drawn(300), named(0, 300)
    states = {}
    for kept in (10_000, 32):
        monkeypatch.setattr(pending, "KEPT", kept)
        index = Exact(tmp_path / str(kept), DIM)
        for start in range(0, 300, 50):
            index.add(ids[start : start + 50], vectors[start : start + 50])
        index.remove(ids[:5])
        index.commit(1)
        states[kept] = {file.name: file.read_bytes() for file in sorted((tmp_path / str(kept)).iterdir())}
        assert len(index) == 295
        assert np.array_equal(index.vectors(ids[5:]), vectors[5:])
    assert states[10_000] == states[32]


def test_memory_is_that_of_ids_not_of_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight segments and more are merged, too, without being read whole."""
    monkeypatch.setattr(pending, "KEPT", 1000)
    monkeypatch.setattr(writing, "_BLOCK", 500)
    dim, block, size = 512, 1000, 1000 * 512 * 4
    index = Exact(tmp_path, dim)
    vectors = np.random.default_rng(0).normal(size=(block, dim)).astype(np.float32)
    index.add(named(0, 1), vectors[:1])
    index.commit(0)
    tracemalloc.start()
    try:
        for start in range(20):
            index.add(named(start * block, block), vectors)
        index.commit(1)
        for number in range(10):  # merged on the way
            index.add(named(20 * block + number, 1), vectors[:1])
            index.commit(2 + number)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(index) == 20 * block + 10
    assert peak < 6 * size  # of the 20 blocks
