"""The text of a run of inline markup, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.markup import BLOCKS

from .tree import Tree, name

if TYPE_CHECKING:
    from lxml.etree import _Element

BREAK = "\0"
"""Stands for <br> until white space is collapsed; the parser lets no other NUL through."""
_PERMALINKS = frozenset(["¶", "#", "§", "🔗", "⚓", "link", ""])
_FORMULA = re.compile(r"\\[A-Za-z]+|^\$.*\$$|^\\[(\[]|[_^]\{", re.DOTALL)
_SPACED = frozenset(["td", "th", "text", "tspan", "option", "button", "label"])


@dataclass(slots=True)
class Line:
    """Text as read and the pictures in it, in order."""

    pieces: list[str] = field(default_factory=list)
    images: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """White space collapsed, line breaks kept."""
        lines = ("".join(self.pieces)).split(BREAK)
        return "\n".join(line for line in (" ".join(part.split()) for part in lines) if line)

    @property
    def verbatim(self) -> str:
        """White space as written, for code."""
        text = "".join(self.pieces).replace(BREAK, "\n").replace("\r\n", "\n").replace("\xa0", " ")
        lines = [line.rstrip() for line in text.split("\n")]
        return "\n".join(lines).strip("\n")


def read(nodes: Iterable[_Element | str], tree: Tree) -> Line:
    """The line that texts and elements make; an element's tail is not part of it."""
    line = Line()
    for node in nodes:
        if isinstance(node, str):
            line.pieces.append(node)
        elif name(node):
            _walk(node, tree, line)
    return line


def _walk(top: _Element, tree: Tree, line: Line) -> None:
    from lxml import etree

    walker = etree.iterwalk(top, events=("start", "end", "comment", "pi"))
    for event, node in walker:
        if event == "start":
            if tree.hidden(node) or _permalink(node):
                walker.skip_subtree()
            else:
                _enter(node, line)
            continue
        if event == "end" and not tree.hidden(node):
            _leave(node, line)
        if node is not top and node.tail:
            line.pieces.append(node.tail)


def _enter(node: _Element, line: Line) -> None:
    tag = name(node)
    if tag == "br":
        line.pieces.append(BREAK)
    elif tag in ("img", "image"):
        alt = node.get("alt", "").strip()
        if _FORMULA.search(alt) or "math" in node.get("class", "").lower().split():
            line.pieces.append(alt)  # a formula drawn as a picture: its source is what is read
        else:
            line.images.append(node)
    elif tag in _SPACED:
        line.pieces.append(" ")
    elif tag in BLOCKS:
        line.pieces.append(BREAK)
    if node.text:
        line.pieces.append(node.text)


def _leave(node: _Element, line: Line) -> None:
    tag = name(node)
    if tag in _SPACED:
        line.pieces.append(" ")
    elif tag in BLOCKS:
        line.pieces.append(BREAK)


def _permalink(node: _Element) -> bool:
    """The sign after a heading that links to itself."""
    if name(node) != "a" or not node.get("href", "").startswith("#") or len(node):
        return False
    text = (node.text or "").strip()
    return bool(text) and text.lower() in _PERMALINKS and (text != "link" or "anchor" in node.get("class", ""))
