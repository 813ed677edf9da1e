"""What PDF parsers find, and how fast: Argus with each of its engines and layouts, and what users would pick.

    python benchmarks/parsing.py [--root DIR] [--rounds N] [--per-file N] [--only NAME ...] [--json]

Found: ten pages whose truth was written by hand (`parsing_truth.jsonl`: key sentences in reading order,
tables with cells, figures with boxes); they come from the sample corpus and from `tests/golden/pdfs.py`.
Speed: the first pages of each PDF under DIR, every parser in every round, in an order that turns; pages
per second of processor time (another program on the machine disturbs that less than wall time), the
median of the rounds. A parser that is not installed is left out and said to be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.parsers import PARSERS, Parsed, Parser, missing

HERE = Path(__file__).resolve().parent
KINDS = ("words", "order", "tables", "cells", "figures", "captions")


@dataclass(frozen=True)
class Truth:
    """A page and what a reader sees on it: boxes are fractions of the page from its top left."""

    file: str
    page: int
    sentences: tuple[str, ...]
    tables: tuple[dict[str, Any], ...]
    figures: tuple[dict[str, Any], ...]


def truths(path: Path = HERE / "parsing_truth.jsonl") -> list[Truth]:
    """The lines of the file."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        tables, figures = tuple(one.get("tables", ())), tuple(one.get("figures", ()))
        found.append(Truth(one["file"], one["page"], tuple(one["sentences"]), tables, figures))
    return found


def materialised(wanted: Sequence[Truth], folder: Path) -> dict[str, Path]:
    """The files of the pages: those of the sample corpus, and those that are made by code."""
    from tests.golden import pdfs

    paths = {}
    for name in {one.file for one in wanted}:
        if name.startswith("made:"):
            paths[name] = folder / f"{name[5:]}.pdf"
            paths[name].write_bytes(getattr(pdfs, name[5:])())
        else:
            paths[name] = HERE.parent / "examples" / "corpus" / name
    return paths


def squeezed(text: str) -> str:
    """Without what parsers do differently and no reader minds: spaces, case, signs."""
    return "".join(char for char in text.casefold() if char.isalnum())


def found_share(truth: Truth, page: Parsed) -> Iterator[tuple[str, float]]:
    """For each kind its share found, once for each thing of the kind."""
    said = Counter(map(squeezed, page.text.split()))
    wanted = Counter(squeezed(word) for sentence in truth.sentences for word in sentence.split())
    wanted.pop("", None)
    yield "words", (wanted & said).total() / wanted.total()
    text, at, ordered = squeezed(page.text), 0, 0
    for sentence in truth.sentences:
        here = text.find(squeezed(sentence), at)
        ordered, at = (ordered + 1, here + 1) if here >= 0 else (ordered, at)
    yield "order", ordered / len(truth.sentences)
    for table in truth.tables:
        cells = [(row, column, squeezed(value)) for row, column, value in table["cells"]]
        same = [
            sum(row < len(rows) and column < len(rows[row]) and squeezed(rows[row][column] or "") == value
                for row, column, value in cells) / len(cells)
            for rows in page.tables
        ]  # fmt: skip
        yield "cells", max(same, default=0.0)
        sizes = {(len(rows), max(map(len, rows), default=0)) for rows in page.tables}
        yield "tables", float((table["rows"], table["columns"]) in sizes)
    for figure in truth.figures:
        yield "figures", float(any(shared(figure["box"], box) >= 0.5 for box, _ in page.figures))
        captions = {squeezed(caption) for _, caption in page.figures}
        yield "captions", float(any(squeezed(figure["caption"]) in caption for caption in captions))


def shared(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / max(1e-9, sum(areas) - both)


def recall(parser: Parser, wanted: Sequence[Truth], paths: dict[str, Path]) -> dict[str, float]:
    """The mean share found of each kind."""
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for truth in wanted:
        for kind, share in found_share(truth, parser.read(paths[truth.file])[truth.page - 1]):
            shares[kind].append(share)
    return {kind: sum(values) / len(values) for kind, values in shares.items() if values}


def samples(root: Path, per_file: int, folder: Path) -> tuple[list[Path], int]:
    """Files of the first pages of each PDF under a folder, and how many pages they have in all."""
    import pymupdf

    paths, pages = [], 0
    opened: Any = pymupdf.open
    for number, path in enumerate(sorted(root.rglob("*.pdf"))):
        with opened(path) as document:
            document.select(range(min(per_file, document.page_count)))
            paths.append(folder / f"{number}.pdf")
            document.save(paths[-1], garbage=3)
            pages += document.page_count
    return paths, pages


def speeds(parsers: Sequence[Parser], paths: Sequence[Path], pages: int, rounds: int) -> dict[str, list[float]]:
    """Pages a second of processor time, round by round."""
    rates: dict[str, list[float]] = {parser.name: [] for parser in parsers}
    for turn in range(rounds):
        at = turn % len(parsers)
        for parser in (*parsers[at:], *parsers[:at]):
            started = time.process_time()
            for path in paths:
                parser.read(path)
            rates[parser.name].append(pages / max(1e-9, time.process_time() - started))
    return rates


def main(given: Sequence[str] | None = None) -> int:
    """Print a table (or JSON); 0, or 2 if no parser is left."""
    asking = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asking.add_argument("--root", type=Path, help="a folder of PDFs; without it only what is found is told")
    asking.add_argument("--rounds", type=int, default=3)
    asking.add_argument("--per-file", type=int, default=8)
    asking.add_argument("--only", nargs="*", default=[], help="parsers whose names contain one of these")
    asking.add_argument("--json", action="store_true")
    options = asking.parse_args(given)
    chosen = [one for one in PARSERS if not options.only or any(part in one.name for part in options.only)]
    absent = {one.name: lacks for one in chosen if (lacks := missing(one))}
    parsers = [one for one in chosen if one.name not in absent]
    for name, lacks in absent.items():
        print(f"left out: {name} ({lacks} is not installed)", file=sys.stderr)
    if not parsers:
        return 2
    with tempfile.TemporaryDirectory(prefix="argus-parsing-") as work:
        folder = Path(work)
        wanted = truths()
        paths = materialised(wanted, folder)
        found = {one.name: recall(one, wanted, paths) for one in parsers}
        rates: dict[str, list[float]] = {}
        pages = 0
        if options.root:
            (folder / "speed").mkdir()
            cut, pages = samples(options.root, options.per_file, folder / "speed")
            rates = speeds(parsers, cut, pages, options.rounds)
    if options.json:
        print(json.dumps({"found": found, "rates": rates, "pages": pages, "missing": absent}))
        return 0
    print(f"share found on {len(wanted)} pages" + (f"; pages/s of processor time on {pages}" if pages else ""))
    print("| parser | " + " | ".join(KINDS) + " | pages/s |\n| --- |" + " --- |" * (len(KINDS) + 1))
    for name, shares in found.items():
        rate = f"{median(rates[name]):.1f}" if name in rates else ""
        print(f"| {name} | " + " | ".join(f"{shares.get(kind, 0):.2f}" for kind in KINDS) + f" | {rate} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
