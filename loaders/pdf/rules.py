"""Ruling lines: the horizontal and vertical strokes of a page, and the grids that they form."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.document import Cell

from .engine import Drawing
from .tables import Table, header_rows
from .text import Line, Rect, joined, union

THIN = 2.6
"""A filled rectangle no thicker than this (points) is a line."""
REACH = 3.0
"""Lines whose ends are this near meet."""
MAX_RULES = 6000
"""A page with more strokes is a drawing, not a table."""


@dataclass(slots=True)
class Rule:
    """A stroke along x at height `at`, or along y at `at`, from `start` to `end` (points)."""

    at: float
    start: float
    end: float


@dataclass(slots=True)
class Rules:
    across: list[Rule]
    down: list[Rule]


def ruled_lines(drawings: Sequence[Drawing]) -> Rules:
    """Strokes of a page's drawings, pieces of one line joined."""
    across: list[Rule] = []
    down: list[Rule] = []
    for drawing in drawings:
        stroked = "s" in drawing["type"]
        for item in drawing["items"]:
            if item[0] == "l" and stroked:
                (x0, y0), (x1, y1) = item[1], item[2]
                _add(across, down, (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), False)
            elif item[0] == "re":
                box = item[1]
                _add(across, down, (box[0], box[1], box[2], box[3]), stroked)
            if len(across) + len(down) > MAX_RULES:
                return Rules([], [])
    return Rules(_merged(across), _merged(down))


def _add(across: list[Rule], down: list[Rule], box: Rect, framed: bool) -> None:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if high <= THIN and wide > THIN:
        across.append(Rule((top + bottom) / 2, left, right))
    elif wide <= THIN and high > THIN:
        down.append(Rule((left + right) / 2, top, bottom))
    elif framed and wide > THIN and high > THIN:
        across += [Rule(top, left, right), Rule(bottom, left, right)]
        down += [Rule(left, top, bottom), Rule(right, top, bottom)]


def _merged(rules: list[Rule]) -> list[Rule]:
    """Collinear pieces that touch become one line."""
    levels: list[list[Rule]] = []
    for rule in sorted(rules, key=lambda rule: rule.at):
        if levels and rule.at - levels[-1][0].at <= 1.5:
            levels[-1].append(rule)
        else:
            levels.append([rule])
    merged = []
    for level in levels:
        at = sum(rule.at for rule in level) / len(level)
        current: Rule | None = None
        for rule in sorted(level, key=lambda rule: rule.start):
            if current and rule.start <= current.end + REACH:
                current.end = max(current.end, rule.end)
            else:
                current = Rule(at, rule.start, rule.end)
                merged.append(current)
    return merged


def ruled_tables(rules: Rules, lines: Sequence[Line], words: frozenset[str] = frozenset()) -> list[Table]:
    """Tables drawn as grids: at least two columns and two rows, and text in a third of the cells."""
    found = []
    for across, down in _nets(rules):
        table = _table(across, down, lines, words)
        if table is not None:
            found.append(table)
    return found


