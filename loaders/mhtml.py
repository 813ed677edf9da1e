"""Pages that a browser saved as one file (MHTML, RFC 2557), by the email package of the standard library.

The page is a member with its pictures inside, found by `Content-Location` or `cid:` among the file's own parts;
nothing is fetched. Pages in frames are members of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from rag.addresses import canonical, is_url, joined
from rag.document import Source
from rag.errors import SourceError
from rag.members import Member
from rag.pages import marked, pictures, text_of, with_pictures
from rag.sniff import HEAD, media_type

from .pictures import TAKEN
from .reading import opened

if TYPE_CHECKING:
    from email.message import Message

_PAGES = ("text/html", "application/xhtml+xml")
_INSIDE = "http://part.invalid/"
"""Stands for parts that have an id and no address, and for a page saved from a disk."""
_SHORTEST_SIDE = 0


@dataclass(frozen=True, slots=True)
class _Page:
    name: str
    url: str
    part: Message


class MHTML:
    """Finds the pages of a saved page's file; the one that it was saved for comes first.

    A file larger than `max_bytes` or of more than `max_parts` parts is refused; pictures are taken into a page up
    to `max_pictures` bytes together.
    """

    VERSION = 2
    media_types: tuple[str, ...] = ("multipart/related",)

    def __init__(self, *, max_bytes: int = 100_000_000, max_parts: int = 5000, max_pictures: int = 20_000_000) -> None:
        if min(max_bytes, max_parts, max_pictures) < 1:
            raise ValueError("max_bytes, max_parts and max_pictures are at least 1")
        self.max_bytes = max_bytes
        self.max_parts = max_parts
        self.max_pictures = max_pictures

    def members(self, source: Source) -> Iterator[Member]:
        """The pages. Raises SourceError: damaged, limit, missing, empty."""
        from email.parser import BytesParser
        from email.policy import compat32

        with opened(source, self.max_bytes) as file:
            try:
                whole = BytesParser(policy=compat32).parse(file)
                parts = list(self._parts(whole, source))
            except RecursionError:
                why = "parts nested too deep"
                raise SourceError(why, source=source.uri, kind="damaged") from None
        found = _pages(parts)
        if not found:
            raise SourceError("there is no page in it", source=source.uri, kind="damaged")
        held = _held(parts)
        for page in found:
            yield Member(page.name, self._blocks(page, held), "text/html")

    def _parts(self, whole: Message, source: Source) -> Iterator[Message]:
        for number, part in enumerate(whole.walk()):
            if number >= self.max_parts:
                why = f"more than {self.max_parts:,} parts (max_parts)"
                raise SourceError(why, source=source.uri, kind="limit")
            if not part.is_multipart():
                yield part

    def _blocks(self, page: _Page, held: dict[str, Message]) -> Iterator[bytes]:
        """The page in UTF-8 with its pictures inside."""
        text = text_of(_bytes(page.part), page.part.get_content_charset("") or "")
        text = text.replace('"cid:', f'"{_INSIDE}').replace("'cid:", f"'{_INSIDE}")
        taken: dict[str, tuple[str, bytes]] = {}
        room = self.max_pictures
        for address in pictures(text, page.url, _SHORTEST_SIDE):
            part = held.get(address)
            data = _bytes(part) if part is not None else b""
            kind = media_type("", data[:HEAD]) or ""
            if kind in TAKEN and len(data) <= room:
                taken[address] = (kind, data)
                room -= len(data)
        yield marked(with_pictures(text, page.url, _SHORTEST_SIDE, taken, self.max_pictures))


def _pages(parts: list[Message]) -> list[_Page]:
    """The parts that are pages, under names that differ."""
    found: list[_Page] = []
    names: set[str] = set()
    for part in parts:
        if part.get_content_type() not in _PAGES:
            continue
        url = _location(part)
        name = url if is_url(url) and not url.startswith(_INSIDE) else "page.html"
        if name in names:
            name = f"page {len(names) + 1}.html"
        names.add(name)
        found.append(_Page(name, url or _INSIDE, part))
    return found


def _held(parts: list[Message]) -> dict[str, Message]:
    """The parts by their addresses, and by `_INSIDE` and their ids; the first of a name counts."""
    held: dict[str, Message] = {}
    for part in parts:
        if url := _location(part):
            held.setdefault(url, part)
        if cid := str(part.get("Content-ID", "")).strip().strip("<>"):
            held.setdefault(_canonical(_INSIDE + quote(cid, safe="@:+.,$!&=")), part)
            held.setdefault(_canonical(_INSIDE + cid), part)
    return held


def _location(part: Message) -> str:
    """The address of a part; a place on somebody's disk is seen as one below `_INSIDE`."""
    told = re.sub(r"[\r\n]+[ \t]*", "", str(part.get("Content-Location", ""))).strip()
    if not told:
        return ""
    if told.lower().startswith("cid:"):
        return _canonical(_INSIDE + told[4:])
    if told.lower().startswith("file:"):
        return _canonical(_INSIDE + quote(told[5:].replace("\\", "/").lstrip("/"), safe="/%"))
    try:
        return _canonical(joined(_INSIDE, told))
    except ValueError:
        return ""


def _canonical(url: str) -> str:
    try:
        return canonical(url)
    except ValueError:
        return ""


def _bytes(part: Message) -> bytes:
    """The body of a part, decoded; what is damaged in it is left out."""
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError):
        return b""
    return data if isinstance(data, bytes) else b""
