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
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

from rag.colours import name_of

from .text import Line, Rect, as_typed, legible, most_of, named, union

WIDE = 0.8
"""A gap of so many sizes of type ends a line, as does a step of the baseline; both as in MuPDF."""
MAX_CHARACTERS = 400_000
"""Of a page; what follows is left out."""
_WORD = re.compile(r"[^ \t\r\n\x00\x85\xa0\u2000-\u200a\u3000\ufffe]+\ufffe?|\ufffe")
_MARK = re.compile(r"[^\W\d][.,;:)\]”’\"']*(\d{1,2}|[*†‡§¶]{1,3})[.,;:)]?$")
"""What may be the mark of a footnote behind a word."""
_ENDS = ("\r", "\n", "")
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
    raised: str = ""
    """The mark at its end that is set higher than its beginning."""


_UPRIGHT = (1.0, 0.0, 0.0, -1.0)


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
        if self.matrix[:4] == _UPRIGHT and left <= right and bottom <= top:
            e, f = self.matrix[4:]
            return left + e, f - top, right + e, f - bottom
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
    types = _Types(raw, text_page, shown)
    sides, point = (ctypes.c_float * 4)(), (ctypes.c_double * 2)()
    sides_at, x_at = ctypes.addressof(sides), ctypes.addressof(point)
    y_at = x_at + ctypes.sizeof(ctypes.c_double)
    loose, origin_of, object_of = _asked(raw)
    handle = ctypes.cast(text_page.raw, ctypes.c_void_p).value
    before: tuple[int, float, float] | None = None
    origin, kind = (0.0, 0.0), types.none
    for match in _WORD.finditer(text):
        first, last = match.start(), match.end() - 1
        if not loose(handle, first, sides_at):
            continue
        left, top, right, bottom = sides
        address = object_of(handle, first) or 0
        if (address, top, bottom) != before:  # else it goes on along the same baseline
            before = address, top, bottom
            origin_of(handle, first, x_at, y_at)
            origin = shown.point(point[0], point[1])
            kind = types.of(address, first)
        if last > first and loose(handle, last, sides_at):
            other_left, other_top, other_right, other_bottom = sides
            left, bottom = min(left, other_left), min(bottom, other_bottom)
            right, top = max(right, other_right), max(top, other_top)
        if not math.isfinite(left + bottom + right + top):
            continue
        word, raised = match[0], ""
        if (mark := _MARK.search(word)) and object_of(handle, last) != address:
            origin_of(handle, first + mark.start(1), x_at, y_at)
            raised = mark[1] if origin[1] - shown.point(point[0], point[1])[1] > 0.15 * kind.size else ""
        ends = text[last + 1 : last + 2] in _ENDS
        if not word.isascii():
            ends = ends or word.endswith("\ufffe")
            word = word.replace("\ufffe", "-")
            if any("\ud800" <= c <= "\udfff" for c in word):
                word = word.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield Set(word, shown.rect(left, bottom, right, top), origin, kind, ends, raised)


@lru_cache(maxsize=1)
def _asked(raw: Any) -> tuple[Callable[..., int], Callable[..., int], Callable[..., int | None]]:
    """What is asked of each word, by addresses: typed pointers would take as long again.

    The box of a character as four floats (left, top, right, bottom), its origin, its text object.
    """
    at, number = ctypes.c_void_p, ctypes.c_int
    box = ctypes.CFUNCTYPE(number, at, number, at)
    point = ctypes.CFUNCTYPE(number, at, number, at, at)
    thing = ctypes.CFUNCTYPE(at, at, number)
    return (
        box(ctypes.cast(raw.FPDFText_GetLooseCharBox, at).value or 0),
        point(ctypes.cast(raw.FPDFText_GetCharOrigin, at).value or 0),
        thing(ctypes.cast(raw.FPDFText_GetTextObject, at).value or 0),
    )


def _text(raw: Any, text_page: Any, count: int) -> str:
    """The characters of a page, each at its own index."""
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page, 0, count, buffer) - 1
    if written == count:
        text = bytes(buffer)[: 2 * count].decode("utf-16-le" if sys.byteorder == "little" else "utf-16-be", "replace")
        # Two units of one character keep an index each.
        return text if len(text) == count and "\ufffd" not in text else "".join(map(chr, buffer[:count]))
    # Some characters are left out of its text: ask for each.
    found = (raw.FPDFText_GetUnicode(text_page, at) for at in range(count))
    return "".join("\ufffe" if code == 2 else chr(code) if code < 0x10000 else "\ufffd" for code in found)


