"""What of a page stands out by its colour: letters of another colour than the body's, coloured grounds, marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from rag.colours import Name, name_of, rgb_of
from rag.document import Coloured, Link, Mark, PageRegion

from .links import covered
from .text import Line, Rect, area, clean, overlap, union

if TYPE_CHECKING:
    from .annotations import Remark

MOST = 64
"""Of an element, and pieces of a line: a page with a colour for each letter says nothing by them."""
PLAIN = frozenset({"white", "grey"})
"""Grounds that are that of a page, or the stripe of a table."""
_LARGE = 0.5
"""Share of the page from which on a shape is the page's own ground."""
_WASH = 2.2
"""Heights of a line that what a marker leaves behind it may have."""
_MOST_BOXES = 3
_STRIPES = 0.15
"""Share of a table's lines on one ground, and `_STRIPED` of them at least, from which on it is that of its stripes."""
_STRIPED = 4
_LINKED = 0.6
"""Share of letters of a colour that are links, from which on the colour is that of links."""


class Inked(Protocol):
    """An element to be. `held` are the lines of a table, which its text has in another order."""

    text: str
    links: tuple[Link, ...]
    coloured: tuple[Coloured, ...]

    @property
    def lines(self) -> Sequence[Line]: ...
    @property
    def held(self) -> Sequence[Line]: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """How some characters look."""

    letters: str = ""
    ground: str = ""
    mark: Mark = ""


_USUAL = _Look()


@dataclass(slots=True)
class _Run:
    """Characters [start, end) of a text that look alike, with the boxes of their lines."""

    start: int
    end: int
    look: _Look
    boxes: list[Rect]


def behind(lines: Sequence[Line], filled: Sequence[dict[str, Any]], width: float, height: float) -> None:
    """Gives lines the colours of the filled shapes behind them, or behind parts of them.

    What covers half of the page is its own ground. A shape behind a part of a line counts where it is as high as a
    line: what a marker leaves.
    """
    shapes = [(*one["rect"], _ground(one, width, height)) for one in filled]
    if all(colour < 0 for *_, colour in shapes):
        return
    for line in lines:
        left, top, right, bottom = line.box
        y, high = (top + bottom) / 2, bottom - top
        near = [one for one in shapes if one[1] <= y <= one[3] and one[0] < right and left < one[2]]
        for *sides, colour in near:
            rect = (sides[0], sides[1], sides[2], sides[3])
            if overlap(rect, line.box) >= 0.85 * area(line.box):  # what is painted later hides what is under it
                line.ground, line.washes = colour, ()
            elif colour >= 0 and not line.turned and rect[3] - rect[1] <= _WASH * high and len(line.washes) < MOST:
                line.washes = (*line.washes, (rect, colour))


def _ground(one: dict[str, Any], width: float, height: float) -> int:
    """The colour of a shape behind words; -1 where it is as a page is, or is the page's own ground."""
    colour = rgb_of(*one["fill"][:3])
    return -1 if name_of(colour) in PLAIN or area(one["rect"]) >= _LARGE * width * height else colour


def attach(found: Iterable[Inked], remarks: Sequence[Remark], body: Name, place: Callable[[Rect], PageRegion]) -> None:
    """Gives elements what stands out in them; `body` is the document's colour, `place` says where a box lies."""
    marks = [(rect, one) for one in remarks if one.mark for rect in one.marked]
    usual: frozenset[str] = frozenset(("black", body))
    plain = {-1: False}  # by colour: most lines look as their document does, and are told at once
    for one in found:
        if not marks and all(_is_plain(line, usual, plain) for line in one.lines or one.held):
            continue
        if not one.text:
            continue
        if one.lines:
            runs = _running(one.text, one.lines, usual, marks)
        elif one.held:
            runs = _scattered(one.text, one.held, usual, marks)
        else:
            continue
        kept = [run for run in runs if _is_kept(run, one)]
        if kept:
            one.coloured = tuple(_told(run, one.text, place) for run in kept[:MOST])


