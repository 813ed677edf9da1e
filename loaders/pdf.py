"""PDF by PyMuPDF: text in reading order, tables with cells, figures with captions, all with boxes.

PyMuPDF is licensed AGPL-3.0 or commercially by Artifex; nothing of Argus but the `pdf` modules of
this room imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rag.document import WHOLE, Box, Element, Head, Notice, Origin, Page, PageRegion, Part, Place, Source
from rag.errors import SourceError
from rag.identity import element_id
from rag.protocols import Assets, Recogniser

from . import pdf_scan
from .pdf_document import Options, Outline, Style, head, outline, surveyed
from .pdf_figures import stored
from .pdf_mupdf import MuDocument
from .pdf_page import Found, PageFound, analysed, is_picture
from .pdf_render import drawn, forget, opened, short
from .pdf_running import Edge, running
from .pdf_text import Reader, Rect
from .reading import file_name


class PDF:
    """Reads PDF files (loader) and shows regions of their pages (renderer).

    `part_pages`: pages of a Part, at most 32. `tables`: "auto" finds ruled tables by their lines
    and others by the alignment of their text; "all" also asks MuPDF's own finder about every
    page, some 100 ms each; "off" leaves tables as text. Pictures smaller than `min_image_side`
    pixels on a side, or than `min_image_bytes` as stored, are ornaments and are left out.
    `figure_dpi`: resolution of figures that have to be drawn (vector graphics, masked or tiled
    pictures); 0 keeps no pixels of them. A file of more than `max_pages` pages is refused.
    `render` lowers the resolution rather than pass `max_render_pixels`. The drawings of a page
    with more than `max_page_bytes` of compressed content are not analysed. Pages without a text layer
    are read by `recogniser`, four a Part, and so are pictures among text unless `read_figures` is
    false; headings on such a page stand above nothing but that page.

    Nothing is kept between calls: no open file, no page.
    """

    VERSION = 1
    media_types: tuple[str, ...] = ("application/pdf",)

    def __init__(
        self,
        *,
        recogniser: Recogniser | None = None,
        read_figures: bool = True,
        part_pages: int = 32,
        tables: Literal["auto", "off", "all"] = "auto",
        min_image_side: int = 50,
        min_image_bytes: int = 1024,
        figure_dpi: int = 110,
        max_pages: int = 20_000,
        max_page_bytes: int = 4_000_000,
        max_render_pixels: int = 50_000_000,
        assets: Assets | None = None,
    ) -> None:
        if not 1 <= part_pages <= 32:
            raise ValueError(f"part_pages is 1 to 32, got {part_pages}")
        if tables not in ("auto", "off", "all"):
            raise ValueError(f"tables is auto, off or all, got {tables!r}")
        if max_render_pixels < 16 or max_pages < 1:
            raise ValueError("max_pages is at least 1, max_render_pixels at least 16")
        self.recogniser = recogniser
        self.read_figures = read_figures
        self.part_pages = part_pages
        self.max_pages = max_pages
        self.max_render_pixels = max_render_pixels
        self.options = Options(tables, min_image_side, min_image_bytes, figure_dpi, max_page_bytes)
        self.assets = assets

    @property
    def fingerprint(self) -> str:
        """What the words depend on beside the file and the options: the recogniser that is installed."""
        return self.recogniser.fingerprint if self.recogniser else ""

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most `part_pages` pages from part `start` on.

        Raises SourceError (missing, unreadable, empty, damaged, encrypted, limit) before the first
        Part. A page that cannot be read is a Notice of its Part; the other pages go on.
        """
        with opened(source, self.max_pages) as document:
            reader = Reader(document)
            style = surveyed(reader)
            whole = _Whole(source, document, reader, style, outline(document), self)
            about = head(document, reader, style, Path(file_name(source)).stem)
            number = last = 0
            while last < document.page_count:
                first, last = last, whole.end(last)
                # Sections stay open from part to part, so a resumed run reads the earlier pages
                # again; nothing of them is kept, and none is recognised.
                part = whole.part(number, first, last, about, kept=number >= start)
                forget()
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
        with opened(source, self.max_pages) as document:
            where = f"page {place.page}"
            if not 1 <= place.page <= document.page_count:
                message = f"there is no such page; the file has {document.page_count}"
                raise SourceError(message, source=source.uri, kind="missing", place=where)
            try:
                return drawn(document[place.page - 1], place, dpi, self.max_render_pixels)
            except Exception as error:
                message = f"the page cannot be drawn ({short(error)}); try to repair the file"
                raise SourceError(message, source=source.uri, kind="damaged", place=where) from error


