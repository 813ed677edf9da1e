"""Running heads, feet and page numbers: what repeats at the edges of pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal, Protocol

from .text import Line, PageText

ZONE = 0.12
"""Share of a page's height, at its top and its bottom, where running heads are looked for."""
WINDOW = 8
"""Pages before and after a stretch that tell what repeats in it."""
ROWS = 2

_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"^(?:page |p\. ?|seite |- ?|– ?)?(?:#|[ivxlc]{1,7})(?: ?(?:of|/|\|) ?#)?(?: ?[-–])?$", re.IGNORECASE
)
Edge = Literal["header", "footer"]


class Pages(Protocol):
    """What `Reader` is to the running heads."""

    count: int

    def __getitem__(self, index: int) -> PageText: ...

    def keep(self, first: int, last: int) -> None: ...


def running(reader: Pages, first: int, last: int, body: float) -> dict[int, dict[int, Edge]]:
    """For each page of [first, last) its running lines: index among the page's lines -> edge.

    A line runs if a line of the same words (numbers aside) stands at the same height on another
    two pages of the stretch and the pages around it, or is a bare page number as on other pages.
    `body` is the size of the text's type: what is set much larger is a heading.
    """
    window = range(max(0, first - WINDOW), min(reader.count, last + WINDOW))
    reader.keep(window.start, window.stop)
    edges = {index: _edges(reader[index], index) + _margins(reader[index]) for index in window}
    seen: Counter[tuple[Edge, str, int]] = Counter()
    numbers: Counter[Edge] = Counter()
    for found in edges.values():
        keys = {(edge, key, height + near) for edge, key, height, _ in found for near in (-1, 0, 1)}
        seen.update(keys)
        numbers.update({edge for edge, key, _, _ in found if _PAGE_NUMBER.match(key)})
    run: dict[int, dict[int, Edge]] = {}
    for index in range(first, last):
        near = [one for one in edges[index] if reader[index].lines[one[3]].size < 1.3 * body]
        often = 2 if len(edges) == 2 else 3
        runs: dict[int, Edge] = {}
        told: dict[int, Edge] = {}
        for edge, key, height, at in near:
            if seen[edge, key, height] >= often:
                runs[at] = edge
                if key.startswith(GROWS) or any(map(str.isalpha, key)):
                    told[at] = edge
        bare = {at: edge for edge, key, _, at in near if _PAGE_NUMBER.match(key) and numbers[edge] >= 2}
        # Numbers that do not grow with the pages repeat in a table's first and last rows too, and before items.
        bare |= {at: edge for at, edge in runs.items() if at not in told}
        run[index] = told | {at: edge for at, edge in bare.items() if _alone(reader[index], at, {*told, *bare})}
    return run


def _alone(page: PageText, at: int, running: set[int]) -> bool:
    """Does a number stand in a row of its own, or of running lines? Else it is a cell of a table."""
    line = page.lines[at]
    return all(
        other in running or abs(one.baseline - line.baseline) >= 3 or one.turned
        for other, one in enumerate(page.lines)
        if other != at
    )


def _edges(page: PageText, number: int) -> list[tuple[Edge, str, int, int]]:
    """The outermost rows at both edges as (edge, words with # for numbers, height, line index)."""
    upright = [(at, line) for at, line in enumerate(page.lines) if not line.turned]
    top = [(at, line) for at, line in upright if line.box[3] < page.height * ZONE]
    bottom = [(at, line) for at, line in upright if line.box[1] > page.height * (1 - ZONE)]
    found: list[tuple[Edge, str, int, int]] = []
    edges: tuple[tuple[Edge, Iterable[list[tuple[int, Line]]]], ...] = (
        ("header", _rows(sorted(top, key=lambda item: item[1].baseline))),
        ("footer", _rows(sorted(bottom, key=lambda item: -item[1].baseline))),
    )
    for edge, rows in edges:
        found += _outermost(upright, edge, number)
        for row in rows:
            if len(row) > 4:  # a table that happens to start here
                break
            for at, line in row:
                key = _NUMBER.sub("#", line.text.casefold())
                if not any(c.isalnum() or c == "#" for c in key):  # a bullet
                    continue
                found.append((edge, key, round(line.baseline / 3), at))
                if line.text.isdecimal() and len(line.text) < 6:
                    found.append((edge, f"{GROWS}{int(line.text) - number}", round(line.baseline / 3), at))
    return found


GROWS = "="
"""Begins the key of a number that grows with the pages; the rest is how far it is from the page's place."""
ANYWHERE = -(10**6)
"""The height of a foot that follows the text up the page, as in pages printed from a browser."""


def _outermost(upright: list[tuple[int, Line]], edge: Edge, number: int) -> list[tuple[Edge, str, int, int]]:
    """The first or last row wherever it stands, if it is short and has a number that grows with the pages."""
    if not upright:
        return []
    pick = min if edge == "header" else max
    _, outer = pick(upright, key=lambda item: item[1].baseline)
    row = [(at, line) for at, line in upright if abs(line.baseline - outer.baseline) < 3]
    if len(row) > 3 or sum(line.words for _, line in row) > 12:
        return []
    text = " ".join(line.text.casefold() for _, line in row)
    numbers = _NUMBER.findall(text)
    return [
        (edge, f"{_NUMBER.sub('#', text)} {int(value) - number}", ANYWHERE, at)
        for value in set(numbers)
        if len(value) < 6
        for at, _ in row
    ]


def _margins(page: PageText) -> list[tuple[Edge, str, int, int]]:
    """Text that runs up or down the side margins: stamps of a publisher."""
    return [
        ("footer", line.text, round(line.baseline / 3), at)
        for at, line in enumerate(page.lines)
        if line.turned and not 0.1 * page.width < line.middle[0] < 0.9 * page.width
    ]


def _rows(ordered: list[tuple[int, Line]]) -> list[list[tuple[int, Line]]]:
    rows: list[list[tuple[int, Line]]] = []
    for item in ordered:
        if rows and abs(rows[-1][0][1].baseline - item[1].baseline) < 3:
            rows[-1].append(item)
        elif len(rows) == ROWS:
            break
        else:
            rows.append([item])
    return rows
