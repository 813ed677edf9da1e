"""Opening a PDF with plain errors, and drawing regions of its pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rag.document import PageRegion, Source
from rag.errors import MissingExtra, SourceError

from .engine import Locked, Name, OpenDocument, OpenPage, open_document
from .passwords import candidates


def path_of(source: Source) -> Path:
    """The file to read."""
    return Path(source.path or source.uri)


@contextmanager
def opened(source: Source, max_pages: int, engine: Name = "mupdf", password: str = "") -> Iterator[OpenDocument]:
    """The document, closed at the end. SourceError: missing, unreadable, empty, damaged, encrypted, limit."""

    def refused(kind: str, message: str) -> SourceError:
        return SourceError(message, source=source.uri, kind=kind)

    path = path_of(source)
    try:
        if not path.is_file():
            raise refused("missing", "there is no such file; check the path")
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise refused(
            "unreadable", f"the file cannot be read ({error.strerror or error}); check its permissions"
        ) from error
    if not size:
        raise refused("empty", "the file is empty (0 bytes); save or download it again")
    if b"%PDF" not in start:
        raise refused("damaged", "this is no PDF: it does not begin with %PDF; check the file or its type")
    try:
        document = _unlocked(source, engine, path, password)
    except Locked:
        raise refused("encrypted", f"the PDF is encrypted and no password fits; {_PASSWORD}") from None
    except SourceError:
        raise
    except MissingExtra:
        raise
    except Exception as error:
        raise refused("damaged", f"the PDF cannot be opened ({short(error)}); {_REPAIR}") from error
    try:
        try:
            pages = document.page_count
        except Exception as error:
            raise refused("damaged", f"the PDF's pages cannot be found ({short(error)}); {_REPAIR}") from error
        if not pages:
            if document.repaired:
                raise refused("damaged", f"no page could be found in the damaged PDF; {_REPAIR}")
            raise refused("empty", "the PDF has no pages; there is nothing to add")
        if pages > max_pages:
            raise refused(
                "limit", f"the PDF has {pages} pages, more than the limit of {max_pages}; split it or raise max_pages"
            )
        yield document
    finally:
        document.close()


def _unlocked(source: Source, engine: Name, path: Path, password: str) -> OpenDocument:
    """The document, opened by the user's passwords where it is locked; Locked where none fits."""
    try:
        return open_document(engine, path, password)
    except Locked:
        for candidate in candidates(source):
            with suppress(Locked):
                return open_document(engine, path, candidate)
        raise


_PASSWORD = "name a file of passwords with --password-file or RAG_PASSWORD_FILE, or add a copy without a password"
_REPAIR = "open it in a viewer and save it again, or get another copy"


def short(error: Exception) -> str:
    """An error of a library on one line."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def drawn(page: OpenPage, place: PageRegion, dpi: int, max_pixels: int) -> bytes:
    """A region of a page as PNG, as shown; at fewer dpi if it would have more than `max_pixels`."""
    width, height = page.width, page.height
    box = place.box
    left, top = box.left * width, box.top * height
    right, bottom = max(box.right * width, left + 0.5), max(box.bottom * height, top + 0.5)
    if right > width:
        left, right = max(0.0, min(left, width - 0.5)), width
    if bottom > height:
        top, bottom = max(0.0, min(top, height - 0.5)), height
    zoom = dpi / 72
    # A pixel of margin on each side: a clip is rounded outwards.
    while (math.ceil((right - left) * zoom) + 2) * (math.ceil((bottom - top) * zoom) + 2) > max_pixels:
        fits = math.sqrt(max_pixels / max(1e-9, (right - left) * (bottom - top)))
        zoom = min(zoom * 0.95, fits)
    return page.png((left, top, right, bottom), zoom)
