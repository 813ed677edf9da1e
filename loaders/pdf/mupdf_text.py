"""The text of a page as MuPDF gives it, line by line."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from rag.colours import name_of

from .mupdf import MuPage, mupdf, turning
from .text import Line, Rect, as_typed, currency_parted, legible, most_of, named, union


def lines(page: MuPage, *, outside: bool = False) -> list[Line]:
    """The lines of a page. Text outside of what is shown is left out, unless it is asked for."""
    pymupdf = mupdf()

    flags = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
    clip = pymupdf.INFINITE_RECT() if outside else None
    if outside:
        flags &= ~pymupdf.TEXT_MEDIABOX_CLIP
    found = page.get_text("dict", flags=flags, clip=clip)
    matrix = turning(page)
    width, height = page.rect.width, page.rect.height
    read = []
    for block in found["blocks"]:
        for raw in block.get("lines", ()):
            line = _line(raw, matrix)
            if line is not None:
                x, y = line.middle
                if outside or (0 <= x <= width and 0 <= y <= height):
                    read += currency_parted(line)
    return read


def _line(raw: dict[str, Any], matrix: Any) -> Line | None:
    spans = raw["spans"]
    text = legible(spans[0]["text"] if len(spans) == 1 else "".join([span["text"] for span in spans]))
    if not text:
        return None
    sizes: dict[float, int] = {}
    colours: dict[int, int] = {}
    raised: list[str] = []
    bold = italic = mono = unpainted = total = 0
    for span in spans:
        letters = len(span["text"].strip())
        total += letters
        kind, colour, flags = round(span["size"], 1), span["color"], span["flags"]
        sizes[kind] = sizes.get(kind, 0) + letters
        colours[colour] = colours.get(colour, 0) + letters
        named_bold, named_mono = named(span["font"])
        bold += letters * (named_bold or bool(flags & 16))
        italic += letters * bool(flags & 2)
        if flags & 1 and letters < 4:
            raised.append(span["text"].strip())
        mono += letters * (named_mono or bool(flags & 8))
        # Letters that only clip (64) show what is painted through them.
        unpainted += letters * (span.get("alpha", 255) == 0 and not span.get("char_flags", 0) & 64)
    size = most_of(sizes) or 1.0
    origin = next((s["origin"] for s in spans if round(s["size"], 1) == size), spans[0]["origin"])
    box, direction = raw["bbox"], raw["dir"]
    first, last = spans[0], spans[-1]
    if matrix is None and abs(direction[1]) < 0.02:  # outer spaces are no part of what is seen
        left = first["bbox"][2] if first["text"].isspace() and len(spans) > 1 else box[0] + _lead(first)
        right = last["bbox"][0] if last["text"].isspace() and len(spans) > 1 else box[2]
        box = (min(left, right), box[1], max(left, right), box[3])
    if matrix is not None:
        pymupdf = mupdf()
        box = tuple(pymupdf.Rect(box) * matrix)
        origin = tuple(pymupdf.Point(origin) * matrix)
        turn = pymupdf.Matrix(matrix.a, matrix.b, matrix.c, matrix.d, 0, 0)
        direction = tuple(pymupdf.Point(direction) * turn)
    one_width = mono * 10 > total * 9
    return Line(
        box=(box[0], box[1], box[2], box[3]),
        text=text,
        size=size,
        baseline=origin[1],
        bold=bold * 20 >= total * 17,
        italic=italic * 20 >= total * 17,
        mono=one_width,
        turned=abs(direction[1]) > 0.05 or direction[0] < 0,
        colour=most_of(colours),
        unpainted=unpainted * 2 > total,
        typed=as_typed("".join([span["text"] for span in spans]), text) if one_width else "",
        raised=tuple(raised),
        inks=_inks(spans, matrix) if len(colours) > 1 and len(set(map(name_of, colours))) > 1 else (),
    )


def _inks(spans: list[dict[str, Any]], matrix: Any) -> tuple[tuple[str, int, Rect], ...]:
    """The words of a line by their colours, neighbours of one colour together."""
    said = [span for span in spans if span["text"].strip()]
    found = []
    for colour, group in groupby(said, key=itemgetter("color")):
        run = list(group)
        boxes = [span["bbox"] if matrix is None else tuple(mupdf().Rect(span["bbox"]) * matrix) for span in run]
        found.append(("".join([span["text"] for span in run]), colour, union(boxes)))
    return tuple(found)


def _lead(span: dict[str, Any]) -> float:
    """The width of the spaces that a span begins with."""
    text: str = span["text"]
    if not text[:1].isspace():
        return 0.0
    spaces = len(text) - len(text.lstrip())
    if spaces == len(text):
        return 0.0
    left, _, right, _ = span["bbox"]
    even = (right - left) / len(text)
    return float(spaces * (even if span["flags"] & 8 or named(span["font"])[1] else min(even, 0.28 * span["size"])))
