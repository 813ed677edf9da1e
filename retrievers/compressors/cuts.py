"""What a chunk is cut into to be narrowed: sentences, rows, list items, blocks of code, each with what it needs.

A row says nothing without the head of its table, nor an item without the sentence that announces the list:
such a piece names the spans that go with it. Rules alone, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.document import Chunk
from rag.sentences import sentences

Span = tuple[int, int]
LONGEST_CODE = 1200
"""Characters of a block of code that stays whole; a longer one is cut between its lines."""
_RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*$")
_BLANK = re.compile(r"\n(?:[^\S\n]*\n)+")
_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪–]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+")
_CODE = re.compile(r"^(?:\s{2,}\S|\t)|[{};\\]\s*$|\w\(|[<>$]|^\s*(?:#|//|--|\$|%)|\w\s?=\s?\S")
_LEADS = (":", "：")
_MOST_LEAD = 400
"""Characters of the longest sentence that is kept for what it announces."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Characters [start, end) of a chunk's text, and the spans before them without which they are not understood."""

    start: int
    end: int
    needs: tuple[Span, ...] = ()


def cuts(chunk: Chunk) -> list[Cut]:
    """The pieces of a chunk's text in order; with their needs they hold all of it but white space."""
    if chunk.modality == "table":
        return list(_rows(chunk.text))
    return list(_prose(chunk.text, chunk.role == "code"))


def _rows(text: str) -> Iterator[Cut]:
    """The rows of a table, each with caption, head, and the row above that names its group."""
    lines = list(_lines(text, 0, len(text)))
    count = _head(text, lines)
    head, group = tuple(lines[:count]), None
    if len(lines) == count:  # a head and nothing under it
        yield from (Cut(*line) for line in lines)
    for line in lines[count:]:
        row = text[slice(*line)]
        cells = [cell for cell in row.strip().strip("|").split("|") if cell.strip()]
        if row.lstrip().startswith("|") and len(cells) == 1:
            group = line
            yield Cut(*line, head)
        else:
            yield Cut(*line, (*head, group) if group else head)


def _head(text: str, lines: list[Span]) -> int:
    """Lines of the caption and the head: to the rule under the head, or before the first row."""
    rule = next((at for at, line in enumerate(lines[:12]) if _RULE.match(text[slice(*line)])), -1)
    return rule + 1 or next((at for at, line in enumerate(lines) if text[line[0]] == "|"), 0)


def _prose(text: str, code: bool) -> Iterator[Cut]:
    """Sentences and list items, and blocks of code in one piece; what is announced goes with what announces it."""
    lead: Span | None = None
    for start, end in _blocks(text):
        if code or _is_code(text[start:end]):
            needs = (lead,) if lead else ()
            yield from (Cut(*span, needs) for span in _code(text, start, end))
            lead = None
            continue
        for first, last in sentences(text[start:end]):
            span = (start + first, start + last)
            item = bool(_ITEM.match(text[slice(*span)]))
            if text[slice(*span)].endswith(_LEADS) and last - first <= _MOST_LEAD:
                yield Cut(*span, (lead,) if lead and item else ())
                lead = lead if item and lead else span
            else:
                yield Cut(*span, (lead,) if lead and (item or lead[1] >= _before(text, span[0])) else ())
                lead = lead if item else None


def _before(text: str, at: int) -> int:
    """The end of what stands before, white space left out."""
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _blocks(text: str) -> Iterator[Span]:
    """What blank lines part."""
    start = 0
    for match in _BLANK.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _is_code(block: str) -> bool:
    """Whether most lines of a block, two or more, look like code."""
    lines = [line for line in block.split("\n") if line.strip()]
    if len(lines) < 2 or any(_ITEM.match(line) or line.lstrip().startswith("|") for line in lines):
        return False
    return 2 * sum(bool(_CODE.search(line)) for line in lines) > len(lines)


def _code(text: str, start: int, end: int) -> Iterator[Span]:
    """The block, in pieces of whole lines."""
    held: Span | None = None
    for line in _lines(text, start, end):
        if held and line[1] - held[0] > LONGEST_CODE:
            yield held
            held = None
        held = (held[0], line[1]) if held else line
    if held:
        yield held


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines that hold something, white space at their ends left out but not before them."""
    at = start
    for line in text[start:end].split("\n"):
        if line.strip():
            yield at, at + len(line.rstrip())
        at += len(line) + 1