class _Whole:
    """A document being read: what its parts share, and the sections open so far."""

    def __init__(
        self,
        source: Source,
        document: MuDocument,
        reader: Reader,
        style: Style,
        above: Outline,
        loader: PDF,
    ) -> None:
        self.source = source
        self.document = document
        self.reader = reader
        self.style = style
        self.above = above
        self.options = loader.options
        self.assets = loader.assets
        self.most = loader.part_pages
        self.recogniser = loader.recogniser if loader.fingerprint else None
        self.labeller = self.recogniser if loader.read_figures else None
        self.sections: list[tuple[int, str]] = []
        self.unread: list[int] = []

    def end(self, first: int) -> int:
        """Where the part that begins with page `first` ends."""
        if self.recogniser is None:
            return min(first + self.most, self.document.page_count)
        return pdf_scan.last_page(self.reader, first, self.most, self.options)

    def part(self, number: int, first: int, last: int, about: Head, *, kept: bool) -> Part:
        """The pages [first, last), counted from 0; `kept` says whether anybody wants more than its headings."""
        edges = running(self.reader, first, last, self.style.body)
        elements: list[Element] = []
        pages: list[Page] = []
        notices: list[Notice] = []
        pictures = self._pictures(first, last)
        scans = self._scans(pictures, notices) if kept else {}
        edges |= pdf_scan.edges(scans, first, last, )
        assets = self.assets if kept else None
        if number == 0 and self.document.is_repaired:
            notices.append(Notice("the file is damaged and was repaired; some of it may be missing"))
        for index in range(first, last):
            text = self.reader[index]
            pages.append(Page(index + 1, text.label, round(text.width, 2), round(text.height, 2)))
            try:
                found = self._page(index, edges[index])
                for item in found.elements:
                    ordinal = len(elements)
                    elements.append(self._element(item, index, element_id(self.source.digest, number, ordinal), assets))
            except Exception as error:  # MuPDF raises many kinds for a damaged page
                notices.append(_notice(index, f"cannot be read ({short(error)}); the other pages were"))
                continue
            notices += [_notice(index, message) for message in found.notices]
            if found.unread:
                unread.append(index + 1)
        notices += [_unread(run) for run in _runs(unread)]
        return Part(number, about, tuple(elements), tuple(pages), tuple(notices))

    def _page(self, index: int, edges: dict[int, Edge]) -> PageFound:
        text = self.reader[index]
        if text.failed:
            raise ValueError(text.failed)
        if not (0 < text.width < 1e6 and 0 < text.height < 1e6):
            raise ValueError(f"its size of {text.width} x {text.height} points is impossible")
        return analysed(self.document[index], text, edges, self.style, self.above, self.options)

    def _element(self, found: Found, index: int, id: str, assets: Assets | None) -> Element:
        text = self.reader[index]
        region = PageRegion(index + 1, _box(found.box, text.width, text.height))
        places: tuple[Place, ...] = (region,)
        if found.caption_box:
            places = (region, PageRegion(index + 1, _box(found.caption_box, text.width, text.height)))
        media = None
        if found.figure is not None and assets is not None:
            media = stored(self.document[index], found.figure, region, self.source, self.options, assets)
        if found.role == "heading":
            self.sections = [(level, title) for level, title in self.sections if level < found.level]
        open_titles = tuple(title for _, title in self.sections)
        if found.role == "heading":
            self.sections.append((found.level, found.text))
        return Element(
            id=id,
            modality=found.modality,
            role=found.role,
            origin=Origin(self.source, places),
            text=found.text,
            caption=found.caption,
            media=media,
            headings=open_titles,
            level=found.level if found.role == "heading" else 0,
            cells=found.cells,
        )


def _box(rect: Rect, width: float, height: float) -> Box:
    """Points to fractions of the page as shown; what reaches over its edge is cut off there."""
    left, right = sorted((rect[0] / width, rect[2] / width))
    top, bottom = sorted((rect[1] / height, rect[3] / height))
    return Box(left, top, right, bottom)


def _notice(index: int, message: str) -> Notice:
    return Notice(f"page {index + 1} {message}", PageRegion(index + 1, WHOLE))


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _unread(run: tuple[int, int]) -> Notice:
    first, last = run
    pages = f"page {first} has" if first == last else f"pages {first}-{last} have"
    return Notice(f"{pages} no text layer: not searchable by words until OCR", PageRegion(first, WHOLE))
