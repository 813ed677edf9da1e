"""The scale benchmark at a small size: each index, each step, and the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale, scaling


@pytest.mark.parametrize("name", ["exact", "tantivy", "catalog"])
def test_each_step_of_an_index(tmp_path: Path, name: str) -> None:
    rows = list(scale.measured(name, tmp_path / name, 2000, 60.0))
    assert not [row for row in rows if "error" in row]
    steps = {row["step"]: row for row in rows}
    assert steps["build"]["count"] == steps["open"]["count"] == 2000
    assert steps["build"]["bytes"] > 100_000
    assert steps["build"]["memory"] > 10 << 20
    assert 0 < steps["query"]["p50"] <= steps["query"]["p95"]
    gone = 1000 if name == "catalog" else 20
    assert (steps["delete"]["count"], steps["delete"]["left"]) == (gone, 2000 - gone)
    if name != "catalog":
        assert steps["open"]["hits"] == 10
        assert steps["add some"]["left"] == 2000 - gone + scaling.BLOCK
    if name == "exact":
        assert steps["recall"]["recall"] == 1.0


def test_a_build_ends_with_its_time_and_the_rest_is_of_that_size(tmp_path: Path) -> None:
    rows = list(scale.measured("exact", tmp_path / "exact", 50_000, 1e-9))
    steps = {row["step"]: row for row in rows}
    assert steps["build"]["count"] == steps["open"]["count"] == scaling.BLOCK
    assert steps["delete"]["count"] == scaling.BLOCK // 100


def test_a_step_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    rows = list(scale.measured("exact", tmp_path / "file", 2000, 60.0))
    assert [row["step"] for row in rows] == ["build"]
    assert "Error" in rows[0]["error"]
    assert "**failed**" in scale.markdown([{"date": "2026-11-01", "cpu": "c", "cores": 2, "load": 1.0}, *rows])


def test_vectors_and_texts_are_the_same_for_the_same_number() -> None:
    vectors = scaling.vectors(4000, 50)
    assert np.array_equal(vectors, scaling.vectors(4000, 50))
    assert not np.array_equal(vectors, scaling.vectors(6000, 50))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert scaling.texts(10, 3) == scaling.texts(10, 3) != scaling.texts(20, 3)
    assert len(set(scaling.ids(0, 3000))) == 3000


def test_recall_counts_the_best_that_were_found() -> None:
    asked = scaling.vectors(10**9, 2)
    scores = asked @ scaling.vectors(0, 2000).T
    best = [[scaling.ids(int(at), 1)[0] for at in np.argsort(-row)[: scaling.K]] for row in scores]
    assert scaling.recall(asked, best, 2000) == 1.0
    assert scaling.recall(asked, [best[0], best[1][:5]], 2000) == 0.75
