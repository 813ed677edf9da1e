"""Lines of text with their places, gathered into paragraphs, lists and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TextIO

from rag.document import CharSpan, Role

from .parts import Found

MAX_CHARACTERS = 4000
"""Longer blocks are cut at the end of a line, longer lines at a space."""

Line = tuple[int, str]
"""The offset of its first character, and the line with its end."""

_ITEM = re.compile(r"\s*(?:[-*+•‣–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")


def lines(text: TextIO) -> Iterator[Line]:
    """Lines of at most `MAX_CHARACTERS`, ends included, so that offsets add up."""
    offset = 0
    rest = ""
    while piece := rest + text.readline(MAX_CHARACTERS - len(rest)):
        rest = ""
        if len(piece) >= MAX_CHARACTERS and piece[-1] not in "\r\n":
            space = piece.rfind(" ", MAX_CHARACTERS // 2)
            if space > 0:
                piece, rest = piece[: space + 1], piece[space + 1 :]
        yield offset, piece
        offset += len(piece)


@dataclass(slots=True)
class _Block:
    """Lines gathered; `blank` are those after the last line of text, not yet part of it."""

    lines: list[Line] = field(default_factory=list)
    blank: list[Line] = field(default_factory=list)
    fence: str = ""
    size: int = 0

    @property
    def indented(self) -> bool:
        return all(line.startswith(("    ", "\t")) for _, line in self.lines if line.strip())

    def add(self, line: Line) -> None:
        self.lines += [*self.blank, line]
        self.size += sum(len(text) for _, text in self.blank) + len(line[1])
        self.blank = []


def blocks(text: Iterable[Line], data: bool = False) -> Iterator[Found]:
    """Paragraphs end at blank lines; a fenced block at its fence, an indented one where text begins
    again. With `data` all lines are kept as they are."""
    block = _Block()
    for line in text:
        bare = line[1].strip()
        if block.lines and not block.fence and not bare:
            block.blank.append(line)
            continue
        if block.lines and (block.size + len(line[1]) > MAX_CHARACTERS or _ends(block, line[1])):
            yield from _found(block, data)
            block = _Block(fence=block.fence)
        opening = _FENCE.match(line[1])
        if not block.fence and opening and not data:
            yield from _found(block, data)
            block = _Block(fence=opening[1])
            block.add(line)
        elif block.fence and opening and bare.startswith(block.fence) and bare.strip("`~") == "":
            block.add(line)
            yield from _found(block, data)
            block = _Block()
        elif bare or block.fence:
            block.add(line)
    yield from _found(block, data)


def _ends(block: _Block, line: str) -> bool:
    """Does a line of text begin a new block after the blank lines before it?"""
    return bool(block.blank) and not (block.indented and line.startswith(("    ", "\t")))


def records(text: Iterable[Line]) -> Iterator[Found]:
    """Each line for itself: one JSON object a line."""
    for offset, line in text:
        if line.strip():
            yield from _found(_Block([(offset, line)]), data=True)


def _found(block: _Block, data: bool) -> Iterator[Found]:
    if not block.lines:
        return
    raw = "".join(line for _, line in block.lines)
    start = block.lines[0][0] + (len(raw) - len(raw.lstrip("\r\n\f")))
    end = block.lines[0][0] + len(raw.rstrip())
    if end <= start:
        return
    role, text = _read(block, data)
    if text.strip():
        yield Found(role, text, (CharSpan(start, end),))


def _read(block: _Block, data: bool) -> tuple[Role, str]:
    """The role of a block and its text as it will be read."""
    kept = [line.rstrip() for _, line in block.lines]
    if data or block.fence:
        inner = kept[1:] if block.fence and _FENCE.match(kept[0]) else kept
        inner = inner[:-1] if block.fence and inner and _FENCE.match(inner[-1]) else inner
        return "code", "\n".join(inner).strip("\n")
    if block.indented:
        return "code", dedent("\n".join(kept).expandtabs(4)).strip("\n")
    if _ITEM.match(kept[0]) and sum(bool(_ITEM.match(line)) for line in kept) * 3 >= len(kept):
        return "list", "\n".join(kept)
    if len(kept) > 1 and all(len(line) >= 50 for line in kept[:-1]) and max(map(len, kept)) <= 120:
        return "paragraph", " ".join(line.strip() for line in kept)  # wrapped prose
    return "paragraph", "\n".join(" ".join(line.split()) for line in kept)
