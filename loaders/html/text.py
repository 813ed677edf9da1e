"""The text of a run of inline markup, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING

from rag.document import Link
from rag.markup import BLOCKS

from .mathml import formula
from .painted import Look, Painted
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
_MARKS = re.compile(r"([\0\1\2\3])")
_first = itemgetter(0)
_DEEP = 80
_PLAIN = frozenset(
    "span b i em strong code tt var kbd samp small big u s strike font cite dfn abbr acronym sup sub ins del mark q "
    "time data bdi bdo nobr ruby rb rt wbr".split()
)
"""Tags that add nothing to their text."""
_EDGES = re.compile(r"\n?\x03+")
_PERMALINKS = frozenset(["¶", "#", "§", "🔗", "⚓", "link", "", "↩", "↩︎", "↑", "^", "⤴", "↵", "⏎"])
_FORMULA = re.compile(r"\\[A-Za-z]+|^\$.*\$$|^\\[(\[]|[_^]\{", re.DOTALL)
_SPACED = frozenset(["td", "th", "text", "tspan", "option", "button", "label"])


class Line:
    """Text as read and the pictures in it, in order, and what is hidden in it."""

    __slots__ = ("hidden", "images", "pieces", "targets")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.images: list[_Element] = []
        self.targets: list[str | tuple[Look, str]] = []
        self.hidden: list[_Element] = []

    @property
    def text(self) -> str:
        """White space collapsed, line breaks kept."""
        return self.linked()[0]

    def linked(self) -> tuple[str, tuple[Link, ...]]:
        """The text, and where its characters lead; a link without a word is left out."""
        whole = "".join(self.pieces)
        if self.targets:
            return self._marked(whole)
        if BREAK not in whole and EDGE not in whole:
            return " ".join(whole.split()), ()
        lines = whole.replace(EDGE, BREAK).split(BREAK)
        return "\n".join(line for line in (" ".join(part.split()) for part in lines) if line), ()

    def _marked(self, whole: str) -> tuple[str, tuple[Link, ...]]:
        out: list[str] = []
        size, gap, number = 0, "", 0
        waiting: list[tuple[int, int]] = []  # (number of the link, where its text begins or -1)
        fresh = 0  # links at the end of `waiting` whose text has not begun
        links: list[tuple[int, Link]] = []
        for token in _MARKS.split(whole):
            if token == OPEN:
                waiting.append((number, -1))
                number += 1
                fresh += 1
            elif token == CLOSE:
                at, start = waiting.pop()
                fresh -= start < 0
                if start >= 0:
                    links.append((at, _span(start, size, self.targets[at])))
            elif token in (BREAK, EDGE):
                gap = "\n"
            elif token:
                text = " ".join(token.split())
                if not text or token[0].isspace():
                    gap = gap or " "
                if not text:
                    continue
                if size and gap:
                    out.append(gap)
                    size += 1
                gap = " " if token[-1].isspace() else ""
                for begun in range(len(waiting) - fresh, len(waiting)):
                    waiting[begun] = (waiting[begun][0], size)
                fresh = 0
                out.append(text)
                size += len(text)
        return "".join(out), tuple(link for _, link in sorted(links, key=_first))

    @property
    def verbatim(self) -> str:
        """White space as written, for code."""
        text = "".join(self.pieces).replace(OPEN, "").replace(CLOSE, "").replace("\r\n", "\n").replace("\xa0", " ")
        text = _EDGES.sub("\n", text.replace(BREAK, "\n"))
        lines = [line.rstrip() for line in text.split("\n")]
        return "\n".join(lines).strip("\n")


def _span(start: int, end: int, target: str | tuple[Look, str]) -> Link:
    return Link(start, end, target) if isinstance(target, str) else Painted(start, end, "", *target)


def read(nodes: Iterable[_Element | str], tree: Tree) -> Line:
    """The line that texts and elements make; an element's tail is not part of it."""
    line = Line()
    for node in nodes:
        if isinstance(node, str):
            line.pieces.append(node)
        else:
            _one(node, tree, line, 0)
    return line


def inside(node: _Element, tree: Tree) -> Line:
    """The line that all in an element makes."""
    line = Line()
    _all(node, tree, line, 0)
    return line


