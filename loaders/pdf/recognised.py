"""From recognised lines to paragraphs in reading order, by the layout rules of PDF text.

Sizes of type are the engine's estimates, so those that lie near each other are made one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rag.document import Box, Role, Word
from rag.protocols import Recognised

from .columns import flows
from .document import Outline, Style
from .flow import blocks
from .text import Line, Rect, union

MAX_BLOCKS = 100
"""Of one picture; what is left over is one block more."""
_NEAR, _FAR = 1.08, 1.35
_BODY = 0.8, 1.22
"""What lies between these is of the size of the body."""

Turn = Callable[[Rect], Rect]


@dataclass(frozen=True, slots=True)
class Written:
    """A block of recognised text: role, box (fractions), text with its words' boxes; `level` of a heading."""

    role: Role
    text: str
    box: Box
    words: tuple[Word, ...] = ()
    level: int = 0


def written(found: Sequence[Recognised], width: float, height: float) -> list[Written]:
    """The text blocks of a picture of that size, also of one that is upside down or on its side."""
    turned, unit = turn(found), height
    upright = [_turned(one, turned) for one in found]
    if turned in (90, 270):
        width, height = height, width
    lines = as_lines(upright, width, height, unit)
    style = styled(lines)
    made = [block for column in flows([one for one in lines if not one.turned]) for block in
            blocks([one for one in column if isinstance(one, Line)], style, Outline({}), 0)]  # fmt: skip
    listed = [(block.role, block.text, block.lines, block.level) for block in made]
    listed += [("paragraph", one.text, [one], 0) for one in lines if one.turned]
    if len(listed) > MAX_BLOCKS:
        rest = listed[MAX_BLOCKS:]
        tail = " ".join(text for _, text, _, _ in rest)[:4000], [line for _, _, these, _ in rest for line in these]
        listed = [*listed[:MAX_BLOCKS], ("paragraph", *tail, 0)]
    back = (360 - turned) % 360
    return [
        Written(role, text, _rotated(_box(union([line.box for line in these]), width, height), back),
                tuple(replace(word, box=_rotated(word.box, back)) for word in words_of(text, these, width, height)),
                level)
        for role, text, these, level in listed
    ]  # fmt: skip


def as_lines(found: Sequence[Recognised], width: float, height: float, unit: float = 0.0) -> list[Line]:
    """Lines in points (or pixels) of a page of that size, their words' boxes kept.

    `unit` is the height that sizes of type are shares of, where the page was turned since.
    """
    lines = []
    for one in found:
        box = _rect(one.box, width, height)
        pieces = tuple(_rect(word, width, height) for word in one.words)
        upright = box[3] - box[1] <= 1.5 * (box[2] - box[0]) or len(one.text) < 3
        size = one.size * (unit or height) or 0.8 * (box[3] - box[1])
        # On a page that is not quite level the ends of a line stand apart; its middle tells where it is.
        middle = median((top + bottom) / 2 for _, top, _, bottom in pieces or [box])
        lines.append(Line(box, one.text, size, middle + 0.35 * size, turned=not upright, pieces=pieces))
    _even(lines)
    return lines


def _even(lines: Sequence[Line]) -> None:
    """Sizes that are nearly the same become the same, the one of most letters."""
    ordered = sorted((line for line in lines if not line.turned), key=lambda line: line.size)
    group: list[Line] = []
    for line in [*ordered, None]:
        if line is not None and (not group or line.size <= min(group[-1].size * _NEAR, group[0].size * _FAR)):
            group.append(line)
            continue
        letters = sum(len(one.text) for one in group)
        for one in group:
            letters -= 2 * len(one.text)
            if letters <= 0:
                for each in group:
                    each.size = one.size
                break
        group = [line] if line is not None else []


