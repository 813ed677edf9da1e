"""What the styles and lists of a WordprocessingML document mean: heading levels, markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .docx_text import W
from .package import Package

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_DEEPEST = 30
"""Styles that are based on one another, at most: a ring of them ends."""


class Styles:
    """The styles of one document, by id."""

    def __init__(self, package: Package, part: str) -> None:
        root = package.xml(part)
        styles = root.iter(W + "style") if root is not None else ()
        self._styles = {one.get(W + "styleId", ""): one for one in styles}

    def level(self, paragraph: _Element) -> int:
        """The depth of a heading, from 1; 0 for what is none."""
        own = _value(paragraph, "outlineLvl")
        if own.isdigit():
            return int(own) + 1 if int(own) < 9 else 0
        for style in self._chain(paragraph):
            name = self._name(style)
            if found := _HEADING.fullmatch(name):
                return int(found[1])
            if name.lower() == "title":
                return 1
            outline = _value(style, "outlineLvl")
            if outline.isdigit():
                return int(outline) + 1 if int(outline) < 9 else 0
        return 0

    def named(self, paragraph: _Element) -> str:
        """The style's name in lower case."""
        return next((self._name(style).lower() for style in self._chain(paragraph)), "")

    def numbering(self, paragraph: _Element) -> tuple[str, int] | None:
        """The list and the depth in it; None outside of lists."""
        for one in (paragraph, *self._chain(paragraph)):
            marks = one.find(f"{W}pPr/{W}numPr")
            if marks is not None:
                number, depth = marks.find(W + "numId"), marks.find(W + "ilvl")
                id = number.get(W + "val", "") if number is not None else ""
                level = depth.get(W + "val", "0") if depth is not None else "0"
                return (id, int(level) if level.isdigit() else 0) if id not in ("", "0") else None
        return None

    def _chain(self, paragraph: _Element) -> list[_Element]:
        found: list[_Element] = []
        id = _value(paragraph, "pStyle")
        while (style := self._styles.get(id)) is not None and len(found) < _DEEPEST:
            found.append(style)
            based = style.find(W + "basedOn")
            id = based.get(W + "val", "") if based is not None else ""
        return found

    @staticmethod
    def _name(style: _Element) -> str:
        name = style.find(W + "name")
        return name.get(W + "val", "") if name is not None else ""


class Lists:
    """Counts the items of numbered lists and gives each its marker."""

    def __init__(self, package: Package, part: str) -> None:
        root = package.xml(part)
        abstract: dict[str, _Element] = {}
        self._formats: dict[str, dict[int, str]] = {}
        self._counts: dict[tuple[str, int], int] = {}
        if root is None:
            return
        for one in root.iter(W + "abstractNum"):
            abstract[one.get(W + "abstractNumId", "")] = one
        for one in root.iter(W + "num"):
            of = one.find(W + "abstractNumId")
            known = abstract.get(of.get(W + "val", "")) if of is not None else None
            levels = [level for level in known.iter(W + "lvl") if level.get(W + "ilvl", "").isdigit()] if (
                known is not None
            ) else []  # fmt: skip
            self._formats[one.get(W + "numId", "")] = {
                int(level.get(W + "ilvl", "0")): _format(level) for level in levels
            }  # fmt: skip

    def marker(self, id: str, depth: int) -> str:
        """`- ` or `3. `, indented by depth."""
        indent = "  " * min(depth, 8)
        if self._formats.get(id, {}).get(depth, "bullet") in ("bullet", "none"):
            return f"{indent}- "
        self._counts[id, depth] = self._counts.get((id, depth), 0) + 1
        for key in [key for key in self._counts if key[0] == id and key[1] > depth]:
            del self._counts[key]
        return f"{indent}{self._counts[id, depth]}. "


def _format(level: _Element) -> str:
    found = level.find(W + "numFmt")
    return found.get(W + "val", "") if found is not None else "decimal"


def _value(block: _Element, name: str) -> str:
    found = block.find(f"{W}pPr/{W}{name}")
    return found.get(W + "val", "") if found is not None else ""
