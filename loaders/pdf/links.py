"""Where the words of a page lead: its links, as spans of the elements' texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

from rag.document import Link

from .mupdf import MuPage, mupdf
from .text import Line, Rect, clean

LONGEST = 2048
"""Characters of an address that are kept; a longer one is left out."""
MOST = 2000


class Linked(Protocol):
    """An element to be."""

    text: str
    links: tuple[Link, ...]

    @property
    def lines(self) -> Sequence[Line]: ...


def attach(page: MuPage, found: Iterable[Linked]) -> None:
    """Gives elements the links that lie on their lines. What a link covers is judged by the widths of letters."""
    links = [(box, target) for one in page.get_links()[:MOST] if (target := _target(one)) for box in [_box(page, one)]]
    if not links:
        return
    for one in found:
        if one.lines and one.text:
            one.links = tuple(_joined(_spans(one.text, one.lines, links)))


def _target(one: dict[str, Any]) -> str:
    """An address, or "#page=N" (RFC 8118) in this file; "" for what leads nowhere or starts a program."""
    address = clean(one.get("uri") or one.get("file") or "")
    number: int = one["page"] if isinstance(one.get("page"), int) else -1
    pymupdf = mupdf()
    if one["kind"] == pymupdf.LINK_URI:
        return address if len(address) <= LONGEST else ""
    if one["kind"] in (pymupdf.LINK_GOTO, pymupdf.LINK_NAMED):
        return f"#page={number + 1}" if number >= 0 else ""
    if one["kind"] == pymupdf.LINK_GOTOR and address:
        return f"{address}#page={number + 1}" if number >= 0 and len(address) <= LONGEST else ""
    return ""


def _box(page: MuPage, one: dict[str, Any]) -> Rect:
    rect = one["from"] * page.rotation_matrix if page.rotation else one["from"]
    return (rect.x0, rect.y0, rect.x1, rect.y1)


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
    widths = _font(line.mono).char_lengths(line.text, 1.0)
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


@lru_cache(maxsize=2)
def _font(mono: bool) -> Any:
    """A font whose letters have the usual widths beside one another."""
    return mupdf().Font("cour" if mono else "tiro")


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
