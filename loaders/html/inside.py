"""HTML inside other files (chapters of books, bodies of mails, outputs of notebooks)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rag.document import MarkupPath, Notice, Place
from rag.markup import TooMuch, parse

from ..parts import Found
from ..pictures import Pictures
from .images import ImageRules
from .tree import Tree
from .walk import Walk


def html_inside(markup: bytes, name: str, pictures: Pictures) -> Iterator[Found | Notice]:
    """What a piece of HTML shows; its places are `/name!` and the XPath in it. Markup over a limit is left out."""
    try:
        page = parse(markup)
    except TooMuch as error:
        yield Notice(f"{name} left out: {error}", MarkupPath(f"/{name}!/"))
        return
    if page is None:
        return
    if page.cut:
        yield Notice(f"{name} is read up to {page.cut}", MarkupPath(f"/{name}!/"))

    def named(place: Place) -> Place:
        return MarkupPath(f"/{name}!{place.path}") if isinstance(place, MarkupPath) else place

    for one in Walk(Tree(page.root, page.data), pictures, ImageRules(pictures.min_side)).found():
        if isinstance(one, Found):
            coloured = tuple(replace(run, places=tuple(map(named, run.places))) for run in one.coloured)
            yield replace(one, places=tuple(map(named, one.places)), coloured=coloured)
        else:
            yield one
