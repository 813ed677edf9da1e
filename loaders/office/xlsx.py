"""Spreadsheets by openpyxl: each block of filled cells a table that names its sheet and range."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from rag.document import CellRange, Notice, Part, Source
from rag.errors import SourceError
from rag.extras import extra
from rag.protocols import Assets

from ..parts import Found, parts
from ..pictures import Pictures
from ..reading import file_name
from .about import head
from .package import Package, parsing
from .sheets import Sheet, cells_made, tables

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


class XLSX:
    """Reads spreadsheets: values as stored by the program that saved them. Nothing is calculated, no link followed.

    A block of cells without an empty row or column through it is a table, cut every `rows` rows with its first row
    repeated. Hidden sheets, rows and columns have the role `hidden`. A workbook of more than `max_cells` cells is
    refused.
    """

    VERSION = 2
    media_types: tuple[str, ...] = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",)

    def __init__(
        self, *, rows: int = 200, min_image_side: int = 50, max_cells: int = 1_000_000, max_bytes: int = 200_000_000,
        max_unpacked: int = 1_000_000_000, assets: Assets | None = None,
    ) -> None:  # fmt: skip
        if min(rows, max_cells, max_bytes, max_unpacked) < 1:
            raise ValueError("rows, max_cells, max_bytes and max_unpacked are at least 1")
        self.rows = rows
        self.min_image_side = min_image_side
        self.max_cells = max_cells
        self.max_bytes = max_bytes
        self.max_unpacked = max_unpacked
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. The workbook is in memory while it is read.

        Raises SourceError: encrypted, damaged, refused (entities), limit, empty, missing; MissingExtra.
        """
        with extra("office"):
            import openpyxl
        package = Package(source, self.max_bytes, self.max_unpacked)
        package.refuse_entities()
        empty = self._count(package)
        with parsing(source.uri):
            book = openpyxl.load_workbook(io.BytesIO(package.data), data_only=True, keep_links=False, keep_vba=False)
            sheets = list(book.worksheets)
        pictures = Pictures(source, self.assets, min_side=self.min_image_side)
        about = head(package, file_name(source))
        why = f"{empty:,} formulas have no value: open the file in a spreadsheet program and save it"
        told = [Notice(why)] if empty else []
        found = chain(told, (one for sheet in sheets for one in self._sheet(sheet, pictures, source.uri)))
        yield from parts(source, about, found, start)

    def _count(self, package: Package) -> int:
        """Formulas without a value; SourceError for more cells than the limit."""
        cells = empty = 0
        for name in package.names:
            if _SHEET.fullmatch(name):
                with parsing(package.uri, name):
                    counts = cells_made(package.read(name) or b"")
                cells, empty = cells + counts[0], empty + counts[1]
        if cells > self.max_cells:
            why = f"{cells:,} cells, more than the limit of {self.max_cells:,} (max_cells)"
            raise SourceError(why, source=package.uri, kind="limit")
        return empty

    def _sheet(self, sheet: Worksheet, pictures: Pictures, uri: str) -> Iterator[Found | Notice]:
        hidden = sheet.sheet_state != "visible"
        with parsing(uri, f"sheet {sheet.title[:60]}"):
            read = Sheet(sheet)
            found = list(tables(read, self.rows))
        first = CellRange(sheet.title, "A1")
        if hidden and found:
            yield Notice("a hidden sheet; its cells are left out of the evidence", first)
        elif found:
            yield Found("heading", sheet.title, (first,), level=1)
        if read.unseen and not hidden:
            yield Notice("hidden rows or columns; their cells are left out of the evidence", first)
        for one in found:
            yield Found("hidden", one.text, one.places) if hidden else one
        for place, data in read.images():
            picture = pictures.keep(data, f"a picture on sheet {sheet.title}")
            if picture and not hidden and min(picture.width, picture.height) >= pictures.min_side:
                yield Found("figure", "", (CellRange(sheet.title, place),), "image", media=picture.media)
        yield from pictures.told()
