"""Tables of a page: is it data or layout, and what stands in its cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.document import Cell, Link

from ..tables import CellFound, grid, titled
from .tags import name
from .text import read
from .tree import Tree

if TYPE_CHECKING:
    from lxml.etree import _Element

LONG_CELL = 1500
"""A table without headers that has a cell of more characters than this lays out a page."""


@dataclass(slots=True)
class TableFound:
    """A table of data; `caption_of` is the element that its caption was read from."""

    caption: str
    cells: tuple[Cell, ...]
    links: list[tuple[Link, ...]]
    """Those in the text of each cell."""
    caption_of: _Element | None = None
    images: list[_Element] = field(default_factory=list)
    hidden: list[_Element] = field(default_factory=list)


def data_table(table: _Element, tree: Tree) -> TableFound | None:
    """The table's cells; None where it only lays out blocks, or holds things outside its cells."""
    if table.get("role", "").lower() in ("presentation", "none"):
        return None
    hidden: list[_Element] = []
    rows, captions = _rows(table, tree, hidden)
    if rows is None or not rows:
        return None
    marked = bool(captions) or any(name(cell) == "th" for row in rows for cell in row)
    if any(_lays_out(cell, tree, marked) for row in rows for cell in row):
        return None
    if not marked and (len(rows) < 2 or max(map(len, rows)) < 2):
        return None
    images: list[_Element] = []
    links: list[tuple[Link, ...]] = []
    found: list[list[CellFound]] = []
    left = len(rows)
    for row in rows:
        cells: list[CellFound] = []
        for cell in row:
            line = read([cell], tree)
            images.extend(line.images)
            hidden.extend(line.hidden)
            height = _span(cell, "rowspan", 65_534)
            text, its = line.linked()
            links.append(its)
            cells.append(CellFound(text, height or left, _span(cell, "colspan", 1000) or 1, _is_header(cell)))
        found.append(cells)
        left -= 1
    if not any(cell.text for row in found for cell in row):
        return None
    said = read(captions, tree)
    caption, cells_found = titled(grid(found), said.text)
    links = links[len(links) - len(cells_found) :]  # the first row may have become the caption
    caption_of = captions[0] if said.text else None
    return TableFound(caption, cells_found, links, caption_of, [*said.images, *images], [*said.hidden, *hidden])


def _rows(table: _Element, tree: Tree, hidden: list[_Element]) -> tuple[list[list[_Element]] | None, list[_Element]]:
    """Cells by row, and captions. None for the rows if anything visible stands outside the cells.

    Rows and cells that take no room are added to `hidden`; a cell whose text alone is hidden stays, to hold its place.
    """
    rows: list[list[_Element]] = []
    captions: list[_Element] = []
    if table.text and table.text.strip():
        return None, captions
    pending = [iter(table)]
    while pending:
        node = next(pending[-1], None)
        if node is None:
            pending.pop()
            continue
        if node.tail and node.tail.strip():
            return None, captions
        tag = name(node)
        cell = tag in ("td", "th")
        if tree.gone(node) if cell else tree.hidden(node):
            hidden.append(node)
            continue
        if cell and _parent(node) == "tr":
            rows[-1].append(node)
        elif tag == "caption":
            captions.append(node)
        elif tag in ("thead", "tbody", "tfoot", "tr") and not (node.text and node.text.strip()):
            if tag == "tr":
                rows.append([])
            pending.append(iter(node))
        else:
            return None, captions
    return [row for row in rows if row], captions


def _parent(node: _Element) -> str:
    parent = node.getparent()
    return name(parent) if parent is not None else ""


def _lays_out(cell: _Element, tree: Tree, marked: bool) -> bool:
    if tree.holds_headings(cell) or any(True for _ in cell.iter("table")):
        return True
    blocks = sum(1 for child in cell if name(child) in ("p", "div", "ul", "ol", "pre", "blockquote", "dl"))
    return not marked and (blocks > 3 or tree.size(cell) > LONG_CELL)


def _is_header(cell: _Element) -> bool:
    if name(cell) == "th":
        return True
    row = cell.getparent()
    group = row.getparent() if row is not None else None
    return group is not None and name(group) == "thead"


def _span(cell: _Element, attribute: str, most: int) -> int:
    """A span as written, at most `most`; 1 where it makes no sense; 0 means to the end."""
    digits = cell.get(attribute, "").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        return 1
    return min(int(digits), most)
