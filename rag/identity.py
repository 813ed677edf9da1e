"""Names that follow from content: digests, chunk ids, view digests."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from rag.document import Box, CellRange, CharSpan, Chunk, MarkupPath, PageRegion, Place, TimeSpan, View

ID_DIGITS = 32
"""Chunk and element ids keep 128 of sha256's 256 bits: short enough to type a prefix of."""


_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(data: bytes | str) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def file_digest(path: str | Path) -> str:
    """sha256 of a file, read in blocks; OSError also for a pipe or a device, which may have no end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def combined(*parts: object) -> str:
    """sha256 of a list of JSON values; no two lists share an encoding."""
    return digest(_JSON.encode(parts))


def place_key(place: Place) -> list[object]:
    """A place as a JSON list: its kind, then its numbers or path."""
    match place:
        case PageRegion(page, Box(left, top, right, bottom)):
            return ["page", page, left, top, right, bottom]
        case CellRange(sheet, cells):
            return ["cells", sheet, cells]
        case MarkupPath(path):
            return ["path", path]
        case TimeSpan(start, end):
            return ["time", start + 0.0, end + 0.0]  # equal spans, equal keys: 1 is 1.0, and -0.0 is 0.0
        case CharSpan(start, end):
            return ["chars", start, end]


def element_id(source_digest: str, part: int, ordinal: int) -> str:
    """The id of element `ordinal` of part `part` of a source."""
    if source_digest.isalnum() and source_digest.isascii():  # the same list, written faster: a page has thousands
        return digest(f'["element","{source_digest}",{part},{ordinal}]')[:ID_DIGITS]
    return combined("element", source_digest, part, ordinal)[:ID_DIGITS]


def identified(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Chunks of one document with their `id` and `views` filled in.

    The id is sha256 over source digest, modality, places, digests of text and media, and an
    ordinal among equals. A chunk with text has the views `text` and `contextual`; one with
    pixels has `pixels`.
    """
    seen: dict[str, int] = {}
    for chunk in chunks:
        origin = chunk.origin
        key = combined(
            origin.source.digest,
            chunk.modality,
            [place_key(place) for place in origin.places],
            digest(chunk.text),
            chunk.media.digest if chunk.media else "",
        )
        ordinal = seen.get(key, 0)
        seen[key] = ordinal + 1
        yield replace(chunk, id=combined(key, ordinal)[:ID_DIGITS], views=tuple(_views(chunk)))


def _views(chunk: Chunk) -> Iterator[View]:
    if chunk.text:
        yield View("text", digest(chunk.text))
        yield View("contextual", digest(contextual(chunk)))
    if chunk.media is not None:
        yield View("pixels", chunk.media.digest)
    elif chunk.role == "page":
        place = chunk.origin.places[0]
        yield View("pixels", combined(chunk.origin.source.digest, place_key(place)))


def contextual(chunk: Chunk) -> str:
    """The text with the headings above it and the sentences that mention it, as the `contextual` view embeds it."""
    above = " > ".join(chunk.headings) or chunk.title
    return "\n".join(filter(None, (above, chunk.text, *(one.text for one in chunk.mentions))))


def view_text(chunk: Chunk, view: str) -> str:
    """The text of a textual view."""
    if view == "summary":
        return chunk.summary.text if chunk.summary else ""
    return contextual(chunk) if view == "contextual" else chunk.text


def findable(chunk: Chunk) -> str:
    """The text and the summary: what to judge a chunk by. To quote or to show as words there is the text alone."""
    return "\n".join(filter(None, (chunk.text, view_text(chunk, "summary"))))
