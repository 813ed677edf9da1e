"""Comma-separated values as tables of a readable size, the header row in each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from rag.document import CharSpan

from .parts import Found
from .tables import CellFound, grid, markdown
from .text_blocks import MAX_CHARACTERS, Line, blocks

MAX_ROWS = 50
"""Rows of one table, its header left out."""


def rows(text: Iterable[Line], delimiter: str = "") -> Iterator[Found]:
    """Tables of at most 50 rows; lines that are no table are read as text."""
    source = iter(text)
    first = list(islice(source, 50))
    feed = _Feed(chain(first, source))
    delimiter = delimiter or _delimiter("".join(line for _, line in first))
    if not delimiter:
        yield from blocks(feed.lines)
        return
    reader = csv.reader(feed, delimiter=delimiter)
    header: list[str] = []
    batch: list[list[str]] = []
    size, start = 0, 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            row = [" ".join(cell.split()) for cell in row]
            if not header:
                header = row
                continue
            batch.append(row)
            size += sum(map(len, row))
            if len(batch) == MAX_ROWS or size > MAX_CHARACTERS:
                yield _table(header, batch, start, feed.end)
                batch, size, start = [], 0, feed.end
    except csv.Error:  # a quote that never closes: the rest is text
        pass
    if batch or (header and not start):
        yield _table(header, batch, start, feed.end)
    yield from blocks(feed.lines)


class _Feed:
    """Gives a CSV reader its lines and knows where the last one ended."""

    def __init__(self, text: Iterable[Line]) -> None:
        self.lines = iter(text)
        self.end = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        offset, line = next(self.lines)
        self.end = offset + len(line)
        return line


def _delimiter(sample: str) -> str:
    """The delimiter of most lines; "" where no line has one."""
    counts = {mark: sum(mark in line for line in sample.splitlines()) for mark in ",;\t|"}
    best = max(counts, key=lambda mark: (counts[mark], sample.count(mark)))
    return best if counts[best] else ""


def _table(header: list[str], body: list[list[str]], start: int, end: int) -> Found:
    found = [[CellFound(text, header=True) for text in header]]
    found += [[CellFound(text) for text in row] for row in body]
    cells = grid(found)
    return Found("table", markdown(cells), (CharSpan(start, end),), "table", cells=cells)
