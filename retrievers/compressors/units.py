"""The evidence of an answer as pieces that can be left out, and evidence again from those that stay.

A chunk of a web page names the blocks that it was packed from; each becomes a piece with its part of
the chunk's text. Everything else is one piece. Texts are cut out of the chunk's text, never made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.answer import Evidence
from rag.document import CharSpan, Chunk, MarkupPath, Origin, Place, Source
from rag.identity import digest
from rag.markup import Markup, TooMuch, named, parse

LONGEST = 64_000_000
"""Bytes of a stored page that is read for the limits of its blocks."""
_SEEN = 24
"""Characters by which the beginning of a block is known, white space left out."""
_MARKER = re.compile(r"\s*(?:[-*•]|\d{1,9}[.)])?\s*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of evidence number `of` (in the selection's order): characters [start, end) of its text."""

    of: int
    start: int
    end: int
    places: tuple[Place, ...]
    path: str = ""

    def text(self, evidence: Sequence[Evidence]) -> str:
        return evidence[self.of].hit.chunk.text[self.start : self.end].strip()


class Pages:
    """Stored pages, read and parsed once; None for one that is gone or changed."""

    def __init__(self) -> None:
        self._read: dict[str, Markup | None] = {}

    def page(self, source: Source) -> Markup | None:
        if source.digest not in self._read:
            self._read[source.digest] = _stored(source)
        return self._read[source.digest]


def _stored(source: Source) -> Markup | None:
    try:
        path = Path(source.path)
        if not source.path or not path.is_file() or path.stat().st_size > LONGEST:
            return None
        data = path.read_bytes()
        return parse(data) if digest(data) == source.digest else None
    except (OSError, ValueError, TooMuch):
        return None


def units(evidence: Sequence[Evidence], pages: Pages) -> list[Unit]:
    """The pieces of each evidence in its reading order."""
    return [unit for at, one in enumerate(evidence) for unit in _units(at, one.hit.chunk, pages)]


def _units(of: int, chunk: Chunk, pages: Pages) -> list[Unit]:
    places = chunk.origin.places
    first = next((place.path for place in places if isinstance(place, MarkupPath)), "")
    whole = [Unit(of, 0, len(chunk.text), places, first)]
    if chunk.modality != "text" or not chunk.text.strip():
        return whole
    groups = _groups(places)
    page = pages.page(chunk.origin.source) if len(groups) > 1 else None
    if page is None or not all(isinstance(group[0], MarkupPath) for group in groups):
        return whole
    starts = _starts(chunk.text, groups, page)
    found: list[Unit] = []
    for at, group in enumerate(groups):
        start = starts[at]
        head = group[0]
        if start is None and found:  # its beginning was not found: it stays with the block before it
            found[-1] = replace(found[-1], places=(*found[-1].places, *group))
        elif isinstance(head, MarkupPath):
            if found:
                found[-1] = replace(found[-1], end=start or 0)
            found.append(Unit(of, start or 0 if found else 0, len(chunk.text), group, head.path))
    return found


def _groups(places: Sequence[Place]) -> list[tuple[Place, ...]]:
    """Each place with the characters that narrow it."""
    groups: list[tuple[Place, ...]] = []
    for place in places:
        if isinstance(place, CharSpan) and groups:
            groups[-1] = (*groups[-1], place)
        else:
            groups.append((place,))
    return groups


def _starts(text: str, groups: Sequence[tuple[Place, ...]], page: Markup) -> list[int | None]:
    """Where each block begins in the chunk's text; None where that is not found."""
    at = [number for number, letter in enumerate(text) if not letter.isspace()]
    packed = "".join(text[number] for number in at)
    found: list[int | None] = []
    after = 0
    for group in groups:
        head = group[0]
        wanted = "" if len(group) > 1 or not isinstance(head, MarkupPath) else _beginning(page, head.path)
        here = packed.find(wanted, after) if wanted else -1
        if here < 0:
            found.append(None)
            continue
        after = here + 1
        found.append(_line_start(text, at[here]))
    return found


def _beginning(page: Markup, path: str) -> str:
    try:
        nodes = named(page, path)
    except ValueError:
        return ""
    said = ("".join("".join(map(str, [node] if isinstance(node, str) else node.itertext())).split()) for node in nodes)
    return "".join(said)[:_SEEN]


def _line_start(text: str, at: int) -> int:
    """The beginning of the line, where only a list's mark stands before."""
    line = text.rfind("\n", 0, at) + 1
    return line if _MARKER.fullmatch(text[line:at]) else at


def narrowed(
    evidence: Sequence[Evidence], kept: Collection[Unit], all_units: Sequence[Unit], tokens: Callable[[str], int]
) -> tuple[Evidence, ...]:
    """The evidence of which something is kept, each with the text and the places that are.

    Ids and numbers stay: it is the same evidence, of which less is shown.
    """
    wanted = {(unit.of, unit.start): unit for unit in kept}
    out: list[Evidence] = []
    for at, one in enumerate(evidence):
        mine = [unit for unit in all_units if unit.of == at]
        left = [wanted[unit.of, unit.start] for unit in mine if (unit.of, unit.start) in wanted]
        if left == mine:
            out.append(one)
        elif left:
            out.append(replace(one, hit=replace(one.hit, chunk=_chunk(one.hit.chunk, left, tokens))))
    return tuple(out)


def _chunk(chunk: Chunk, left: Sequence[Unit], tokens: Callable[[str], int]) -> Chunk:
    text = ""
    for unit in left:
        piece = chunk.text[unit.start : unit.end].strip("\n")
        text += ("\n" if text else "") + piece.rstrip()
    places = tuple(place for unit in left for place in unit.places)
    origin = Origin(chunk.origin.source, places)
    return replace(chunk, origin=origin, text=text, tokens=tokens(text), views=(), coloured=())


def cut(unit: Unit, text: str, end: int) -> Unit:
    """The first `end` characters of a unit's text; in a web page its last place is narrowed to them."""
    start = unit.start
    lead = len(text) - len(text.lstrip())
    places = unit.places
    groups = _groups(places)
    if len(groups) == 1 and isinstance(groups[0][0], MarkupPath):
        own = groups[0][1] if len(groups[0]) > 1 else None
        first = own.start if isinstance(own, CharSpan) else 0
        places = (groups[0][0], CharSpan(first, first + end))
    return replace(unit, end=start + lead + end, places=places)
