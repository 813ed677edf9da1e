"""A caption that stands beside its table or picture becomes part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rag.document import Notice

from .parts import Found

_OF_TABLE = re.compile(r"\s*tab", re.IGNORECASE)  # Table, Tabelle, Tableau, Tabla, tab.


def captioned(found: Iterable[Found | Notice]) -> Iterator[Found | Notice]:
    """The same elements, captions joined to what they are of.

    One that begins with `Table` goes to a table right after it; any other, or one with no table after
    it, to the table or figure right before it.
    """
    held: Found | None = None  # a figure, a table or a caption that may find its like
    for one in found:
        if isinstance(one, Notice):
            yield one
        elif held is None:
            held = one
        elif (
            one.role == "caption"
            and held.role in ("figure", "table")
            and not held.caption
            and not (held.role == "figure" and _OF_TABLE.match(one.text))
        ):
            held = _with(held, one)
        elif held.role == "caption" and one.role == "table" and not one.caption and _OF_TABLE.match(held.text):
            held = _with(one, held)
        else:
            yield held
            held = one
    if held is not None:
        yield held


def _with(one: Found, caption: Found) -> Found:
    return replace(one, caption=caption.text, places=(*one.places, *caption.places))
