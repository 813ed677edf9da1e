"""Files that a PDF carries: listed always, taken on request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.document import Notice
from rag.errors import SourceError
from rag.sniff import media_type

from .text import clean

if TYPE_CHECKING:
    from .engine import OpenDocument

MOST = 500
LARGEST = 200_000_000
"""Bytes of one attachment that are unpacked."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a PDF. `name` has no folders; `size` in bytes as the PDF says, None where the
    library does not tell; `number` its place among them."""

    name: str
    size: int | None
    number: int
    description: str = ""


def attachment(number: int, name: str, size: int | None, description: str = "") -> Attachment:
    """One by what the file says of it, cleaned."""
    name = PurePath(clean(name).replace("\\", "/")).name[:200] or f"attachment {number + 1}"
    return Attachment(name, size if size is None else max(0, size), number, clean(description)[:300])


def listed(document: OpenDocument) -> list[Attachment]:
    """The attachments of the document itself, at most `MOST`; none where they cannot be read."""
    try:
        return document.attachments()
    except Exception:  # a damaged list says nothing of the pages
        return []


def notices(document: OpenDocument) -> list[Notice]:
    """What the report says of attachments: their names, types and sizes."""
    found = listed(document)
    if not found:
        return []
    told = ", ".join(f"{one.name!r} ({_about(one)})" for one in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    return [Notice(f"{len(found)} attached: {told}{more}; read where corpus.toml has the loader 'loaders/attachments'")]


def _about(one: Attachment) -> str:
    kind = media_type(one.name, b"") or "unknown type"
    return kind if one.size is None else f"{kind}, {one.size} bytes"


def unpacked(document: OpenDocument, one: Attachment) -> bytes:
    """The bytes of an attachment. SourceError for one that is larger than it may be, or cannot be unpacked."""
    try:
        data = None if one.size and one.size > LARGEST else document.attached(one.number, LARGEST)
    except Exception as error:  # libraries raise many kinds
        raise SourceError("the attachment cannot be unpacked", source=one.name, kind="damaged") from error
    if data is None:
        raise SourceError(f"the attachment has more than {LARGEST:,} bytes", source=one.name, kind="limit")
    return data
