"""Files that a PDF carries: listed always, taken on request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rag.document import Notice, Source
from rag.errors import SourceError
from rag.sniff import media_type

from .mupdf import MuDocument
from .text import clean

MOST = 500
LARGEST = 200_000_000
"""Bytes of one attachment that are unpacked."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a PDF. `name` has no folders; `size` in bytes as the PDF says, `number` its place among them."""

    name: str
    size: int
    number: int
    description: str = ""


def listed(document: MuDocument) -> list[Attachment]:
    """The attachments of the document itself, at most `MOST`; none where they cannot be read."""
    found = []
    try:
        for number in range(min(document.embfile_count(), MOST)):
            info = document.embfile_info(number)
            name = clean(str(info.get("ufilename") or info.get("filename") or info.get("name") or ""))
            name = PurePath(name.replace("\\", "/")).name[:200] or f"attachment {number + 1}"
            size = max(0, int(info.get("size") or 0))
            found.append(Attachment(name, size, number, clean(str(info.get("description") or ""))[:300]))
    except Exception:  # a damaged list says nothing of the pages
        return found
    return found


def notices(document: MuDocument) -> list[Notice]:
    """What the report says of attachments: their names, types and sizes."""
    found = listed(document)
    if not found:
        return []
    told = ", ".join(
        f"{one.name!r} ({media_type(one.name, b'') or 'unknown type'}, {one.size} bytes)" for one in found[:8]
    )
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return [Notice(f"{len(found)} attached: {told}{more}; not read, save and add what you need")]


def extracted(document: MuDocument, source: Source) -> Iterator[tuple[Attachment, bytes]]:
    """Each attachment with its bytes. SourceError for one that is larger than it may be, or cannot be unpacked."""
    for one in listed(document):
        if one.size > LARGEST:
            raise SourceError(
                f"attachment {one.name!r} has {one.size} bytes, more than {LARGEST}", source=source.uri, kind="limit"
            )
        try:
            data: Any = document.embfile_get(one.number)
        except Exception as error:
            raise SourceError(
                f"attachment {one.name!r} cannot be unpacked", source=source.uri, kind="damaged"
            ) from error
        if len(data) > LARGEST:
            raise SourceError(f"attachment {one.name!r} has {len(data)} bytes", source=source.uri, kind="limit")
        yield one, bytes(data)
