"""Candidates, subsets and their trained scorer, against the paper's counts and a torch module."""

from __future__ import annotations

from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.frames import SubsetScorer, candidates, labelled, selected, subsets, trained

from rag.errors import SourceError

DIM = 6


def units(count: int, seed: int, dim: int = DIM) -> Any:
    drawn = np.random.default_rng(seed).standard_normal((count, dim))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 99))
def test_candidates_are_frames_and_differ(total: int, count: int, seed: int) -> None:
    frames = units(total, seed)
    found = candidates(frames, count, seed)
    assert found == sorted(set(found))
    assert len(found) == min(total, count)
    assert set(found) <= set(range(total))
    assert candidates(frames, count, seed) == found


def test_a_scene_that_stands_for_long_is_one_candidate() -> None:
    """Thirty frames of one picture and one each of three others."""
    scenes = units(4, 1)
    frames = np.concatenate([np.repeat(scenes[:1], 30, axis=0), scenes[1:]])
    found = candidates(frames, 4)
    assert len(found) == 4
    assert found[1:] == [30, 31, 32]


def test_subsets_are_all_seventy_or_forty_drawn() -> None:
    every = subsets([1, 4, 9, 16, 17, 20, 24, 31], 4)
    assert len(every) == len(set(every)) == comb(8, 4) == 70
    drawn = subsets(range(64), 32, seed=3)
    assert len(drawn) == len(set(drawn)) == 40
    assert all(len(one) == 32 and list(one) == sorted(set(one)) for one in drawn)
    assert subsets(range(64), 32, seed=3) == drawn != subsets(range(64), 32, seed=4)
    assert subsets([3, 5], 4) == [(3, 5)]


def scored(rows: Any, scorer: Any, question: Any = None) -> float:
    return float(scorer(rows, question))


def test_the_subset_kept_has_the_largest_score(tmp_path: Path) -> None:
    frames = units(30, 2)
    scorer = SubsetScorer.load(saved(tmp_path, 4 * DIM))
    kept = selected(frames, scorer)
    members = candidates(frames, 8)
    assert scorer(frames[kept]) == max(scorer(frames[list(one)]) for one in combinations(members, 4))
    assert set(kept) <= set(members)
    assert selected(frames[:3], scorer) == [0, 1, 2], "all of a short clip"
    assert selected(frames, size=4) == candidates(frames, 4)
    long, asking = SubsetScorer.load(saved(tmp_path, 33 * DIM)), units(1, 9)[0]
    chosen = selected(units(100, 3), long, size=32, count=64, question=asking)
    assert len(chosen) == 32
    assert chosen == sorted(set(chosen))


def module(numbers: int, seed: int = 0) -> Any:
    from torch import manual_seed, nn

    manual_seed(seed)
    return nn.Sequential(nn.Linear(numbers, 10), nn.ReLU(), nn.Linear(10, 7), nn.ReLU(), nn.Linear(7, 1))


def saved(folder: Path, numbers: int) -> Path:
    from safetensors.torch import save_file

    save_file(module(numbers).state_dict(), folder / f"{numbers}.safetensors")
    return folder / f"{numbers}.safetensors"


def test_the_scorer_is_a_perceptron_of_three_layers(tmp_path: Path) -> None:
    import torch

    scorer = SubsetScorer.load(saved(tmp_path, 5 * DIM))
    scorer.save(tmp_path / "again.safetensors")
    for seed in range(4):
        frames, question = units(4, seed), units(1, seed + 50)[0]
        given = torch.tensor(np.concatenate([frames.ravel(), question]), dtype=torch.float32)
        with torch.no_grad():
            told = float(module(5 * DIM)(given))
        assert scorer(frames, question) == pytest.approx(told, abs=1e-5)
        assert SubsetScorer.load(tmp_path / "again.safetensors")(frames, question) == pytest.approx(told, abs=1e-5)
    with pytest.raises(ValueError, match="reads 30 numbers, got 24"):
        scorer(units(4, 1))


def test_files_that_are_no_scorer_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "x").write_bytes(b"no")
    with pytest.raises(SourceError, match="no safetensors file"):
        SubsetScorer.load(tmp_path / "x")
    save_file({"0.weight": np.zeros((2, 2), np.float32)}, tmp_path / "y")
    with pytest.raises(SourceError, match=r"0\.bias"):
        SubsetScorer.load(tmp_path / "y")
    torn = {name: one.numpy() for name, one in module(DIM).state_dict().items()}
    save_file({**torn, "2.weight": np.zeros((7, 11), np.float32)}, tmp_path / "z")
    with pytest.raises(SourceError, match="follow"):
        SubsetScorer.load(tmp_path / "z")


def test_right_subsets_are_the_nearest_to_the_question() -> None:
    frames, (question,) = units(20, 5), units(1, 6)
    right, wrong = labelled(question, frames)
    near = {
        one: float(question @ frames[list(one)].mean(axis=0) / np.linalg.norm(frames[list(one)].mean(axis=0)))
        for one in combinations(candidates(frames, 8), 4)
    }
    ordered = sorted(near.values())
    assert sorted(near[one] for one in right) == pytest.approx(ordered[-3:])
    assert sorted(near[one] for one in wrong) == pytest.approx(ordered[:3])
    with pytest.raises(ValueError, match="subsets"):
        labelled(question, frames[:4])


def test_training_learns_which_frames_questions_want() -> None:
    """Frames that show something lie towards one direction, black ones and titles elsewhere; it holds for new clips."""
    shows = units(1, 0)[0]
    random = np.random.default_rng(0)

    def clip(seed: int) -> tuple[Any, Any]:
        plain = units(12, seed + 100)
        plain[random.choice(12, 5, replace=False)] += 2.0 * shows
        question = shows + 0.3 * units(1, seed + 500)[0]
        return question / np.linalg.norm(question), plain / np.linalg.norm(plain, axis=1, keepdims=True)

    scorer = trained((clip(seed) for seed in range(40)), width=32, steps=150)
    gains = []
    for seed in range(60, 80):
        question, frames = clip(seed)
        mean = float(frames[candidates(frames, 8)].mean(axis=0) @ question)
        gains.append(float(frames[selected(frames, scorer)].mean(axis=0) @ question) - mean)
    assert np.mean(gains) > 0.1
    assert min(gains) > -0.05
