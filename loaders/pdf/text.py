"""The text of PDF pages as lines with boxes, in points of the page as shown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .mupdf import MuPage, mupdf

if TYPE_CHECKING:
    from .engine import OpenDocument

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom in points, origin top left of the page as shown."""

MAX_LINES = 20_000
"""Of a page: a newspaper page has some 1,500."""
_BOLD = re.compile(r"bold|black|heavy|semib|demi|medi\b|-b$|cmbx|sfbx|,b", re.IGNORECASE)
_MONO = re.compile(r"mono|courier|consol|typewriter|cmtt|sftt|menlo|inconsolata|\btt\b", re.IGNORECASE)
_DROPPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff0-\ufffb]")
_BULLETS = dict.fromkeys((0xF0B7, 0xF0A7, 0xF0D8, 0xF076, 0xF0FC, 0xF02D, 0xF06E, 0x25CF, 0x25AA, 0x2022), "•")
_LEADERS = re.compile(r"(?:\s?[.·…_]){5,}")
_NEXT_SIGN = re.compile(r"^([$€£¥(\s\d,.)%–—-]*[\d)%–—-])\s([$€£¥])$")
_SPACES = re.compile(r"\s+")


@dataclass(slots=True)
class Line:
    """A run of text on one baseline without a wide gap: what MuPDF calls a line.

    `size` in points, of most of its letters. `turned` is text that does not run left to right
    across the page as shown; `hidden` is text that is not painted or too small to see.
    """

    box: Rect
    text: str
    size: float
    baseline: float
    bold: bool = False
    italic: bool = False
    mono: bool = False
    turned: bool = False
    hidden: bool = False
    pieces: tuple[Rect, ...] = ()
    """The boxes of its words, where it was read from pixels."""
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
    """Reads pages once: what the first pass and the running heads looked at is kept while near."""

    def __init__(self, document: OpenDocument) -> None:
        self.document = document
        self.count = document.page_count
        self._kept: dict[int, PageText] = {}

    def __getitem__(self, index: int) -> PageText:
        if index not in self._kept:
            self._kept[index] = self._read(index)
        return self._kept[index]

    def keep(self, first: int, last: int) -> None:
        """Forget all pages but [first, last)."""
        self._kept = {index: text for index, text in self._kept.items() if first <= index < last}

    def _read(self, index: int) -> PageText:
        try:
            page = self.document[index]
            found = page.lines()
            if len(found) > MAX_LINES:
                raise ValueError(f"it has {len(found)} lines of text, more than the {MAX_LINES} that are looked at")
            return PageText(found, page.width, page.height, self.document.label(index))
        except Exception as error:  # libraries raise many kinds for a damaged page; the others go on
            return PageText([], 0.0, 0.0, failed=" ".join(str(error).split())[:200] or type(error).__name__)


@lru_cache(maxsize=2048)
def named(font: str) -> tuple[bool, bool]:
    """Does a font's name say that it is bold, that it is of one width?"""
    return bool(_BOLD.search(font)), bool(_MONO.search(font))


def lines(page: MuPage) -> list[Line]:
    """The lines of a page. Text outside of what is shown is left out."""
    pymupdf = mupdf()

    flags = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
    found = page.get_text("dict", flags=flags)
    matrix = page.rotation_matrix if page.rotation else None
    width, height = page.rect.width, page.rect.height
    read = []
    for block in found["blocks"]:
        for raw in block.get("lines", ()):
            line = _line(raw, matrix)
            if line is not None:
                x, y = line.middle
                if 0 <= x <= width and 0 <= y <= height:
                    read += currency_parted(line)
    return read


def _line(raw: dict[str, Any], matrix: Any) -> Line | None:
    pymupdf = mupdf()

    spans = raw["spans"]
    text = legible("".join(span["text"] for span in spans))
    if not text:
        return None
    sizes: Counter[float] = Counter()
    bold = italic = mono = hidden = total = 0
    for span in spans:
        letters = len(span["text"].strip())
        total += letters
        sizes[round(span["size"], 1)] += letters
        flags = span["flags"]
        named_bold, named_mono = named(span["font"])
        bold += letters * (named_bold or bool(flags & 16))
        italic += letters * bool(flags & 2)
        mono += letters * (named_mono or bool(flags & 8))
        hidden += letters * (span["size"] < 1.5 or span.get("alpha", 255) == 0)
    size = max(sizes, key=lambda s: (sizes[s], s)) or 1.0
    origin = next((s["origin"] for s in spans if round(s["size"], 1) == size), spans[0]["origin"])
    box, direction = raw["bbox"], raw["dir"]
    first, last = spans[0], spans[-1]
    if matrix is None and abs(direction[1]) < 0.02:  # outer spaces are no part of what is seen
        left = first["bbox"][2] if first["text"].isspace() and len(spans) > 1 else box[0] + _lead(first)
        right = last["bbox"][0] if last["text"].isspace() and len(spans) > 1 else box[2]
        box = (min(left, right), box[1], max(left, right), box[3])
    if matrix is not None:
        box = tuple(pymupdf.Rect(box) * matrix)
        origin = tuple(pymupdf.Point(origin) * matrix)
        turn = pymupdf.Matrix(matrix.a, matrix.b, matrix.c, matrix.d, 0, 0)
        direction = tuple(pymupdf.Point(direction) * turn)
    return Line(
        box=(box[0], box[1], box[2], box[3]),
        text=text,
        size=size,
        baseline=origin[1],
        bold=bold * 20 >= total * 17,
        italic=italic * 20 >= total * 17,
        mono=mono * 10 > total * 9,
        turned=abs(direction[1]) > 0.05 or direction[0] < 0,
        hidden=hidden * 2 > total,
    )


def _lead(span: dict[str, Any]) -> float:
    """The width of the spaces that a span begins with."""
    text: str = span["text"]
    spaces = len(text) - len(text.lstrip())
    if not spaces or spaces == len(text):
        return 0.0
    left, _, right, _ = span["bbox"]
    even = (right - left) / len(text)
    return float(spaces * (even if span["flags"] & 8 or named(span["font"])[1] else min(even, 0.28 * span["size"])))


def currency_parted(line: Line) -> list[Line]:
    """A line "5,727 $" as two: the sign belongs to the column to its right."""
    match = _NEXT_SIGN.match(line.text)
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
    text = _DROPPED.sub("", text)
    if "...." in text or ". ." in text or "…" in text or "_____" in text:
        text = _LEADERS.sub(" … ", text)
    return _SPACES.sub(" ", text).strip()


_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def legible(text: str) -> str:
    """As `clean`; what is mostly control characters is shown as U+FFFD, since the page shows something there."""
    found = clean(text)
    if len(found) * 2 < len(text) and len(_CONTROLS.findall(text)) > max(2, len(found)):
        return clean(_CONTROLS.sub("\ufffd", text))
    return found


_HYPHEN_END = re.compile(r"[^\W\d_]{2}-$")
_WORD_END = re.compile(r"[\w-]+-$")
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
        elif text.endswith(("-", "/")) and text[-2:-1].isalnum() and part[:1].isalnum():
            text += part  # "Instruct-" "GPT", "and/" "or": what joins them stays
        else:
            text += " " + part
    return text


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


def area(box: Rect) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
