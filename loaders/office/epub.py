"""Books (EPUB): the chapters of the spine in order, each read as the web page that it is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.document import Head, LabelValue, Notice, Part, Source, labels
from rag.errors import SourceError
from rag.protocols import Assets

from ..html.inside import html_inside
from ..parts import Found, parts
from ..pictures import Picture, Pictures
from ..reading import file_name
from .package import Package, beside

if TYPE_CHECKING:
    from lxml.etree import _Element

_CONTAINER = "META-INF/container.xml"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


class EPUB:
    """Reads books without copy protection. Scripts are not run, nothing outside the file is followed.

    Places are `/chapter.xhtml!` and the XPath in the chapter. Pictures smaller than `min_image_side` pixels are left
    out.
    """

    VERSION = 3
    media_types: tuple[str, ...] = ("application/epub+zip",)

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
        """Parts of at most 500 elements; one chapter at a time is in memory.

        Raises SourceError: encrypted, damaged, refused (entities), limit, empty, missing.
        """
        package = Package(source, self.max_bytes, self.max_unpacked)
        name, book = _book(package)
        pictures = _Inside(source, self.assets, min_side=self.min_image_side)
        pictures.package = package
        yield from parts(source, _head(book, file_name(source)), _found(package, name, book, pictures), start)


class _Inside(Pictures):
    """Pictures that lie in the book, beside the chapter in hand."""

    package: Package
    chapter: str = ""

    def find(self, reference: str) -> Picture | None:
        """The picture behind a `src` of the chapter."""
        if reference[:5].lower() == "data:":
            return super().find(reference)
        name = beside(self.chapter, reference)
        if name not in self._seen:
            data = self.package.read(name) if "://" not in reference else None
            self._seen[name] = self.keep(data, name) if data else None
        return self._seen[name]


def _book(package: Package) -> tuple[str, _Element]:
    container = package.xml(_CONTAINER)
    root = next(container.iter("{*}rootfile"), None) if container is not None else None
    name = posixpath.normpath(root.get("full-path", "") if root is not None else "").lstrip("/")
    book = package.xml(name, declared=True)
    if book is None:
        raise SourceError("no book: its list of chapters is missing", source=package.uri, kind="damaged")
    return name, book


def _found(package: Package, name: str, book: _Element, pictures: _Inside) -> Iterator[Found | Notice]:
    items = {one.get("id", ""): one for one in book.iter("{*}item")}
    locked = _locked(package)
    for reference in book.iter("{*}itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or item.get("media-type") not in _PAGES:
            continue
        chapter = beside(name, item.get("href", ""))
        if chapter in locked:
            raise SourceError("copy-protected; only books without it can be read", source=package.uri, kind="encrypted")
        markup = package.read(chapter)
        if markup is None:
            yield Notice(f"the chapter {chapter[:120]} is missing from the file")
            continue
        pictures.chapter = chapter
        yield from html_inside(markup, chapter, pictures)


def _locked(package: Package) -> set[str]:
    """The names of encrypted parts; fonts are often made unreadable, which costs no words."""
    root = package.xml("META-INF/encryption.xml")
    references = root.iter("{*}CipherReference") if root is not None else ()
    return {posixpath.normpath(one.get("URI", "")).lstrip("/") for one in references}


def _head(book: _Element, name: str) -> Head:
    told: dict[str, str] = {}
    for tag, key in (("title", "title"), ("creator", "author"), ("language", "language"), ("date", "created"),
                     ("publisher", "publisher"), ("identifier", "identifier")):  # fmt: skip
        text = next((" ".join((one.text or "").split()) for one in book.iter(_DC + tag) if one.text), "")
        if text:
            told[key] = text[:1000]
    title, language = told.pop("title", "") or name, told.pop("language", "")
    metadata: dict[str, LabelValue] = dict(told)
    return Head(title, 0, language[:2].lower(), labels(metadata))
