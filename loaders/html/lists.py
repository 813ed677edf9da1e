"""The marks of list items, as browsers show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .tags import name

if TYPE_CHECKING:
    from lxml.etree import _Element

DEEPEST = 8
"""Levels that a text is moved in by."""
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def first_number(ordered: _Element) -> int:
    """The number before that of a list's first item."""
    step = _step(ordered)
    items = sum(1 for child in ordered if name(child) == "li") if step < 0 else 1
    return number(ordered.get("start"), items) - step


def marker(holder: _Element, item: _Element, depth: int, before: int) -> tuple[str, int]:
    """The mark of an item with the white space before it, and the item's number. `before` is that of the last one."""
    indent = indented(depth - 1)
    if name(holder) != "ol":
        return f"{indent}- ", before
    its = number(item.get("value"), before + _step(holder))
    return f"{indent}{_written(its, holder.get('type', ''))}. ", its


def indented(depth: int) -> str:
    """The white space before what stands in so many lists."""
    return "  " * max(0, min(depth, DEEPEST))


def number(value: str | None, default: int) -> int:
    """A whole number as written in an attribute."""
    text = (value or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else default


def _step(ordered: _Element) -> int:
    return -1 if ordered.get("reversed") is not None else 1


def _written(its: int, kind: str) -> str:
    if kind in ("a", "A") and its > 0:
        letters = ""
        while its:
            its, left = divmod(its - 1, 26)
            letters = chr(97 + left) + letters
        return letters.upper() if kind == "A" else letters
    if kind in ("i", "I") and 0 < its < 4000:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (its // value)
            its %= value
        return roman.upper() if kind == "I" else roman
    return str(its)
