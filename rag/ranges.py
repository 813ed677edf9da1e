"""Ranges of pages: "1-20,35,50-"."""

from __future__ import annotations

import re

_RANGE = re.compile(r"\s*(\d{1,7})\s*(?:(-)\s*(\d{1,7})?\s*)?$")
Ranges = tuple[tuple[int, int], ...]
"""First and last page, from 1, both included."""
END = 10**7


def ranges(said: str) -> Ranges:
    """The ranges that a text names, none for an empty one; ValueError for what is none."""
    found = []
    for part in said.split(",") if said.strip() else ():
        match = _RANGE.match(part)
        if match is None:
            raise ValueError(f'pages are numbers and ranges such as "1-20,35,50-", got {said!r}')
        first = int(match[1])
        last = int(match[3]) if match[3] else END if match[2] else first
        if not 1 <= first <= last:
            raise ValueError(f"a range of pages runs upwards from 1 on, got {part.strip()!r} in {said!r}")
        found.append((first, last))
    return tuple(found)


def within(number: int, wanted: Ranges) -> bool:
    """Is a page among the ranges? All are where there are none."""
    return not wanted or any(first <= number <= last for first, last in wanted)
