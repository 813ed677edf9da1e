"""MaxSim: its stages, its files, and that no stop leaves anything between two states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.indexes import kernels, packing, waiting, writing
from rag.retrievers.indexes.maxsim import MaxSim

from rag.errors import CorpusError

DIM = 40


def units(count: int, seed: int, dim: int = DIM) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def names(count: int) -> list[str]:
    return [f"{number * 2654435761 % 2**32:032x}" for number in range(count)]


def pages(count: int, seed: int = 0) -> list[Any]:
    """Pages whose patches lean towards a direction of the page, as those of a model do."""
    return [0.6 * units(1, 1000 + seed + n) + 0.8 * units(5 + n % 23, seed + n) for n in range(count)]


def collected(arrays: list[Any], kind: packing.Kind) -> tuple[Any, Any, Any, Any]:
    made = [packing.packed(kind, one) for one in arrays]
    ends = np.cumsum([len(blocks) for blocks, _ in made])
    starts = np.concatenate([[0], ends[:-1]])
    return np.concatenate([b for b, _ in made]), np.array([s for _, s in made], np.float32), starts, ends


# --- packed forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [3, 40, 128, 600])
@pytest.mark.parametrize("kind", ["bytes", "bits"])
def test_compiled_and_plain_loops_give_the_same(kind: packing.Kind, dim: int) -> None:
    arrays, query = [units(size, size, dim) for size in (1, 15, 16, 17, 60)] * 30, units(7, 99, dim)
    told = collected(arrays, kind)
    plain = packing.sums(kind, query, *told, fast=False)
    assert (packing.sums(kind, query, *told, fast=True) == plain).all()


def test_processors_without_the_instruction_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, query = [units(size, size) for size in (1, 16, 33)], units(5, 9)
    told = collected(arrays, "bytes")
    plain = packing.sums("bytes", query, *told, fast=False)
    monkeypatch.setattr(packing, "vnni", lambda: False)
    assert (packing.sums("bytes", query, *told, fast=True) == plain).all()
    assert "bytes" in kernels._COMBINES


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.integers(1, 70), st.integers(0, 999))
def test_bits_count_signs_and_bytes_are_near(tokens: int, size: int, dim: int, seed: int) -> None:
    query, chunk = units(tokens, seed, dim), units(size, seed + 1, dim)
    differ = [min(int(((a > 0) != (b > 0)).sum()) for b in chunk) for a in query]
    assert packing.sums("bits", query, *collected([chunk], "bits"), fast=False) == [-sum(differ)]
    exact = (query @ chunk.T).max(axis=1).sum()
    (near,) = packing.sums("bytes", query, *collected([chunk], "bytes"), fast=False)
    # Each number is off by half a step of its scale at most, both being at most 1/127.
    assert near == pytest.approx(exact, abs=tokens * (2 * dim**0.5 * 0.5 / 127 + dim * 0.25 / 127**2) + 1e-5)


# --- stages ------------------------------------------------------------------------------------------


def test_stages_find_what_a_full_scan_finds(tmp_path: Path) -> None:
    arrays, ids = pages(600), names(600)
    staged = MaxSim(tmp_path, DIM, by_pooled=300, by_bits=100, by_bytes=1)
    staged.add(ids, arrays)
    staged.commit(1)
    full = MaxSim(tmp_path, DIM, by_pooled=0, by_bits=0, by_bytes=0)
    queries = [arrays[n][:4] + 0.3 * units(4, 5000 + n) for n in range(0, 600, 60)]
    found, wanted = staged.search(queries, 5), full.search(queries, 5)
    assert [row[0] for row in found] == [row[0] for row in wanted]
    # What they share beyond the first is noise among equals in these data, and signs of 40 numbers tell little.
    overlap = np.mean([len({i for i, _ in a} & {i for i, _ in b}) / 5 for a, b in zip(found, wanted, strict=True)])
    assert overlap >= 0.85


def test_each_stage_narrows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = MaxSim(tmp_path, DIM, by_pooled=1, by_bits=1, by_bytes=1)
    index.add(names(200), pages(200))
    index.commit(1)
    seen: list[tuple[str, int]] = []
    whole = packing.sums

    def counted(kind: Any, query: Any, blocks: Any, scales: Any, starts: Any, ends: Any, fast: bool) -> Any:
        seen.append((kind, len(starts)))
        return whole(kind, query, blocks, scales, starts, ends, fast)

    monkeypatch.setattr(packing, "sums", counted)
    index.search([units(3, 1)], 1)
    assert seen[0] == ("bits", 50)
    assert seen[1][0] == "bytes"
    assert 5 <= seen[1][1] < 50


@pytest.mark.parametrize("interaction", ["colbert", "filip", "cico"])
def test_the_score_is_that_of_the_interaction(interaction: Any, tmp_path: Path) -> None:
    from rag.retrievers.late import LateInteraction

    index = MaxSim(tmp_path, DIM, interaction=interaction)
    index.add(names(20), pages(20))
    index.commit(1)
    query = units(3, 4)
    stored = index.vectors(names(20))
    scores = dict(zip(names(20), LateInteraction.named(interaction).score(query, stored), strict=True))
    (found,) = index.search([query], 20)
    assert found == sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


# --- the same content, the same results; kills -----------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29), st.sampled_from("arc")), max_size=40),
    spill=st.booleans(),
)
def test_however_it_came_in(steps: list[tuple[int, int, str]], spill: bool, tmp_path_factory: Any) -> None:
    arrays, ids, content = pages(30), names(30), {}
    one, other = MaxSim(tmp_path_factory.mktemp("one"), DIM), MaxSim(tmp_path_factory.mktemp("other"), DIM)
    limit, waiting.KEPT = waiting.KEPT, 4000 if spill else waiting.KEPT
    try:
        for which, vector, action in steps:
            if action == "a":
                one.add([ids[which]], [arrays[vector]])
                content[ids[which]] = arrays[vector]
            elif action == "r":
                one.remove([ids[which]])
                content.pop(ids[which], None)
            else:
                one.commit(1)
        one.commit(2)
        other.add(list(content), list(content.values()))
        other.commit(2)
    finally:
        waiting.KEPT = limit
    assert len(one) == len(other) == len(content)
    assert one.search([units(3, 1)], 10) == other.search([units(3, 1)], 10)
    assert one.damaged() == other.damaged() == []


def test_a_kill_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = MaxSim(tmp_path, DIM)
    index.add(names(9), pages(9))
    index.commit(1)
    before = index.search([units(3, 1)], 20)
    stops = 0
    whole = writing._sync
    for stop in range(30):
        calls = 0

        def failing(file: Any, stop: int = stop) -> None:
            nonlocal calls
            calls += 1
            if calls > stop:
                raise KeyboardInterrupt
            whole(file)

        monkeypatch.setattr(writing, "_sync", failing)
        broken = MaxSim(tmp_path, DIM)
        broken.add(names(12)[8:], pages(4, seed=7))
        broken.remove(names(2))
        try:
            broken.commit(2)
        except KeyboardInterrupt:
            stops += 1
            monkeypatch.setattr(writing, "_sync", whole)
            again = MaxSim(tmp_path, DIM)
            assert (again.generation, again.search([units(3, 1)], 20), again.damaged()) == (1, before, [])
        else:
            break
    assert stops >= 8
    done = MaxSim(tmp_path, DIM)
    assert (done.generation, len(done), done.damaged()) == (2, 10, [])


def test_damage_is_seen(tmp_path: Path) -> None:
    index = MaxSim(tmp_path, DIM)
    index.add(names(9), pages(9))
    index.commit(3)
    file = tmp_path / "1.tokens.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert index.damaged() == ["1.tokens.npy"]
    file.write_bytes(data[:-64])
    cut = MaxSim(tmp_path, DIM)
    assert cut.generation == -1
    with pytest.raises(CorpusError, match="rag check --repair"):
        cut.search([units(1, 1)], 1)
    with pytest.raises(CorpusError):
        cut.commit(4)
    cut.clear()
    cut.add(names(2), pages(2))
    cut.commit(4)
    assert (cut.generation, len(cut), cut.damaged()) == (4, 2, [])


def test_an_open_reader_sees_each_commit(tmp_path: Path) -> None:
    writer, reader = MaxSim(tmp_path, DIM), MaxSim(tmp_path, DIM)
    for number in range(12):
        writer.add(names(12)[number : number + 1], pages(12)[number : number + 1])
        writer.commit(number)
        assert (len(reader), reader.generation) == (number + 1, number)
    assert len(list(tmp_path.glob("*.tokens.npy"))) <= writing.MOST_SEGMENTS


def test_bad_settings_and_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        MaxSim(tmp_path, DIM, by_bits=-1)
    with pytest.raises(ValueError, match="60000"):
        MaxSim(tmp_path, DIM).add(["a"], [np.full((1, DIM), 7e4, np.float32)])
    from rag.filters import Eq

    with pytest.raises(ValueError, match="catalog"):
        MaxSim(tmp_path, DIM).search([units(1, 1)], 1, Eq("page", 1))
