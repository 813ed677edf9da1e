"""Cells of one sheet: as shown, in blocks, hidden ones apart."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rag.document import Cell, CellRange

from ..parts import Found
from ..tables import markdown, titled

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Grid = dict[tuple[int, int], str]
_FIXED = re.compile(r"[^0#]*([#,0]+)(?:\.(0+))?[^0#]*")
_LONGEST = 10_000
_CELLS = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7}):([A-Za-z]{1,3})([0-9]{1,7})")


class Sheet:
    """The filled cells of a sheet by (row, column) from 1, shown and hidden ones, and its merged ranges."""

    def __init__(self, sheet: Worksheet) -> None:
        self._sheet = sheet
        self.title: str = sheet.title
        rows = {number for number, row in sheet.row_dimensions.items() if row.hidden}
        columns = {
            number
            for one in sheet.column_dimensions.values() if one.hidden
            for number in range(one.min or 0, min(one.max or 0, 16_384) + 1)
        }  # fmt: skip
        self.shown: Grid = {}
        self.unseen: Grid = {}
        self.comments: dict[tuple[int, int], str] = {}
        for (row, column), cell in sorted(sheet._cells.items()):
            if text := shown(cell.value, cell.number_format):
                (self.unseen if row in rows or column in columns else self.shown)[row, column] = text
            if cell.comment is not None and (said := " ".join((cell.comment.text or "").split())):
                self.comments[row, column] = said
        self.spans = {
            (one.min_row, one.min_col): (one.max_row - one.min_row + 1, one.max_col - one.min_col + 1)
            for one in sheet.merged_cells.ranges
        }

    def images(self) -> Iterator[tuple[str, bytes]]:
        """The pictures with the cell of their upper left corner."""
        for one in getattr(self._sheet, "_images", ()):
            start = getattr(one.anchor, "_from", None)
            yield (name(start.row + 1, start.col + 1) if start else "A1"), bytes(one._data())


def cells_made(markup: bytes) -> tuple[int, int]:
    """How many cells the library makes of a sheet (those stored, and each one below a merged range or a link), and
    how many formulas have no value, since no program calculated them."""
    from lxml import etree

    many = empty = 0
    kinds = ("{*}c", "{*}mergeCell", "{*}hyperlink")
    for _, node in etree.iterparse(io.BytesIO(markup), tag=kinds, resolve_entities=False, no_network=True):
        ends = _CELLS.fullmatch(node.get("ref", "").replace("$", ""))
        if ends and not str(node.tag).endswith("}c"):
            left, top, right, bottom = ends.groups()
            many += (abs(int(bottom) - int(top)) + 1) * (abs(_column(right) - _column(left)) + 1)
        empty += node.find("{*}f") is not None and not node.findtext("{*}v") and node.find("{*}is") is None
        many += 1
        node.clear()
        while (before := node.getprevious()) is not None:
            node.getparent().remove(before)
    return many, empty


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def tables(sheet: Sheet, most: int) -> Iterator[Found]:
    """The blocks of a sheet as tables of at most `most` rows, then what is hidden and what is remarked."""
    for block in blocks(sheet.shown, sheet.spans):
        yield from _table(sheet, block, most)
    if sheet.unseen:
        keys = sorted(sheet.unseen)
        text = "\n".join(f"{name(*key)}: {sheet.unseen[key]}" for key in keys)
        yield Found("hidden", text, (CellRange(sheet.title, _range(keys)),))
    for (row, column), said in sheet.comments.items():
        yield Found("footnote", f"Comment at {name(row, column)}: {said}", (CellRange(sheet.title, name(row, column)),))


def blocks(cells: Grid, spans: dict[tuple[int, int], tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The filled cells in blocks that no empty row, and in it no empty column, goes through."""
    found = []
    for band in _parted(sorted(cells), 0, spans):
        found += [sorted(block) for block in _parted(sorted(band, key=lambda key: key[1]), 1, spans)]
    return found


