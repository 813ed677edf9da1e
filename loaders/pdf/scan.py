"""Pages that are pictures: drawn, recognised, and given to the layout rules as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.document import WHOLE, Box, PageRegion
from rag.protocols import Recognised, Recogniser

from .beneath import is_behind
from .document import Options, Outline, Style
from .engine import OpenPage, Placed
from .figures import Figure
from .inks import inked
from .page import Found, PageFound, analysed
from .recognised import as_lines, styled, together, turn, words_of, written
from .render import drawn
from .running import Edge, running
from .text import PageText, Reader, Rect, area
from .textless import needs_reading

PART_SCANS = 4.0
"""Recognised pages of a Part: a kill costs no more, and a slow engine stays within a Part's time."""
FIGURE_COST = 0.25
PAGE_FIGURES = 4
"""Figures of a page that are recognised, the largest first."""
DPI = 200
SIDE = 1000, 2400
"""A page is drawn no smaller and, unless it is larger than A4, no larger (pixels)."""
MAX_PIXELS = 12_000_000
FIGURE_PIXELS = 120, 40
"""Figures of fewer pixels across or down have no room for words."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A recognised page: its lines in points as shown, its own type sizes, and what the engine gave."""

    text: PageText
    style: Style
    found: list[Recognised]


def last_page(reader: Reader, first: int, most: int, options: Options) -> int:
    """Where a Part that begins with page `first` ends: at `most` pages, or earlier for pictures."""
    cost = 0.0
    for index in range(first, min(first + most, reader.count)):
        cost += _cost(reader, index, options)
        if cost > PART_SCANS and index > first:
            return index
    end: int = min(first + most, reader.count)
    return end


def _cost(reader: Reader, index: int, options: Options) -> float:
    try:
        page, text = reader.document[index], reader[index]
        if text.failed:
            return 0.0
        if needs_reading(page, text, options) or is_behind(page, text):
            return 1.0
        named: int = sum(wide >= FIGURE_PIXELS[0] and high >= FIGURE_PIXELS[1] for wide, high in page.named())
        return min(named, PAGE_FIGURES) * FIGURE_COST
    except Exception:  # a damaged page is told where it is read
        return 0.0


def scanned(page: OpenPage, text: PageText, recogniser: Recogniser) -> Scan:
    """A page that is a picture, recognised. Raises what the recogniser raises."""
    picture = drawn(page, PageRegion(page.number + 1, WHOLE), _dpi(page), MAX_PIXELS)
    (found,) = recogniser.recognise([picture])
    lines = as_lines(found, text.width, text.height)
    inked(picture, lines, text.width, text.height)
    return Scan(PageText(lines, text.width, text.height, text.label, recognised=True), styled(lines), found)


def _dpi(page: OpenPage) -> int:
    """As many as its pictures have, within reason: more only blurs them, and takes longer."""
    side: float = max(page.width, page.height)
    wanted: float = max((_native(one) for one in page.placed() if _is_large(one, page)), default=DPI) * side / 72
    return max(1, round(72 * min(max(wanted, SIDE[0]), max(SIDE[1], DPI * side / 72)) / side))


def _native(placed: Placed) -> float:
    """Pixels an inch of a picture as placed, also of one that is turned."""
    left, top, right, bottom = placed.box
    return 72 * max(placed.pixels) / max(1.0, right - left, bottom - top)


def _is_large(placed: Placed, page: OpenPage) -> bool:
    return area(placed.box) > 0.1 * page.width * page.height


def edges(scans: Mapping[int, Scan], first: int, last: int) -> dict[int, dict[int, Edge]]:
    """The running lines of recognised pages, by what repeats among them alone."""
    if not scans:
        return {}
    found = running(_Scans(scans, last), first, last, max(scan.style.body for scan in scans.values()))
    return {index: found[index] for index in scans}


class _Scans:
    """Recognised pages as `running` reads pages; what was not recognised is empty."""

    def __init__(self, scans: Mapping[int, Scan], last: int) -> None:
        self._texts = {index: scan.text for index, scan in scans.items()}
        self.count = last

    def __getitem__(self, index: int) -> PageText:
        return self._texts.get(index) or PageText([], 1.0, 1.0)

    def keep(self, first: int, last: int) -> None:
        """There are few."""


def read(page: OpenPage, scan: Scan, edges: dict[int, Edge], above: Outline, options: Options) -> PageFound:
    """The elements of a recognised page, also of one that lies on its side."""
    width, height = scan.text.width, scan.text.height
    if turn(scan.found) == 0:
        found = analysed(page, scan.text, edges, scan.style, above, options)
        for one in found.elements:
            one.words = words_of(one.text, one.lines, width, height)
        if width > height:
            _titled(found.elements)
        return PageFound(found.elements, False, found.notices)
    blocks = written(scan.found, width, height)
    return PageFound([
        Found("text", one.role, _points(one.box, width, height), one.text, one.level, words=one.words) for one in blocks
    ])  # fmt: skip


def _titled(found: Sequence[Found]) -> None:
    """On a slide the first heading is its title, however large the next one is set."""
    headings = [one for one in found if one.role == "heading"]
    for at, one in enumerate(headings):
        one.level = max(one.level, 2) if at else 1


def _points(box: Box, width: float, height: float) -> Rect:
    return box.left * width, box.top * height, box.right * width, box.bottom * height


def label(page: OpenPage, found: Sequence[Found], text: PageText, recogniser: Recogniser) -> None:
    """Gives the largest pictures among a page's elements the words that are in them."""
    speaking = [one for one in found if one.figure is not None and _may_speak(one.figure)]
    for one in sorted(speaking, key=lambda one: -area(one.box))[:PAGE_FIGURES]:
        left, top, right, bottom = one.box
        inside = Box(left / text.width, top / text.height, right / text.width, bottom / text.height)
        wide, high = (inside.right - inside.left) * text.width, (inside.bottom - inside.top) * text.height
        dpi = min(DPI, round(72 * one.figure.pixels[0] / max(1.0, wide))) if one.figure else DPI
        (lines,) = recogniser.recognise([drawn(page, PageRegion(page.number + 1, inside), max(1, dpi), MAX_PIXELS)])
        one.text, one.words = together(written(lines, wide, high), inside)


def _may_speak(figure: Figure) -> bool:
    wide, high = figure.pixels
    return figure.raster and not figure.lines and wide >= FIGURE_PIXELS[0] and high >= FIGURE_PIXELS[1]