def _is_plain(line: Line, usual: frozenset[str], known: dict[int, bool]) -> bool:
    colour = line.colour
    if colour not in known:
        known[colour] = name_of(colour) in usual
    return known[colour] and line.ground < 0 and not line.inks and not line.washes


def _is_kept(run: _Run, one: Inked) -> bool:
    """Has it a letter or a digit, and is it more than the usual look of links?"""
    coloured = not run.look.ground and not run.look.mark
    if coloured and any(link.start <= run.start and run.end <= link.end for link in one.links):
        return False
    said = [at for at in range(run.start, run.end) if one.text[at].isalnum()]
    if not said or not one.links or not coloured:
        return bool(said)
    linked = {at for link in one.links for at in range(max(run.start, link.start), min(run.end, link.end))}
    return len(linked.intersection(said)) < _LINKED * len(said)


def _running(
    text: str, lines: Sequence[Line], usual: frozenset[str], marks: Sequence[tuple[Rect, Remark]]
) -> list[_Run]:
    """Of lines that follow each other in the text."""
    found: list[_Run] = []
    at = 0
    for line in lines:
        looks = _looks(line, usual, marks)
        # A line that ended with a hyphen has lost it: its first words are enough to find it.
        begins = text.find(line.text[:12].rstrip("-"), at)
        if begins < 0:
            continue
        for start, end, look, box in looks:
            _add(found, _Run(begins + start, min(len(text), begins + end), look, [box]), text)
        at = begins + max(0, len(line.text) - 2)
    return found


def _scattered(
    text: str, lines: Sequence[Line], usual: frozenset[str], marks: Sequence[tuple[Rect, Remark]]
) -> list[_Run]:
    """Of lines that stand somewhere in the text, each whole: those of a table, whose stripes do not stand out."""
    found: list[_Run] = []
    after: dict[str, int] = {}
    grounds = Counter(line.ground for line in lines if line.ground >= 0 and name_of(line.colour) in usual)
    stripes = {ground for ground, count in grounds.items() if count >= _STRIPED and count > _STRIPES * len(lines)}
    lines = [
        replace(line, washes=(), ground=-1 if line.ground in stripes else line.ground)
        if line.washes or line.ground >= 0
        else line
        for line in lines
    ]
    for line in sorted(lines, key=lambda line: (round(line.baseline / 3), line.box[0])):
        said = line.text.replace("|", "\\|")
        begins = text.find(said, after.get(said, 0))
        if begins < 0:
            continue
        after[said] = begins + len(said)
        if "|" in line.text:
            continue
        for start, end, look, box in _looks(line, usual, marks):
            found.append(_Run(begins + start, begins + end, look, [box]))
    found.sort(key=lambda run: run.start)
    joined: list[_Run] = []
    for run in found:
        if not joined or run.start >= joined[-1].end:
            _add(joined, run, text)
    return joined


def _add(found: list[_Run], run: _Run, text: str) -> None:
    """A run behind others; it goes on from the last where nothing but white space parts them."""
    last = found[-1] if found else None
    if last is None or run.start >= last.end - 2:
        start = run.start if last is None else max(run.start, last.end)
        if last is not None and last.look == run.look and not text[last.end : start].strip():
            last.end, last.boxes = max(last.end, run.end), [*last.boxes, *run.boxes]
        elif start < run.end:
            run.start = start
            found.append(run)


