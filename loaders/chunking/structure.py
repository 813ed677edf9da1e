"""Chunks that follow the structure of a document: sections, paragraphs, tables, figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from rag.document import WHOLE, Chunk, Element, Head, Origin, Page, PageRegion, Part, Source
from rag.identity import identified
from rag.protocols import TokenCounter
from rag.words import WordCounter

from .blocks import UNSPOKEN, Block, Bounds, blocks
from .coloured import cut
from .places import page as page_of
from .sections import Packer
from .sizes import Sizer
from .spans import Spans, is_timed


@dataclass(frozen=True, slots=True)
class Structure:
    """Packs the paragraphs of a section up to `target` tokens; never above `maximum` with its headings.

    `counter` counts as the encoder in use does; without one, words are counted. `maximum` 0 is the
    counter's limit. Tables and figures are chunks of their own with their captions; a table may
    pass the limit four times before its rows are cut. Each page of a PDF is also an image chunk. A key
    frame and what is said while it is shown are one chunk.
    """

    VERSION: ClassVar[int] = 3

    counter: TokenCounter | None = None
    target: int = 200
    maximum: int = 0
    overlap: int = 0

    def __post_init__(self) -> None:
        for name in ("target", "maximum", "overlap"):
            value = getattr(self, name)
            if value < 0 or (name == "target" and value == 0):
                raise ValueError(f"{name} is a number of tokens, got {value}")
        if self.maximum and self.maximum < 16:
            raise ValueError(f"maximum is 0 (the encoder's limit) or at least 16 tokens, got {self.maximum}")

    def __call__(self, parts: Iterable[Part]) -> Iterator[Chunk]:
        """Chunks in reading order; those yielded before a part is pulled belong to the parts before."""
        return identified(self._chunks(parts))

    def _chunks(self, parts: Iterable[Part]) -> Iterator[Chunk]:
        counter = self.counter or WordCounter()
        limit = max(16, min(self.maximum or counter.limit, counter.limit))
        bounds = Bounds(min(self.target, limit), limit, self.overlap)
        walk = _Walk(Sizer(counter), bounds)
        for part in parts:
            walk.read(part)
            yield from walk.done()
        walk.close()
        yield from walk.done()


class _Walk:
    """One pass over a document: elements in, chunks out, sections carried over between parts."""

    def __init__(self, sizer: Sizer, bounds: Bounds) -> None:
        self._sizer = sizer
        self._bounds = bounds
        self._packer = Packer(sizer, bounds)
        self._spans = Spans(sizer, bounds)
        self._waiting: list[tuple[Element, int]] = []
        self._title: Block | None = None
        self._titled: list[Block] = []
        self._head = Head()
        self._source: Source | None = None
        self._sourceless: list[Page] = []
        self._drafts: list[Chunk] = []

    def read(self, part: Part) -> None:
        """Take in a part; a page comes before the first element that stands on it."""
        self._head = part.head
        if part.source:
            self._source = part.source
        pages = list(part.pages)
        self._packer.slides.update(page.number for page in pages if page.width > 1.1 * page.height)
        costs = self._sizer.costs([element.text for element in part.elements])
        for element, cost in zip(part.elements, costs, strict=True):
            self._source = element.origin.source
            while pages and pages[0].number <= page_of(element.origin.places):
                self._page(pages.pop(0))
            if element.role not in UNSPOKEN:
                self._element(element, cost)
            self._collect()
        for page in pages:
            self._page(page)

    def close(self) -> None:
        self._settle(())
        self._packer.close()
        self._spans.close()
        self._collect()

    def done(self) -> list[Chunk]:
        """The chunks finished since the last call, with their tokens counted in one batch."""
        counts = self._sizer.tokens([chunk.text for chunk in self._drafts])
        ready = [replace(chunk, tokens=count) for chunk, count in zip(self._drafts, counts, strict=True)]
        self._drafts = []
        return ready

    def _element(self, element: Element, cost: int) -> None:
        if is_timed(element):
            self._settle(())
            self._packer.close()  # what came before it is read before it
            self._collect()
            self._spans.add(element, cost)
            return
        if element.role == "heading":
            self._heading(element, cost)
            return
        self._settle(element.headings)
        if element.headings != self._packer.headings:
            self._packer.enter(element.headings, self._title, self._titled)
            self._titled = []
        self._add(element, cost)

    def _add(self, element: Element, cost: int) -> None:
        limit = self._bounds.limit
        room = max(limit - self._sizer.headings(element.headings), limit // 2)
        bounds = Bounds(min(self._bounds.target, room), room, self._bounds.overlap)
        for block in blocks(element, cost, self._sizer, bounds, self._packer.last):
            self._packer.add(block)

    def _heading(self, element: Element, cost: int) -> None:
        """Keep a heading back until it is known whether anything stands under it."""
        if not element.text.strip():
            return
        if element.headings[-1:] == (element.text,):
            element = replace(element, headings=element.headings[:-1])
        if self._waiting and (element.level <= self._waiting[-1][0].level or len(self._waiting) > 32):
            self._settle(element.headings)
        self._waiting.append((element, cost))

    def _settle(self, headings: tuple[str, ...]) -> None:
        """Headings that are not above `headings`, nor above one another, are texts of their own."""
        waiting, self._waiting = self._waiting, []
        for at, (element, cost) in enumerate(waiting):
            under = {_folded(title) for later, _ in waiting[at + 1 :] for title in later.headings}
            under.update(map(_folded, headings))
            if _folded(element.text) in under:
                self._title = _block(element, cost)
                if element.coloured:
                    self._titled = [*self._titled[-31:], self._title]
            else:
                self._packer.enter(element.headings, None)
                self._add(element, cost)

    def _page(self, page: Page) -> None:
        """The page as a picture; pages before the source is known wait for it."""
        self._sourceless.append(page)
        if self._source is None:
            return
        if self._source.media_type == "application/pdf":
            for one in self._sourceless:
                origin = Origin(self._source, (PageRegion(one.number, WHOLE),))
                self._drafts.append(Chunk("", "image", origin, role="page", title=self._head.title))
        self._sourceless = []

    def _collect(self) -> None:
        if self._source is None:
            return
        for packed in (*self._packer.taken(), *self._spans.taken()):
            self._drafts.append(
                Chunk(
                    id="",
                    modality=packed.modality,
                    origin=Origin(self._source, packed.places),
                    text=packed.text,
                    role=packed.role,
                    title=self._head.title,
                    media=packed.block.media,
                    headings=packed.headings,
                    parent=packed.parent,
                    mentions=packed.block.mentions,
                    coloured=packed.coloured,
                )
            )


def _block(element: Element, cost: int) -> Block:
    runs = cut(element.coloured, 0, len(element.text), 0, element.origin.places)
    return Block(
        element.text, cost, element.origin.places, "heading", "text", element.headings, coloured=runs
    )  # fmt: skip


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()
