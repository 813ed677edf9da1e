"""Qdrant beside the contract: where it connects to, and what is left of a commit that was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.retrievers.indexes import qdrant
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.maxsim import MaxSim
from rag.retrievers.indexes.qdrant import Qdrant, QdrantTokens

from rag.errors import ConfigError, CorpusError

DIM = 8


def units(count: int, seed: int = 0) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    qdrant._OPEN.close()


def test_opening_connects_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QDRANT_URL", raising=False)
    index = Qdrant(tmp_path / "vectors", DIM, server=True)
    assert index.generation == -1
    assert not (tmp_path / "vectors").exists()
    with pytest.raises(ConfigError, match="QDRANT_URL"):
        index.search(units(1), 1)


def test_the_server_is_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import qdrant_client

    given: dict[str, Any] = {}

    class Client:
        def __init__(self, **options: Any) -> None:
            given.update(options)

        def collection_exists(self, name: str) -> bool:
            return False

        def close(self) -> None:
            pass

    monkeypatch.setattr(qdrant_client, "QdrantClient", Client)
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("QDRANT_API_KEY", "secret")
    assert len(Qdrant(tmp_path, DIM, server=True)) == 0
    assert (given["url"], given["api_key"], given["check_compatibility"]) == ("http://127.0.0.1:1", "secret", False)


def test_a_server_that_is_down_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    with pytest.raises(CorpusError, match="is the server up"):
        len(Qdrant(tmp_path, DIM, server=True))


def test_the_same_as_exact_search(tmp_path: Path) -> None:
    ids = [f"{number:03}" for number in range(50)]
    ours, theirs = Exact(tmp_path / "a", DIM), Qdrant(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, units(50))
        index.commit(3)
    for one, two in zip(ours.search(units(6, 1), 9), theirs.search(units(6, 1), 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-6)


def test_multivectors_are_compared_as_ours(tmp_path: Path) -> None:
    ids, arrays = [f"{number:03}" for number in range(40)], [units(1 + n % 7, n) for n in range(40)]
    ours, theirs = MaxSim(tmp_path / "a", DIM), QdrantTokens(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, arrays)
        index.commit(3)
    for one, two in zip(ours.search([units(3, 99)], 9), theirs.search([units(3, 99)], 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-3)


def test_it_is_there_after_closing(tmp_path: Path) -> None:
    index = Qdrant(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    before = index.search(units(1, 1), 2)
    qdrant._OPEN.close()
    again = Qdrant(tmp_path, DIM)
    assert (again.generation, len(again), again.search(units(1, 1), 2)) == (5, 2, before)
    assert Qdrant(tmp_path, DIM, server=True).generation == -1
    assert Qdrant(tmp_path, DIM + 1).generation == -1


def test_a_commit_cut_off_asks_for_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Qdrant(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)

    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(qdrant, "write_atomically", stop)
    index.add(["c"], units(1, 2))
    with pytest.raises(KeyboardInterrupt):
        index.commit(6)
    monkeypatch.undo()
    again = Qdrant(tmp_path, DIM)
    assert again.generation == -1
    again.clear()
    again.add(["c"], units(1, 2))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 1)
