"""What the loader asks of the library that opens a PDF, and the choice between the two that it knows.

`mupdf` is PyMuPDF (AGPL-3.0 or commercial), `pdfium` is pypdfium2 (BSD-3-Clause and Apache-2.0).
Boxes are in points of the page as shown: rotated and cropped, origin top left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from rag.document import Cell
from rag.errors import MissingExtra

from .annotations import Remark
from .attachments import Attachment
from .text import Line, Rect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray: TypeAlias = NDArray[np.uint8]
    """(height, width) of a page as shown, 255 is white."""

Name = Literal["mupdf", "pdfium"]
MODULES: dict[Name, str] = {"mupdf": "pymupdf", "pdfium": "pypdfium2"}
Drawing: TypeAlias = dict[str, Any]
"""As PyMuPDF gives it: `rect`; `type` ("f" filled, "s" stroked, "fs"); `items` of ("l", point, point),
("c", four points), ("re", rect, ...) and ("qu", ...); `fill` of red, green, blue from 0 to 1;
`fill_opacity`; `seqno`, its place in `painted`."""
Painted: TypeAlias = tuple[Literal["text", "image", "other"], Rect]


class Locked(Exception):
    """The file asks for another password than the one given."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture as placed on a page: its box, not yet clipped, and its size in pixels.

    `key` names it to `stored_bytes` and `plain_jpeg`; 0 where it is not known which picture it is,
    or where it is shown turned or mirrored.
    """

    box: Rect
    pixels: tuple[int, int]
    key: int = 0


class OpenPage(Protocol):
    """A page; `raw` is the library's own."""

    @property
    def raw(self) -> Any: ...
    @property
    def number(self) -> int: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...

    @property
    def cropped(self) -> bool:
        """Is there more of it than what is shown?"""

    def lines(self, *, outside: bool = False) -> list[Line]:
        """Its text in the file's order; what lies outside of the page is left out, unless it is asked for."""

    def words(self) -> list[tuple[Rect, str]]:
        """Its words one by one."""

    def named(self) -> list[tuple[int, int]]:
        """The sizes in pixels of the pictures that it names, without looking for where they stand."""

    def placed(self) -> list[Placed]:
        """Its pictures where they stand, those written into the page itself included."""

    def stored_bytes(self, key: int) -> int:
        """The size of a picture in the file."""

    def plain_jpeg(self, key: int) -> bytes | None:
        """A JPEG of the file that looks the same outside of its page: no mask, RGB or grey; else None."""

    def drawings(self, max_bytes: int, most: int) -> list[Drawing] | None:
        """Its vector drawings; None where they are more than `most` or longer than `max_bytes` as stored."""

    def tables(self) -> list[tuple[Rect, list[Cell]]]:
        """The tables that the library finds by itself, slowly; none where it has no such finder."""

    def painted(self) -> list[Painted]:
        """What is painted on it, in order."""

    def masked(self) -> bool:
        """Has one of its pictures a mask, so that what is under it may show?"""

    def remarks(self) -> list[Remark]:
        """The annotations and fields that say something, from top to bottom."""

    def links(self) -> list[tuple[Rect, str]]:
        """Where its links are and lead: an address, or "#page=N" (RFC 8118) in the file."""

    def gray(self, zoom: float, clips: Sequence[Rect]) -> Gray:
        """All of it drawn without annotations, at `zoom` pixels a point; what lies in no clip may be left white."""

    def png(self, clip: Rect, zoom: float) -> bytes:
        """A region drawn as PNG, at `zoom` pixels a point."""


class OpenDocument(Protocol):
    """An open file; `repaired`: parts of it may be missing (not every library says so)."""

    @property
    def raw(self) -> Any: ...
    @property
    def page_count(self) -> int: ...
    @property
    def repaired(self) -> bool: ...
    @property
    def metadata(self) -> Mapping[str, str]:
        """title, author, subject, keywords, creator, producer, creationDate, modDate."""

    def __getitem__(self, index: int) -> OpenPage: ...

    def label(self, index: int) -> str:
        """What is printed on the page instead of its number, "" where the file names none."""

    def outline(self) -> Sequence[tuple[int, str, int]]:
        """Its bookmarks as (level from 1, title, page from 0)."""

    def attachments(self) -> list[Attachment]:
        """The files that it carries."""

    def attached(self, number: int, most: int) -> bytes | None:
        """The bytes of one of them; None where they are more than `most`."""

    def forget(self) -> None:
        """Let go of what is kept for pages to come."""

    def close(self) -> None: ...


def chosen(engine: Literal["auto", "mupdf", "pdfium"]) -> Name:
    """The engine by its name; `auto` is PyMuPDF where it is installed, else pypdfium2. Imports neither.

    Raises MissingExtra where it is not installed.
    """
    wanted: tuple[Name, ...] = ("mupdf", "pdfium") if engine == "auto" else (engine,)
    for name in wanted:
        if find_spec(MODULES[name]):
            return name
    raise MissingExtra(MODULES[wanted[0]], "")


def release(part: Literal["mupdf", "pdfium", "layout"]) -> str:
    """A library and the first two numbers of its version, which a change of output may follow from."""
    package = "pymupdf-layout" if part == "layout" else MODULES[part]
    try:
        return f"{part}-{'.'.join(version(package).split('.')[:2])}"
    except PackageNotFoundError:
        return part


def open_document(engine: Name, path: Path, password: str = "") -> OpenDocument:
    """Raises Locked for a file that wants another password, and what the library raises for a damaged one."""
    if engine == "pdfium":
        from .engine_pdfium import PdfiumDocument

        return PdfiumDocument(path, password)
    from .engine_mupdf import MuPDFDocument

    return MuPDFDocument(path, password)
