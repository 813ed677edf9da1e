"""Measures what "Speed and size" promises: one JSON object a line, and a table at the end.

python benchmarks/run.py [--quick] [--root DIR] [--chunks N] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import ingesting, searching
from benchmarks.install import install
from benchmarks.machine import Python, facts

GROUPS = ("start", "search", "ingest", "memory", "kill", "install")


def main(given: list[str] | None = None) -> int:
    """Run the groups that are asked for; 0 if each goal was met, else 1."""
    options = _options(given)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="argus-bench-") as folder:
        for row in _rows(options, Path(folder)):
            print(json.dumps(row, ensure_ascii=False), flush=True)
            rows.append(row)
    if not options.json:
        print(f"\n{table(rows)}")
    return 0 if all(row.get("met", True) for row in rows) else 1


def _rows(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    quick, only = options.quick, set(options.only)
    python = Python(folder)
    yield facts()
    if "start" in only:
        yield from searching.start(python)
    if "search" in only:
        yield from searching.search(python, folder, options.chunks, 60 if quick else 210)
    if "ingest" in only:
        yield from ingesting.twice(python, folder, options.root, 40 if quick else 1000)
    if "memory" in only:
        few, many = (50, 200) if quick else (100, 1000)
        yield from ingesting.memory(python, folder, few, many, encoder=False)
        if not quick:
            yield from ingesting.memory(python, folder, few, many, encoder=True)
    if "kill" in only:
        yield from ingesting.killed(python, folder, 128 if quick else 320)
    if "install" in only:
        yield from install()


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes; the goals hold for the usual ones")
    parser.add_argument("--root", type=Path, help="documents to ingest twice (default: the sample and a made PDF)")
    parser.add_argument("--chunks", type=int, help="chunks of the corpus that is searched (default: 10000)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), help="some groups of figures")
    parser.add_argument("--json", action="store_true", help="no table")
    options = parser.parse_args(given)
    options.chunks = options.chunks or (1000 if options.quick else 10_000)
    if options.chunks < 1:
        parser.error("--chunks must be at least 1")
    if options.root is not None and not options.root.is_dir():
        parser.error(f"--root: {options.root} is not a folder")
    return options


def table(rows: list[dict[str, Any]]) -> str:
    """The figures for people; details stand in the JSON lines."""
    lines = [("figure", "measured", "goal", "")]
    for row in rows:
        if "value" in row:
            goal = f"{row['goal']:g}" if "goal" in row else ""
            met = ("met" if row["met"] else "MISSED") if "met" in row else ""
            extra = f" (p95 {row['p95']:g})" if "p95" in row else ""
            lines.append((row["name"], f"{row['value']:g} {row['unit']}{extra}", goal, met))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join("  ".join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)) for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
