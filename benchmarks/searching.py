"""What a person waits for: the import, the help, a search in a new process, a search in a warm one."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import made
from benchmarks.machine import COMMAND, Python

QUESTION = "what does the survey say about the rain gauge?"
KEYWORDS = "quarterly rain gauge readings"
"""Keywords: no function word tells their language, and the language model is not read for them."""
WARM_UP = 10
FILTERS = ({"source": "doc-00*"}, {"label.year": "2020"}, {"label.year": "2020..2021", "source": "doc-*"})


def start(python: Python) -> Iterator[dict[str, Any]]:
    """`import rag` and `rag --help`, above a bare interpreter."""
    bare = python.best("pass", rounds=9)
    yield _seconds("import", python.best("import rag", rounds=9) - bare, 0.1, bare=bare)
    yield _seconds("help", python.best(COMMAND, "--help", rounds=9) - bare, 0.15, bare=bare)


def search(python: Python, folder: Path, chunks: int, count: int) -> Iterator[dict[str, Any]]:
    """Cold and warm searches of a corpus made for it, the encoder included."""
    corpus = folder / "search"
    size = made.corpus(corpus, folder / "search-documents", chunks)
    common = ("--corpus", str(corpus), "--json")
    yield _seconds("cold", python.best(COMMAND, "search", QUESTION, *common), 1.0, chunks=size)
    where = ("--where", "label.year=2020", "--where", "source=doc-00*")
    filtered = python.best(COMMAND, "search", QUESTION, *where, *common)
    yield _seconds("cold, filtered", filtered, 1.0, chunks=size)
    keywords = python.best(COMMAND, "search", KEYWORDS, *common, rounds=3)
    yield _seconds("cold, keywords", keywords, 1.0, chunks=size)
    yield _warm(python, corpus, "warm", made.questions(folder / "plain.jsonl", count, 1), size)
    given = made.questions(folder / "filtered.jsonl", count, 2, FILTERS)
    yield _warm(python, corpus, "warm, filtered", given, size)


def _warm(python: Python, corpus: Path, name: str, questions: Path, size: int) -> dict[str, Any]:
    """Median over questions of one process, of the calmest of three rounds."""
    rounds = []
    for _ in range(3):
        told = python.rag("search", "--queries", str(questions), "--corpus", str(corpus)).lines[WARM_UP:]
        times = [line["seconds"] for line in told]
        rounds.append((statistics.median(times), statistics.quantiles(times, n=20)[-1]))
    p50, p95 = min(rounds)
    return _seconds(f"{name}, p50", p50, 0.03, p95=p95, chunks=size, questions=len(times))


def _seconds(name: str, value: float, goal: float, **more: float) -> dict[str, Any]:
    rounded = {key: round(one, 4) if isinstance(one, float) else one for key, one in more.items()}
    return {"name": name, "value": round(value, 4), "unit": "s", "goal": goal, "met": value < goal, **rounded}
