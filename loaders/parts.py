"""From what a page or a text shows to parts: ids, open sections, at most 500 elements each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.document import (
    Cell,
    Coloured,
    Element,
    Head,
    Link,
    Media,
    Mention,
    Modality,
    Notice,
    Origin,
    Page,
    Part,
    Place,
    Role,
    Source,
)
from rag.identity import element_id

PART_ELEMENTS = 500
PART_PAGES = 32


@dataclass(slots=True)
class Found:
    """An element before it is numbered. A `level` above 0 makes it a heading that opens a section.

    Not frozen, which would make it three times as slow to make; nobody changes one that was given away.
    """

    role: Role
    text: str
    places: tuple[Place, ...]
    modality: Modality = "text"
    caption: str = ""
    media: Media | None = None
    level: int = 0
    cells: tuple[Cell, ...] = ()
    links: tuple[Link, ...] = ()
    language: str = ""
    width: int = 0
    height: int = 0
    label: str = ""
    mentions: tuple[Mention, ...] = ()
    coloured: tuple[Coloured, ...] = ()


class Sections:
    """The open sections: a heading closes those of its own and deeper levels."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def place(self, found: Found) -> tuple[str, ...]:
        """The titles above an element; a heading opens its section after itself."""
        if not found.level:
            return tuple(title for _, title in self._open)
        while self._open and self._open[-1][0] >= found.level:
            self._open.pop()
        above = tuple(title for _, title in self._open)
        self._open.append((found.level, found.text))
        return above


def parts(source: Source, head: Head, found: Iterable[Found | Notice], start: int) -> Iterator[Part]:
    """Parts from number `start` on; earlier ones are read for their headings and left out.

    There is always a first part, also of a document without elements.
    """
    number = 0
    sections = Sections()
    elements: list[Element] = []
    warnings: list[Notice] = []
    for one in found:
        if isinstance(one, Notice):
            warnings.append(one)
            continue
        if len(elements) == PART_ELEMENTS:
            if number >= start:
                yield Part(number, head, tuple(elements), warnings=tuple(warnings), source=source)
            number += 1
            elements, warnings = [], []
        elements.append(_element(source, number, len(elements), one, sections.place(one)))
    if number >= start and (elements or warnings or number == 0):
        yield Part(number, head, tuple(elements), warnings=tuple(warnings), source=source)


def paged(
    source: Source, head: Head, pages: Iterable[tuple[Page, Iterable[Found | Notice]]], start: int
) -> Iterator[Part]:
    """Parts of at most 32 pages and 500 elements, from number `start` on; a page's elements may cross parts."""
    number = 0
    sections = Sections()
    elements: list[Element] = []
    warnings: list[Notice] = []
    held: list[Page] = []

    def part() -> Part:
        return Part(number, head, tuple(elements), tuple(held), tuple(warnings), source)

    for page, found in pages:
        if len(held) == PART_PAGES:
            if number >= start:
                yield part()
            number, elements, warnings, held = number + 1, [], [], []
        held.append(page)
        for one in found:
            if isinstance(one, Notice):
                warnings.append(one)
                continue
            if len(elements) == PART_ELEMENTS:
                if number >= start:
                    yield part()
                number, elements, warnings, held = number + 1, [], [], []
            elements.append(_element(source, number, len(elements), one, sections.place(one)))
    if number >= start and (elements or warnings or held or number == 0):
        yield part()


def _element(source: Source, part: int, ordinal: int, found: Found, headings: tuple[str, ...]) -> Element:
    return Element(
        element_id(source.digest, part, ordinal),
        found.modality,
        found.role,
        Origin(source, found.places),
        found.text,
        found.caption,
        found.media,
        headings,
        found.level,
        found.cells,
        links=found.links,
        language=found.language,
        width=found.width,
        height=found.height,
        label=found.label,
        mentions=found.mentions,
        coloured=found.coloured,
    )
