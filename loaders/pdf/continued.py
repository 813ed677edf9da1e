"""Tables that go on over the foot of a page: one element with a place on each page.

Pure code over elements: nothing here depends on the engine that read them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.document import Cell, CharSpan, Element, PageRegion, Place, Role

from .tables import markdown, numeric

FOOT = 0.8
"""A table that goes on ends below this share of its page, and begins again above `TOP`."""
TOP = 0.25
_EDGE = 0.03
_PASSED = frozenset({"header", "footer", "footnote", "hidden", "note", "field"})
_YEAR = re.compile(r"(19|20)\d\d$")
_CONTINUED = re.compile(r"\b(?:continued|cont(?:inuation|['’]?d\b|\.)|fortsetzung|suite)", re.IGNORECASE)


def joined(elements: Sequence[Element]) -> list[Element]:
    """The elements with every table joined to what continues it on the next pages, header rows repeated once."""
    found: list[Element] = []
    last = -1  # the last element of running text
    for one in elements:
        if one.role in _PASSED:
            found.append(one)
            continue
        before = found[last] if last >= 0 else None
        if before is not None and one.role == "table" and before.role == "table" and _goes_on(before, one):
            found[last] = _one(before, one)
            continue
        found.append(one)
        last = len(found) - 1
    return found


def last_table(elements: Sequence[Element]) -> int:
    """Where the table is that a part ends with, running feet and footnotes aside; -1 for none."""
    at = next((at for at in range(len(elements) - 1, -1, -1) if elements[at].role not in _PASSED), -1)
    return at if at >= 0 and elements[at].role == "table" else -1


def passed(role: Role) -> bool:
    """May an element of that role stand between a table and what continues it?"""
    return role in _PASSED


def _goes_on(before: Element, one: Element) -> bool:
    above, below = _regions(before), _regions(one)
    if not above or not below or above[-1].page + 1 != below[0].page or _columns(before) != _columns(one):
        return False
    last = max((place for place in above if place.page == above[-1].page), key=lambda place: place.box.bottom)
    says = bool(_CONTINUED.search(one.caption))
    if one.caption and not says:
        return False
    if last.box.bottom < FOOT and not says:
        return False
    if below[0].box.top > TOP:
        return False
    if says or _header(before) == _header(one) != []:
        return True
    level = abs(last.box.left - below[0].box.left) < _EDGE and abs(last.box.right - below[0].box.right) < _EDGE
    return level and _columns(one) > 1 and _tells_amounts(_header(one))


def _one(before: Element, one: Element) -> Element:
    rows = max(cell.row + cell.rows for cell in before.cells)
    head = _header(one)
    repeated = _rows(head) if head == _header(before) else 0
    # Without a header of its own its first row is a row like others.
    more = [
        replace(cell, row=cell.row - repeated + rows, header=cell.header and bool(repeated))
        for cell in one.cells
        if cell.row >= repeated
    ]
    cells = (*before.cells, *more)
    text = markdown(cells)
    origin = replace(before.origin, places=_places(before, one, text))
    begin, moved = len(before.text) + 1, len(text) - len(one.text)
    if text[:begin] != f"{before.text}\n":
        return replace(before, cells=cells, text=text, origin=origin, coloured=())
    below = [
        replace(run, start=run.start + moved, end=run.end + moved) for run in one.coloured if run.start + moved >= begin
    ]
    return replace(before, cells=cells, text=text, origin=origin, coloured=(*before.coloured, *below))


def _places(before: Element, one: Element, text: str) -> tuple[Place, ...]:
    """The places of both. Behind those of a page the characters of its rows, so that a row is shown on its own page."""
    above, below = before.origin.places, one.origin.places
    begin, moved = len(before.text) + 1, len(text) - len(one.text)
    if text[:begin] != f"{before.text}\n":
        return (*above, *below)
    if not any(isinstance(place, CharSpan) for place in above):
        above = (*above, CharSpan(0, begin - 1))
    if not any(isinstance(place, CharSpan) for place in below):
        below = (*below, CharSpan(0, len(one.text)))
    told = (
        CharSpan(max(begin, place.start + moved), place.end + moved) if isinstance(place, CharSpan) else place
        for place in below
    )
    return (*above, *told)


def _regions(one: Element) -> list[PageRegion]:
    return [place for place in one.origin.places if isinstance(place, PageRegion)]


def _columns(one: Element) -> int:
    return max((cell.column + cell.columns for cell in one.cells), default=0)


def _header(one: Element) -> list[Cell]:
    return [cell for cell in one.cells if cell.header]


def _tells_amounts(head: Sequence[Cell]) -> bool:
    """Is what was taken for a header a row of the body, or is there none? Years are headers."""
    return not head or any(numeric(cell.text) and not _YEAR.match(cell.text) for cell in head)


def _rows(head: Sequence[Cell]) -> int:
    return max((cell.row + cell.rows for cell in head), default=0)
