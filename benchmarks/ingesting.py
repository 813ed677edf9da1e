"""Ingest: the first run and the second, memory by pages, and what a SIGKILL costs."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import made
from benchmarks.machine import Python, Run

WITHOUT_ENCODER = """\
[chunker]
use = "loaders/chunking/structure"
[loaders.pdf]
use = "loaders/pdf"
[loaders.html]
use = "loaders/html"
[loaders.image]
use = "loaders/image"
[loaders.markdown]
use = "loaders/markdown"
[loaders.text]
use = "loaders/text"
[indexes.text]
use = "retrievers/indexes/tantivy"
"""
FLAT = 1.15
"""Peaks that differ by less are called flat: allocators and poll times move them by some per cent."""
TELLING = """
import sys
from rag.identity import view_text
from rag.retrievers.encoders.minilm import MiniLM
encode, log = MiniLM.encode_chunks, open(sys.argv.pop(1), "a", encoding="utf-8")
def told(self, chunks):
    log.writelines(chunk.id + "\\n" for chunk in chunks)
    log.flush()
    return encode(self, chunks)
MiniLM.encode_chunks = told
from rag.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""`rag` that writes down what goes into the encoder, before it goes."""


def twice(python: Python, folder: Path, root: Path | None, pages: int) -> Iterator[dict[str, Any]]:
    """First and second run over a folder: the user's, or the sample documents and a made PDF."""
    if root is None:
        root = folder / "documents"
        shutil.copytree(made.SAMPLE, root)
        made.pdf(root / "survey.pdf", pages)
    words = python.rag("add", str(root), "--corpus", str(_without_encoder(folder / "words")))
    corpus = str(folder / "twice")
    first = python.rag("add", str(root), "--corpus", corpus)
    again = min((python.rag("add", str(root), "--corpus", corpus) for _ in range(3)), key=lambda run: run.seconds)
    done = first.summary
    yield {
        "name": "first run", "value": round(first.seconds, 3), "unit": "s", "documents": done["documents"],
        "pages": done["pages"], "chunks": done["chunks"], "embedded": done["embedded"], "failed": done.get("failed", 0),
        "pages_per_second": round(done["pages"] / first.seconds, 2),
        "pages_per_second_without_encoder": round(done["pages"] / words.seconds, 2),
    }  # fmt: skip
    ratio = first.seconds / again.seconds
    idle = again.summary["embedded"] == 0 and again.workers == 0 and not _derived(again)
    yield {
        "name": "first to second run", "value": round(ratio, 1), "unit": "times", "goal": 50, "met": ratio >= 50,
        "second_seconds": round(again.seconds, 3),
    }  # fmt: skip
    yield {
        "name": "second run: parsed + embedded", "value": _derived(again) + again.summary["embedded"],
        "unit": "documents, views", "goal": 0, "met": idle, "workers_started": again.workers,
    }  # fmt: skip


def _derived(run: Run) -> int:
    return sum(line.get("status") in ("done", "updated") for line in run.lines)


def _without_encoder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "corpus.toml").write_text(WITHOUT_ENCODER, encoding="utf-8")
    return folder


def memory(python: Python, folder: Path, few: int, many: int, *, encoder: bool) -> Iterator[dict[str, Any]]:
    """Peak resident memory of the two processes, for a short and a long PDF."""
    runs = []
    for pages in (few, many):
        document = made.pdf(folder / f"pages-{pages}.pdf", pages)
        corpus = folder / f"memory-{pages}-{encoder}"
        runs.append(python.rag("add", str(document), "--corpus", str(corpus if encoder else _without_encoder(corpus))))
    with_it = "with" if encoder else "without"
    for what, (low, high) in {
        "command": [run.peak for run in runs], "worker": [run.worker_peak for run in runs],
    }.items():  # fmt: skip
        yield {
            "name": f"memory of the {what}, {with_it} encoder", "value": round(high / low, 3), "unit": "times",
            "goal": FLAT, "met": high / low < FLAT, "pages": [few, many],
            "mib": [round(low / 2**20), round(high / 2**20)], "seconds": [round(run.seconds, 2) for run in runs],
        }  # fmt: skip


def killed(python: Python, folder: Path, pages: int) -> Iterator[dict[str, Any]]:
    """SIGKILL when half of the parts are stored, then the same command: what is encoded twice?

    Encoded twice is a chunk that went into the encoder in both runs, counted there.
    """
    document = made.pdf(folder / "killed.pdf", pages, seed=2)
    corpus, parts = folder / "killed", -(-pages // 32)
    logs = [folder / "killed-1.log", folder / "killed-2.log"]
    command = ("add", str(document), "--corpus", str(corpus))
    process = python.start(TELLING, [str(logs[0]), *command])
    while process.poll() is None and _stored(corpus) < max(1, parts // 2):
        time.sleep(0.02)
    # Into the encoding of the next part, where most is lost.
    before = len(_read(logs[0]))
    while process.poll() is None and len(_read(logs[0])) == before and _stored(corpus) < parts - 1:
        time.sleep(0.005)
    process.kill()
    if process.wait() == 0:
        raise RuntimeError("the ingest was over before it could be killed; give it more pages")
    kept = _stored(corpus)
    rerun = python.rag(str(logs[1]), *command, code=TELLING)
    first, second = map(_read, logs)
    again = len(set(first) & set(second))
    part = _largest_part(corpus)
    yield {
        "name": "embedded again after SIGKILL", "value": again, "unit": "chunks", "goal": part, "met": again <= part,
        "parts": parts, "parts_kept": kept, "before": len(first), "after": len(second),
        "reported": rerun.summary["embedded"],
    }  # fmt: skip


def _read(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def _stored(corpus: Path) -> int:
    return int(_ask(corpus, "SELECT count(*) FROM parts") or 0)


def _largest_part(corpus: Path) -> int:
    """Chunks with a vector: a page's picture has none."""
    encoded = "EXISTS (SELECT 1 FROM views w JOIN vectors v ON v.digest = w.digest WHERE w.chunk = c.row)"
    counts = f"SELECT count(*) n FROM chunks c WHERE {encoded} GROUP BY c.document, c.part"
    return int(_ask(corpus, f"SELECT max(n) FROM ({counts})") or 0)


def _ask(corpus: Path, sql: str) -> Any:
    path = corpus / "catalog.sqlite"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as rows:
            return rows.execute(sql).fetchone()[0]
    except sqlite3.OperationalError:  # its tables are not there yet
        return 0
