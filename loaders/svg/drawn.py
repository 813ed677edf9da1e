"""Drawings as pixels by resvg, with one font for all writing: the same picture on every machine."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rag.errors import SourceError

if TYPE_CHECKING:
    from PIL import Image as Pillow

FAMILY = "Droid Sans Fallback"
"""Latin, Greek, Cyrillic, Chinese, Japanese, Korean; it comes with PyMuPDF."""
_FAMILIES = ("font_family", "serif_family", "sans_serif_family", "monospace_family", "cursive_family", "fantasy_family")


def drawn(markup: str, uri: str, *, clear: bool = False) -> Pillow.Image:
    """The picture of a cleaned drawing in RGB on white; with `clear` in RGBA on nothing.

    SourceError where it cannot be drawn.
    """
    import resvg_py
    from PIL import Image as pillow

    options: dict[str, Any] = dict.fromkeys(_FAMILIES, FAMILY)
    if not clear:
        options["background"] = "white"
    try:
        made = resvg_py.svg_to_bytes(svg_string=markup, skip_system_fonts=True, font_files=[_font()], **options)
    except Exception as error:
        raise SourceError(f"the drawing cannot be drawn: {error}", source=uri, kind="damaged") from error
    except BaseException as error:  # a panic of the renderer is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise SourceError("the drawing cannot be drawn", source=uri, kind="damaged") from None
    image = pillow.open(io.BytesIO(bytes(made)), formats=("PNG",))
    return image.convert("RGBA" if clear else "RGB")


_held: list[Any] = []


@lru_cache(maxsize=1)
def _font() -> str:
    """The font as a file. In memory where the system can, so that a killed process leaves none behind."""
    import pymupdf

    font: Any = pymupdf.Font
    data = named(bytes(font("cjk").buffer), FAMILY)
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("font")
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        return f"/proc/self/fd/{handle}"
    kept = tempfile.NamedTemporaryFile(suffix=".ttf")  # noqa: SIM115 - open as long as the process lives
    kept.write(data)
    kept.flush()
    _held.append(kept)
    return kept.name


def named(font: bytes, family: str) -> bytes:
    """A TrueType font with a full table of names, which resvg asks for and the packaged font lacks.

    After the OpenType specification, "Font file" and "name".
    """
    (count,) = struct.unpack(">H", font[4:6])
    tables = [struct.unpack(">4sIII", font[12 + 16 * at : 28 + 16 * at]) for at in range(count)]
    if not any(tag == b"name" for tag, *_ in tables):
        raise ValueError("a font without a table of names")
    texts = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}
    records, body = b"", b""
    for kind, text in texts.items():
        words = text.encode("utf-16-be")
        records += struct.pack(">6H", 3, 1, 0x409, kind, len(words), len(body))
        body += words
    table = struct.pack(">3H", 0, len(texts), 6 + len(records)) + records + body
    padded = font + bytes(-len(font) % 4)
    entries = sorted((tag, check, start, size) for tag, check, start, size in tables if tag != b"name")
    entries = sorted([*entries, (b"name", 0, len(padded), len(table))])
    directory = b"".join(struct.pack(">4sIII", *entry) for entry in entries)
    return font[:12] + directory + padded[12 + 16 * count :] + table