def _looks(
    line: Line, usual: frozenset[str], marks: Sequence[tuple[Rect, Remark]]
) -> Iterator[tuple[int, int, _Look, Rect]]:
    """Characters [start, end) of a line that look otherwise than its document, with their boxes."""
    inks = line.inks[:MOST] if line.inks else ()
    over = [(rect, one) for rect, one in marks if _strikes(rect, line)] if marks else ()
    if not over and not line.washes and line.ground < 0:
        for start, end, name, box in _inked(line, inks):
            if name not in usual:
                yield start, end, _Look(name), box
        return
    size = len(line.text)
    letters = [""] * size
    grounds, signs = list(letters), list(letters)
    boxes: list[tuple[int, int, Rect]] = []
    for start, end, name, box in _inked(line, inks):
        boxes.append((start, end, box))
        letters[start:end] = [name if name not in usual else ""] * (end - start)
    if line.ground >= 0:
        grounds = [name_of(line.ground)] * size
    for rect, colour in line.washes:
        start, end = covered(line, rect[0], rect[2])
        grounds[start:end] = [name_of(colour)] * (end - start)
        signs[start:end] = ["highlighted"] * (end - start)
        boxes.append((start, end, _within(line.box, rect)))
    for rect, one in over:
        start, end = (0, size) if line.turned else covered(line, rect[0], rect[2])
        signs[start:end] = [one.mark] * (end - start)
        if one.mark == "highlighted":
            grounds[start:end] = [name_of(one.colour)] * (end - start)
        boxes.append((start, end, _within(line.box, rect)))
    for (letter, ground, sign), group in groupby(range(size), key=lambda at: (letters[at], grounds[at], signs[at])):
        run = list(group)
        start, end = run[0], run[-1] + 1
        while start < end and line.text[start].isspace():
            start += 1
        while end > start and line.text[end - 1].isspace():
            end -= 1
        if (letter or ground or sign) and start < end:
            mark: Any = sign
            yield start, end, _Look(letter, ground, mark), _box_of(line, start, end, boxes)


def _inked(line: Line, inks: Sequence[tuple[str, int, Rect]]) -> Iterator[tuple[int, int, Name, Rect]]:
    """Characters [start, end) of a line with the name of their colour and their box."""
    if not inks:
        yield 0, len(line.text), name_of(line.colour), line.box
    at = 0
    for said, colour, box in inks:
        said = clean(said)
        start = line.text.find(said, at)
        if said and start >= 0:
            at = start + len(said)
            yield start, at, name_of(colour), box


def _strikes(rect: Rect, line: Line) -> bool:
    """Does a mark lie on a line, or on part of it? Of a line that is turned only as a whole."""
    if line.turned:
        return overlap(rect, line.box) >= 0.85 * area(line.box)
    return rect[1] < line.middle[1] < rect[3] and rect[0] < line.box[2] and line.box[0] < rect[2]


def _within(box: Rect, rect: Rect) -> Rect:
    """The part of a line's box between the sides of another."""
    left, right = max(box[0], rect[0]), min(box[2], rect[2])
    return (min(left, right), box[1], max(left, right), box[3])


def _box_of(line: Line, start: int, end: int, boxes: Sequence[tuple[int, int, Rect]]) -> Rect:
    """Where characters of a line stand: the box of the smallest piece that is known to hold them, shared evenly."""
    pieces = [one for one in boxes if one[0] <= start and end <= one[1]]
    if not pieces:
        return line.box if (start, end) == (0, len(line.text)) else _share(line.box, 0, len(line.text), start, end)
    first, last, box = min(pieces, key=lambda one: one[1] - one[0])
    return box if (first, last) == (start, end) else _share(box, first, last, start, end)


def _share(box: Rect, first: int, last: int, start: int, end: int) -> Rect:
    step = (box[2] - box[0]) / max(1, last - first)
    return (box[0] + (start - first) * step, box[1], box[0] + (end - first) * step, box[3])


def _told(run: _Run, text: str, place: Callable[[Rect], PageRegion]) -> Coloured:
    boxes = run.boxes
    if len(boxes) > _MOST_BOXES:  # the first line and the last may be parts of lines
        boxes = [boxes[0], union(boxes[1:-1]), boxes[-1]]
    whole = run.start == 0 and run.end == len(text)
    places = () if whole else tuple(map(place, boxes))
    return Coloured(run.start, run.end, run.look.letters, run.look.ground, run.look.mark, places)
