"""PDF by PyMuPDF or PDFium: text in reading order, tables with cells, figures with captions, all with boxes.

PyMuPDF is licensed AGPL-3.0 or commercially by Artifex; nothing of Argus but the `pdf` modules of
this room imports it. PDFium (pypdfium2) is licensed BSD-3-Clause and Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rag.document import PageRegion, Part, Place, Source
from rag.errors import SourceError
from rag.protocols import Assets, PageCallback, Recogniser
from rag.ranges import ranges, within

from ..reading import file_name
from .document import Options, head, outline, surveyed
from .engine import Name, chosen, release
from .layout import PART_LAID_OUT, needed
from .parts import Reading
from .render import drawn, opened, short
from .text import Reader


class PDF:
    """Reads PDF files (loader) and shows regions of their pages (renderer).

    `engine`: "mupdf" is PyMuPDF, "pdfium" pypdfium2, "auto" the first of them that is installed.
    `layout`: "model" asks PyMuPDF's layout model (extra `layout`) for the regions of each page, half a
    second each, eight pages a Part. `part_pages`: pages of a Part, at most 32.
    `tables`: "auto" finds ruled tables by their lines
    and others by the alignment of their text; "all" also asks PyMuPDF's own finder about every
    page, some 100 ms each; "off" leaves tables as text. Pictures smaller than `min_image_side`
    pixels on a side, or than `min_image_bytes` as stored, are ornaments and are left out.
    `figure_dpi`: resolution of figures that have to be drawn (vector graphics, masked or tiled
    pictures); 0 keeps no pixels of them. A file of more than `max_pages` pages is refused.
    `render` lowers the resolution rather than pass `max_render_pixels`. The drawings of a page
    with more than `max_page_bytes` of compressed content are not analysed. Pages without a text layer
    are read by `recogniser`, four a Part, and so are pictures among text unless `read_figures` is
    false; headings on such a page stand above nothing but that page. `pages` ("1-20,35,50-") are the
    only ones read, all where it is empty.

    `progress` is called after each page that was read from its pixels, and after each page of a part;
    `reading` before a page is looked at.

    Nothing is kept between calls: no open file, no page.
    """

    VERSION = 5
    media_types: tuple[str, ...] = ("application/pdf",)

    def __init__(
        self,
        *,
        engine: Literal["auto", "mupdf", "pdfium"] = "auto",
        layout: Literal["fast", "model"] = "fast",
        recogniser: Recogniser | None = None,
        read_figures: bool = True,
        part_pages: int = 32,
        tables: Literal["auto", "off", "all"] = "auto",
        min_image_side: int = 50,
        min_image_bytes: int = 1024,
        figure_dpi: int = 110,
        pages: str = "",
        max_pages: int = 20_000,
        max_page_bytes: int = 4_000_000,
        max_render_pixels: int = 50_000_000,
        assets: Assets | None = None,
        progress: PageCallback | None = None,
        reading: PageCallback | None = None,
    ) -> None:
        if engine not in ("auto", "mupdf", "pdfium"):
            raise ValueError(f"engine is auto, mupdf or pdfium, got {engine!r}")
        if layout not in ("fast", "model"):
            raise ValueError(f"layout is fast or model, got {layout!r}")
        if layout == "model" and engine == "pdfium":
            raise ValueError("layout = model is PyMuPDF's: it needs engine = mupdf")
        if not 1 <= part_pages <= 32:
            raise ValueError(f"part_pages is 1 to 32, got {part_pages}")
        if tables not in ("auto", "off", "all"):
            raise ValueError(f"tables is auto, off or all, got {tables!r}")
        if max_render_pixels < 16 or max_pages < 1:
            raise ValueError("max_pages is at least 1, max_render_pixels at least 16")
        self.engine = engine
        self.pages = ranges(pages)
        self.recogniser = recogniser
        self.read_figures = read_figures
        self.part_pages = part_pages
        self.max_pages = max_pages
        self.max_render_pixels = max_render_pixels
        self.options = Options(tables, min_image_side, min_image_bytes, figure_dpi, max_page_bytes, layout)
        self.assets = assets
        self.progress = progress
        self.reading = reading

    @property
    def fingerprint(self) -> str:
        """What the words depend on beside the file and the options: the engine and the recogniser in use."""
        model = release("layout") if self.options.layout == "model" else ""
        return " ".join(one for one in (release(self._engine), model, self._recognising) if one)

    @property
    def _engine(self) -> Name:
        return chosen("mupdf" if self.options.layout == "model" else self.engine)

    @property
    def _recognising(self) -> str:
        return self.recogniser.fingerprint if self.recogniser else ""

    @property
    def _most(self) -> int:
        """Pages of a Part: fewer where each takes long, as a Part has to be done within a worker's limit."""
        return min(self.part_pages, PART_LAID_OUT) if self.options.layout == "model" else self.part_pages

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most `part_pages` pages from part `start` on.

        Raises SourceError (missing, unreadable, empty, damaged, encrypted, limit) before the first
        Part. A page that cannot be read is a Notice of its Part; the other pages go on.
        """
        if self.options.layout == "model":
            needed()
        with opened(source, self.max_pages, self._engine) as document:
            reader = Reader(document, self.reading)
            style = surveyed(reader)
            recogniser = self.recogniser if self._recognising else None
            whole = Reading(
                source, document, reader, style, outline(document), self.options, self._most, self.assets,
                recogniser, recogniser if self.read_figures else None, self.pages, self.progress,
            )  # fmt: skip
            about = head(document, reader, style, Path(file_name(source)).stem)
            number = last = 0
            if self.pages and not any(within(page, self.pages) for page in range(1, document.page_count + 1)):
                message = f"none of the pages asked for is there; the file has {document.page_count}"
                raise SourceError(message, source=source.uri, kind="missing")
            while last < document.page_count:
                first, last = last, whole.end(last)
                # Sections stay open from part to part, so a resumed run reads the earlier pages
                # again; nothing of them is kept, and none is recognised.
                part = whole.part(number, first, last, about, kept=number >= start)
                document.forget()
                if number >= start:
                    yield part
                number += 1

    def render(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        """The region as PNG, rotated and cropped as shown; at fewer dpi where it would be too large.

        Raises ValueError for a place that is no page region, SourceError for a page not there.
        """
        if not isinstance(place, PageRegion):
            raise ValueError(f"a PDF shows page regions, got {place}")
        if dpi < 1:
            raise ValueError(f"dpi is at least 1, got {dpi}")
        with opened(source, self.max_pages, self._engine) as document:
            where = f"page {place.page}"
            if not 1 <= place.page <= document.page_count:
                message = f"there is no such page; the file has {document.page_count}"
                raise SourceError(message, source=source.uri, kind="missing", place=where)
            try:
                return drawn(document[place.page - 1], place, dpi, self.max_render_pixels)
            except Exception as error:
                message = f"the page cannot be drawn ({short(error)}); try to repair the file"
                raise SourceError(message, source=source.uri, kind="damaged", place=where) from error
