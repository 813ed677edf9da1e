"""Elements by hand, for the tests of chunking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rag.loaders.chunking.structure import Structure

from rag.document import Box, Chunk, Element, Head, MarkupPath, Media, Origin, Page, PageRegion, Part, Place, Source

PDF = Source("a.pdf", "application/pdf", "d" * 64)
HTML = Source("a.html", "text/html", "e" * 64)


def at(page: int, top: float = 0.1, height: float = 0.05, left: float = 0.1) -> PageRegion:
    return PageRegion(page, Box(left, top, 0.9, top + height))


class Document:
    """Elements in order, each in the sections that are open; ids count up."""

    def __init__(self, source: Source = PDF) -> None:
        self.source = source
        self.elements: list[Element] = []
        self._open: list[tuple[int, str]] = []

    def heading(self, text: str, level: int = 1, page: int = 1) -> Document:
        self._open = [(depth, title) for depth, title in self._open if depth < level]
        self.add(text, "heading", page, level=level)
        self._open.append((level, text))
        return self

    def add(
        self,
        text: str,
        role: str = "paragraph",
        page: int = 1,
        places: Sequence[Place] = (),
        **fields: object,
    ) -> Document:
        number = len(self.elements)
        own: Place = (
            at(page, top=0.02 * (number % 40), height=0.015)
            if self.source is PDF
            else MarkupPath(f"/html/body/p[{number + 1}]")
        )
        modality = {"table": "table", "figure": "image"}.get(role, "text")
        values: dict[str, object] = {
            "id": f"e{number}",
            "modality": modality,
            "role": role,
            "origin": Origin(self.source, tuple(places) or (own,)),
            "text": text,
            "headings": tuple(title for _, title in self._open),
        }
        self.elements.append(Element(**(values | fields)))  # type: ignore[arg-type]
        return self

    def chunks(self, cuts: Sequence[int] = (), pages: Sequence[Page] = (), **options: int) -> list[Chunk]:
        return list(Structure(**options)(self.parts(cuts, pages)))  # type: ignore[arg-type]

    def parts(self, cuts: Sequence[int] = (), pages: Sequence[Page] = ()) -> list[Part]:
        edges = [0, *sorted(cuts), len(self.elements)]
        slices = [self.elements[start:end] for start, end in pairwise(edges)]
        return [
            Part(number, Head("The title"), tuple(elements), tuple(pages) if number == 0 else (), source=self.source)
            for number, elements in enumerate(slices)
        ]


PICTURE = Media("image/png", "f" * 64, 10)


def sentence(words: int, start: int = 0) -> str:
    return " ".join(["Word", *(f"w{start + number}" for number in range(words - 1))]) + "."
