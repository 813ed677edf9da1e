"""The files that PDFs carry, as documents of their own: on request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from rag.document import Source
from rag.members import Member

from .attachments import Attachment, listed, unpacked
from .engine import OpenDocument, chosen
from .render import opened


class Attachments:
    """Finds the files attached to PDFs, at most 500 of a file; it reads no page.

    A corpus takes them where its corpus.toml has a table with this loader; else the report lists them. Each is
    a document named `report.pdf!/data.csv`. One that is damaged, or larger than 200 MB unpacked, costs itself alone.
    """

    VERSION = 1
    media_types: ClassVar[tuple[str, ...]] = ("application/pdf",)

    def __init__(self, *, engine: Literal["auto", "mupdf", "pdfium"] = "auto", max_pages: int = 20_000) -> None:
        if engine not in ("auto", "mupdf", "pdfium"):
            raise ValueError(f"engine is auto, mupdf or pdfium, got {engine!r}")
        self.engine = engine
        self.max_pages = max_pages

    def members(self, source: Source) -> Iterator[Member]:
        """The attachments in the file's order. Raises SourceError where the PDF cannot be opened."""
        with opened(source, self.max_pages, chosen(self.engine)) as document:
            for one in listed(document):
                yield Member(one.name, _blocks(document, one))


def _blocks(document: OpenDocument, one: Attachment) -> Iterator[bytes]:
    yield unpacked(document, one)
