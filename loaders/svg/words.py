"""The words of a drawing with their boxes: those that can be seen, where they can be seen.

Places of text follow from fonts, style sheets, transformations and reuse, all of which the renderer knows
best. So the drawing is drawn with each text in a colour of its own and nothing else: where a colour lies,
there is its text. It is visible if the drawing looks another there without it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING

from rag.document import Box, Word

from ..image_text import MOST_BOXES, Read
from ..pdf.recognised import Written
from .drawn import drawn
from .safe import Drawing, markup, name

if TYPE_CHECKING:
    import numpy as np
    from lxml.etree import _Element
    from numpy.typing import NDArray
    from PIL import Image as Pillow

Seen = tuple[str, Box]
MOST_WORDS = 150
"""With more of them a drawing is a page of text."""
MOST_TEXTS = 4095
"""Colours are told apart in steps of 16 a channel, since drawing rounds them."""
_SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "image"})
_DEFINED = frozenset({"clipPath", "mask", "marker", "pattern", "filter"})
_SPANS = frozenset({"text", "tspan", "textPath", "a", "tref"})
_UNSEEN = frozenset({"title", "desc", "metadata", "style"})
_PAINT = re.compile(r"(?:^|;)\s*(?:fill|stroke|opacity|fill-opacity|stroke-opacity|filter)\s*:[^;]*", re.IGNORECASE)
_OPAQUE = 64
"""Of 255; fainter pixels of an edge have lost their colour."""
_SEEN = 16
"""Grey values that a text must differ by from what is behind it."""
_SHARE = 0.2


def found(drawing: Drawing, picture: Pillow.Image, uri: str) -> tuple[list[Seen], int]:
    """The texts that are seen in `picture`, the drawing as drawn, in the drawing's order, and how many are not."""
    import numpy as np

    texts = [spoken(element) for element in drawing.root.iter() if name(element) == "text"][:MOST_TEXTS]
    if not any(texts):
        return [], 0
    width, height = picture.size
    coloured = np.asarray(drawn(markup(_coloured(drawing.root), width, height), uri, clear=True))
    bare = np.asarray(drawn(markup(_bare(drawing.root), width, height), uri), np.int16)
    differs = np.abs(np.asarray(picture, np.int16) - bare).max(axis=2) >= _SEEN
    numbers = _numbers(coloured)
    rows, columns = np.nonzero(numbers)
    ids = numbers[rows, columns]
    order = np.argsort(ids, kind="stable")
    rows, columns = rows[order], columns[order]
    bounds = np.searchsorted(ids[order], np.arange(1, len(texts) + 2))
    lines, unseen = [], 0
    for at, text in enumerate(texts):
        down, across = rows[bounds[at] : bounds[at + 1]], columns[bounds[at] : bounds[at + 1]]
        if not text:
            continue
        if not down.size or float(differs[down, across].mean()) < _SHARE:
            unseen += 1
            continue
        box = Box(across.min() / width, down.min() / height, (across.max() + 1) / width, (down.max() + 1) / height)
        lines.append((text, box))
    return lines, unseen


def told(lines: Sequence[Seen]) -> Read:
    """The words as the drawing's own, each text with its box, or as paragraphs where they are many.

    In the order of the file: that of a drawing's parts follows its meaning more often than its lines do.
    """
    if sum(text.count(" ") + 1 for text, _ in lines) > MOST_WORDS:
        return Read(blocks=tuple(Written("paragraph", text, box, (Word(0, len(text), box),)) for text, box in lines))
    words, start = [], 0
    for text, box in lines:
        words.append(Word(start, start + len(text), box))
        start += len(text) + 1
    return Read("\n".join(text for text, _ in lines), tuple(words), tuple(box for _, box in lines[:MOST_BOXES]))


def spoken(element: _Element) -> str:
    """The words of a text element; spans that are put elsewhere are words of their own."""
    pieces: list[str] = []

    def walk(one: _Element) -> None:
        pieces.append(one.text or "")
        for child in one:
            if name(child) not in _UNSEEN:
                if any(child.get(key) is not None for key in ("x", "y", "dy")):
                    pieces.append(" ")
                walk(child)
            pieces.append(child.tail or "")

    walk(element)
    return " ".join("".join(char if char.isprintable() else " " for char in "".join(pieces)).split())


def described(drawing: Drawing) -> str:
    """Title and description of the whole drawing."""
    told = [spoken(child) for kind in ("title", "desc") for child in drawing.root if name(child) == kind]
    return "\n".join(dict.fromkeys(filter(None, told)))


def _coloured(root: _Element) -> _Element:
    """The texts alone, the nth of them in colour n."""
    copy = deepcopy(root)
    number = 0
    for element in list(copy.iter()):
        if name(element) in _SHAPES and not any(name(above) in _DEFINED for above in element.iterancestors()):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
        elif name(element) == "text":
            number += 1
            if number > MOST_TEXTS:
                break
            for one in element.iter():
                if name(one) in _SPANS:
                    _paint(one, number)
    return copy


def _paint(element: _Element, number: int) -> None:
    red, green, blue = (16 * (number >> shift & 15) + 8 for shift in (8, 4, 0))
    style = _PAINT.sub("", element.get("style", "")).strip("; \n")  # an empty rule at the front ends resvg's reading
    paint = f"fill:rgb({red},{green},{blue}) !important;stroke:none !important;fill-opacity:1 !important"
    element.set("style", ";".join(filter(None, (style, paint, "opacity:1 !important;filter:none !important"))))
    for key in ("fill", "stroke", "opacity", "fill-opacity", "filter"):
        element.attrib.pop(key, "")


def _bare(root: _Element) -> _Element:
    copy = deepcopy(root)
    for element in [one for one in copy.iter() if name(one) == "text"]:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    return copy


def _numbers(coloured: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(h, w): the number of the text that lies on each pixel, 0 for none."""
    import numpy as np

    steps = coloured[..., :3].astype(np.int32) >> 4
    numbers = steps[..., 0] << 8 | steps[..., 1] << 4 | steps[..., 2]
    return np.where(coloured[..., 3] >= _OPAQUE, numbers, 0)
