"""Footnotes: told at the foot of a column, parted from one another, and tied to their marks in the text.

Tying is pure code over elements: it asks no engine, only which marks the lines of the text have set high.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from rag.document import Element, Link, Mention
from rag.sentences import sentences

from .document import Style
from .flow import Block
from .mentions import LONGEST, MOST, merged
from .rows import Row, text_rows
from .text import Line, joined, union

_NOTE = re.compile(r"^(?:\((?P<in>\d{1,2})\)|(?P<number>\d{1,2})(?![\d,]|\.\d)[.)]?|(?P<sign>[*†‡§¶]{1,3}))\s?[^\s\d]")
_TELLS = frozenset({"paragraph", "list", "heading", "caption"})


class Lined(Protocol):
    """An element to be."""

    @property
    def lines(self) -> Sequence[Line]: ...


def footnotes(found: Sequence[Block], style: Style, height: float) -> dict[int, list[Block]]:
    """The footnotes among the blocks of a column, by the id of the block that they were: small and at its foot."""
    noted = {}
    for block in reversed(found):
        if not _small(block, style, height):
            break
        if _NOTE.match(block.text):
            noted[id(block)] = _parted(block, style)
    return noted


def _small(block: Block, style: Style, height: float) -> bool:
    roles = ("paragraph", "list", "footnote")
    return block.role in roles and block.size <= 0.93 * style.body and block.box[1] >= 0.6 * height


def mark_of(text: str) -> str:
    """The mark that a footnote begins with: "5", "*"; "" for none."""
    match = _NOTE.match(text)
    return (match["in"] or match["number"] or match["sign"]) if match else ""


def _parted(block: Block, style: Style) -> list[Block]:
    """The notes of a block: one begins where a row begins with the number after the last one's."""
    groups: list[list[Row]] = []
    mark = ""
    for row in text_rows(block.lines):
        own = mark_of(" ".join(piece.text for piece in row.pieces))
        if not groups or (own.isdecimal() and mark.isdecimal() and int(own) == int(mark) + 1):
            groups.append([row])
            mark = own
        else:
            groups[-1].append(row)
    return [_note(group, block, style) for group in groups]


def _note(group: Sequence[Row], block: Block, style: Style) -> Block:
    lines = [line for row in group for piece in row.pieces for line in piece.lines]
    text = joined([" ".join(piece.text for piece in row.pieces) for row in group], style.words)
    return Block("footnote", text, union([line.box for line in lines]), lines, size=block.size)


def tied(found: Sequence[Lined], elements: Sequence[Element]) -> list[Element]:
    """The elements of a page, `found` what each was made of, with links from marks to the notes that they name.

    A note has the sentence with its mark as a mention. A mark counts where it is set high behind a word, of two
    letters at least, so that a power is none.
    """
    changed = list(elements)
    for at, note in enumerate(elements):
        mark = mark_of(note.text) if note.role == "footnote" else ""
        if not mark:
            continue
        pattern = re.compile(rf"(?:[^\W\d_]{{2}}|[.,;:)\]”’\"'])\s?(?P<mark>{re.escape(mark)})(?![\w*†‡§¶])")
        # From the last on: authors have marks of their own, and stand first.
        for where, one in reversed(list(enumerate(changed))):
            if one.role not in _TELLS or not any(_has(line, mark) for line in found[where].lines):
                continue
            if match := pattern.search(one.text):
                start, end = match.span("mark")
                links = merged(one.links, [Link(start, end, f"#{note.id}")])
                changed[where] = replace(one, links=links)
                first, last = next((s for s in sentences(one.text) if s[0] <= start - 1 < s[1]), (start, end))
                said = Mention(" ".join(one.text[first:last].split())[:LONGEST], one.origin.places[0])
                changed[at] = replace(note, mentions=(*note.mentions, said)[:MOST])
                break
    return changed


def _has(line: Line, mark: str) -> bool:
    return mark in line.raised or line.text.strip(".,;:)") == mark
