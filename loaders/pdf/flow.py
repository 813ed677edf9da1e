"""From lines to paragraphs, headings, lists and code, down one column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from .document import Outline, Style
from .rows import Row, text_rows
from .text import Line, Rect, joined, union

BlockRole = Literal["paragraph", "heading", "list", "code", "caption", "footnote", "equation"]

CAPTION = re.compile(
    r"^(?P<kind>fig(?:ure|\.)?|table|tab\.|chart|exhibit|scheme|plate|map|diagram|graph|image|photo|"
    r"abb(?:ildung|\.)|tabelle|tableau|figura|tabla)\s*"
    r"(?P<number>(?:[A-Z]{1,2}[.-]?)?\d+(?:[.-]\d+)*[a-z]?|[IVXL]+)\s*(?P<mark>[.:|–—-]|\)|$|(?=\s(?-i:[A-Z(])))",
    re.IGNORECASE,
)
TABLE_KIND = re.compile(r"^(tab|table)", re.IGNORECASE)
_BULLET = re.compile(r"^[•◦‣⁃▪■□●○✓✔➢❖►∙·*–—-]\s+\S|^[•◦‣▪■●➢❖►]\S")
_NUMBERED = re.compile(r"^(?:\((?:\d{1,2}|[A-Za-z]|[ivx]{1,4})\)|(?:\d{1,2}|[A-Za-z]|[ivx]{1,4})[.)]|\[\d{1,3}\])\s+\S")
_SECTION = re.compile(
    r"^(?:(?:chapter|section|part|appendix|item)\s+)?((?:\d+|[A-Z])(?:\.\d+)*)\.?\s+\S", re.IGNORECASE
)
_EQUATION_NUMBER = re.compile(r"\([A-Z]?\.?\d{1,3}(?:\.\d{1,3})?[a-z]?\)$")
_RELATION = re.compile(r"[=≤≥<>≈≡∈∝→∑∏∫≠∼]")
_ENDS = (".", "!", "?", ":", ";", "。", "”", '."')


@dataclass(slots=True)
class Block:
    """One thing of running text: its lines, text and box; `level` of a heading, from 1."""

    role: BlockRole
    text: str
    box: Rect
    lines: list[Line] = field(default_factory=list)
    level: int = 0
    size: float = 10.0


def blocks(lines: Sequence[Line], style: Style, above: Outline, page: int) -> list[Block]:
    """The blocks of a column's lines, top to bottom."""
    rows = text_rows(lines)
    if not rows:
        return []
    left, right = min(row.box[0] for row in rows), max(row.box[2] for row in rows)
    found = []
    for group in _groups(rows, left, right):
        block = _block(group, style, above, page)
        if len(block.text) > 3 or any(map(str.isalnum, block.text)):  # else a rule set as a dash
            found.append(block)
    return _lists(_headed(found))


def _groups(rows: Sequence[Row], left: float, right: float) -> list[list[Row]]:
    """Rows of one paragraph each."""
    pitch = _pitch(rows)
    groups: list[list[Row]] = []
    for row in rows:
        if groups and not _parts(groups[-1], row, pitch, left, right):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _pitch(rows: Sequence[Row]) -> dict[int, float]:
    """The usual distance of baselines for each size of type."""
    gaps: dict[int, list[float]] = {}
    for one, other in itertools.pairwise(rows):
        gap = other.baseline - one.baseline
        if round(one.size) == round(other.size) and 0.8 * one.size < gap < 2.2 * one.size:
            gaps.setdefault(round(one.size), []).append(gap)
    return {size: min(median(found), 1.9 * size) for size, found in gaps.items() if size}


def _text(row: Row) -> str:
    return " ".join(piece.text for piece in row.pieces)


def _bold(row: Row) -> bool:
    return all(line.bold for piece in row.pieces for line in piece.lines)


def _italic(row: Row) -> bool:
    return all(line.italic for piece in row.pieces for line in piece.lines)


def _mono(row: Row) -> bool:
    return all(line.mono for piece in row.pieces for line in piece.lines)


def _marked(row: Row) -> bool:
    text = _text(row)
    return _bulleted(row, text) or bool(_NUMBERED.match(text))


def _bulleted(row: Row, text: str) -> bool:
    """Does a row begin with a bullet, or with an "o" that a wide gap parts from its text?"""
    return bool(_BULLET.match(text)) or (len(row.pieces) > 1 and row.pieces[0].text == "o")


