"""Qdrant in this process: files that hold what a commit left, and run nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from rag.retrievers.indexes import qdrant, qdrant_clients
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.maxsim import MaxSim
from rag.retrievers.indexes.qdrant import Qdrant, QdrantTokens

from rag.errors import CorpusError
from tests.retrievers.indexes.served import DIM, units

pytestmark = pytest.mark.usefixtures("closed")


def test_the_same_as_exact_search(tmp_path: Path) -> None:
    ids = [f"{number:03}" for number in range(50)]
    ours, theirs = Exact(tmp_path / "a", DIM), Qdrant(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, units(50))
        index.commit(3)
    for one, two in zip(ours.search(units(6, 1), 9), theirs.search(units(6, 1), 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-5)


def test_multivectors_are_compared_as_ours(tmp_path: Path) -> None:
    ids, arrays = [f"{number:03}" for number in range(40)], [units(1 + n % 7, n) for n in range(40)]
    ours, theirs = MaxSim(tmp_path / "a", DIM), QdrantTokens(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, arrays)
        index.commit(3)
    for one, two in zip(ours.search([units(3, 99)], 9), theirs.search([units(3, 99)], 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-3)


def test_it_is_there_after_closing_and_moving(tmp_path: Path) -> None:
    index = Qdrant(tmp_path / "a", DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    before = index.search(units(1, 1), 2)
    qdrant._OPEN.close()
    (tmp_path / "a").rename(tmp_path / "b")
    again = Qdrant(tmp_path / "b", DIM)
    assert (again.generation, len(again), again.search(units(1, 1), 2)) == (5, 2, before)
    assert Qdrant(tmp_path / "b", DIM, server=True).generation == -1
    assert Qdrant(tmp_path / "b", DIM + 1).generation == -1
    assert QdrantTokens(tmp_path / "b", DIM).generation == -1


def test_a_commit_cut_off_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert again.generation == 5
    again.add(["c"], units(1, 2))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 3)


def test_what_a_corpus_brings_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "loads", refuse)
    from qdrant_client import QdrantClient

    theirs = QdrantClient(path=str(tmp_path / "local"))
    theirs.create_collection("argus", vectors_config=models.VectorParams(size=DIM, distance=models.Distance.DOT))
    theirs.upsert("argus", [models.PointStruct(id=1, vector=[0.0] * DIM, payload={})])
    theirs.close()
    for name in ("state.json", "qdrant.json"):
        state = {"generation": 5, "dim": DIM, "server": False, "multi": False}
        (tmp_path / name).write_text(json.dumps(state))
        index = Qdrant(tmp_path, DIM)
        assert (index.generation, index.search(units(1), 1)) == (-1, [[]])
    index.add(["a"], units(1))
    index.commit(1)
    qdrant._OPEN.close()
    assert Qdrant(tmp_path, DIM).search(units(1), 1)[0][0][0] == "a"
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".json", ".npy", ".npy"]


def test_two_processes_see_each_others_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = qdrant_clients.Clients(), qdrant_clients.Clients()

    def by(clients: qdrant_clients.Clients, *ids: str) -> list[str]:
        monkeypatch.setattr(qdrant, "_OPEN", clients)
        index = Qdrant(tmp_path, DIM)
        if ids:
            index.add(ids, units(len(ids)))
            index.commit(index.generation + 2)
        return sorted(id for id, _ in index.search(units(1), 9)[0])

    assert by(first, "a", "b") == by(second) == ["a", "b"]
    assert by(second, "c") == by(first) == ["a", "b", "c"]
    assert by(first, "d") == by(second) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("change", [{"files": "../other"}, {"files": 3.5}, {"generation": None}, {"generation": "9"}])
def test_a_state_names_no_file_elsewhere(tmp_path: Path, change: dict[str, Any]) -> None:
    index = Qdrant(tmp_path / "a", DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    for kind in ("vectors.npy", "counts.npy", "points.json"):
        (file,) = (tmp_path / "a").glob(f"*.{kind}")
        shutil.copy(file, tmp_path / f"other.{kind}")
    state = tmp_path / "a" / "qdrant.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), **change}))
    assert (index.generation, len(index), index.search(units(1), 1)) == (-1, 0, [[]])


def test_tokens_are_kept(tmp_path: Path) -> None:
    index = QdrantTokens(tmp_path, DIM)
    arrays = [units(3), units(1, 1), units(5, 2)]
    index.add(["a", "b", "c"], arrays)
    index.commit(1)
    qdrant._OPEN.close()
    for ours, theirs in zip(QdrantTokens(tmp_path, DIM).vectors(["a", "b", "c"]), arrays, strict=True):
        assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "pickled"])
@pytest.mark.parametrize("kind", ["vectors.npy", "counts.npy", "points.json"])
def test_damaged_files_are_told_and_built_anew(tmp_path: Path, kind: str, damage: str) -> None:
    index = Qdrant(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    qdrant._OPEN.close()
    (file,) = tmp_path.glob(f"*.{kind}")
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "other":
        np.save(file.with_suffix(".npy"), np.zeros((3, 3)))
        file.with_suffix(".npy").replace(file)
    else:
        with open(file, "wb") as out:
            np.save(out, np.array([{}], object), allow_pickle=True)
    again = Qdrant(tmp_path, DIM)
    for ask in (lambda: len(again), lambda: again.search(units(1), 1)):
        with pytest.raises(CorpusError, match="rag check --repair"):
            ask()
    again.clear()
    again.add(["x"], units(1))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 1)
    assert len(list(tmp_path.glob("*.npy"))) == 2
