"""Rows of text: lines on one baseline, cut into pieces where a gap parts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .tables import numeric
from .text import Line, Rect, union

_SIGN = re.compile(r"^[$€£¥(]+$")
_TAIL = re.compile(r"^[)%]+$")


@dataclass(slots=True)
class Piece:
    """Text of one cell on one row."""

    box: Rect
    text: str
    lines: list[Line]


@dataclass(slots=True)
class Row:
    pieces: list[Piece]
    baseline: float
    size: float
    box: Rect = field(init=False)

    def __post_init__(self) -> None:
        self.box = union([piece.box for piece in self.pieces])

    @property
    def words(self) -> int:
        return sum(piece.text.count(" ") + 1 for piece in self.pieces)


def text_rows(lines: Sequence[Line]) -> list[Row]:
    """Lines grouped by baseline; a currency sign belongs to the number after it."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.baseline):
        near = groups[-1] if groups else None
        if near is not None and _on_row(near, line):
            near.append(line)
        else:
            groups.append([line])
    rows = []
    for group in _raised_joined(groups):
        pieces: list[Piece] = []
        size = max(line.size for line in group)
        for line in sorted(group, key=lambda line: line.box[0]):
            last = pieces[-1] if pieces else None
            gap = line.box[0] - last.box[2] if last else 0.0
            if last and (
                (gap < 0.45 * size and not (_SIGN.match(line.text) and numeric(last.text)))
                or (_SIGN.match(last.text) and numeric(line.text))
                or (_TAIL.match(line.text) and gap < (4.0 if numeric(last.text) else 1.2) * size)
            ):
                space = "" if _SIGN.match(last.text) or _TAIL.match(line.text) or gap < 0.12 * size else " "
                pieces[-1] = Piece(union([last.box, line.box]), last.text + space + line.text, [*last.lines, line])
            else:
                pieces.append(Piece(line.box, line.text, [line]))
        rows.append(Row(pieces, group[0].baseline, size))
    return rows


def _on_row(row: Sequence[Line], line: Line) -> bool:
    level = abs(row[0].baseline - line.baseline) <= 0.35 * min(row[0].size, line.size)
    return level or (line.size < 0.8 * row[0].size and _raised(row, line))


def _raised_joined(groups: list[list[Line]]) -> list[list[Line]]:
    """A superscript's baseline lies over its row's: it joins the row after it."""
    kept: list[list[Line]] = []
    for group in groups:
        above = kept[-1] if kept else None
        if (
            above is not None
            and group[0].baseline - above[0].baseline < 0.7 * group[0].size
            and all(line.size < 0.8 * group[0].size and _raised(group, line) for line in above)
        ):
            kept[-1] = [*group, *above]
        else:
            kept.append(group)
    return kept


def _raised(row: Sequence[Line], line: Line) -> bool:
    """Is a small line a superscript or subscript of a row?"""
    return any(
        other.box[1] - 0.3 * other.size <= line.middle[1] <= other.box[3]
        and -0.2 * other.size <= line.box[0] - other.box[2] <= 0.3 * other.size
        for other in row
    )
