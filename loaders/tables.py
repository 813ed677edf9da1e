"""Tables of markup: a grid of cells, and their text as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.document import Cell, Link

MAX_SLOTS = 500_000
"""Places in the grid of one table; spans that would pass it count as 1."""


@dataclass(frozen=True, slots=True)
class CellFound:
    """A cell in its row, before its column is known."""

    text: str
    rows: int = 1
    columns: int = 1
    header: bool = False


def grid(rows: Sequence[Sequence[CellFound]]) -> tuple[Cell, ...]:
    """Cells in their columns, as HTML lays them out: a cell over several rows pushes those below."""
    cells: list[Cell] = []
    taken: dict[int, int] = {}  # column -> rows that a cell from above still covers
    slots = 0
    for row, found in enumerate(rows):
        column = 0
        here: dict[int, int] = {}
        for cell in found:
            while taken.get(column, 0) > 0:
                column += 1
            height, width = min(cell.rows, len(rows) - row), cell.columns
            if slots + height * width > MAX_SLOTS:
                height = width = 1
            slots += height * width
            cells.append(Cell(row, column, cell.text, height, width, cell.header))
            here.update((at, height) for at in range(column, column + width))
            column += width
        taken = {at: left - 1 for at, left in {**taken, **here}.items() if left > 1}
    return tuple(cells)


def titled(cells: Sequence[Cell], caption: str) -> tuple[str, tuple[Cell, ...]]:
    """The caption of a table and the cells below it.

    A first row of one cell over the whole width is a title written as a row; without any caption
    it becomes one. The first row of the rest holds the headers where the table marks none.
    """
    width = max((cell.column + cell.columns for cell in cells), default=0)
    first = [cell for cell in cells if cell.row == 0]
    rest = [cell for cell in cells if cell.row > 0]
    if len(first) == 1 and first[0].columns == width > 1 and first[0].rows == 1 and rest and not caption:
        caption = first[0].text
        cells = [replace(cell, row=cell.row - 1) for cell in rest]
    if not any(cell.header for cell in cells):
        filled = [cell for cell in cells if cell.row == 0 and cell.text]
        several = any(cell.row for cell in cells)
        if several and len(filled) == sum(cell.row == 0 for cell in cells):
            cells = [replace(cell, header=cell.row == 0) for cell in cells]
    return caption, tuple(cells)


def markdown(cells: Sequence[Cell]) -> str:
    """A pipe table. Header rows at the top become one line; a cell over several rows is repeated in
    each, so that every line can be read alone."""
    return linked(cells, ())[0]


def linked(cells: Sequence[Cell], links: Sequence[Sequence[Link]]) -> tuple[str, tuple[Link, ...]]:
    """The pipe table, and the links of its text: `links` are those in the text of each cell.

    Those of a cell that is written several times stand where it is written first.
    """
    width = max((cell.column + cell.columns for cell in cells), default=0)
    height = max((cell.row + cell.rows for cell in cells), default=0)
    if not width or width * height > 4 * MAX_SLOTS:
        return "\n".join(_flat(cell.text) for cell in cells), ()
    lines = [[""] * width for _ in range(height)]
    top = _header_rows(cells)
    for cell in cells:
        across = cell.columns if cell.row < top else 1
        for row in range(cell.row, cell.row + cell.rows):
            for column in range(cell.column, cell.column + across):
                lines[row][column] = _flat(cell.text)
    head = [" ".join(dict.fromkeys(line[at] for line in lines[:top] if line[at])) for at in range(width)]
    body = [at for at, line in enumerate(lines[top:], top) if any(line)]
    text = "\n".join([_line(head), "|" + " --- |" * width, *(_line(lines[at]) for at in body)])
    if not any(links):
        return text, ()
    starts = dict.fromkeys(range(top), 0)  # where the line of each row begins
    at = len(_line(head)) + 1 + len("|" + " --- |" * width) + 1
    for row in body:
        starts[row] = at
        at += len(_line(lines[row])) + 1
    found = []
    for cell, its in zip(cells, links, strict=True):
        if its and cell.row in starts:
            before = head if cell.row < top else lines[cell.row]
            at = starts[cell.row] + sum(len(one) + 3 for one in before[: cell.column]) + 2
            if cell.row < top:
                said = list(dict.fromkeys(line[cell.column] for line in lines[:top] if line[cell.column]))
                at += sum(len(one) + 1 for one in said[: said.index(_flat(cell.text))])
            found += [replace(one, start=at + _moved(cell, one.start), end=at + _moved(cell, one.end)) for one in its]
    return text, tuple(sorted(found, key=lambda one: (one.start, one.end)))


def _moved(cell: Cell, at: int) -> int:
    """Where a character of a cell stands in its flat text."""
    return at + cell.text.count("|", 0, at)


def _header_rows(cells: Sequence[Cell]) -> int:
    """Rows at the top that are headers through and through."""
    plain = {row for cell in cells if not cell.header for row in (cell.row,)}
    return next((row for row in sorted(plain)), max((cell.row + 1 for cell in cells), default=0))


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"
