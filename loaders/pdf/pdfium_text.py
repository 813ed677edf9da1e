"""The text of a page as PDFium gives it, character by character, put together into words and lines.

PDFium's own text ends lines with CR LF, puts U+FFFE where a word is parted by a hyphen, and writes
neighbouring columns as one line. Only the first and the last character of each word are asked for
their boxes, since every question is a call from Python.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .text import Line, Rect, legible, named, union

WIDE = 0.8
"""A gap of so many sizes of type ends a line, as does a step of the baseline; both as in MuPDF."""
MAX_CHARACTERS = 400_000
"""Of a page; what follows is left out."""
_WORD = re.compile(r"[^ \t\r\n\x00\x85\xa0\u2000-\u200a\u3000\ufffe]+\ufffe?|\ufffe")
_INVISIBLE = 3
_STROKED = (1, 2, 5, 6, 7)
"""Text render modes, the second those of letters that are outlined or are a clip."""


@dataclass(frozen=True, slots=True)
class Type:
    """How the characters of one text object are set; `along` is the way they run on the page as shown."""

    size: float
    along: tuple[float, float]
    bold: bool
    italic: bool
    mono: bool
    colour: int
    unpainted: bool


@dataclass(slots=True)
class Set:
    """A word as set on the page: its box, where its baseline begins, and its type."""

    text: str
    box: Rect
    origin: tuple[float, float]
    type: Type
    ends: bool
    """Does its line end behind it?"""


class Shown:
    """From the coordinates of a page to those of the page as shown: rotated, cropped, y downwards."""

    def __init__(self, box: tuple[float, float, float, float], rotation: int) -> None:
        left, bottom, right, top = box
        self.matrix = {
            0: (1.0, 0.0, 0.0, -1.0, -left, top),
            90: (0.0, 1.0, 1.0, 0.0, -bottom, -left),
            180: (-1.0, 0.0, 0.0, 1.0, right, -bottom),
            270: (0.0, -1.0, -1.0, 0.0, top, right),
        }[rotation]
        self.size = (right - left, top - bottom) if rotation in (0, 180) else (top - bottom, right - left)

    def point(self, x: float, y: float) -> tuple[float, float]:
        a, b, c, d, e, f = self.matrix
        return a * x + c * y + e, b * x + d * y + f

    def rect(self, left: float, bottom: float, right: float, top: float) -> Rect:
        (x0, y0), (x1, y1) = self.point(left, bottom), self.point(right, top)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def direction(self, x: float, y: float) -> tuple[float, float]:
        a, b, c, d, _, _ = self.matrix
        length = math.hypot(x, y) or 1.0
        return (a * x + c * y) / length, (b * x + d * y) / length


def set_words(raw: Any, text_page: Any, shown: Shown) -> Iterator[Set]:
    """The words of a page in the file's order. `raw` is the module `pypdfium2.raw`."""
    count = min(raw.FPDFText_CountChars(text_page), MAX_CHARACTERS)
    text = _text(raw, text_page, count)
    types: dict[int, Type] = {}
    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    loose, origin_of, object_of = raw.FPDFText_GetLooseCharBox, raw.FPDFText_GetCharOrigin, raw.FPDFText_GetTextObject
    box_at, x_at, y_at = ctypes.byref(box), ctypes.byref(x), ctypes.byref(y)
    cast, pointer = ctypes.cast, ctypes.c_void_p
    for match in _WORD.finditer(text):
        first, last = match.start(), match.end() - 1
        if not loose(text_page, first, box_at):
            continue
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        if last > first and loose(text_page, last, box_at):
            left, bottom = min(left, box.left), min(bottom, box.bottom)
            right, top = max(right, box.right), max(top, box.top)
        if not all(map(math.isfinite, (left, bottom, right, top))):
            continue
        origin_of(text_page, first, x_at, y_at)
        address = cast(object_of(text_page, first), pointer).value or 0
        if address not in types:
            types[address] = _type(raw, text_page, first, shown)
        word = match[0]
        ends = word.endswith("\ufffe") or text[last + 1 : last + 2] in ("\r", "\n", "")
        word = word.replace("\ufffe", "-")
        if any("\ud800" <= c <= "\udfff" for c in word):
            word = word.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield Set(word, shown.rect(left, bottom, right, top), shown.point(x.value, y.value), types[address], ends)


def _text(raw: Any, text_page: Any, count: int) -> str:
    """The characters of a page, each at its own index."""
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page, 0, count, buffer) - 1
    units = buffer[:count]
    if written == count:
        return "".join(map(chr, units))
    # Some characters are left out of its text: ask for each.
    found = (raw.FPDFText_GetUnicode(text_page, at) for at in range(count))
    return "".join("\ufffe" if code == 2 else chr(code) if code < 0x10000 else "\ufffd" for code in found)


