"""A picture as a question: a file, or a place in a source of the corpus written as `SOURCE#page=3&box=..`.

The fragment is that of a web address: `page` counts from 1 (1 where it is left out), `box` is left,
top, right, bottom in fractions of the page or picture as shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl

from rag.document import WHOLE, Box, Media, PageRegion
from rag.errors import CorpusError, SourceError
from rag.sniff import HEAD, media_type
from rag.store.scratch import LARGEST, hold

_FIRST = PageRegion(1, WHOLE)


@dataclass(frozen=True, slots=True)
class PointedAt:
    """A file or source by name, and the region of it that is asked about."""

    name: str
    region: PageRegion = _FIRST


def pointed_at(said: str) -> PointedAt:
    """What `FILE` or `SOURCE#page=3&box=0.1,0.2,0.5,0.6` points at; ValueError for another fragment.

    A `#` is part of the name where a file of that whole name is there, or nothing behind it is `page` or `box`.
    """
    name, mark, fragment = said.rpartition("#")
    told = dict(parse_qsl(fragment, keep_blank_values=True)) if mark else {}
    if not told or Path(said).is_file() or not told.keys() & {"page", "box"}:
        return PointedAt(said)
    if unknown := sorted(told.keys() - {"page", "box"}):
        raise ValueError(f"{said!r}: a place is page=NUMBER and box=LEFT,TOP,RIGHT,BOTTOM; got {', '.join(unknown)}")
    page = told.get("page", "1")
    if not page.isdecimal() or not 1 <= int(page) < 10**7:
        raise ValueError(f"{said!r}: page must be a number from 1 on, got {page!r}")
    return PointedAt(name, PageRegion(int(page), _box(said, told["box"]) if "box" in told else WHOLE))


def _box(said: str, given: str) -> Box:
    try:
        sides = [float(one) for one in given.split(",")]
        left, top, right, bottom = sides
    except ValueError:
        raise ValueError(f"{said!r}: box must be four numbers LEFT,TOP,RIGHT,BOTTOM, got {given!r}") from None
    if not all(0 <= one <= 1 for one in sides) or left >= right or top >= bottom:
        raise ValueError(f"{said!r}: a box runs from left to right and from top to bottom, 0 to 1; got {given!r}")
    return Box(left, top, right, bottom)


def picture_of(given: str | Path | bytes, drawn: Callable[[str, PageRegion], bytes]) -> Media:
    """Bytes, a file, or a place of a source, which `drawn` gives as PNG; held for a question."""
    if isinstance(given, bytes):
        return picture_bytes(given)
    if isinstance(given, Path):
        return picture_file(given)
    asked = pointed_at(given)
    path = Path(asked.name)
    if path.is_file() and _kind(path).startswith("image/"):
        if asked.region.page != 1:
            raise ValueError(f"{given!r}: a picture has one page")
        return picture_file(path, asked.region.box)
    try:
        return hold(drawn(asked.name, asked.region), "image/png", given)
    except CorpusError as error:
        raise SourceError(f"it is no picture on this disk, and {error}", source=given, kind="missing") from error


def _kind(path: Path) -> str:
    with open(path, "rb") as file:
        return media_type(path.name, file.read(HEAD)) or ""


def picture_file(path: Path, box: Box = WHOLE) -> Media:
    """A picture on disk, or a part of it, held for a question; SourceError for what is no picture."""
    try:
        if not path.is_file():
            raise SourceError("there is no such file", source=str(path), kind="missing")
        if path.stat().st_size > LARGEST:
            raise SourceError(f"more than {LARGEST:,} bytes", source=str(path), kind="limit")
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror})", source=str(path), kind="missing") from error
    return picture_bytes(data, str(path), box)


def picture_bytes(data: bytes, name: str = "the picture of the question", box: Box = WHOLE) -> Media:
    """A picture in memory, or a part of it, held for a question."""
    kind = media_type(name, data[:HEAD]) or ""
    if not kind.startswith("image/") or kind == "image/svg+xml":
        told = kind or "an unknown type"
        what = f"a question needs a picture (PNG, JPEG, WebP, ...), got {told}"
        raise SourceError(what, source=name, kind="unsupported")
    return hold(data if box == WHOLE else _cropped(data, box, name), kind if box == WHOLE else "image/png", name)


def _cropped(data: bytes, box: Box, name: str) -> bytes:
    from rag.vlm import MOST_PIXELS, picture

    whole = picture(data, MOST_PIXELS, name)
    sides = (box.left * whole.width, box.top * whole.height, box.right * whole.width, box.bottom * whole.height)
    left, top = int(sides[0]), int(sides[1])
    part = whole.crop((left, top, max(left + 1, round(sides[2])), max(top + 1, round(sides[3]))))
    out = BytesIO()
    part.save(out, "PNG")
    return out.getvalue()
