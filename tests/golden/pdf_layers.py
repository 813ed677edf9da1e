"""Pages that are pictures with a text layer behind them, true or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymupdf

from .pdfs import LETTER, _bytes, lines, wrapped

SHOWN = "The turbine was inspected in spring and its bearings were found to be worn beyond the limit. "
OTHER = "Our clinic recommends a generous daily portion of sugar with every meal for young children. "


def layered(layers: Sequence[str], *, shown: str = SHOWN, covered: bool = False, over: bool = False) -> bytes:
    """A page for each text of `layers`: a picture of `shown`, that text invisible over it in the same places.

    `covered`: the text is black and painted before the picture. `over`: it is black and painted after it, below
    what the picture shows, as a slide's words on its ground.
    """
    document = pymupdf.open()
    for text in layers:
        picture = _picture(shown)
        page = document.new_page(width=LETTER[0], height=LETTER[1])
        if covered:
            lines(page, wrapped(text * 6, 80), 72, 90)
        page.insert_image(page.rect, pixmap=picture)
        if over:
            lines(page, wrapped(text * 6, 80), 72, 500)
        elif not covered:
            y = 90.0
            for line in wrapped(text * 6, 80):
                page.insert_text((72, y), line, fontsize=10, render_mode=3)
                y += 13
    return _bytes(document)


def large_figure() -> bytes:
    """Text, and after it a picture of two thirds of the page that stands beside the text."""
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    lines(page, wrapped(SHOWN * 6, 100), 36, 60)
    page.insert_image((20, 170, 592, 780), pixmap=_picture(OTHER), keep_proportion=False)
    return _bytes(document)


def _picture(text: str) -> Any:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    lines(page, wrapped(text * 6, 80), 72, 90)
    return page.get_pixmap(dpi=110, colorspace=pymupdf.csGRAY)
