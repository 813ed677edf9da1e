"""Where the words of a page lead: its links, as spans of the elements' texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from rag.document import Link

from .text import Line, Rect

if TYPE_CHECKING:
    from .engine import OpenPage

LONGEST = 2048
"""Characters of an address that are kept; a longer one is left out."""
MOST = 2000


class Linked(Protocol):
    """An element to be."""

    text: str
    links: tuple[Link, ...]

    @property
    def lines(self) -> Sequence[Line]: ...


def attach(page: OpenPage, found: Iterable[Linked]) -> None:
    """Gives elements the links that lie on their lines. What a link covers is judged by the widths of letters."""
    links = page.links()
    if not links:
        return
    for one in found:
        if one.lines and one.text:
            one.links = tuple(_joined(_spans(one.text, one.lines, links)))


def _spans(text: str, lines: Sequence[Line], links: Sequence[tuple[Rect, str]]) -> list[Link]:
    found = []
    at = 0
    for line in lines:
        # A line that ended with a hyphen has lost it: its first words are enough to find it.
        begins = text.find(line.text[:12].rstrip("-"), at)
        start = begins if begins >= 0 else at
        for box, target in links:
            if not box[1] < line.middle[1] < box[3] or box[2] <= line.box[0] or box[0] >= line.box[2]:
                continue
            first, last = covered(line, box[0], box[2])
            words = line.text[first:last].rstrip("-")
            where = text.find(words, start) if words else -1
            if where >= 0 and where <= start + first + 8:
                found.append(Link(where, where + len(words), target))
        at = start + max(0, len(line.text) - 2) if begins >= 0 else at
    return sorted(found, key=lambda one: (one.start, one.end))


def covered(line: Line, left: float, right: float) -> tuple[int, int]:
    """The characters [start, end) of a line between two points across the page, whole words."""
    widths = [1.0 if line.mono else _wide(letter) for letter in line.text]
    scale = (line.box[2] - line.box[0]) / (sum(widths) or 1.0)
    reached = line.box[0]
    inside = []
    for at, width in enumerate(widths):
        if left <= reached + width * scale / 2 <= right:
            inside.append(at)
        reached += width * scale
    if not inside:
        return 0, 0
    start, end = inside[0], inside[-1] + 1
    while start < end and not line.text[start].isalnum():
        start += 1
    while end > start and not line.text[end - 1].isalnum():
        end -= 1
    if start == end:
        return 0, 0
    while start > 0 and line.text[start - 1].isalnum():
        start -= 1
    while end < len(line.text) and line.text[end].isalnum():
        end += 1
    return start, end


_WIDTHS = tuple(
    map(
        int,
        (
            "250 333 408 500 500 833 778 180 333 333 500 564 250 333 250 278 500 500 500 500 500 500 500 500 500 "
            "500 278 278 564 564 564 444 921 722 667 667 722 611 556 722 722 333 389 722 611 889 722 722 556 722 "
            "667 556 611 722 722 944 722 722 611 333 278 333 469 500 333 444 500 444 500 444 333 500 500 278 278 "
            "500 278 778 500 500 500 500 333 389 278 500 500 722 500 500 444 480 200 480 541 "
        ).split(),
    )
)
"""Of the printable ASCII characters from the space on in Times-Roman, in thousandths (Adobe's AFM files): letters
have such widths beside one another in most fonts."""


def _wide(letter: str) -> float:
    if not letter.isascii():
        letter = unicodedata.normalize("NFD", letter)[0]
        if unicodedata.east_asian_width(letter) in "WF":
            return 1.0
    at = ord(letter) - 32
    return _WIDTHS[at] / 1000 if 0 <= at < len(_WIDTHS) else 0.5


def _joined(spans: Iterable[Link]) -> list[Link]:
    """Pieces of one link on two lines are one; of links on the same words the first is kept."""
    found: list[Link] = []
    for one in spans:
        last = found[-1] if found else None
        if last and last.target == one.target and one.start <= last.end + 1:
            found[-1] = Link(last.start, max(last.end, one.end), last.target)
        elif not last or one.start >= last.end:
            found.append(one)
    return found
