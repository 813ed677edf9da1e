"""The text of PDF pages as lines with boxes, in points of the page as shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rag.protocols import PageCallback

    from .engine import OpenDocument

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom in points, origin top left of the page as shown."""

Kind = TypeVar("Kind", int, float)

MAX_LINES = 20_000
"""Of a page: a newspaper page has some 1,500."""
_BOLD = re.compile(r"bold|black|heavy|semib|demi|medi\b|-b$|cmbx|sfbx|,b", re.IGNORECASE)
_MONO = re.compile(
    r"mono|nimbusmon|courier|consol|typewriter|cm(?:sl|it|v)?tt|(?:sf|ec|tx|lm)tt|menlo|monaco|inconsolata|lettergothic|"
    r"source ?code|fira ?code|\btt\b",
    re.IGNORECASE,
)
_DROPPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff0-\ufffb]")
_OF_TEX = {
    0x0B: "ff", 0x0C: "fi", 0x0E: "ffi", 0x0F: "ffl", 0x10: "“", 0x11: "”", 0x12: "„", 0x15: "–", 0x16: "—",
    0x1B: "ff", 0x1C: "fi", 0x1D: "fl", 0x1E: "ffi", 0x1F: "ffl",
}  # fmt: skip
"""What the codes of TeX's fonts mean, of both encodings (OT1 ligatures; T1), where a file has no table for them."""
_TEX = re.compile(f"[{''.join(map(chr, _OF_TEX))}]")
_TEX_BULLET = re.compile("^\x88(?=\\s|$)")
_BULLETS = dict.fromkeys((0xF0B7, 0xF0A7, 0xF0D8, 0xF076, 0xF0FC, 0xF02D, 0xF06E, 0x25CF, 0x25AA, 0x2022), "•")
_LEADERS = re.compile(r"(?:\s?[.·…_]){5,}")
_NEXT_SIGN = re.compile(r"^([$€£¥(\s\d,.)%–—-]*[\d)%–—-])\s([$€£¥])$")
_SIGNS = frozenset("$€£¥")


@dataclass(slots=True)
class Line:
    """A run of text on one baseline without a wide gap: what MuPDF calls a line.

    `size` in points, of most of its letters. `turned` is text that does not run left to right
    across the page as shown; `hidden` says why a reader cannot see it, "" for what is seen. `colour` is
    that of most of its letters (0xRRGGBB); `unpainted` letters have no colour at all; `seen` ones were looked at.
    `inks` are its words by their colours, each with its box, where they are of several. `ground` is the colour of
    the shape behind it, -1 where there is none, and `washes` are shapes behind parts of it.
    """

    box: Rect
    text: str
    size: float
    baseline: float
    bold: bool = False
    italic: bool = False
    mono: bool = False
    turned: bool = False
    hidden: str = ""
    colour: int = 0
    unpainted: bool = False
    seen: bool = False
    pieces: tuple[Rect, ...] = ()
    """The boxes of its words, where it was read from pixels."""
    typed: str = ""
    """Its text with all its spaces, where its type is of one width and `text` has fewer."""
    raised: tuple[str, ...] = ()
    """The marks in it that are set small and high: those of footnotes among them."""
    inks: tuple[tuple[str, int, Rect], ...] = ()
    ground: int = -1
    washes: tuple[tuple[Rect, int], ...] = ()
    words: int = field(init=False)

    def __post_init__(self) -> None:
        self.words = self.text.count(" ") + 1

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(slots=True)
class PageText:
    """The lines of a page in the file's order, and its size as shown; `failed` says what went wrong.

    `recognised`: they were read from its pixels, so that a large picture under them is a scan.
    """

    lines: list[Line]
    width: float
    height: float
    label: str = ""
    failed: str = ""
    recognised: bool = False


class Reader:
    """Reads pages once: what the first pass and the running heads looked at is kept while near.

    `reading` is told of a page before a library looks at it, so that a page that takes for ever has a number.
    """

    def __init__(self, document: OpenDocument, reading: PageCallback | None = None) -> None:
        self.document = document
        self.reading = reading
        self.count = document.page_count
        self._kept: dict[int, PageText] = {}

    def __getitem__(self, index: int) -> PageText:
        if index not in self._kept:
            self._kept[index] = self._read(index)
        return self._kept[index]

    def at(self, index: int) -> None:
        """Tell that page `index`, counted from 0, is about to be looked at."""
        if self.reading is not None:
            self.reading(index + 1, self.count)

    def keep(self, first: int, last: int) -> None:
        """Forget the pages before `first`, and of those from `last` on what is more than a page's most lines."""
        kept: dict[int, PageText] = {}
        room = MAX_LINES
        for index, text in sorted(self._kept.items()):
            room -= len(text.lines) if index >= last else 0
            if index >= first and (index < last or room >= 0):
                kept[index] = text
        self._kept = kept

    def _read(self, index: int) -> PageText:
        from .hidden import outside, settle  # which are about lines

        self.at(index)
        try:
            page = self.document[index]
            found = page.lines()
            if len(found) > MAX_LINES:
                raise ValueError(f"it has {len(found)} lines of text, more than the {MAX_LINES} that are looked at")
            settle(page, found)
            found += outside(page)
            return PageText(found, page.width, page.height, self.document.label(index))
        except Exception as error:  # libraries raise many kinds for a damaged page; the others go on
            return PageText([], 0.0, 0.0, failed=" ".join(str(error).split())[:200] or type(error).__name__)