def _parts(group: list[Row], row: Row, pitch: dict[int, float], left: float, right: float) -> bool:
    """Does a new paragraph begin with this row?"""
    last = group[-1]
    gap = row.baseline - last.baseline
    size = max(last.size, row.size)
    mono = _mono(row)
    if mono != _mono(last):
        wrapped = gap < 1.25 * pitch.get(round(last.size), 1.25 * size) and last.box[2] > right - 2.5 * size
        if not wrapped:
            return True
        mono = False
    if gap > (2.6 if mono else 1.3) * pitch.get(round(last.size), 1.25 * size) + 0.6:
        return True
    if mono:
        return False
    if abs(row.size - last.size) > 0.09 * size and not (len(_text(row)) < 4 or len(_text(last)) < 4):
        return True
    text = _text(row)
    # A bold reference at the start of a row ("(p. 58)") is no heading.
    goes_on = last.box[2] > right - 0.5 * size and (text[:1].islower() or text.startswith("(")) and not _bold(last)
    if _bold(row) != _bold(last) and (_bold(row) or all(map(_bold, group))) and not goes_on:
        return True
    if row.box[0] >= last.box[2] or row.box[2] <= last.box[0]:
        return True
    if _marked(row) or CAPTION.match(text):
        # Inside a paragraph "2. " may start a line by chance: ask for a place where items start.
        ended = last.box[2] < right - 3 * size or _text(last).endswith(_ENDS)
        hanging = row.box[0] <= group[0].box[0] + 0.3 * size
        if _bulleted(row, text) or (ended and (hanging or not _marked(group[0]))):
            return True
    indent = row.box[0] - (group[1].box[0] if len(group) > 1 else last.box[0])
    if len(group) > 1 and indent > 0.9 * size and not _marked(group[0]):
        middles = (row.box[0] + row.box[2] - last.box[0] - last.box[2]) / 2
        centred = abs(middles) < 0.4 * size and row.box[2] < right - 0.5 * size
        if not centred:
            return True
    if len(group) == 1 and not _marked(group[0]) and indent > 0.9 * size and last.box[0] - left < 0.5 * size:
        ended = last.box[2] < right - 2 * size or _text(last).endswith(_ENDS)
        if ended:
            return True
    room = right - last.box[2]
    first_word = text.split(" ", 1)[0]
    if room > 0.25 * (right - left) and room > len(first_word) * 0.6 * size + size:
        return _text(last).endswith(_ENDS) and not text[:1].islower()
    return False


def _block(group: list[Row], style: Style, above: Outline, page: int) -> Block:
    lines = [line for row in group for piece in row.pieces for line in piece.lines]
    box = union([line.box for line in lines])
    size = median(row.size for row in group)
    if all(_mono(row) for row in group) and (len(group) > 1 or len(_text(group[0])) > 1):
        return Block("code", _code(group, box[0]), box, lines, size=size)
    text = joined([_text(row) for row in group], style.words)
    if CAPTION.match(text):
        return Block("caption", text, box, lines, size=size)
    if _equation(group, text):
        return Block("equation", text, box, lines, size=size)
    if level := _heading(group, text, size, style, above, page):
        return Block("heading", text, box, lines, level, size)
    role: BlockRole = "list" if _marked(group[0]) else "paragraph"
    return Block(role, text, box, lines, size=size)


def _equation(group: list[Row], text: str) -> bool:
    """A displayed formula with its number at the right edge; one without a number is not told from text."""
    if len(group) > 4 or len(text) > 300 or not _RELATION.search(text):
        return False
    numbers = [row.pieces[-1] for row in group if len(row.pieces) > 1 and _EQUATION_NUMBER.match(row.pieces[-1].text)]
    return any(piece.box[2] >= max(row.box[2] for row in group) - 1 for piece in numbers)


def _code(group: list[Row], left: float) -> str:
    """Lines of code, their indents, inner spaces and empty lines kept."""
    rows: list[str] = []
    step = min((b.baseline - a.baseline for a, b in itertools.pairwise(group)), default=0.0)
    for at, row in enumerate(group):
        text = ""
        for piece in row.pieces:
            words = piece.lines[0].typed if len(piece.lines) == 1 and piece.lines[0].typed else piece.text
            width = max(1.0, (piece.box[2] - piece.box[0]) / max(1, len(words)))
            column = round((piece.box[0] - left) / width)
            text = text.ljust(min(column, 200)) + ("" if len(text) < column or not text else " ") + words
        if at and step > 0:
            rows += [""] * min(2, round((row.baseline - group[at - 1].baseline) / step) - 1)
        rows.append(text.rstrip())
    return "\n".join(rows)


