"""Tables: rows and cells as found, their text as Markdown, and the two ways of finding them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.document import Cell

from .text import Line, Rect

NUMBER = re.compile(
    r"^[\W]*[$€£¥]?\s?[(\-+−–]?\s?[$€£¥]?\s?\d[\d,.' ]*\s?[)%x×bpskKMmBn]{0,4}\s?[)*†‡]*$|^[-—–−]+$|^n/?[am]$",
    re.IGNORECASE,
)
"""A cell that is a number, with its currency, sign, percent or dash for nothing."""


@dataclass(slots=True)
class Table:
    """A table on a page: box, cells in reading order, and the lines that are its text."""

    box: Rect
    cells: list[Cell]
    lines: list[Line] = field(default_factory=list)
    caption: str = ""
    caption_box: Rect | None = None

    @property
    def rows(self) -> int:
        return max((cell.row + cell.rows for cell in self.cells), default=0)

    @property
    def columns(self) -> int:
        return max((cell.column + cell.columns for cell in self.cells), default=0)


def markdown(cells: Sequence[Cell]) -> str:
    """A pipe table. Header rows become one, since Markdown knows one; a cell over several columns
    is repeated in the header and stands in its first column elsewhere."""
    columns = max((cell.column + cell.columns for cell in cells), default=0)
    rows = max((cell.row + cell.rows for cell in cells), default=0)
    if not columns:
        return ""
    grid = [[""] * columns for _ in range(rows)]
    heads = {cell.row for cell in cells if cell.header}
    head_rows = next((row for row in range(rows) if row not in heads), rows) if 0 in heads else 0
    for cell in cells:
        text = cell.text.replace("|", "\\|").replace("\n", " ")
        reach = cell.columns if cell.row < head_rows else 1
        for column in range(cell.column, min(cell.column + reach, columns)):
            grid[cell.row][column] = text
    head = [
        " ".join(dict.fromkeys(row[column] for row in grid[:head_rows] if row[column])) for column in range(columns)
    ]
    body = grid[head_rows:]
    lines = [_row(head), "|" + " --- |" * columns]
    return "\n".join([*lines, *(_row(row) for row in body if any(row))])


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def numeric(text: str) -> bool:
    """Is a cell a number (an amount, a share, a dash)?"""
    return bool(NUMBER.match(text))


_YEAR = re.compile(r"\b(19|20)\d\d\b")


def header_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top are headers, of rows given as their cells' texts (first column first).

    The rows before the first with numbers in it, years aside, three at most; the first row where
    no cell is a number.
    """
    for at, row in enumerate(rows[:5]):
        values = [text for text in row[1:] if text]
        amounts = [text for text in values if numeric(text) and not _YEAR.search(text)]
        if amounts:
            return at if at <= 4 else 1
        if at and row and row[0] and not values:  # a section's label: the header has ended
            return at
    return 1