def _nets(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """Lines that cross or meet, group by group."""
    across = [rule for rule in rules.across if rule.end - rule.start > 8]
    down = [rule for rule in rules.down if rule.end - rule.start > 6]
    if len(across) < 2 or len(down) < 1:
        return []
    parent = list(range(len(across) + len(down)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i, h in enumerate(across):
        for j, v in enumerate(down, len(across)):
            if (
                v.start - REACH <= h.at <= v.end + REACH
                and h.start - REACH <= v.at <= h.end + REACH
                and root(i) != root(j)
            ):
                parent[root(i)] = root(j)
    nets: defaultdict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for node in range(len(parent)):
        group = nets[root(node)]
        if node < len(across):
            group[0].append(across[node])
        else:
            group[1].append(down[node - len(across)])
    return [net for net in nets.values() if len(net[0]) >= 2 and len(net[1]) >= 1]


def _cuts(values: Sequence[float]) -> list[float]:
    cuts: list[float] = []
    for value in sorted(values):
        if not cuts or value - cuts[-1] > 4.0:
            cuts.append(value)
    return cuts


def _table(across: list[Rule], down: list[Rule], lines: Sequence[Line], words: frozenset[str]) -> Table | None:
    xs = _cuts([rule.at for rule in down] + [min(r.start for r in across), max(r.end for r in across)])
    ys = _cuts([rule.at for rule in across] + [min(r.start for r in down), max(r.end for r in down)])
    if len(xs) < 3 or len(ys) < 2 or len(xs) * len(ys) > 20_000:
        return None
    box = (xs[0], ys[0], xs[-1], ys[-1])
    held: defaultdict[tuple[int, int], list[Line]] = defaultdict(list)
    owner = _spans(xs, ys, across, down)
    for line in lines:
        x, y = line.middle
        row, column = _slot(ys, y), _slot(xs, x)
        if row is not None and column is not None and not line.turned:
            held[owner[row, column]].append(line)
    cells = _cells(xs, ys, owner, held, words)
    texts = sum(bool(cell.text) for cell in cells)
    columns = {cell.column for cell in cells if cell.text}
    rows = {cell.row for cell in cells if cell.text}
    if len(columns) < 2 or len(rows) < 2 or texts < 4 or texts * 4 < len(cells):
        return None
    if _parted(held.values()) > 0.12 * texts:
        return None  # rules under sums or shades behind rows: no grid of cells
    if max(len(cell.text) for cell in cells) > 0.75 * sum(len(cell.text) for cell in cells) and texts < 8:
        return None  # a frame around text with a few boxes at its edge
    table = Table(box, _tight(cells), [line for kept in held.values() for line in kept])
    if table.rows < 2 or table.columns < 2:
        return None
    table.box = union([box, *(line.box for line in table.lines)])
    return table


def _parted(cells: Iterable[Sequence[Line]]) -> int:
    """Cells that hold pieces of text far apart on one baseline: columns that no line parts."""
    parted = 0
    for cell in cells:
        ordered = _ordered(cell)
        parted += any(
            abs(a.baseline - b.baseline) < 2 and b.box[0] - a.box[2] > 1.6 * max(a.size, b.size)
            for a, b in itertools.pairwise(ordered)
        )
    return parted


def _slot(cuts: Sequence[float], value: float) -> int | None:
    for at in range(len(cuts) - 1):
        if cuts[at] <= value < cuts[at + 1]:
            return at
    return None


def _spans(
    xs: Sequence[float], ys: Sequence[float], across: list[Rule], down: list[Rule]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Slots of the grid -> the first slot of their cell: slots with no line between are one cell."""
    owner = {(row, column): (row, column) for row in range(len(ys) - 1) for column in range(len(xs) - 1)}

    def drawn(rules: list[Rule], at: float, middle: float) -> bool:
        return any(abs(r.at - at) <= 4.0 and r.start - REACH <= middle <= r.end + REACH for r in rules)

    for row in range(len(ys) - 1):
        middle = (ys[row] + ys[row + 1]) / 2
        for column in range(1, len(xs) - 1):
            if not drawn(down, xs[column], middle):
                owner[row, column] = owner[row, column - 1]
    for column in range(len(xs) - 1):
        middle = (xs[column] + xs[column + 1]) / 2
        for row in range(1, len(ys) - 1):
            above, own = owner[row - 1, column], owner[row, column]
            # Join downwards only cells of the same width, else the union is no rectangle.
            if own == (row, column) and not drawn(across, ys[row], middle):
                width = [c for c in range(len(xs) - 1) if owner[row, c] == own]
                over = [c for c in range(len(xs) - 1) if owner[row - 1, c] == above]
                if width == over:
                    for c in width:
                        owner[row, c] = above
    return owner


def _cells(
    xs: Sequence[float],
    ys: Sequence[float],
    owner: dict[tuple[int, int], tuple[int, int]],
    held: dict[tuple[int, int], list[Line]],
    words: frozenset[str],
) -> list[Cell]:
    slots: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for slot, first in owner.items():
        slots[first].append(slot)
    cells: list[Cell] = []
    shift = 0
    for row in range(len(ys) - 1):
        firsts = sorted(first for first in slots if first[0] == row)
        parts = _split_rows([held.get(first, []) for first in firsts])
        for n, part in enumerate(parts):
            for first, kept in zip(firsts, part, strict=True):
                rows = 1 + max(r for r, _ in slots[first]) - row
                columns = 1 + max(c for _, c in slots[first]) - first[1]
                text = joined([line.text for line in _ordered(kept)], words)
                cells.append(Cell(row + shift + n, first[1], text, 1 if len(parts) > 1 else rows, columns))
        shift += len(parts) - 1
    return cells


def _ordered(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (round(line.baseline / 2), line.box[0]))


def _split_rows(cells: list[list[Line]]) -> list[list[list[Line]]]:
    """A grid's row that holds several rows of text with no line between them, row by row."""
    heights = [sorted({round(line.baseline) for line in cell}) for cell in cells if cell]
    if len(heights) < 2 or min(map(len, heights)) < 3:
        return [cells]
    levels = _cuts([float(height) for height in max(heights, key=len)])
    level_share = [sum(any(abs(h - at) <= 4 for at in levels) for h in own) / len(own) for own in heights]
    if min(level_share) < 0.8 or min(map(len, heights)) < 0.7 * len(levels):
        return [cells]
    parts: list[list[list[Line]]] = [[[] for _ in cells] for _ in levels]
    for column, cell in enumerate(cells):
        for line in cell:
            nearest = min(range(len(levels)), key=lambda at: abs(levels[at] - line.baseline))
            parts[nearest][column].append(line)
    return parts


def _tight(cells: list[Cell]) -> list[Cell]:
    """The cells without rows and columns that hold no text, numbered anew; headers marked."""
    rows = sorted({cell.row for cell in cells if cell.text})
    columns = sorted({cell.column for cell in cells if cell.text})
    tight = []
    for cell in cells:
        inner_rows = [at for at, row in enumerate(rows) if cell.row <= row < cell.row + cell.rows]
        inner_columns = [at for at, c in enumerate(columns) if cell.column <= c < cell.column + cell.columns]
        if inner_rows and inner_columns:
            tight.append(Cell(inner_rows[0], inner_columns[0], cell.text, len(inner_rows), len(inner_columns)))
    tight.sort(key=lambda cell: (cell.row, cell.column))
    texts = [["" for _ in columns] for _ in rows]
    for cell in tight:
        texts[cell.row][cell.column] = cell.text
    heads = header_rows(texts)
    return [Cell(c.row, c.column, c.text, c.rows, c.columns, header=c.row < heads) for c in tight]
