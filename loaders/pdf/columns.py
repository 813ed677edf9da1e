"""Reading order: a page is cut into stretches, and a stretch of columns into its columns.

A gutter is a strip that no line crosses over several rows and that has running text on both
sides; short or numeric text on both sides of a strip is a table and stays in one piece, unless most of both sides
is running text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .text import Rect


class Item(Protocol):
    """What is put in order: a line, or a figure or table already found (0 words)."""

    @property
    def box(self) -> Rect: ...
    @property
    def text(self) -> str: ...
    @property
    def size(self) -> float: ...
    @property
    def words(self) -> int: ...


@dataclass(slots=True)
class Solid:
    """A figure or a table among the lines: `at` is its number."""

    box: Rect
    at: int
    text: str = ""
    size: float = 10.0
    words: int = 0


Strips = list[tuple[float, float]]
MAX_DEPTH = 6


def flows(items: Sequence[Item], depth: int = 0) -> list[list[Item]]:
    """Items in reading order, in lists that each run down one column.

    Items of a list are sorted by their top; lists follow each other as they are read.
    """
    if not items:
        return []
    if depth >= MAX_DEPTH or len(items) < 4:
        return [_down(items)]
    found: list[list[Item]] = []
    plain: list[Item] = []
    for stretch in _stretches(items):
        columns = _columns(stretch)
        if len(columns) < 2:
            plain.extend(stretch)
            continue
        if plain:
            found.append(_down(plain))
            plain = []
        for column in columns:
            found.extend(flows(column, depth + 1))
    if plain:
        found.append(_down(plain))
    return found


def _down(items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item.box[1], item.box[0]))


def _core(box: Rect) -> tuple[float, float]:
    """The middle of a line's height: boxes of neighbouring lines overlap, their middles do not."""
    inset = min(0.3 * (box[3] - box[1]), 4.0)
    return box[1] + inset, box[3] - inset


def _rows(items: Sequence[Item]) -> list[list[Item]]:
    """Items that overlap in height, from the top."""
    rows: list[list[Item]] = []
    bottom = float("-inf")
    for item in sorted(items, key=lambda item: _core(item.box)[0]):
        top, end = _core(item.box)
        if rows and top < bottom:
            rows[-1].append(item)
        else:
            rows.append([item])
        bottom = max(bottom, end)
    return rows


def _stretches(items: Sequence[Item]) -> list[list[Item]]:
    """Runs of rows that share a gutter, and runs of rows that have none."""
    left, right = min(item.box[0] for item in items), max(item.box[2] for item in items)
    stretches: list[list[Item]] = []
    current: list[Item] = []
    shared: Strips = []
    inner = False
    rows = _rows(items)
    for at, row in enumerate(rows):
        free = _free(row, left, right)
        row_inner = any(a > left and b < right for a, b in free)
        both = _common(shared, free)
        # The strip right of a short line joins any gutter; a row across all strips ends the stretch.
        fits = bool(current) and ((inner and bool(both)) or (not inner and not row_inner))
        if fits:
            current.extend(row)
            shared = both
        else:
            pulled: list[list[Item]] = []
            if row_inner and not inner:
                free, pulled = _pulled(rows, at, free, len(current), left, right)
                kept = len(current) - sum(map(len, pulled))
                current = current[:kept]
            if current:
                stretches.append(current)
            current = [item for one in (*pulled, row) for item in one]
            shared, inner = free, row_inner
    if current:
        stretches.append(current)
    return stretches


def _pulled(
    rows: Sequence[Sequence[Item]], at: int, free: Strips, available: int, left: float, right: float
) -> tuple[Strips, list[list[Item]]]:
    """Rows before row `at` that keep to its gutter already, with the strips that are left free.

    Where the lines of two columns stand at different heights, each is a row of its own. The last
    lines of a paragraph over the full width stay with it.
    """
    pulled: list[list[Item]] = []
    for row in reversed(rows[:at]):
        both = [(a, b) for a, b in _common(free, _free(row, left, right)) if a > left and b < right]
        if not both or sum(map(len, pulled)) + len(row) > available:
            break
        free = both
        pulled.insert(0, list(row))
    first = at - len(pulled)
    while pulled and first > 0:
        above, item = rows[first - 1][0], pulled[0][0]
        if item.box[0] - above.box[0] > item.size or item.box[1] - above.box[3] > 0.6 * item.size:
            break
        pulled.pop(0)
        first += 1
    return free, pulled


def _free(row: Sequence[Item], left: float, right: float) -> Strips:
    """The strips of [left, right] that no item of a row covers, wide enough for a gutter."""
    least = max(5.0, 0.75 * min(item.size for item in row))
    strips: Strips = []
    reached = left
    for item in sorted(row, key=lambda item: item.box[0]):
        if item.box[0] - reached >= least:
            strips.append((reached, item.box[0]))
        reached = max(reached, item.box[2])
    if right - reached >= least:
        strips.append((reached, right))
    return strips


def _common(one: Strips, other: Strips) -> Strips:
    shared = []
    for a, b in one:
        for c, d in other:
            low, high = max(a, c), min(b, d)
            if high - low >= 4.0:
                shared.append((low, high))
    return shared


def _columns(stretch: Sequence[Item]) -> list[list[Item]]:
    """The columns of a stretch from left to right; one if its strips part no running text."""
    left, right = min(item.box[0] for item in stretch), max(item.box[2] for item in stretch)
    gutters = [(a, b) for a, b in _free(stretch, left, right) if a > left and b < right]
    for low, high in sorted(gutters, key=lambda strip: strip[0] - strip[1]):
        middle = (low + high) / 2
        before = [item for item in stretch if item.box[2] <= middle]
        after = [item for item in stretch if item.box[0] >= middle]
        if _part_columns(before, after):
            return [before, after]
    return [list(stretch)]


def _part_columns(before: Sequence[Item], after: Sequence[Item]) -> bool:
    """Are both sides read from top to bottom, rather than row by row?"""
    texts = [[item for item in side if item.words] for side in (before, after)]
    solids = [any(not item.words for item in side) for side in (before, after)]
    if not all(text or solid for text, solid in zip(texts, solids, strict=True)):
        return False
    if any(len(text) < 3 and not solid for text, solid in zip(texts, solids, strict=True)):
        return False
    if all(map(_reads, texts)):
        return True
    if any(text and _numeric(text) > 0.4 for text in texts):
        return False
    running = [not text or _mean_words(text) >= 3.2 for text in texts]
    if all(running):
        return True
    if all(not text or _mean_words(text) >= 2.0 for text in texts):
        return _level(texts[0], texts[1]) < 0.5
    return False


def _reads(items: Sequence[Item]) -> bool:
    """Is most of a side running text, whatever numbers of a table stand among it?"""
    long = [len(item.text) for item in items if item.words >= 5]
    return len(long) >= 4 and 2 * sum(long) > sum(len(item.text) for item in items)


def _numeric(items: Sequence[Item]) -> float:
    """The share of items that are numbers."""
    return sum(sum(c.isdigit() for c in item.text) * 2 >= len(item.text) for item in items) / len(items)


def _mean_words(items: Sequence[Item]) -> float:
    return sum(item.words for item in items) / len(items)


def _level(one: Sequence[Item], other: Sequence[Item]) -> float:
    """The share of the shorter side's lines that stand level with a line of the other."""
    few, many = sorted((one, other), key=len)
    bottoms = {round(item.box[3]) + near for item in many for near in (-1, 0, 1)}
    return sum(round(item.box[3]) in bottoms for item in few) / len(few) if few else 0.0
