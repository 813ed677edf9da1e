"""Presentations by python-pptx: each slide a page, each shape a box on it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.document import WHOLE, Notice, Page, PageRegion, Part, Source
from rag.errors import SourceError
from rag.extras import extra
from rag.protocols import Assets

from ..parts import Found, paged
from ..pictures import Pictures
from ..reading import file_name
from .about import head
from .package import Package, parsing
from .shapes import Placed, placed, table_cells, words_of

if TYPE_CHECKING:
    from pptx.slide import Slide

EMU = 12_700
"""English metric units in a point."""


class PPTX:
    """Reads presentations. Nothing embedded or linked is opened.

    Titles are headings; charts become tables of their values; speaker notes follow their slide. Hidden slides and
    shapes have the role `hidden`. Pictures smaller than `min_image_side` pixels are left out.
    """

    VERSION = 2
    media_types: tuple[str, ...] = ("application/vnd.openxmlformats-officedocument.presentationml.presentation",)

    def __init__(
        self, *, min_image_side: int = 50, max_bytes: int = 400_000_000, max_unpacked: int = 1_000_000_000,
        assets: Assets | None = None,
    ) -> None:  # fmt: skip
        if min(max_bytes, max_unpacked) < 1:
            raise ValueError(f"max_bytes and max_unpacked are at least 1, got {max_bytes} and {max_unpacked}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.max_unpacked = max_unpacked
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 32 slides.

        Raises SourceError: encrypted, damaged, refused (entities), limit, empty, missing; MissingExtra.
        """
        with extra("office"):
            import pptx
        package = Package(source, self.max_bytes, self.max_unpacked)
        package.refuse_entities()
        with parsing(source.uri):
            deck = pptx.Presentation(io.BytesIO(package.data))
            slides = list(deck.slides)
            size = (int(deck.slide_width or 9_144_000), int(deck.slide_height or 6_858_000))
        pictures = Pictures(source, self.assets, min_side=self.min_image_side)
        about = head(package, file_name(source), len(slides))
        walk = _Walk(source, pictures, size)
        pages = ((walk.page(number), walk.found(slide, number)) for number, slide in enumerate(slides, 1))
        yield from paged(source, about, pages, start)


class _Walk:
    """Yields what each slide shows."""

    def __init__(self, source: Source, pictures: Pictures, size: tuple[int, int]) -> None:
        self._source = source
        self._pictures = pictures
        self._size = size

    def page(self, number: int) -> Page:
        """A slide as a page, in points."""
        return Page(number, str(number), round(self._size[0] / EMU, 2), round(self._size[1] / EMU, 2))

    def found(self, slide: Slide, number: int) -> Iterator[Found | Notice]:
        """The elements of a slide: its title first, then its shapes in their order."""
        where = f"slide {number}"
        hidden = slide._element.get("show") in ("0", "false")
        with parsing(self._source.uri, where):
            shapes = placed(slide, self._size)
            title = getattr(slide.shapes.title, "_element", None)
        if hidden:
            yield Notice("a hidden slide; its text is left out of the evidence", PageRegion(number, WHOLE))
        shapes.sort(key=lambda one: one.shape._element is not title)
        for one in shapes:
            try:
                with parsing(self._source.uri, where):
                    found = list(self._shape(one, number, title=one.shape._element is title))
            except SourceError as error:  # a kind of chart that the library does not know costs no slide
                yield Notice(f"a shape is left out: {error.message}", PageRegion(number, one.box))
                continue
            for each in found:
                unseen = hidden or one.hidden
                yield Found("hidden", each.text, each.places) if unseen and each.text else each
        with parsing(self._source.uri, where):
            notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
            said = words_of(notes) if notes is not None else ""
        if said:
            yield Found("hidden" if hidden else "paragraph", f"Speaker notes: {said}", (PageRegion(number, WHOLE),))
        yield from self._pictures.told()

    def _shape(self, one: Placed, number: int, *, title: bool) -> Iterator[Found]:
        shape: Any = one.shape
        place = PageRegion(number, one.box)
        if getattr(shape, "has_table", False):
            cells, text = table_cells(shape.table)
            if text:
                yield Found("table", text, (place,), "table", cells=cells)
        elif getattr(shape, "has_chart", False):
            caption, cells, text = one.chart()
            if text:
                yield Found("table", text, (place,), "table", caption, cells=cells)
        elif getattr(shape, "has_text_frame", False):
            text = words_of(shape.text_frame, listed=one.body and not title)
            if text and title:
                yield Found("heading", " ".join(text.split()), (place,), level=1)
            elif text:
                yield Found("list" if one.body and "\n" in text else "paragraph", text, (place,))
        if data := one.picture():
            picture = self._pictures.keep(data, f"a picture on slide {number}")
            if picture and min(picture.width, picture.height) >= self._pictures.min_side:
                yield Found("figure", one.described, (place,), "image", media=picture.media)
        elif text := one.diagram():
            yield Found("list", text, (place,))
