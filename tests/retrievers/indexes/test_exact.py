"""Exact: the same content gives the same results, and no stop leaves anything between two states."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.indexes import writing
from rag.retrievers.indexes.exact import Exact

from rag.errors import CorpusError
from rag.filters import Eq

if TYPE_CHECKING:
    from rag.protocols import Dense

DIM = 8


def units(count: int, seed: int = 0) -> Dense:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def names(count: int) -> list[str]:
    return [f"{number * 2654435761 % 2**32:032x}" for number in range(count)]


# --- the same content, the same results ----------------------------------------------------------

POOL = units(40)
POOL[10:20] = POOL[10] + units(10, seed=5) * 1e-6  # near ties, which float32 sums reorder
POOL[20:25] = POOL[20]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39), st.sampled_from("arc")), max_size=60),
    k=st.integers(1, 45),
)
def test_however_it_came_in(steps: list[tuple[int, int, str]], k: int) -> None:
    ids = names(40)
    content: dict[str, int] = {}
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        index = Exact(one, DIM)
        for which, vector, action in steps:
            if action == "a":
                index.add([ids[which]], POOL[vector : vector + 1])
                content[ids[which]] = vector
            elif action == "r":
                index.remove([ids[which]])
                content.pop(ids[which], None)
            else:
                index.commit(1)
        index.commit(2)
        whole = Exact(other, DIM)
        order = sorted(content, reverse=True)
        whole.add(order, POOL[[content[id] for id in order]])
        whole.commit(2)
        queries = np.concatenate([units(3, seed=9), POOL[10:11], POOL[20:21]])
        assert len(index) == len(whole) == len(content)
        assert index.search(queries, k) == whole.search(queries, k)
        assert Exact(one, DIM).search(queries, k) == whole.search(queries, k)
        for row, query in enumerate(queries):
            exact = {id: float(POOL[v].astype(np.float64) @ query.astype(np.float64)) for id, v in content.items()}
            best = sorted(exact.values(), reverse=True)[:k]
            assert [score for _, score in index.search(queries, k)[row]] == pytest.approx(best, abs=1e-12)


def test_vectors_that_float32_cannot_tell_apart_are_ranked_right(tmp_path: Path) -> None:
    ids, vectors = names(400), np.repeat(units(1), 400, axis=0)
    rng = np.random.default_rng(1)
    for row in vectors:  # each component a few units in the last place up or down
        row += np.spacing(row) * rng.integers(-2, 3, DIM)
    index = Exact(tmp_path, DIM)
    index.add(ids, vectors)
    index.commit(1)
    query = units(1, seed=2)
    scores = (vectors.astype(np.float64) * query[0]).sum(axis=1)
    best = sorted(zip((-scores).tolist(), ids, strict=True))[:10]
    assert [id for id, _ in index.search(query, 10)[0]] == [id for _, id in best]


def test_results_do_not_depend_on_blocks_or_on_the_way_a_filter_is_taken(tmp_path: Path) -> None:
    class Half:
        def matching(self, where: object) -> frozenset[str]:
            return wanted

    ids, vectors = names(3000), units(3000)
    catalog: Any = Half()
    index = Exact(tmp_path, DIM, catalog)
    index.add(ids, vectors)
    index.commit(1)
    for count in (10, 500, 2000):  # gathered rows, then masked ones
        wanted = frozenset(ids[:count])
        (found,) = index.search(units(1, seed=3), 20, Eq("page", 1))
        exact = sorted(
            (-float(v.astype(np.float64) @ units(1, seed=3)[0]), id)
            for id, v in zip(ids[:count], vectors, strict=False)
        )
        assert [id for id, _ in found] == [id for _, id in exact[:20]]


# --- commits ---------------------------------------------------------------------------------------


def test_only_what_is_committed_is_found(tmp_path: Path) -> None:
    index, reader = Exact(tmp_path, DIM), Exact(tmp_path, DIM)
    assert (index.generation, len(index)) == (-1, 0)
    index.add(["a", "b"], units(2))
    assert index.search(units(1), 5) == [[]]
    index.commit(7)
    assert (index.generation, reader.generation, len(reader)) == (7, 7, 2)
    index.remove(["a"])
    assert len(reader.search(units(1), 5)[0]) == 2
    index.commit(8)
    assert reader.generation == 8
    assert [id for id, _ in reader.search(units(1), 5)[0]] == ["b"]
    index.remove(["b"])
    index.commit(9)
    assert (len(reader), reader.search(units(1), 5)) == (0, [[]])


def test_clear_is_seen_with_the_commit_that_follows(tmp_path: Path) -> None:
    index, reader = Exact(tmp_path, DIM), Exact(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(3)
    index.clear()
    assert index.generation == -1
    assert (reader.generation, len(reader)) == (3, 2)
    index.add(["c"], units(1))
    index.commit(4)
    assert [id for id, _ in reader.search(units(1), 5)[0]] == ["c"]


def test_segments_are_merged_and_files_swept(tmp_path: Path) -> None:
    index = Exact(tmp_path, DIM)
    ids, vectors = names(300), units(300)
    written = 0
    for start in range(0, 300, 5):
        index.add(ids[start : start + 5], vectors[start : start + 5])
        index.commit(start)
        state = json.loads((tmp_path / "manifest.json").read_text())
        assert len(state["segments"]) <= writing.MOST_SEGMENTS
        written += state["segments"][-1][1]
        assert len(list(tmp_path.glob("*.npy"))) == 2 * len(state["segments"])
    assert written < 300 * 6  # a row is written again about log2(60) times
    index.remove(ids[:20])
    index.commit(1000)
    assert len(list(tmp_path.glob("*.deleted.npy"))) == 1
    index.remove(ids[20:40])
    index.commit(1001)  # more than a tenth is dead: all is written anew
    assert len(json.loads((tmp_path / "manifest.json").read_text())["segments"]) == 1
    assert not list(tmp_path.glob("*.deleted.npy"))
    assert np.array_equal(index.vectors(ids[40:]), vectors[40:])


def test_bad_vectors_and_ids_are_refused(tmp_path: Path) -> None:
    index = Exact(tmp_path, DIM)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            index.add(["a"], np.full((1, DIM), bad, np.float32))
        with pytest.raises(ValueError, match="finite"):
            index.search(np.full((1, DIM), bad, np.float32), 1)
    for id in ("", "a\0"):
        with pytest.raises(ValueError, match="id"):
            index.add([id], units(1))
    index.commit(1)
    assert len(index) == 0
    with pytest.raises(ValueError, match="catalog"):
        index.search(units(1), 1, Eq("page", 1))
    with pytest.raises(CorpusError, match="dim 8, expected 9"):
        len(Exact(tmp_path, 9))


def test_vectors_that_are_not_unit_and_ids_in_any_script(tmp_path: Path) -> None:
    index = Exact(tmp_path, DIM)
    ids = ["é", "日本", "a" * 100, "z"]
    vectors = units(4) * np.array([[1e4], [1e-4], [3], [0]], np.float32)
    index.add(ids, vectors)
    index.commit(1)
    query = units(1, seed=1) * 50
    scores = vectors.astype(np.float64) @ query[0].astype(np.float64)
    (found,) = index.search(query, 4)
    assert found == [(ids[row], pytest.approx(scores[row])) for row in np.argsort(-scores)]


# --- damage and stops --------------------------------------------------------------------------------


def filled(folder: Path) -> Exact:
    index = Exact(folder, DIM)
    ids, vectors = names(60), units(60)
    for start in range(0, 60, 20):
        index.add(ids[start : start + 20], vectors[start : start + 20])
        index.commit(start)
    index.remove(ids[:2])
    index.commit(60)
    return index


@pytest.mark.parametrize(
    ("victim", "harm"),
    [
        ("*.vectors.npy", "delete"),
        ("*.vectors.npy", "halve"),
        ("*.ids.npy", "delete"),
        ("*.ids.npy", "empty"),
        ("*.deleted.npy", "delete"),
        ("*.deleted.npy", "halve"),
        ("manifest.json", "halve"),
        ("manifest.json", "empty"),
        ("manifest.json", "[]"),
        ("manifest.json", '{"version": 1, "dim": 8}'),
    ],
)
def test_damage_asks_for_a_rebuild_and_gets_one(tmp_path: Path, victim: str, harm: str) -> None:
    filled(tmp_path)
    path = next(iter(tmp_path.glob(victim)))
    if harm == "delete":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"halve": data[: len(data) // 2], "empty": b""}.get(harm, harm.encode()))
    index = Exact(tmp_path, DIM)
    assert (index.generation, len(index)) == (-1, 0)
    with pytest.raises(CorpusError, match="rebuild it with"):
        index.search(units(1), 1)
    index.add(["a"], units(1))
    with pytest.raises(CorpusError, match="rebuild it with"):
        index.commit(1)
    index.clear()
    index.add(names(60), units(60))
    index.commit(61)
    again = Exact(tmp_path, DIM)
    assert (again.generation, len(again)) == (61, 60)
    assert again.search(units(1), 1)[0][0][0] == names(1)[0]


class Killed(BaseException):
    """Not an Exception: nothing may catch it."""


_watch: dict[str, Any] = {"folder": None, "left": 0}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch["folder"] is None or event not in ("open", "os.rename", "os.remove", "os.mkdir"):
        return
    target = str(arguments[0])
    writes = event != "open" or (isinstance(arguments[1], str) and arguments[1] != "r" and "w" in arguments[1])
    if target.startswith(_watch["folder"]) and writes:
        if _watch["left"] == 0:
            _watch["folder"] = None
            raise Killed
        _watch["left"] -= 1


sys.addaudithook(_hook)


@contextmanager
def killed_after(operations: int, folder: Path) -> Iterator[None]:
    _watch.update(folder=str(folder), left=operations)
    try:
        yield
    finally:
        _watch["folder"] = None


def _change(index: Exact) -> None:
    """Removals, a replacement, an addition: makes new files and, past a tenth, merges."""
    ids = names(80)
    index.remove(ids[2:9])
    index.add([ids[10], *ids[60:]], units(21, seed=3))
    index.commit(70)


def state_of(folder: Path) -> tuple[int, Any]:
    index = Exact(folder, DIM)
    return index.generation, index.search(units(2, seed=8), 100)


def test_a_kill_before_any_file_operation_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    old = state_of(filled(tmp_path / "old").folder)
    done = filled(tmp_path / "new")
    _change(done)
    new = state_of(done.folder)
    seen, operations = [], 0
    while True:
        folder = tmp_path / str(operations)
        index = filled(folder)
        try:
            with killed_after(operations, folder):
                _change(index)
        except Killed:
            pass
        else:
            break
        state = state_of(folder)
        assert state in (old, new)
        seen.append(state == new)
        again = Exact(folder, DIM)
        _change(again)  # the same command afterwards
        assert state_of(folder) == new
        assert len(list(folder.iterdir())) == len(list(done.folder.iterdir()))
        operations += 1
    assert operations >= 5
    assert seen == sorted(seen)
    assert {False, True} == set(seen)


@pytest.mark.parametrize("sync", range(3))
def test_a_file_half_written_is_not_seen(tmp_path: Path, sync: int, monkeypatch: pytest.MonkeyPatch) -> None:
    old = state_of(filled(tmp_path).folder)
    left = [sync]
    whole = writing._sync

    def half(file: Any) -> None:
        if left[0] == 0:
            file.flush()
            file.truncate(file.tell() // 2)
            raise Killed
        left[0] -= 1
        whole(file)

    monkeypatch.setattr(writing, "_sync", half)
    with pytest.raises(Killed):
        _change(Exact(tmp_path, DIM))
    assert state_of(tmp_path) == old
    monkeypatch.undo()
    _change(Exact(tmp_path, DIM))
    assert state_of(tmp_path)[0] == 70


def test_readers_see_whole_commits_while_one_writes(tmp_path: Path) -> None:
    index = Exact(tmp_path, DIM)
    ids = names(200)
    index.add(ids[:10], units(10))
    index.commit(10)
    wrong: list[object] = []
    stop: list[bool] = []

    def look() -> None:
        reader = Exact(tmp_path, DIM)
        try:
            while not stop:
                generation = reader.generation
                found = len(reader.search(units(1), 1000)[0])
                if generation == -1 or found % 10:
                    wrong.append((generation, found))
        except Exception as error:
            wrong.append(error)

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for start in range(10, 200, 10):
        index.add(ids[start : start + 10], units(10, seed=start))
        index.commit(start)
    stop.append(True)
    for thread in threads:
        thread.join()
    assert wrong == []


# --- checksums ------------------------------------------------------------------------------------------------


def test_a_changed_byte_is_told_by_its_file(tmp_path: Path) -> None:
    """Also of files that an earlier commit wrote, and of the list of what is deleted."""
    index = Exact(tmp_path, 4)
    rng = np.random.default_rng(0)
    for first in (0, 20):
        index.add([f"{n:02}" for n in range(first, first + 20)], rng.standard_normal((20, 4)).astype(np.float32))
        index.commit(first + 1)
    index.remove(["03"])
    index.commit(50)
    assert index.damaged() == []
    files = sorted(file.name for file in tmp_path.glob("*.npy"))
    assert sum("deleted" in name for name in files) == 1
    for name in files:
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert index.damaged() == [name]
        (tmp_path / name).write_bytes(data)
    (tmp_path / files[0]).unlink()
    assert index.damaged() == [files[0]]


def test_what_was_written_without_checksums_is_read(tmp_path: Path) -> None:
    """By the version before: its segments stay as they are, and the next commit goes on from them."""
    index = Exact(tmp_path, 4)
    index.add(["a", "b"], np.eye(4, dtype=np.float32)[:2])
    index.commit(1)
    state = json.loads((tmp_path / "manifest.json").read_text())
    del state["sums"]
    (tmp_path / "manifest.json").write_text(json.dumps(state))
    again = Exact(tmp_path, 4)
    assert (len(again), again.generation, again.damaged()) == (2, 1, [])
    again.add(["c"], np.eye(4, dtype=np.float32)[2:3])
    again.commit(2)
    assert len(Exact(tmp_path, 4)) == 3
    assert set(json.loads((tmp_path / "manifest.json").read_text())["sums"]) == {"3.vectors.npy", "3.ids.npy"}
