"""Hostile names, sidecars and arguments, full and read-only disks, and what a command says then."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.pipelines.sources import SIDECAR, Found, found
from rag.pipelines.workers import Limits, Stopped, Worker

from rag.cli import main
from rag.corpus import Corpus

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(hashed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([*(str(one) for one in arguments), "--corpus", str(hashed)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "gauge.txt").write_text("The rain gauge stands on the roof of the school in Harby.")
    return folder


def taken(folder: Path) -> dict[str, Found]:
    return {one.uri.removeprefix(f"{folder}/"): one for one in found([folder], folder / "none")}


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_a_name_that_is_no_utf_8_fails_alone_and_can_be_printed(run: Run, folder: Path) -> None:
    with open(os.fsencode(folder) + b"/bad\xff\xfename.txt", "wb") as file:
        file.write(b"some words")
    code, out, _ = run("add", folder, "--workers", 0, "--json")
    told = {line["source"].rpartition("/")[2]: line for line in map(json.loads, out.splitlines()[:-1])}
    assert code == 3
    assert told["gauge.txt"]["status"] == "done"
    assert told["bad\\udcff\\udcfename.txt"]["error"]["message"] == "its name is not valid UTF-8; rename it"


def test_links_and_closed_folders_are_told_not_dropped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "self").symlink_to(".")
    (folder / "one").symlink_to("other")
    (folder / "other").symlink_to("one")
    (folder / "closed").mkdir()
    scandir = os.scandir

    def refusing(path: Any) -> Any:  # the tests may run as root, whom no mode stops
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    told = taken(folder)
    assert told["self"].skip == "a link to a folder is not followed"
    assert told["one"].skip == told["other"].skip == "a link that leads nowhere"
    assert "Permission denied" in str(told["closed"].error)
    assert not told["gauge.txt"].skip


# --- labels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "recursion"), ("{broken", "not readable as JSON"), ("[1]", "one JSON object"),
        ('{"n": NaN}', "NaN is no number"), ('{"n": 1e999}', "finite"), ('{"a": "\\ud800"}', "surrogate"),
        ('{"a b": 1}', "no label can be called"), ('{"a": [1]}', "expected text"), ('"' + "x" * 2**20 + '"', "limit"),
    ],
)  # fmt: skip
def test_a_bad_sidecar_fails_its_document_alone(folder: Path, text: str, why: str) -> None:
    (folder / "bad.txt").write_text("some words")
    (folder / f"bad.txt{SIDECAR}").write_text(text)
    told = taken(folder)
    message = str(told["bad.txt"].error)
    assert why in message
    assert f"bad.txt{SIDECAR}" in message
    assert told["gauge.txt"].error is None


@pytest.mark.parametrize("given", [{"a": [1]}, {"a b": "x"}, {"a": float("nan")}, {"a": "\ud800"}, {"": 1}])
def test_a_label_that_cannot_be_kept_never_reaches_the_catalog(hashed: Path, folder: Path, given: Any) -> None:
    corpus = Corpus(hashed)
    corpus.add(folder, workers=0)
    with pytest.raises(ValueError, match="label"):
        corpus.add(folder, labels=given, workers=0)
    with pytest.raises(ValueError, match="label"):
        corpus.label("*", given)
    assert corpus.search("rain gauge")


# --- arguments ---------------------------------------------------------------------------------------


def test_a_negative_number_of_workers_is_refused(run: Run, folder: Path) -> None:
    code, out, error = run("add", folder, "--workers", -2)
    assert (code, out) == (2, "")
    assert "workers must be 0 or more" in error
    with pytest.raises(ValueError, match="above 0"):
        Limits(seconds=-1)


def test_a_query_file_may_have_a_mark_and_may_not_nest_without_end(run: Run, folder: Path, tmp_path: Path) -> None:
    run("add", folder, "--workers", 0)
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"id": 1, "query": "rain \\ud800"}\n', encoding="utf-8-sig")
    code, out, _ = run("search", "--queries", queries, "--json")
    assert code == 0
    assert json.loads(out)["query"] == "rain \ud800"
    queries.write_text("[" * 100_000)
    code, out, _ = run("search", "--queries", queries, "--json")
    assert code == 3
    assert "line 1" in json.loads(out)["error"]["message"]


# --- disks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), sqlite3.OperationalError("database or disk is full")]
)
def test_a_full_disk_is_said_in_one_line(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    from rag.store.store import Store

    def full(_: Store) -> None:
        raise failure

    monkeypatch.setattr(Store, "replay", full)
    code, _, error = run("add", folder, "--workers", 0)
    assert code == 1
    assert len(error.splitlines()) == 1
    assert "No space left" in error or "disk is full" in error


def test_a_lagging_index_is_told(run: Run, folder: Path, hashed: Path) -> None:
    import shutil

    run("add", folder, "--workers", 0)
    assert run("search", "rain")[2] == ""
    shutil.rmtree(hashed / "text")
    for command in ("search", "ask"):
        code, _, error = run(command, "rain")
        assert code == 0
        assert "rag check --repair" in error
    assert run("check", "--repair")[0] == 0
    assert run("search", "rain")[2] == ""


def test_the_log_is_folded_into_the_catalog(run: Run, folder: Path, hashed: Path) -> None:
    run("add", folder, "--workers", 0)
    log = hashed / "catalog.sqlite-wal"
    assert not log.exists() or log.stat().st_size == 0


def test_a_text_index_that_may_not_be_written_is_searched(
    run: Run, folder: Path, hashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", folder, "--workers", 0)
    access, opened = os.access, []

    def refusing(path: Any, mode: int) -> bool:
        return mode != os.W_OK and access(path, mode)

    import tantivy

    real = tantivy.Index

    class Watched:
        @staticmethod
        def open(path: str) -> Any:
            opened.append(path)
            return real.open(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "access", refusing)
        patched.setattr(tantivy, "Index", Watched)
        assert Corpus(hashed).search("gauge")[0].hit.parts["lexical"].rank == 1
    assert opened
    assert not any(Path(path).is_relative_to(hashed) for path in opened)


# --- workers ---------------------------------------------------------------------------------------


def test_a_worker_killed_before_it_read_its_request_is_stopped() -> None:
    worker = Worker(Limits())
    worker._start()
    worker.kill()
    assert worker._process is not None
    worker._process.wait()
    with pytest.raises(Stopped):
        list(worker.run({"op": "load", "source": {"uri": "x" * 2**20}}))


def test_a_surprise_in_a_worker_thread_fails_the_document(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.pipelines import prefetch

    def surprised(*_: object) -> None:
        raise RuntimeError("a surprise")

    monkeypatch.setattr(prefetch, "_run_here", surprised)
    code, out, _ = run("add", folder, "--workers", 0, "--json")
    assert code == 3
    assert "a surprise" in json.loads(out.splitlines()[0])["error"]["message"]


def test_a_file_that_changes_before_it_is_read_is_not_taken_for_the_old_one(
    hashed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.pipelines import prefetch

    file = folder / "gauge.txt"
    before, answer = file.read_text(), prefetch.answer

    def late(*given: Any) -> Any:
        file.write_text("Now it is about penguins.")
        return answer(*given)

    monkeypatch.setattr(prefetch, "answer", late)
    corpus = Corpus(hashed)
    error = corpus.add(folder, workers=0).outcomes[0].error
    assert error is not None
    assert error.type == "changed"
    monkeypatch.setattr(prefetch, "answer", answer)
    file.write_text(before)
    assert corpus.add(folder, workers=0).outcomes[0].status == "done"
    assert [one.text for one in corpus.search("gauge")] == [before]