def most_of(letters: Mapping[Kind, int]) -> Kind:
    """The kind that most letters are of; of several the greatest."""
    if len(letters) == 1:
        return next(iter(letters))
    return max(letters, key=lambda one: (letters[one], one))


@lru_cache(maxsize=2048)
def named(font: str) -> tuple[bool, bool]:
    """Does a font's name say that it is bold, that it is of one width?"""
    return bool(_BOLD.search(font)), bool(_MONO.search(font))


def currency_parted(line: Line) -> list[Line]:
    """A line "5,727 $" as two: the sign belongs to the column to its right."""
    match = _NEXT_SIGN.match(line.text) if line.text[-1:] in _SIGNS else None
    if match is None:
        return [line]
    left, top, right, bottom = line.box
    cut = right - (right - left) * 1.2 / len(line.text)
    return [
        replace(line, box=(left, top, cut, bottom), text=match[1]),
        replace(line, box=(cut, top, right, bottom), text=match[2]),
    ]


def clean(text: str) -> str:
    """NFKC (so that a ligature is found by its letters), no control characters, single spaces.

    A soft hyphen at the end is a hyphen, elsewhere nothing; a dot leader is one ellipsis.
    """
    if not text.isascii():
        stripped = text.rstrip()
        if stripped.endswith("\u00ad"):
            text = stripped[:-1] + "-"
        text = text.translate(_BULLETS).replace("\u00ad", "")
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():  # none of what is dropped is
        text = _DROPPED.sub("", text)
    if "...." in text or ". ." in text or "…" in text or "_____" in text:
        text = _LEADERS.sub(" … ", text)
    return " ".join(text.split())


_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def legible(text: str) -> str:
    """As `clean`; what is mostly control characters is shown as U+FFFD, since the page shows something there.

    A few of them among letters are the ligatures, quotes and dashes of a font that TeX made.
    """
    text = text.strip("\x0b\x0c")
    if not text.isprintable() and len(_TEX.findall(text)) * 2 <= len(text):
        text = _TEX_BULLET.sub("•", _TEX.sub(lambda one: _OF_TEX[ord(one[0])], text))
    found = clean(text)
    if len(found) * 2 < len(text) and len(_CONTROLS.findall(text)) > max(2, len(found)):
        return clean(_CONTROLS.sub("\ufffd", text))
    return found


def as_typed(text: str, legible: str) -> str:
    """A line of code with its spaces, "" where its legible text has them all."""
    typed = " ".join(map(clean, text.strip().split(" ")))
    return typed if typed != legible and typed.split() == legible.split() else ""


_HYPHEN_END = re.compile(r"[^\W\d_]{2}-$")
_WORD_END = re.compile(r"[\w-]+-$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORD_START = re.compile(r"^[a-zà-öø-ÿα-ω][\w]*")


def joined(parts: list[str], words: frozenset[str] = frozenset()) -> str:
    """Lines of a paragraph as one text; a word parted by a hyphen at a line's end is made whole.

    `words` are words of the document in lower case: a compound that it writes with a hyphen
    elsewhere ("well-known") keeps its own.
    """
    text = ""
    for part in parts:
        if not text:
            text = part
        elif _HYPHEN_END.search(text) and (start := _WORD_START.match(part)):
            end = _WORD_END.search(text)
            compound = ((end[0] if end else "") + start[0]).lower()
            whole = compound.replace("-", "")
            keep = (compound in words and whole not in words) or "://" in text.rsplit(" ", 1)[-1]
            text = (text if keep else text[:-1]) + part
        elif text.endswith("-") and words and _is_whole(text, part, words):
            text = text[:-1] + part  # "GNU-" "PLOT", which is "gnuplot" elsewhere
        elif text.endswith(("-", "/")) and text[-2:-1].isalnum() and part[:1].isalnum():
            text += part  # "Instruct-" "GPT", "and/" "or": what joins them stays
        else:
            text += " " + part
    return text


def _is_whole(text: str, part: str, words: frozenset[str]) -> bool:
    """Is what a hyphen parts a word elsewhere, and never one with a hyphen?"""
    first, second = text.rsplit(" ", 1)[-1].lower(), _FIRST_WORD.match(part.lower())
    return second is not None and first[:-1] + second[0] in words and first + second[0] not in words


def union(boxes: list[Rect]) -> Rect:
    """The smallest box around others."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def inside(box: Rect, x: float, y: float, margin: float = 0.0) -> bool:
    """Does a box hold a point?"""
    return box[0] - margin <= x <= box[2] + margin and box[1] - margin <= y <= box[3] + margin


def overlap(a: Rect, b: Rect) -> float:
    """The area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def parted(one: Rect, other: Rect, texts: Iterable[Rect]) -> bool:
    """Does a text stand between two boxes, one over the other?"""
    upper, lower = sorted((one, other), key=lambda box: box[1])
    between = (max(one[0], other[0]), upper[3] + 1, min(one[2], other[2]), lower[1] - 1)
    return any(overlap(between, text) > 0 for text in texts)


def area(box: Rect) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
