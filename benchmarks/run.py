"""Times what a user waits for: import, help, ingest, cold and warm search. One JSON object a line.

python benchmarks/run.py [DIR]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "corpus"
COMMAND = "import sys; from rag.cli import main; sys.exit(main(sys.argv[1:]))"
QUERIES = ("rain in November", "cleaning the gauge", "missing data", "a bicycle", "strongest gust of the year")


def python(code: str, *arguments: str) -> float:
    """Seconds of a fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def best(code: str, *arguments: str, rounds: int = 5) -> float:
    """The fastest of some rounds: what the machine can do when it is left alone."""
    return min(python(code, *arguments) for _ in range(rounds))


def show(name: str, **values: float) -> None:
    """One line of results."""
    print(json.dumps({"name": name, **{key: round(value, 4) for key, value in values.items()}}), flush=True)


def main(documents: Path) -> None:
    """Runs all of it on a corpus made for the purpose."""
    bare = best("pass")
    show("import", seconds=best("import rag") - bare)
    show("help", seconds=best(COMMAND, "--help") - bare)
    with tempfile.TemporaryDirectory() as folder:
        corpus = str(Path(folder) / "corpus")
        add = ("add", str(documents), "--corpus", corpus, "--json")
        first, again = python(COMMAND, *add), best(COMMAND, *add, rounds=3)
        show("ingest", first=first, again=again, ratio=first / again)
        show("cold", seconds=best(COMMAND, "search", QUERIES[0], "--corpus", corpus, "--json"))
        show("warm", **warm(corpus))


def warm(folder: str) -> dict[str, float]:
    """Median and 95th percentile, in seconds, of searches in this process."""
    import rag

    corpus = rag.Corpus(folder)
    for query in QUERIES:
        corpus.search(query, k=10)
    times = []
    for _ in range(10):
        for query in QUERIES:
            start = time.perf_counter()
            corpus.search(query, k=10)
            times.append(time.perf_counter() - start)
    return {"p50": statistics.median(times), "p95": statistics.quantiles(times, n=20)[-1]}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