class _Types:
    """How text objects are set; what a font says of itself is asked once."""

    def __init__(self, raw: Any, text_page: Any, shown: Shown) -> None:
        self._raw, self._page, self._shown = raw, text_page, shown
        self.none = Type(0.0, (1.0, 0.0), bold=False, italic=False, mono=False, colour=0, unpainted=False)
        self._known: dict[int, Type] = {}
        self._fonts: dict[int, tuple[bool, bool, bool]] = {}
        self._matrix = raw.FS_MATRIX()
        self._channels = [ctypes.c_uint() for _ in range(4)]
        self._matrix_at, self._channels_at = ctypes.byref(self._matrix), [ctypes.byref(one) for one in self._channels]

    def of(self, address: int, at: int) -> Type:
        """The type of the text object at an address, which has character `at`."""
        if address not in self._known:
            self._known[address] = self._asked(at)
        return self._known[address]

    def _asked(self, at: int) -> Type:
        raw, page, matrix = self._raw, self._page, self._matrix
        if not raw.FPDFText_GetMatrix(page, at, self._matrix_at):
            matrix.a, matrix.b, matrix.c, matrix.d = 1.0, 0.0, 0.0, 1.0
        size = raw.FPDFText_GetFontSize(page, at) * math.hypot(matrix.c, matrix.d)
        known = raw.FPDFText_GetFillColor(page, at, *self._channels_at)
        red, green, blue, alpha = (one.value for one in self._channels)
        thing = raw.FPDFText_GetTextObject(page, at)
        mode = raw.FPDFTextObj_GetTextRenderMode(thing)
        bold, italic, mono = self._font(ctypes.cast(raw.FPDFTextObj_GetFont(thing), ctypes.c_void_p).value or 0, at)
        return Type(
            size=abs(size) if math.isfinite(size) else 0.0,
            along=self._shown.direction(matrix.a, matrix.b),
            bold=bold,
            italic=italic,
            mono=mono,
            colour=red << 16 | green << 8 | blue if known else 0,
            # Letters that only clip (7) show what is painted through them; outlined ones (1) are seen by their stroke.
            unpainted=mode == _INVISIBLE or bool(known and not alpha and mode not in _STROKED),
        )

    def _font(self, address: int, at: int) -> tuple[bool, bool, bool]:
        """Bold, italic, of one width."""
        if address and address in self._fonts:
            return self._fonts[address]
        name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
        self._raw.FPDFText_GetFontInfo(self._page, at, name, 256, ctypes.byref(flags))
        font = name.value.decode("utf-8", "replace")
        bold, mono = named(font)
        self._fonts[address] = (
            bold or bool(flags.value & (1 << 18)),
            bool(flags.value & (1 << 6)) or "italic" in font.lower() or "oblique" in font.lower(),
            mono or bool(flags.value & 1),
        )
        return self._fonts[address]


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
    if last.type is not word.type and abs(x - other_x) + abs(y - other_y) > 0.05:
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
    kinds: dict[int, int] = {}
    types = {}
    for word in group:
        key = id(word.type)
        types[key] = word.type
        kinds[key] = kinds.get(key, 0) + len(word.text)
    sizes: dict[float, int] = {}
    colours: dict[int, int] = {}
    bold = italic = mono = unpainted = total = 0
    for key, letters in kinds.items():
        kind, size = types[key], round(types[key].size, 1)
        total += letters
        sizes[size] = sizes.get(size, 0) + letters
        colours[kind.colour] = colours.get(kind.colour, 0) + letters
        bold += letters * kind.bold
        italic += letters * kind.italic
        mono += letters * kind.mono
        unpainted += letters * kind.unpainted
    size = most_of(sizes) or 1.0
    raised = [word.raised for word in group if word.raised]
    along = group[0].type.along
    baseline = next(word.origin[1] for word in group if round(word.type.size, 1) == size or size == 1.0)
    raised += [
        word.text.strip(".,;:)")
        for word in group
        if len(word.text) < 4 and word.type.size < 0.85 * size and word.origin[1] < baseline - 0.15 * size
    ]
    one_width = mono * 10 > total * 9
    return Line(
        box=union([word.box for word in group]),
        text=text,
        size=size,
        baseline=baseline,
        bold=bold * 20 >= total * 17,
        italic=italic * 20 >= total * 17,
        mono=one_width,
        turned=abs(along[1]) > 0.05 or along[0] < 0,
        colour=most_of(colours),
        unpainted=unpainted * 2 > total,
        typed=as_typed(_typed(group), text) if one_width else "",
        raised=tuple(raised),
        inks=_inks(group) if len(colours) > 1 and len(set(map(name_of, colours))) > 1 else (),
    )


def _inks(group: Sequence[Set]) -> tuple[tuple[str, int, Rect], ...]:
    """The words of a line by their colours, neighbours of one colour together."""
    found = []
    for colour, words in itertools.groupby(group, key=lambda word: word.type.colour):
        run = list(words)
        found.append((" ".join(word.text for word in run), colour, union([word.box for word in run])))
    return tuple(found)


def _typed(group: Sequence[Set]) -> str:
    """Words of one width with as many spaces between them as have room there."""
    width = median((word.box[2] - word.box[0]) / len(word.text) for word in group) or 1.0
    text = group[0].text
    for last, word in itertools.pairwise(group):
        text += " " * max(1, min(200, round((word.box[0] - last.box[2]) / width))) + word.text
    return text