def _all(node: _Element, tree: Tree, line: Line, depth: int) -> None:
    """Text and children of an element. Calls itself for what is not nested deeper than pages are."""
    append = line.pieces.append
    if text := node.text:
        append(text)
    for child in node:
        if child.tag in _PLAIN and child not in tree.notable and not len(child):
            if text := child.text:
                append(text)
        else:
            _one(child, tree, line, depth)
        if text := child.tail:
            append(text)


def _one(node: _Element, tree: Tree, line: Line, depth: int) -> None:
    """An element without its tail."""
    tag = node.tag
    if type(tag) is not str:
        return
    if depth >= _DEEP:
        _deep(node, tree, line)
    elif node in tree.kept_back:
        _apart(node, tag, tree, line)
    elif tag in _PLAIN and node not in tree.notable:
        _all(node, tree, line, depth + 1)
    elif tag == "math":
        line.pieces.append(f" {formula(node)} ")
    elif tag != "a" or not _permalink(node):
        mark = node in tree.notes.marks
        closing = _enter(node, tag, tree, line, mark)
        _all(node, tree, line, depth + 1)
        _leave(node, tag, line, mark, closing)


def _deep(top: _Element, tree: Tree, line: Line) -> None:
    """The same for markup that is nested without end."""
    from lxml import etree

    walker = etree.iterwalk(top, events=("start", "end", "comment", "pi"))
    closing: list[int] = []
    for event, node in walker:
        tag = name(node)
        if event == "start":
            if node in tree.kept_back or (tag == "a" and _permalink(node)):
                walker.skip_subtree()
                _apart(node, tag, tree, line)
                closing.append(0)
            elif tag == "math":
                line.pieces.append(f" {formula(node)} ")
                walker.skip_subtree()
                closing.append(0)
            else:
                closing.append(_enter(node, tag, tree, line, node in tree.notes.marks))
                if node.text:
                    line.pieces.append(node.text)
            continue
        if event == "end":
            opened = closing.pop()
            if node not in tree.kept_back and tag != "math":
                _leave(node, tag, line, node in tree.notes.marks, opened)
        if node is not top and node.tail:
            line.pieces.append(node.tail)


def _apart(node: _Element, tag: str, tree: Tree, line: Line) -> None:
    if tag not in ("a", "option") and tree.size(node):
        line.hidden.append(node)


def _enter(node: _Element, tag: str, tree: Tree, line: Line, mark: bool) -> int:
    """What stands where an element begins; how many links and looks of text are to be closed?"""
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
    opened = 0
    if node in tree.looks.own:
        line.pieces.append(OPEN)
        line.targets.append((tree.looks.of(node), tree.path(node)))
        opened += 1
    if tag == "a" and (target := _target(node)):
        line.pieces.append(OPEN)
        line.targets.append(target)
        opened += 1
    if mark and not _bracketed(node):
        line.pieces.append("[")  # else it would be read as a part of the word before it
    return opened


def _target(anchor: _Element) -> str:
    """Where an anchor leads, as it stands in the page; "" where it leads nowhere or runs a script."""
    target = " ".join(anchor.get("href", "").split())
    if target in ("", "#") or len(target) > MOST_TARGET or target[:11].lower() == "javascript:":
        return ""
    return target


def _bracketed(mark: _Element) -> bool:
    text = "".join(map(str, mark.itertext())).strip()
    around = mark.getparent()
    before = around.text if around is not None and name(around) == "sup" else ""
    return text[:1] in ("[", "(") or (before or "").strip()[-1:] in ("[", "(")


def _leave(node: _Element, tag: str, line: Line, mark: bool, opened: int) -> None:
    if mark and not _bracketed(node):
        line.pieces.append("]")
    line.pieces += [CLOSE] * opened
    if tag in _SPACED:
        line.pieces.append(" ")
    elif tag in BLOCKS:
        line.pieces.append(EDGE)


def _permalink(node: _Element) -> bool:
    """The sign after a heading that links to itself."""
    if len(node) or not node.get("href", "").startswith("#"):
        return False
    text = (node.text or "").strip()
    return bool(text) and text.lower() in _PERMALINKS and (text != "link" or "anchor" in node.get("class", ""))
