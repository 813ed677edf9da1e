"""Jupyter notebooks: cells and their outputs in order, each with the JSON pointer that finds it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rag.document import Head, LabelValue, MarkupPath, Notice, Part, Source, labels
from rag.errors import SourceError
from rag.protocols import Assets

from .html.inside import html_inside
from .markdown_walk import Walk, tokens
from .parts import Found, parts
from .pictures import Picture, Pictures
from .reading import file_name, read

_TITLE = re.compile(r"^#[ \t]+([^\n]{1,300})$", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MOST_OUTPUT = 20_000
"""Characters of one printed output that are kept: logs of training runs go on for ever."""


class Notebook:
    """Reads notebooks of format 3 and 4. No code is run; scripts and widgets of outputs are left out.

    A place is the JSON pointer of a cell's source or output (`/cells/3/source`), and in a text cell the characters
    in it. Pictures smaller than `min_image_side` pixels are left out; a file larger than `max_bytes` is refused.
    """

    VERSION = 3
    media_types: tuple[str, ...] = ("application/x-ipynb+json",)

    def __init__(self, *, min_image_side: int = 50, max_bytes: int = 100_000_000, assets: Assets | None = None) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. Raises SourceError: damaged, limit, empty, missing."""
        data = read(source, self.max_bytes)
        try:
            book = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"not readable as JSON: {error}", source=source.uri, kind="damaged") from error
        cells = _cells(book)
        if cells is None:
            raise SourceError("no notebook: it has no list of cells", source=source.uri, kind="damaged")
        pictures = _Attached(source, self.assets, min_side=self.min_image_side)
        yield from parts(source, _head(book, cells, file_name(source)), _found(cells, pictures), start)


class _Attached(Pictures):
    """Pictures attached to the cell in hand, or in the notebook's own folder."""

    attachments: Mapping[str, Any] = {}

    def find(self, reference: str) -> Picture | None:
        """The picture behind a reference."""
        if not reference.startswith("attachment:"):
            return super().find(reference)
        bundle = self.attachments.get(reference.removeprefix("attachment:"))
        data = next((_decoded(one) for kind, one in bundle.items() if kind.startswith("image/")), None) if isinstance(
            bundle, dict
        ) else None  # fmt: skip
        return self.keep(data, reference[:80]) if data else None


def _cells(book: Any) -> list[tuple[str, dict[str, Any]]] | None:
    """(pointer, cell) of each cell."""
    if not isinstance(book, dict):
        return None
    if isinstance(book.get("cells"), list):
        lists = [("/cells", book["cells"])]
    elif isinstance(book.get("worksheets"), list):
        sheets = enumerate(book["worksheets"])
        lists = [(f"/worksheets/{at}/cells", one.get("cells", [])) for at, one in sheets if isinstance(one, dict)]
    else:
        return None
    return [
        (f"{where}/{at}", cell)
        for where, cells in lists if isinstance(cells, list)
        for at, cell in enumerate(cells) if isinstance(cell, dict)
    ]  # fmt: skip


def _found(cells: list[tuple[str, dict[str, Any]]], pictures: _Attached) -> Iterator[Found | Notice]:
    for pointer, cell in cells:
        kind, key = cell.get("cell_type"), "source" if "source" in cell else "input"
        text, place = _text(cell.get(key)), MarkupPath(f"{pointer}/{key}")
        attached = cell.get("attachments")
        pictures.attachments = attached if isinstance(attached, dict) else {}
        if kind == "markdown":
            yield from _markdown(text, place, pictures)
        elif kind == "heading":
            level = cell.get("level")
            yield Found("heading", text, (place,), level=level if isinstance(level, int) and 0 < level < 7 else 1)
        elif text.strip():
            yield Found("code" if kind == "code" else "paragraph", text.strip("\n"), (place,))
        outputs = cell.get("outputs")
        for at, output in enumerate(outputs if isinstance(outputs, list) else ()):
            if isinstance(output, dict):
                yield from _output(output, f"{pointer}/outputs/{at}", pictures)
        yield from pictures.told()


def _markdown(text: str, place: MarkupPath, pictures: Pictures) -> Iterator[Found | Notice]:
    for one in Walk(text, tokens(text), pictures, pictures.min_side).found():
        yield replace(one, places=(place, *one.places)) if isinstance(one, Found) else one


def _output(output: Mapping[str, Any], pointer: str, pictures: Pictures) -> Iterator[Found | Notice]:
    place = MarkupPath(pointer)
    kind = output.get("output_type")
    if kind in ("stream", "error", "pyerr"):
        said = output.get("text") if kind == "stream" else f"{output.get('ename', '')}: {output.get('evalue', '')}"
        yield from _printed(_text(said), place)
        return
    data = output.get("data", output)
    if not isinstance(data, dict):
        return
    for name in ("image/png", "image/jpeg", "png", "jpeg"):
        if name in data and (picture := pictures.keep(_decoded(data[name]) or b"", pointer)):
            if min(picture.width, picture.height) >= pictures.min_side:
                yield Found("figure", "", (place,), "image", media=picture.media)
            return
    if "text/html" in data:
        yield from html_inside(_text(data["text/html"]).encode(), f"{pointer[1:]}/data/text~1html", pictures)
    elif "text/markdown" in data:
        yield from _markdown(_text(data["text/markdown"]), MarkupPath(f"{pointer}/data/text~1markdown"), pictures)
    else:
        yield from _printed(_text(data.get("text/plain", data.get("text", ""))), place)


def _printed(text: str, place: MarkupPath) -> Iterator[Found | Notice]:
    text = _COLOURS.sub("", text).strip("\n")
    if len(text) > MOST_OUTPUT:
        yield Notice(f"an output of {len(text):,} characters is kept up to {MOST_OUTPUT:,}", place)
    if text.strip():
        yield Found("code", text[:MOST_OUTPUT], (place,))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(one for one in value if isinstance(one, str))
    return value if isinstance(value, str) else ""


def _decoded(value: Any) -> bytes | None:
    try:
        return base64.b64decode("".join(_text(value).split()))
    except (binascii.Error, ValueError):
        return None


def _head(book: Mapping[str, Any], cells: list[tuple[str, dict[str, Any]]], name: str) -> Head:
    about = book.get("metadata")
    about = about if isinstance(about, dict) else {}
    kernel = about.get("kernelspec")
    told: dict[str, LabelValue] = {}
    if isinstance(kernel, dict) and isinstance(kernel.get("language"), str):
        told["programming"] = kernel["language"][:100]
    title = about.get("title")
    written = (_TITLE.search(_text(cell.get("source"))) for _, cell in cells if cell.get("cell_type") == "markdown")
    heading = next((found[1].strip() for found in written if found), "")
    stated = title.strip()[:1000] if isinstance(title, str) else ""
    return Head(stated or heading or name, metadata=labels(told))