def _type(raw: Any, text_page: Any, at: int, shown: Shown) -> Type:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(text_page, at, ctypes.byref(matrix)):
        matrix.a, matrix.b, matrix.c, matrix.d = 1.0, 0.0, 0.0, 1.0
    size = raw.FPDFText_GetFontSize(text_page, at) * math.hypot(matrix.c, matrix.d)
    name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
    raw.FPDFText_GetFontInfo(text_page, at, name, 256, ctypes.byref(flags))
    font = name.value.decode("utf-8", "replace")
    bold, mono = named(font)
    channels = [ctypes.c_uint() for _ in range(4)]
    known = raw.FPDFText_GetFillColor(text_page, at, *map(ctypes.byref, channels))
    red, green, blue, alpha = (one.value for one in channels)
    mode = raw.FPDFTextObj_GetTextRenderMode(raw.FPDFText_GetTextObject(text_page, at))
    size = abs(size) if math.isfinite(size) else 0.0
    return Type(
        size=size,
        along=shown.direction(matrix.a, matrix.b),
        bold=bold or bool(flags.value & (1 << 18)),
        italic=bool(flags.value & (1 << 6)) or "italic" in font.lower() or "oblique" in font.lower(),
        mono=mono or bool(flags.value & 1),
        colour=red << 16 | green << 8 | blue if known else 0,
        # Letters that only clip (7) show what is painted through them; outlined ones (1) are seen by their stroke.
        unpainted=mode == _INVISIBLE or bool(known and not alpha and mode not in _STROKED),
    )


def as_lines(words: Sequence[Set], shown: Shown, *, outside: bool = False) -> list[Line]:
    """Words put together into lines, as MuPDF does it; what lies outside of the page is left out, unless asked for."""
    width, height = shown.size
    found = []
    for group in _groups(words):
        line = _line(group)
        if line is not None:
            x, y = line.middle
            if outside or (0 <= x <= width and 0 <= y <= height):
                found.append((line, group[0].type.along))
    return [line for _, lines in itertools.groupby(found, key=_turn) for line in _followed(list(lines))]


def _turn(one: tuple[Line, tuple[float, float]]) -> tuple[int, int]:
    line, (x, y) = one
    return (round(x), round(y)) if line.turned else (1, 0)


def _followed(lines: list[tuple[Line, tuple[float, float]]]) -> list[Line]:
    """PDFium sorts lines as if all ran across the page: those that do not follow each other to their own below."""
    if lines[0][0].turned:
        lines.sort(key=lambda one: one[0].middle[1] * one[1][0] - one[0].middle[0] * one[1][1])
    return [line for line, _ in lines]


def _groups(words: Sequence[Set]) -> Iterator[list[Set]]:
    group: list[Set] = []
    for word in words:
        if group and not _goes_on(group[-1], word):
            yield group
            group = []
        group.append(word)
        if word.ends:
            yield group
            group = []
    if group:
        yield group


def _goes_on(last: Set, word: Set) -> bool:
    """Does a word follow another on one line?"""
    (x, y), (other_x, other_y) = last.type.along, word.type.along
    if abs(x - other_x) + abs(y - other_y) > 0.05:
        return False
    size = max(last.type.size, word.type.size, 1.0)
    if abs(x) > abs(y):
        gap = word.box[0] - last.box[2] if x > 0 else last.box[0] - word.box[2]
    else:
        gap = word.box[1] - last.box[3] if y > 0 else last.box[1] - word.box[3]
    across = (word.origin[1] - last.origin[1]) * x - (word.origin[0] - last.origin[0]) * y
    return abs(gap) < WIDE * size and abs(across) < WIDE * size


def _line(group: Sequence[Set]) -> Line | None:
    text = legible(" ".join(word.text for word in group))
    if not text:
        return None
    sizes: Counter[float] = Counter()
    colours: Counter[int] = Counter()
    bold = italic = mono = unpainted = total = 0
    for word in group:
        letters, kind = len(word.text), word.type
        total += letters
        sizes[round(kind.size, 1)] += letters
        bold += letters * kind.bold
        italic += letters * kind.italic
        mono += letters * kind.mono
        colours[kind.colour] += letters
        unpainted += letters * kind.unpainted
    size = max(sizes, key=lambda s: (sizes[s], s)) or 1.0
    along = group[0].type.along
    baseline = next(word.origin[1] for word in group if round(word.type.size, 1) == size or size == 1.0)
    return Line(
        box=union([word.box for word in group]),
        text=text,
        size=size,
        baseline=baseline,
        bold=bold * 20 >= total * 17,
        italic=italic * 20 >= total * 17,
        mono=mono * 10 > total * 9,
        turned=abs(along[1]) > 0.05 or along[0] < 0,
        colour=max(colours, key=lambda one: (colours[one], one)),
        unpainted=unpainted * 2 > total,
    )
