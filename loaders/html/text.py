"""The text of a run of inline markup, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.document import Link
from rag.markup import BLOCKS

from .mathml import formula
from .tags import name
from .tree import Tree

if TYPE_CHECKING:
    from lxml.etree import _Element

BREAK = "\0"
"""Stands for <br> until white space is collapsed; the parser lets no other NUL through."""
EDGE = "\3"
"""Stands where a block begins or ends: between two lines, however many blocks meet there."""
OPEN, CLOSE = "\1", "\2"
"""Stand where a link begins and ends."""
MOST_TARGET = 2000
_TOKENS = re.compile(r"[\0\1\2\3]|[^\S\0\1\2\3]+|[^\s\0\1\2\3]+")
_EDGES = re.compile(r"\n?\x03+")
_PERMALINKS = frozenset(["¶", "#", "§", "🔗", "⚓", "link", "", "↩", "↩︎", "↑", "^", "⤴", "↵", "⏎"])
_FORMULA = re.compile(r"\\[A-Za-z]+|^\$.*\$$|^\\[(\[]|[_^]\{", re.DOTALL)
_SPACED = frozenset(["td", "th", "text", "tspan", "option", "button", "label"])


@dataclass(slots=True)
class Line:
    """Text as read and the pictures in it, in order."""

    pieces: list[str] = field(default_factory=list)
    images: list[_Element] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    hidden: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """White space collapsed, line breaks kept."""
        if self.targets:
            return self.linked()[0]
        lines = ("".join(self.pieces)).replace(EDGE, BREAK).split(BREAK)
        return "\n".join(line for line in (" ".join(part.split()) for part in lines) if line)

    def linked(self) -> tuple[str, tuple[Link, ...]]:
        """The text, and where its characters lead; a link without a word is left out."""
        if not self.targets:
            return self.text, ()
        out: list[str] = []
        size, gap, number = 0, "", 0
        waiting: list[tuple[int, int]] = []  # (number of the link, where its text begins or -1)
        fresh = 0  # links at the end of `waiting` whose text has not begun
        links: list[tuple[int, Link]] = []
        for token in _TOKENS.findall("".join(self.pieces)):
            if token == OPEN:
                waiting.append((number, -1))
                number += 1
                fresh += 1
            elif token == CLOSE:
                at, start = waiting.pop()
                fresh -= start < 0
                if start >= 0:
                    links.append((at, Link(start, size, self.targets[at])))
            elif token in (BREAK, EDGE) or token.isspace():
                gap = "\n" if token in (BREAK, EDGE) or gap == "\n" else " "
            else:
                if size and gap:
                    out.append(gap)
                    size += 1
                gap = ""
                for begun in range(len(waiting) - fresh, len(waiting)):
                    waiting[begun] = (waiting[begun][0], size)
                fresh = 0
                out.append(token)
                size += len(token)
        return "".join(out), tuple(link for _, link in sorted(links, key=lambda one: one[0]))

    @property
    def verbatim(self) -> str:
        """White space as written, for code."""
        text = "".join(self.pieces).replace(OPEN, "").replace(CLOSE, "").replace("\r\n", "\n").replace("\xa0", " ")
        text = _EDGES.sub("\n", text.replace(BREAK, "\n"))
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
                if name(node) != "a" and tree.size(node) and name(node) != "option":
                    line.hidden.append(node)
            elif name(node) == "math":
                line.pieces.append(f" {formula(node)} ")
                walker.skip_subtree()
            else:
                _enter(node, line, node in tree.notes.marks)
            continue
        if event == "end" and not tree.hidden(node):
            _leave(node, line, node in tree.notes.marks)
        if node is not top and node.tail:
            line.pieces.append(node.tail)


def _enter(node: _Element, line: Line, mark: bool) -> None:
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
        line.pieces.append(EDGE)
    if target := _target(node):
        line.pieces.append(OPEN)
        line.targets.append(target)
    if mark and not _bracketed(node):
        line.pieces.append("[")  # else it would be read as a part of the word before it
    if node.text:
        line.pieces.append(node.text)


def _target(node: _Element) -> str:
    """Where an anchor leads, as it stands in the page; "" where it leads nowhere or runs a script."""
    target = " ".join(node.get("href", "").split()) if name(node) == "a" else ""
    if target in ("", "#") or len(target) > MOST_TARGET or target[:11].lower() == "javascript:" or _permalink(node):
        return ""
    return target


def _bracketed(mark: _Element) -> bool:
    text = "".join(map(str, mark.itertext())).strip()
    around = mark.getparent()
    before = around.text if around is not None and name(around) == "sup" else ""
    return text[:1] in ("[", "(") or (before or "").strip()[-1:] in ("[", "(")


def _leave(node: _Element, line: Line, mark: bool) -> None:
    tag = name(node)
    if mark and not _bracketed(node):
        line.pieces.append("]")
    if _target(node):
        line.pieces.append(CLOSE)
    if tag in _SPACED:
        line.pieces.append(" ")
    elif tag in BLOCKS:
        line.pieces.append(EDGE)


def _permalink(node: _Element) -> bool:
    """The sign after a heading that links to itself."""
    if name(node) != "a" or not node.get("href", "").startswith("#") or len(node):
        return False
    text = (node.text or "").strip()
    return bool(text) and text.lower() in _PERMALINKS and (text != "link" or "anchor" in node.get("class", ""))
