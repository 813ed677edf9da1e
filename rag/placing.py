"""The place of a part of a text: the characters of an element, or the words of it on its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.document import Box, CharSpan, Chunk, Element, PageRegion, Place

_Part = tuple[Element, int, int]
"""Characters of an element's text; from -1 on for its caption."""


def piece_places(places: tuple[Place, ...], text: str, start: int, end: int) -> tuple[Place, ...]:
    """The places of characters [start, end) of an element's text.

    In plain text the element's own span is narrowed (where its text is the file's, unchanged);
    elsewhere a CharSpan into the element's text follows the element's places. Of a table over several pages, whose
    places are each followed by the characters that stand there, those are left out that have no part in it.
    """
    if (start, end) == (0, len(text)):
        return places
    if any(isinstance(place, CharSpan) for place in places):
        own = places[0]
        if len(places) == 1 and isinstance(own, CharSpan) and own.end - own.start == len(text):
            return (CharSpan(own.start + start, own.start + end),)
        return tuple(_paged(places, start, end)) if isinstance(own, PageRegion) else places
    return (*places, CharSpan(start, end))


def _paged(places: tuple[Place, ...], start: int, end: int) -> Iterator[Place]:
    """The places, each narrowed by the CharSpan behind it, that have characters of [start, end)."""
    group: list[Place] = []
    for place in places:
        if not isinstance(place, CharSpan):
            group.append(place)
            continue
        if place.start < end and start < place.end:
            yield from (*group, CharSpan(max(start, place.start), min(end, place.end)))
        group = []


def part_places(chunk: Chunk, spans: Sequence[tuple[int, int]], elements: Sequence[Element]) -> tuple[Place, ...]:
    """The places of these spans of a chunk's text, by the elements that they stand in; () where one is not found.

    `spans` are in order; one that runs over several elements is looked for line by line. Those of one element
    that follow each other become one. Words that were read from pixels give their own box instead of the
    element's, those of a caption its element.
    """
    near = [one for one in elements if _is_near(one, chunk)]
    found: list[_Part] = []
    for start, end in spans:
        said = chunk.text[start:end]
        if not _find(said, near, found) and not all(_find(line.strip(), near, found) for line in said.split("\n")):
            return ()
    places: list[Place] = []
    group: list[Place] = []  # those of the last element
    last: Element | None = None
    for part in found:
        group = group if part[0] is last else []
        own = [place for place in _of(*part) if place not in group]
        places, group, last = places + own, group + own, part[0]
    return tuple(places)


def _find(said: str, near: Sequence[Element], found: list[_Part]) -> bool:
    """Whether an element holds the text, which then joins what was found: behind the last, or in any element."""
    if found:
        one, start, after = found[-1]
        at = one.text.find(said, after)
        if at >= 0 and not one.text[after:at].strip():
            found[-1] = (one, start, at + len(said))
            return True
        if at >= 0:
            found.append((one, at, at + len(said)))
            return True
    behind = near.index(found[-1][0]) + 1 if found else 0
    for one in (*near[behind:], *near[:behind]):
        if said in one.text or said in one.caption:
            at = one.text.find(said)
            found.append((one, at, at + len(said) if at >= 0 else 0))
            return True
    return False


def _is_near(element: Element, chunk: Chunk) -> bool:
    """Whether an element of the document may be one that a chunk was made of."""
    own = [place for place in chunk.origin.places if isinstance(place, PageRegion)]
    there = [place for place in element.origin.places if isinstance(place, PageRegion)]
    return not own or any(one.page == other.page and _meet(one.box, other.box) for one in own for other in there)


def _meet(one: Box, other: Box) -> bool:
    return one.left <= other.right and other.left <= one.right and one.top <= other.bottom and other.top <= one.bottom


def _of(element: Element, start: int, end: int) -> Iterator[Place]:
    """The places of characters of an element's text; of all of it where `start` is before its text."""
    if start < 0:
        yield from element.origin.places
        return
    boxes = [word.box for word in element.words if word.start < end and start < word.end]
    place = element.origin.places[0]
    if boxes and isinstance(place, PageRegion):
        sides = [(box.left, box.top, box.right, box.bottom) for box in boxes]
        lefts, tops, rights, bottoms = zip(*sides, strict=True)
        yield PageRegion(place.page, Box(min(lefts), min(tops), max(rights), max(bottoms)))
    else:
        yield from piece_places(element.origin.places, element.text, start, end)
