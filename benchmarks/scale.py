"""A corpus of a million chunks, index by index: build, open, query, memory, delete, size.

python benchmarks/scale.py [--vectors N] [--index exact tantivy chroma qdrant catalog] [--seconds S] [--json]
    [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.machine import facts, watched

INDEXES = ("exact", "tantivy", "chroma", "qdrant", "catalog")
STEPS = ("build", "query", "delete")
ROOT = Path(__file__).resolve().parents[1]


def main(given: list[str] | None = None) -> int:
    options = _options(given)
    rows = [facts()]
    print(json.dumps(rows[0]), flush=True)
    with tempfile.TemporaryDirectory(prefix="argus-scale-", dir=options.folder) as folder:
        for name in options.index:
            for row in measured(name, Path(folder) / name, options.vectors, options.seconds):
                rows.append(row)
                print(json.dumps(row), flush=True)
    text = markdown(rows)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if not options.json:
        print(f"\n{text}")
    return 1 if any("error" in row for row in rows) else 0


def measured(name: str, folder: Path, count: int, seconds: float) -> Iterator[dict[str, Any]]:
    """The steps of one index, each in a new process; what the build came to is what is asked."""
    for step in STEPS:
        command = [
            sys.executable,
            "-P",
            str(ROOT / "benchmarks" / "scaling.py"),
            name,
            step,
            str(folder),
            str(count),
            str(seconds),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with watched(process.pid) as seen:
            printed, complaint = process.communicate()
        for line in printed.splitlines():
            row = json.loads(line)
            count = row["count"] if row["step"] == "build" else count
            yield {"index": name, **row, "memory": seen["tree_peak"], "bytes": _size(folder)}
        if process.returncode:
            yield {"index": name, "step": step, "error": complaint.strip()[-300:]}
            return


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row an index."""
    titles = ("", "entries", "build, s", "entries/s", "2nd half : 1st", "peak building, MiB", "on disk, MiB",
              "open and first query, s", "query p50, ms", "p95, ms", "recall@10", "peak asking, MiB",
              "delete 1%, s", "add 2,000, s")  # fmt: skip
    lines: list[Sequence[str]] = [titles, ("---",) * len(titles)]
    for name in dict.fromkeys(row["index"] for row in rows if "index" in row):
        steps = {row["step"]: row for row in rows if row.get("index") == name and "error" not in row}
        if "build" in steps:
            lines.append((name, *_cells(steps)))
    machine = rows[0]
    words = f"{machine['date'][:10]}, {machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the start."
    failed = [f"{row['index']}, {row['step']}: **failed**, {row['error']}" for row in rows if "error" in row]
    return "\n\n".join([words, "\n".join(f"| {' | '.join(line)} |" for line in lines), *failed]) + "\n"


def _cells(steps: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    def cell(step: str, key: str, factor: float = 1.0, form: str = "{:,.1f}") -> str:
        return form.format(steps[step][key] * factor) if step in steps else ""

    built = steps["build"]
    yield f"{built['count']:,}"
    yield cell("build", "seconds")
    yield f"{built['count'] / built['seconds']:,.0f}"
    yield cell("build", "second_half")
    yield cell("build", "memory", 2**-20, "{:,.0f}")
    yield cell("build", "bytes", 2**-20, "{:,.0f}")
    yield cell("open", "seconds", form="{:,.2f}")
    yield cell("query", "p50", 1000)
    yield cell("query", "p95", 1000)
    yield cell("recall", "recall", form="{:.3f}")
    yield cell("query", "memory", 2**-20, "{:,.0f}")
    yield cell("delete", "seconds", form="{:,.2f}")
    yield cell("add some", "seconds", form="{:,.2f}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000, help="entries of each index (default: 1000000)")
    parser.add_argument("--index", nargs="+", choices=INDEXES, default=list(INDEXES))
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="stop adding to an index after so long; default 180"
    )
    parser.add_argument("--folder", type=Path, help="where the indexes are built (default: the temporary folder)")
    parser.add_argument("--json", action="store_true", help="no table")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    options = parser.parse_args(given)
    if options.vectors < 1000 or options.seconds <= 0:
        parser.error("--vectors must be at least 1000, --seconds above 0")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