def _parted(
    keys: Sequence[tuple[int, int]], axis: int, spans: dict[tuple[int, int], tuple[int, int]]
) -> Iterator[list[tuple[int, int]]]:
    """Keys in order of an axis, parted where a row or column is empty; a merged cell fills those it covers."""
    group: list[tuple[int, int]] = []
    reached = 0
    for key in keys:
        if group and key[axis] > reached + 1:
            yield group
            group = []
        group.append(key)
        reached = max(reached, key[axis] + spans.get(key, (1, 1))[axis] - 1)
    if group:
        yield group


def _table(sheet: Sheet, block: list[tuple[int, int]], most: int) -> Iterator[Found]:
    place = CellRange(sheet.title, _range(block))
    if len(block) == 1:
        yield Found("paragraph", sheet.shown[block[0]], (place,))
        return
    top = block[0][0]
    left = min(column for _, column in block)
    cells = [_cell(sheet, key, top, left) for key in block]
    caption, whole = titled(_filled(cells), "")
    first = [cell for cell in whole if cell.row == 0]
    height = 1 + max(cell.row for cell in whole)
    shift = top + (1 if caption else 0)
    for start in range(0, height, most):
        piece = [cell for cell in whole if start <= cell.row < start + most and cell.text]
        if not piece:
            continue
        inside = [(cell.row + shift, cell.column + left) for cell in piece]
        ends = [(cell.row + cell.rows - 1 + shift, cell.column + cell.columns - 1 + left) for cell in piece]
        again = [cell for cell in first if cell.text] if start else []
        moved = [Cell(c.row - start + bool(start), c.column, c.text, c.rows, c.columns, c.header) for c in piece]
        every = (*again, *moved)
        where = place if height <= most else CellRange(sheet.title, _range(inside + ends))
        yield Found("table", markdown(every), (where,), "table", caption, cells=every)


def _filled(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, with empty ones in the first row, so that a title over a table is told from a header."""
    width = max(cell.column + cell.columns for cell in cells)
    there = {at for cell in cells if cell.row == 0 for at in range(cell.column, cell.column + cell.columns)}
    lone = [cell for cell in cells if cell.row == 0]
    if len(lone) == 1 and lone[0].column == 0 and len(cells) > 1 and width > 1:  # a title beside nothing
        first = lone[0]
        return [Cell(0, 0, first.text, 1, width), *(cell for cell in cells if cell.row > 0)]
    return sorted(
        [*cells, *(Cell(0, at, "") for at in range(width) if at not in there)], key=lambda c: (c.row, c.column)
    )


def _cell(sheet: Sheet, key: tuple[int, int], top: int, left: int) -> Cell:
    rows, columns = sheet.spans.get(key, (1, 1))
    return Cell(key[0] - top, key[1] - left, sheet.shown[key], min(rows, 1000), min(columns, 1000))


def _range(keys: Sequence[tuple[int, int]]) -> str:
    top, bottom = min(row for row, _ in keys), max(row for row, _ in keys)
    left, right = min(column for _, column in keys), max(column for _, column in keys)
    first, last = name(top, left), name(bottom, right)
    return first if first == last else f"{first}:{last}"


def name(row: int, column: int) -> str:
    """A cell's name: `B2` for row 2, column 2."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def shown(value: Any, number_format: str) -> str:
    """A value as its program shows it, near enough to be found: dates in ISO order, no currency."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return _number(value, number_format)
    return "\n".join(" ".join(line.split()) for line in str(value)[:_LONGEST].splitlines()).strip()


def _number(value: float, number_format: str) -> str:
    percent = "%" in number_format
    value = value * 100 if percent else value
    fixed = _FIXED.fullmatch(number_format.split(";")[0].replace("%", ""))
    if fixed and abs(value) < 1e15:
        text = f"{value:{',' if ',' in fixed[1] else ''}.{len(fixed[2] or '')}f}"
    else:
        text = f"{value:.15g}"
    return f"{text}%" if percent else text
