"""The places of a chunk from those of its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rag.document import Box, CharSpan, PageRegion, Place, TimeSpan

MOST_BOXES = 8
"""More boxes than this on a chunk are merged, nearest first: a page full of outlines shows nothing."""
_EDGE = 0.02
_GAP = 0.03


def merged(groups: Sequence[tuple[Place, ...]]) -> tuple[Place, ...]:
    """The places of consecutive blocks as those of one chunk, in reading order, none twice."""
    places = [place for group in groups for place in group]
    if all(isinstance(place, CharSpan) for place in places):
        spans = [place for place in places if isinstance(place, CharSpan)]
        return (CharSpan(min(span.start for span in spans), max(span.end for span in spans)),)
    if all(isinstance(place, TimeSpan) for place in places):
        times = [place for place in places if isinstance(place, TimeSpan)]
        return (TimeSpan(min(time.start for time in times), max(time.end for time in times)),)
    return tuple(_fewer(_joined(places)))


def page(places: Sequence[Place], last: bool = False) -> int:
    """The first (or last) page among places; 0 where there is none."""
    pages = [place.page for place in places if isinstance(place, PageRegion)]
    return (pages[-1] if last else pages[0]) if pages else 0


def _joined(places: Sequence[Place]) -> list[Place]:
    """Boxes that stand under each other in one column become one; repeats are dropped."""
    kept: list[Place] = []
    for at, place in enumerate(places):
        narrowed = at + 1 < len(places) and isinstance(places[at + 1], CharSpan)
        if not narrowed and not isinstance(place, CharSpan) and place in kept:
            continue
        above = kept[-1] if kept else None
        if (
            isinstance(place, PageRegion)
            and isinstance(above, PageRegion)
            and not narrowed
            and above.page == place.page
            and _stacked(above.box, place.box)
        ):
            kept[-1] = PageRegion(place.page, _union(above.box, place.box))
        else:
            kept.append(place)
    return kept


def _stacked(above: Box, below: Box) -> bool:
    within = above.left - _EDGE <= below.left and below.right <= above.right + _EDGE
    around = below.left - _EDGE <= above.left and above.right <= below.right + _EDGE
    return (within or around) and -0.01 <= below.top - above.bottom <= _GAP


def _union(one: Box, other: Box) -> Box:
    return Box(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _fewer(places: list[Place]) -> list[Place]:
    """At most MOST_BOXES places where boxes can be merged: the nearest neighbours first."""
    while len(places) > MOST_BOXES:
        gaps = [
            (abs(below.box.top - above.box.bottom) + abs(below.box.left - above.box.left), at)
            for at, (above, below) in enumerate(pairwise(places))
            if isinstance(above, PageRegion)
            and isinstance(below, PageRegion)
            and above.page == below.page
            and not (at + 2 < len(places) and isinstance(places[at + 2], CharSpan))
        ]
        if not gaps:
            break
        at = min(gaps)[1]
        above, below = places[at], places[at + 1]
        if isinstance(above, PageRegion) and isinstance(below, PageRegion):
            places[at : at + 2] = [PageRegion(above.page, _union(above.box, below.box))]
    return places
