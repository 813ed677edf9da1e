"""What is written at a figure: ticks and names of axes, legends, the captions of its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .tables import numeric
from .text import Line, Rect, inside, union

if TYPE_CHECKING:
    from .figures import Figure

_LABEL_WORDS = 6


def with_labels(figure: Figure, lines: Sequence[Line], captions: Sequence[Rect]) -> None:
    """Takes the text in a figure, and the short labels at its edges (ticks, axes, legends), into it."""
    margin = 0.0 if figure.raster else 14.0
    free = [line for line in lines if not any(inside(other, *line.middle) for other in captions)]
    figure.lines = [
        line
        for line in free
        if inside(figure.box, *line.middle, 1.0)
        or (
            margin > 0
            and is_label(line)
            and inside(figure.box, *line.middle, margin + 8 * line.turned)
            and _beside(figure.box, line)
        )
    ]
    if figure.lines:
        figure.box = union([figure.box, *(line.box for line in figure.lines)])
    if margin > 0 and figure.lines:  # behind the ticks stands what the axis shows
        taken = {id(line) for line in figure.lines}
        left = [line for line in free if id(line) not in taken]
        names = [line for line in left if _names_axis(figure.box, line, left)]
        figure.box = union([figure.box, *(line.box for line in names)])
        figure.lines += [line for line in left if line in names or inside(figure.box, *line.middle)]


def is_label(line: Line) -> bool:
    """A few words, a text that runs upwards, the numbers of an axis."""
    return line.turned or line.words <= _LABEL_WORDS or all(map(numeric, line.text.split()))


def _beside(box: Rect, line: Line) -> bool:
    """Does a label stand within the figure's width or height?"""
    return (box[0] - 4 <= line.middle[0] <= box[2] + 4) or (box[1] - 4 <= line.middle[1] <= box[3] + 4)


def _names_axis(box: Rect, line: Line, lines: Sequence[Line]) -> bool:
    """A short text near the middle of a side: turned at the left or right, upright over or under the figure.

    Under several plots there are several, on one baseline.
    """
    if line.words > _LABEL_WORDS:
        return False
    x, y = line.middle
    across, along = (box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y
    off, side, gap = (
        (abs(along), box[3] - box[1], max(box[0] - line.box[2], line.box[0] - box[2]))
        if line.turned
        else (abs(across), box[2] - box[0], max(line.box[1] - box[3], box[1] - line.box[3]))
    )
    if not -line.size < gap < 1.8 * line.size:
        return False
    beside = not line.turned and box[0] <= x <= box[2] and line.words < _LABEL_WORDS
    others = beside and any(
        other is not line and abs(other.baseline - line.baseline) < 1 and other.words < _LABEL_WORDS for other in lines
    )
    return off < 0.12 * side or others


_SUBCAPTION = re.compile(r"^\([a-z]\)\s")


def take_subcaption(figure: Figure, lines: Sequence[Line]) -> None:
    """Takes "(a) First case", set under a part of a figure, into it."""
    left, top, right, bottom = figure.box
    for line in lines:
        if (
            _SUBCAPTION.match(line.text)
            and line.words < 12
            and -2 < line.box[1] - bottom < 22
            and left < line.middle[0] < right
        ):
            figure.lines = [*figure.lines, line]
            figure.box = union([(left, top, right, bottom), line.box])