def _heading(group: list[Row], text: str, size: float, style: Style, above: Outline, page: int) -> int:
    """The level of a heading, 0 for what is none."""
    if len(group) > 4 or len(text) > 220 or not any(c.isalpha() for c in text) or "…" in text:
        return 0
    if len(text) > 1 and (level := above.level(page, text)):
        return level
    larger = size >= style.body * 1.08 and size >= style.body + 0.7
    bold = all(map(_bold, group))
    letters = sum(c.isalpha() for c in text)
    if letters < 2 or letters * 2 < len(text.replace(" ", "")):
        return 0
    if text.endswith((",", ";")) or (text.endswith(".") and not _SECTION.match(text) and len(text) > 40):
        return 0
    section = _SECTION.match(text)
    if larger and (bold or len(text) <= 160) and text[:1].islower() is False:
        typographic = style.level(size, bold)
    elif bold and size >= style.body * 0.92 and len(group) <= 3 and len(text) <= 120 and not text[:1].islower():
        typographic = style.level(style.body, bold)
        if text.endswith(":") and len(text) > 60:
            return 0
    elif len(group) == 1 and text.count(" ") < 8 and text[:1].isupper() and text[-1:].isalpha() and _italic(group[0]):
        typographic = min(style.level(style.body, False) + 1, 6)
    else:
        return 0
    if section and section[1][0].isdigit() and len(text) > len(section[1]) + 3:
        return min(6, section[1].count(".") + 1)
    return typographic


def heading_level(block: Block, style: Style, above: Outline, page: int) -> int:
    """The level of what is known to be a heading: the outline's, its number's, or that of its type."""
    if level := above.level(page, block.text):
        return level
    section = _SECTION.match(block.text)
    if section and section[1][0].isdigit() and len(block.text) > len(section[1]) + 3:
        return min(6, section[1].count(".") + 1)
    return style.level(block.size, all(line.bold for line in block.lines))


def _headed(found: list[Block]) -> list[Block]:
    """Headings that stand apart; many in a row on a page are a cover or a slide: kept as they are.

    A number alone ("3") directly before a heading is its number.
    """
    kept: list[Block] = []
    for block in found:
        last = kept[-1] if kept else None
        if last and last.role == "caption" and _titles(last, block):
            kept[-1] = Block(
                "caption", f"{last.text} {block.text}", union([last.box, block.box]), [*last.lines, *block.lines]
            )
            continue
        if last and last.role == "heading" and block.role == "paragraph" and _wraps(last, block):
            text = joined([last.text, block.text])
            lines = [*last.lines, *block.lines]
            kept[-1] = Block("heading", text, union([last.box, block.box]), lines, last.level, last.size)
            continue
        if kept and block.role == "heading" and re.fullmatch(r"(?:[A-Z]|\d+)(?:\.\d+)*\.?", kept[-1].text):
            if kept[-1].box[3] >= block.box[1]:
                number = kept.pop()
                block = Block(
                    "heading",
                    f"{number.text} {block.text}",
                    union([number.box, block.box]),
                    [*number.lines, *block.lines],
                    block.level,
                    block.size,
                )
        elif (
            kept
            and block.role == kept[-1].role == "heading"
            and block.level == kept[-1].level
            and abs(block.size - kept[-1].size) < 0.5
            and 0 <= block.box[1] - kept[-1].box[3] < 0.5 * block.size
            and len(kept[-1].text) + len(block.text) < 160
            and not _SECTION.match(block.text)
        ):
            last = kept.pop()
            block = Block(
                "heading",
                joined([last.text, block.text]),
                union([last.box, block.box]),
                [*last.lines, *block.lines],
                block.level,
                block.size,
            )
        kept.append(block)
    return kept


def _wraps(heading: Block, block: Block) -> bool:
    """Is a block the second line of a heading that only its indent parts from the first?"""
    near = 0 <= block.box[1] - heading.box[3] + 0.35 * block.size < 0.8 * block.size
    alike = abs(heading.size - block.size) < 0.5 and all(line.bold for line in (*heading.lines, *block.lines))
    indented = block.box[0] > heading.box[0] + 0.5 * block.size
    return near and alike and indented and len(block.text) < 100 and block.text[:1].islower()


def _titles(caption: Block, block: Block) -> bool:
    """Is a block the words of a caption that is only "TABLE I" so far?"""
    near = block.box[1] - caption.box[3] < 0.9 * block.size
    return near and caption.text.count(" ") < 2 and block.role in ("paragraph", "heading") and len(block.text) < 200


def _lists(found: list[Block]) -> list[Block]:
    """Neighbouring items are one list, an item a line; what stands further right is an item of the one above."""
    kept: list[Block] = []
    indents: list[float] = []
    for block in found:
        last = kept[-1] if kept else None
        if block.role != "list":
            indents = []
        elif (
            last is not None
            and last.role == "list"
            and len(last.text) + len(block.text) < 1800
            and block.box[1] - last.box[3] < 2.5 * block.size
        ):
            left, near = block.lines[0].box[0], 0.6 * block.size
            while len(indents) > 1 and left < indents[-1] - near:
                indents.pop()
            if left > indents[-1] + near:
                indents.append(left)
            elif len(indents) == 1:
                indents = [min(left, indents[0])]
            kept[-1] = Block(
                "list",
                f"{last.text}\n{'  ' * (len(indents) - 1)}{block.text}",
                union([last.box, block.box]),
                [*last.lines, *block.lines],
                size=last.size,
            )
            continue
        else:
            indents = [block.lines[0].box[0]]
        kept.append(block)
    return kept