def styled(lines: Sequence[Line]) -> Style:
    """Type sizes of a recognised page: its body's, and the larger ones of short lines. Evens out the lines'."""
    letters: Counter[float] = Counter()
    short: set[float] = set()
    for line in lines:
        letters[line.size] += len(line.text)
        if line.words <= 14 and any(map(str.isalpha, line.text)):
            short.add(line.size)
    if not letters:
        return Style(10.0, (), frozenset())
    body = max(letters, key=lambda size: (letters[size], -size))
    for line in lines:
        if _BODY[0] * body < line.size < _BODY[1] * body:
            line.size = body
    larger = sorted((size for size in short if size >= _BODY[1] * body), reverse=True)
    return Style(body, tuple(larger[:3]), frozenset())


# --- words -----------------------------------------------------------------------------------------


def words_of(text: str, lines: Iterable[Line], width: float, height: float) -> tuple[Word, ...]:
    """Where the words of lines stand in the text that was made of them, and on the page.

    A word that was parted at a line's end is two, each with its own box; what is not found again is
    left out.
    """
    return tuple(_located(text, lines, width, height))


def _located(text: str, lines: Iterable[Line], width: float, height: float) -> Iterator[Word]:
    reached = 0
    for line in lines:
        parts = line.text.split(" ")
        if len(parts) != len(line.pieces):
            continue
        for part, rect in zip(parts, line.pieces, strict=True):
            for form in (part, part.rstrip("-")):
                start = text.find(form, reached, reached + 200) if form else -1
                if start >= 0:
                    reached = start + len(form)
                    yield Word(start, reached, _box(rect, width, height))
                    break


# --- boxes -----------------------------------------------------------------------------------------


def turn(found: Sequence[Recognised]) -> int:
    """Degrees clockwise by which a picture has to be turned to be read: 0, 90, 180 or 270.

    Told by the way in which the words of most lines follow each other.
    """
    votes: Counter[int] = Counter()
    for line in found:
        if len(line.words) < 2:
            continue
        first, last = line.words[0], line.words[-1]
        across = (last.left + last.right - first.left - first.right) / 2
        down = (last.top + last.bottom - first.top - first.bottom) / 2
        letters = len(line.text)
        if abs(across) >= abs(down):
            votes[0 if across >= 0 else 180] += letters
        else:
            votes[270 if down >= 0 else 90] += letters
    return max(votes, key=lambda degrees: (votes[degrees], -degrees)) if votes else 0


def _turned(one: Recognised, degrees: int) -> Recognised:
    if not degrees:
        return one
    return replace(one, box=_rotated(one.box, degrees), words=tuple(_rotated(box, degrees) for box in one.words))


def _rotated(box: Box, degrees: int) -> Box:
    """The box once the picture is turned clockwise."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    match degrees:
        case 90:
            return Box(1 - bottom, left, 1 - top, right)
        case 180:
            return Box(1 - right, 1 - bottom, 1 - left, 1 - top)
        case 270:
            return Box(top, 1 - right, bottom, 1 - left)
    return box


def _rect(box: Box, width: float, height: float) -> Rect:
    return box.left * width, box.top * height, box.right * width, box.bottom * height


def _box(rect: Rect, width: float, height: float) -> Box:
    return Box(rect[0] / width, rect[1] / height, rect[2] / width, rect[3] / height)


def together(blocks: Sequence[Written], inside: Box) -> tuple[str, tuple[Word, ...]]:
    """Blocks of a picture that lies at `inside` on its page as one text, a block a line, with their words."""
    text = ""
    words: list[Word] = []
    wide, high = inside.right - inside.left, inside.bottom - inside.top
    for block in blocks:
        text += "\n" if text else ""
        for word in block.words:
            box = Box(
                inside.left + word.box.left * wide, inside.top + word.box.top * high,
                inside.left + word.box.right * wide, inside.top + word.box.bottom * high,
            )  # fmt: skip
            words.append(Word(len(text) + word.start, len(text) + word.end, box))
        text += block.text
    return text, tuple(words)
