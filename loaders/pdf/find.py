"""The tables of a page: those drawn as grids, those that MuPDF finds, those aligned by their text."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from .aligned import aligned_tables
from .booktabs import booktabs_tables
from .columns import Item
from .document import Options, Style
from .engine import OpenPage
from .flow import CAPTION, TABLE_KIND
from .rules import Rules, ruled_tables
from .tables import Table
from .text import Line, Rect, area, inside, overlap, union


def drawn_tables(page: OpenPage, rules: Rules, lines: Sequence[Line], style: Style, options: Options) -> list[Table]:
    """Tables with ruling lines; with `tables="all"` also what the library's own finder sees and we do not."""
    found = sorted(ruled_tables(rules, lines, style.words), key=lambda table: -area(table.box))
    kept: list[Table] = []
    for table in found:  # a grid inside another (a cell with a frame of its own) is part of it
        if not any(overlap(table.box, other.box) > 0.5 * area(table.box) for other in kept):
            kept.append(_finer(table, rules, style))
    if options.tables == "all":
        kept += _library_tables(page, kept, lines)
    return kept


def _finer(table: Table, rules: Rules, style: Style) -> Table:
    """A grid that rules only some of its columns, by the alignment of its text."""
    if table.columns > 4:
        return table
    found = aligned_tables(table.lines, rules, [table.box[1]], style.words)
    if len(found) == 1 and found[0].columns > table.columns and len(found[0].lines) >= 0.9 * len(table.lines):
        found[0].box = union([found[0].box, table.box])
        found[0].lines = table.lines
        return found[0]
    return table


def _library_tables(page: OpenPage, known: Sequence[Table], lines: Sequence[Line]) -> list[Table]:
    found = []
    for box, cells in page.tables():
        if any(overlap(box, other.box) > 0.2 * area(box) for other in known):
            continue
        if len({cell.column for cell in cells}) > 1 and len({cell.row for cell in cells}) > 1:
            found.append(Table(box, cells, [line for line in lines if inside(box, *line.middle)]))
    return found


def text_tables(
    page: OpenPage, columns: Sequence[Sequence[Item]], rules: Rules, style: Style, *, hinted: bool = False
) -> list[Table]:
    """Tables without a grid, in the columns of the page's text; `hinted`: each column is known to be one."""
    found: list[Table] = []
    words: list[tuple[Rect, str]] | None = None
    for column in columns:
        lines = [item for item in column if isinstance(item, Line)]
        captions = [line for line in lines if CAPTION.match(line.text)]
        cells = _cells(captions)
        captions = [line for line in captions if id(line) not in cells]
        named = [line for line in captions if TABLE_KIND.match(line.text)]
        hints = [line.baseline for line in named]
        if hinted and lines:
            hints.append(lines[0].baseline)
        body = list(_without(lines, captions))
        whole: dict[int, Line] = {}
        if hints:
            # Booktabs columns may stand nearer than MuPDF's wide gap: look at the words themselves.
            words = page.words() if words is None else words
            body = list(_parted(body, words, whole))
        tables = booktabs_tables(body, rules, named, style.words)
        taken = {id(line) for table in tables for line in table.lines}
        body = [line for line in body if id(line) not in taken]
        for part in _between(body, [line.baseline for line in captions]):
            tables += aligned_tables(part, rules, hints, style.words)
        for table in tables:
            table.lines = list({id(line): line for line in (whole.get(id(x), x) for x in table.lines)}.values())
        found += tables
    return found


def _without(lines: Sequence[Line], captions: Sequence[Line]) -> Iterator[Line]:
    """The lines that are no caption's first, and do not stand behind one on its baseline."""
    levels: defaultdict[int, list[Line]] = defaultdict(list)
    for caption in captions:
        for near in (-1, 0, 1):
            levels[round(caption.baseline / 2) + near].append(caption)
    for line in lines:
        if not any(
            line is one or (abs(line.baseline - one.baseline) < 2 and line.box[0] >= one.box[2] - 1)
            for one in levels.get(round(line.baseline / 2), ())
        ):
            yield line


def _cells(captions: Sequence[Line]) -> set[int]:
    """The ids of bare labels that follow each other row by row: "Image 1", "Image 2" are first cells of a table."""
    bare = sorted((one for one in captions if CAPTION.fullmatch(one.text)), key=lambda one: (one.box[0], one.baseline))
    return {
        id(one)
        for above, below in pairwise(bare)
        if below.box[0] - above.box[0] < 2 and abs(below.baseline - above.baseline) < 2 * above.size
        for one in (above, below)
    }


def _between(lines: Sequence[Line], heights: Sequence[float]) -> list[list[Line]]:
    """The lines over, between and under some heights: no table goes on behind a caption."""
    cuts = sorted(heights)
    parts: defaultdict[int, list[Line]] = defaultdict(list)
    for line in lines:
        parts[bisect_right(cuts, line.baseline)].append(line)
    return [parts[at] for at in sorted(parts)]


def _parted(lines: Sequence[Line], words: Sequence[tuple[Rect, str]], whole: dict[int, Line]) -> Iterator[Line]:
    """Lines cut at gaps wider than a space, where other text stands on the same baseline.

    `whole` is filled with what each piece was cut from, by the piece's id.
    """
    mates: defaultdict[int, int] = defaultdict(int)
    for line in lines:
        for near in (-1, 0, 1):
            mates[round(line.baseline) + near] += 1
    for line in lines:
        if line.words < 2 or mates[round(line.baseline)] < 2:
            yield line
            continue
        own = sorted(
            (box, text) for box, text in words if inside(line.box, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        )
        groups: list[list[tuple[Rect, str]]] = []
        for box, text in own:
            if groups and box[0] - groups[-1][-1][0][2] < 0.55 * line.size:
                groups[-1].append((box, text))
            else:
                groups.append([(box, text)])
        texts = line.text.split(" ")
        if len(groups) < 2 or len(own) != len(texts):
            yield line
            continue
        reached = 0
        for group in groups:
            text = " ".join(texts[reached : reached + len(group)])
            reached += len(group)
            left, right = group[0][0][0], group[-1][0][2]
            piece = replace(line, box=(left, line.box[1], right, line.box[3]), text=text)
            whole[id(piece)] = line
            yield piece
