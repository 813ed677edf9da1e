"""Printed page numbers, of pages that carry no label of the file's own: what a reader calls "page 28"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from .running import Edge, Pages

LEAST = 3
"""Pages in a row of a stretch that have to agree on how far the printed number is from the place."""
_ALONE = re.compile(r"^\W*(?:page|p\.|seite|slide)?\W*(\d{1,4})(?:\s*(?:of|/|\|)\s*\d{1,4})?\W*$", re.IGNORECASE)
_BESIDE = re.compile(r"^(\d{1,4})\s+[|·•–—-]?\s*\D|\D\s*[|·•–—-]?\s+(\d{1,4})$")
_ROMAN = re.compile(r"^\W*([ivxl]{1,7})\W*$")


def printed(pages: Pages, edges: Mapping[int, Mapping[int, Edge]]) -> dict[int, str]:
    """index of a page -> the number printed in its running lines, where it is not that of its place.

    Arabic numbers are believed where at least three pages, and half of those that show a number, stand at one
    distance from their place; so a year or a section number in a running head is none. Small Roman
    numerals are believed as they stand.
    """
    shown = {index: _numbers([pages[index].lines[at].text for at in found]) for index, found in edges.items()}
    distances = Counter(number - index - 1 for index, numbers in shown.items() for number in numbers)
    distance, count = distances.most_common(1)[0] if distances else (0, 0)
    labels = {
        index: roman[1]
        for index, found in edges.items()
        for at in found
        if (roman := _ROMAN.match(pages[index].lines[at].text))
    }
    if distance and count >= LEAST and 2 * count >= sum(map(bool, shown.values())):
        labels |= {index: str(index + 1 + distance) for index, seen in shown.items() if index + 1 + distance in seen}
    return labels


def _numbers(lines: list[str]) -> set[int]:
    found = (_ALONE.match(line) or _BESIDE.search(line.strip()) for line in lines)
    return {int(next(group for group in match.groups() if group)) for match in found if match}
