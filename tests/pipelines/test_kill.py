"""A SIGKILL at every journal step, then the same command: the corpus equals an uninterrupted one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rag.answer import query
from rag.contract import hit as plain_hit
from rag.corpus import Corpus
from tests.golden.pdfs import many_pages
from tests.pipelines.killed import with_hash_encoder

ROOT = Path(__file__).parents[2]
TABLES = {
    "documents": "row, digest, media_type, derivation, state, title, language, head, kept",
    "sources": "row, key, uri, path, digest, labels",
    "parts": "row, document, number, chunks, warnings",
    "pages": "row, document, part, number, body",
    "elements": "row, document, part, id, role, page, media, body",
    "chunks": "row, document, part, number, id, modality, role, first_page, last_page, media, body",
    "views": "row, chunk, name, digest",
    "journal": "row, document, key, parts",
    "vectors": "encoder, digest, hex(vector)",
}
QUESTIONS = ("rainfall in march", "page 3 of the survey", "gauge", "nothing like this anywhere")


def run(corpus: Path, folder: Path, step: int, *, sync: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pipelines.killed", str(corpus), str(folder), str(step)]
    return subprocess.run(
        command + ["--sync"] * sync, cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ}
    )


def state(folder: Path) -> dict[str, object]:
    """All that must be equal: rows, digests, pictures, index contents and answers."""
    told: dict[str, object] = {}
    with sqlite3.connect(folder / "catalog.sqlite") as rows:
        for table, columns in TABLES.items():
            told[table] = rows.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()
        told["sequence"] = rows.execute("SELECT seq FROM sqlite_sequence").fetchall()
    told["assets"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "assets").glob("??/*")
    }
    corpus = Corpus(folder)
    for question in QUESTIONS:
        hits = corpus.hits([query(question)], 5)[0]
        told[question] = [plain_hit(one, rank) for rank, one in enumerate(hits, 1)]
    told["indexed"] = (len(corpus.store.text), {name: len(one) for name, one in corpus.store.vectors.items()})
    corpus.store.close()
    return told


@pytest.fixture(autouse=True)
def _hash_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    from rag import registry

    monkeypatch.setattr(registry, "_plugins", registry._plugins)
    with_hash_encoder()


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    write(folder, "a.txt", "Rainfall in March was 71 mm.\n\nThe gauge stands on the roof of the school.")
    write(folder, "b.html", "<h1>Gauge</h1><p>The gauge is read at nine every morning.</p><p>Wind too.</p>")
    (folder / "c.pdf").write_bytes(many_pages(5))
    return folder


def killed_everywhere(tmp_path: Path, documents: Path, start: Path | None, *, sync: bool) -> None:
    """Compare an uninterrupted run with one killed at each of its steps, from the same start."""

    def fresh(name: str) -> Path:
        folder = tmp_path / name
        if start is not None:
            shutil.copytree(start, folder)
        return folder

    whole = fresh("whole")
    finished = run(whole, documents, 0, sync=sync)
    assert finished.returncode == 0, finished.stderr
    steps = json.loads(finished.stdout)
    expected = state(whole)
    for number, name in enumerate(steps, 1):
        corpus = fresh(f"killed-{number}")
        stopped = run(corpus, documents, number, sync=sync)
        assert stopped.returncode == -signal.SIGKILL, (name, stopped.stderr)
        again = run(corpus, documents, 0, sync=sync)
        assert again.returncode == 0, (name, again.stderr)
        # At most one part is done again: no step of the second run repeats one that was durable.
        assert len(worked(json.loads(again.stdout))) <= len(worked(steps[number:])) + 2, (number, name, again.stdout)
        found = state(corpus)
        for key, value in expected.items():
            assert found[key] == value, f"{key} differs after a kill at step {number} ({name})"
        shutil.rmtree(corpus)


def worked(steps: list[str]) -> list[str]:
    """The steps that derive documents; bringing the indexes up to them is done on the way in as well."""
    return [step for step in steps if not step.startswith("index:")]


def test_first_ingest(tmp_path: Path, documents: Path) -> None:
    killed_everywhere(tmp_path, documents, None, sync=False)


def test_changed_renamed_removed(tmp_path: Path, documents: Path) -> None:
    write(documents, "gone.txt", "This one will be deleted.")
    start = tmp_path / "start"
    assert run(start, documents, 0).returncode == 0
    (documents / "gone.txt").unlink()
    (documents / "b.html").rename(documents / "renamed.html")
    write(documents, "a.txt", "Rainfall in March was 72 mm, corrected.\n\nThe gauge stands on the roof of the school.")
    write(documents, "new.txt", "Snow fell on two days in January.")
    killed_everywhere(tmp_path, documents, start, sync=True)


def test_a_kill_leaves_no_worker_behind(tmp_path: Path, documents: Path) -> None:
    """A real kill of a real `rag add` with parser processes: they end, and the same command finishes."""
    import psutil

    command = [sys.executable, "-m", "rag.cli", "add", str(documents), "--corpus", str(tmp_path / "corpus"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert {line["status"] for line in lines[:-1]} <= {"done", "unchanged"}
    assert len(lines) == 4
