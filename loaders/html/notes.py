"""Footnotes of a page: the marks in its text, the notes that they lead to, and the sentences that bear the marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.document import Link, Mention, Place
from rag.sentences import sentences

from .tags import name, path

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST = 4
"""Sentences that a note keeps, the first ones."""
LONGEST = 400
"""Characters of a sentence that are kept."""
_MARK = re.compile(
    r"[\[(]?\s*(?:\d{1,4}|[A-Za-z]{1,4}|[ivxlc]{1,8}|[*†‡§¶#]{1,4}|note \d{1,4})\s*[\])]?", re.IGNORECASE
)
_NOTED = re.compile(r"foot-?note|end-?note|doc-(?:foot|end)note|references|\bfn\b|citation", re.IGNORECASE)
_BLOCKS = frozenset(["li", "p", "dd", "dt", "aside", "div", "section", "td"])


class Notes:
    """The notes of one page. A mark is a link to a place in the page, set high or said to be one."""

    def __init__(self, root: _Element, anchors: Sequence[_Element]) -> None:
        self.marks: set[_Element] = set()
        self._labels: dict[_Element, str] = {}
        self._names: dict[_Element, str] = {}
        self._said: dict[str, list[Mention]] = {}
        found = [one for one in anchors if one.get("href", "")[:1] == "#" and _is_mark(one)]
        if not found:
            return
        places = {str(one.get("id") or one.get("name")): one for one in path("//*[@id] | //a[@name]")(root)}
        for mark in found:
            label = " ".join("".join(map(str, mark.itertext())).split())
            target = mark.get("href", "")[1:]
            note = _block(places.get(target))
            if note is None or not _MARK.fullmatch(label) or not _noted(note) or mark in set(note.iter("a")):
                continue
            self.marks.add(mark)
            self._labels.setdefault(note, label.strip("[]() "))
            self._names.setdefault(note, target)

    def __contains__(self, node: _Element) -> bool:
        return node in self._labels

    def label(self, note: _Element | None) -> str:
        """What marks a note in the text: "1"."""
        return "" if note is None else self._labels.get(note, "")

    def mentions(self, note: _Element | None) -> tuple[Mention, ...]:
        """The sentences before a note that bear its mark."""
        return () if note is None else tuple(dict.fromkeys(self._said.get(self._names[note], ())))[:MOST]

    def heard(self, text: str, links: tuple[Link, ...], place: Place) -> None:
        """Remember the sentences of a text that bear marks."""
        if not self.marks or not links:
            return
        names = set(self._names.values())
        spans = None
        for link in links:
            if link.target[:1] == "#" and link.target[1:] in names:
                spans = sentences(text) if spans is None else spans
                whole = next((one for one in spans if one[0] <= link.start < one[1]), None)
                # A mark behind the full stop belongs to the sentence before it.
                if whole is None or not text[whole[0] : link.start].strip():
                    whole = next((one for one in reversed(spans) if one[1] <= link.start), whole)
                start, end = whole or (link.start, link.end)
                said = Mention(" ".join(text[start:end].split())[:LONGEST], place)
                self._said.setdefault(link.target[1:], []).append(said)


def _is_mark(anchor: _Element) -> bool:
    """Is it set high, or said to be one?"""
    parent = anchor.getparent()
    if parent is not None and parent.tag == "sup":
        return True
    said = anchor.get("class", "")
    return "footnote" in said or "noteref" in said or anchor.get("role") == "doc-noteref" or _high(anchor)


def _high(anchor: _Element) -> bool:
    return len(anchor) > 0 and anchor.find("sup") is not None


def _block(node: _Element | None) -> _Element | None:
    while node is not None and name(node) not in _BLOCKS:
        node = node.getparent()
    return node


def _noted(note: _Element) -> bool:
    """Does it, or what it stands in, say that it is a note; or does it lead back into the page at its ends?"""
    around = [note, *note.iterancestors("ol", "ul", "dl", "section", "aside", "div", "footer")][:4]
    if any(_NOTED.search(f"{one.get('class', '')} {one.get('role', '')} {one.get('id', '')}") for one in around):
        return True
    return any(one.get("href", "")[:1] == "#" for one in note.iter("a"))
