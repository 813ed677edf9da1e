"""PDF parsers as their users call them, each giving text, tables and figures page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag import registry
from rag.document import Media, PageRegion, Source
from rag.identity import digest

Rect = tuple[float, float, float, float]


@dataclass
class Parsed:
    """A page: its text, tables as rows of cells, figures as (box in fractions, caption)."""

    text: str = ""
    tables: list[list[list[str | None]]] = field(default_factory=list)
    figures: list[tuple[Rect, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Parser:
    name: str
    module: str
    read: Callable[[Path], list[Parsed]]


def missing(parser: Parser) -> str:
    """The module that a parser lacks, "" for none."""
    try:
        return "" if find_spec(parser.module) else parser.module
    except ModuleNotFoundError:
        return parser.module


class _Pixels:
    """Assets that are made and let go."""

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        return Media(media_type, name or digest(data), len(data))

    def open(self, media: Media) -> bytes:
        raise NotImplementedError

    def crop(self, source: Source, place: Any, dpi: int = 144) -> bytes:
        raise NotImplementedError


def argus(**options: Any) -> Callable[[Path], list[Parsed]]:
    """The PDF loader as `rag add` runs it, pixels of figures included."""

    def read(path: Path) -> list[Parsed]:
        source = Source(path.name, "application/pdf", "0" * 64, str(path))
        pages: list[Parsed] = []
        for part in registry.load("loaders/pdf")(assets=_Pixels(), **options).load(source):
            pages += [Parsed() for _ in part.pages]
            for element in part.elements:
                place = element.origin.places[0]
                if not isinstance(place, PageRegion):
                    continue
                page, box = pages[place.page - 1], place.box
                page.text += f" {element.text} {element.caption}".replace(" | ", " ")
                if element.role == "figure":
                    page.figures.append(((box.left, box.top, box.right, box.bottom), element.caption))
                if element.cells:
                    page.tables.append(_grid(element.cells))
        return pages

    return read


def _grid(cells: Any) -> list[list[str | None]]:
    wide = max(cell.column + cell.columns for cell in cells)
    rows: list[list[str | None]] = [[""] * wide for _ in range(max(cell.row + cell.rows for cell in cells))]
    for cell in cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def mupdf_text(path: Path) -> list[Parsed]:
    import pymupdf

    opened: Any = pymupdf.open
    with opened(path) as document:
        return [Parsed(page.get_text()) for page in document]


def mupdf_blocks(path: Path) -> list[Parsed]:
    """Text blocks, and the pictures as they are stored."""
    import pymupdf

    opened: Any = pymupdf.open
    pages = []
    with opened(path) as document:
        for page in document:
            parsed = Parsed("\n".join(block[4] for block in page.get_text("blocks") if block[6] == 0))
            wide, high = page.rect.width, page.rect.height
            for image in page.get_images():
                document.extract_image(image[0])
                for box in page.get_image_rects(image[0]):
                    parsed.figures.append(((box.x0 / wide, box.y0 / high, box.x1 / wide, box.y1 / high), ""))
            pages.append(parsed)
    return pages


def mupdf_tables(path: Path) -> list[Parsed]:
    """The same, and its finder of tables."""
    import pymupdf

    opened: Any = pymupdf.open
    pages = mupdf_blocks(path)
    with opened(path) as document:
        for page, parsed in zip(document, pages, strict=True):
            parsed.tables = [table.extract() for table in page.find_tables().tables]
    return pages


def pdfium_text(path: Path) -> list[Parsed]:
    import pypdfium2

    document: Any = pypdfium2.PdfDocument(path)
    pages = []
    for at in range(len(document)):
        page = document[at]
        text = page.get_textpage()
        pages.append(Parsed(text.get_text_bounded()))
        text.close()
        page.close()
    document.close()
    return pages


def pypdf(path: Path) -> list[Parsed]:
    import pypdf as library

    return [Parsed(page.extract_text()) for page in library.PdfReader(path).pages]


def pdfplumber(path: Path) -> list[Parsed]:
    import pdfplumber as library

    pages = []
    with library.open(path) as document:
        for page in document.pages:
            wide, high = float(page.width), float(page.height)
            boxes = [
                (one["x0"] / wide, one["top"] / high, one["x1"] / wide, one["bottom"] / high) for one in page.images
            ]
            pages.append(Parsed(page.extract_text(), page.extract_tables(), [(box, "") for box in boxes]))
            page.close()
    return pages


def unstructured(path: Path) -> list[Parsed]:
    from rag.loaders.office.general import _without_model  # else it downloads one at the first text

    _without_model()
    from unstructured.partition.pdf import partition_pdf

    pages: dict[int, Parsed] = {}
    for element in partition_pdf(str(path), strategy="fast"):
        pages.setdefault(element.metadata.page_number or 1, Parsed()).text += f" {element.text}"
    return [pages.get(number, Parsed()) for number in range(1, max(pages, default=1) + 1)]


PARSERS = (
    Parser("Argus, mupdf", "pymupdf", argus(engine="mupdf")),
    Parser("Argus, pdfium", "pypdfium2", argus(engine="pdfium")),
    Parser("Argus, mupdf, no tables or pixels", "pymupdf", argus(engine="mupdf", tables="off", figure_dpi=0)),
    Parser("Argus, mupdf, layout model", "pymupdf.layout", argus(layout="model")),
    Parser("PyMuPDF text", "pymupdf", mupdf_text),
    Parser("PyMuPDF blocks + images", "pymupdf", mupdf_blocks),
    Parser("PyMuPDF blocks + images + tables", "pymupdf", mupdf_tables),
    Parser("pypdfium2 text", "pypdfium2", pdfium_text),
    Parser("pypdf", "pypdf", pypdf),
    Parser("pdfplumber", "pdfplumber", pdfplumber),
    Parser("unstructured, fast", "unstructured_inference", unstructured),
)
