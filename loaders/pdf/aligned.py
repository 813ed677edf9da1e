"""Tables without ruling lines: rows whose pieces of text stand in columns.

A financial statement, a booktabs table, a specification list. The pieces are MuPDF's lines, which
it ends at wide gaps; a run of rows of several pieces is a table when the pieces leave common
strips free and are numbers or short.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from rag.document import Cell

from .rows import Piece, Row, text_rows
from .rules import Rules
from .tables import Table, header_rows, numeric
from .text import Line, joined, union

MIN_ROWS = 3
_SIGN = re.compile(r"^[$€£¥(]+$")
_MARKER = re.compile(
    r"^(?:[•◦‣–—*■●-]|\(?[\divxa-z]{1,4}[.)]|\[\d+\]|\d{1,3}|[a-z]?\.?\d*(?:\.\d+)+\.?|[a-z])$", re.IGNORECASE
)


def aligned_tables(
    lines: Sequence[Line], rules: Rules, hints: Sequence[float] = (), words: frozenset[str] = frozenset()
) -> list[Table]:
    """Tables among the lines of one column of a page.

    `hints` are heights at which captions of tables stand: near one, less alignment is asked for.
    """
    if len(lines) < 4:
        return []
    rows = text_rows(lines)
    if sum(len(row.pieces) > 1 for row in rows) < 2:
        return []
    left, right = min(row.box[0] for row in rows), max(row.box[2] for row in rows)
    found = []
    for first, last in _joined_runs(rows, _runs(rows, right - left)):
        table = _table(rows[first:last], rows[first - 1] if first else None, rules, hints, words)
        if table is not None:
            found.append(table)
    return found


Run = tuple[int, int]
"""Rows [first, last)."""


def _runs(rows: Sequence[Row], width: float) -> list[Run]:
    """Runs of rows that could be one table; a row of running text or a wide gap ends one."""
    runs: list[Run] = []
    first = last = -1

    def close() -> None:
        if first >= 0 and sum(len(row.pieces) > 1 for row in rows[first:last]) >= 2:
            runs.append((first, last))

    for at, row in enumerate(rows):
        several = len(row.pieces) > 1
        prose = is_prose(row, width)
        if first >= 0:
            gap = row.baseline - rows[at - 1].baseline
            if prose or gap > 3.6 * max(row.size, rows[at - 1].size) or at - last >= 3 + several:
                close()
                first = -1
        if several and not prose:
            first = at if first < 0 else first
            last = at + 1
    close()
    return runs


def is_prose(row: Row, width: float) -> bool:
    """Running text: one long piece, or a long piece after a mark."""
    if len(row.pieces) == 1:
        return row.words > 14 or (row.box[2] - row.box[0] > 0.72 * width and row.words > 7)
    lengths = [piece.text.count(" ") + 1 for piece in row.pieces]
    marked = len(lengths) == 2 and bool(_MARKER.match(row.pieces[0].text))
    return (marked and lengths[1] > 13) or sum(length > 8 for length in lengths) > 1


def _joined_runs(rows: Sequence[Row], runs: Sequence[Run]) -> list[Run]:
    """Runs parted by a long label or two of a table are one: their numbers stand in the same columns."""
    joined_runs: list[Run] = []
    for run in runs:
        last = joined_runs[-1] if joined_runs else None
        if (
            last is not None
            and run[0] - last[1] <= 2
            and rows[run[0]].baseline - rows[last[1] - 1].baseline < 5.5 * rows[run[0]].size
            and _same_columns(rows[last[0] : last[1]], rows[run[0] : run[1]])
        ):
            joined_runs[-1] = (last[0], run[1])
        else:
            joined_runs.append(run)
    return joined_runs


def _same_columns(one: Sequence[Row], other: Sequence[Row]) -> bool:
    """Do numbers of both end at the same places?"""
    ends = [
        sorted({round(p.box[2]) for row in rows for p in row.pieces[1:] if numeric(p.text)}) for rows in (one, other)
    ]
    few, many = sorted(ends, key=len)
    return bool(few) and sum(any(abs(x - y) <= 3 for y in many) for x in few) >= 0.7 * len(few)


def _table(
    run: Sequence[Row], before: Row | None, rules: Rules, hints: Sequence[float], words: frozenset[str]
) -> Table | None:
    several = [row for row in run if len(row.pieces) > 1]
    box = union([row.box for row in run])
    size = median(row.size for row in run)
    ruled = sum(
        box[1] - 2 * size <= rule.at <= box[3] + 1.5 * size
        and min(rule.end, box[2]) - max(rule.start, box[0]) > 0.6 * (box[2] - box[0])
        for rule in rules.across
    )
    hinted = any(box[1] - 5 * size <= hint <= box[3] + 5 * size for hint in hints) or ruled >= 2
    columns = _columns(several, size)
    if len(columns) < 2 or len(several) < (2 if hinted or len(columns) > 2 else MIN_ROWS):
        return None
    if before is not None and _spans_over(before, run[0], columns):
        run = [before, *run]
        box = union([box, before.box])
    grid = [(row, _placed(row, columns)) for row in run]
    if not _plausible(grid, len(columns), hinted):
        return None
    return _built(grid, len(columns), rules, words)


def _built(grid: Sequence[tuple[Row, Placed]], columns: int, rules: Rules, words: frozenset[str]) -> Table:
    box = union([row.box for row, _ in grid])
    size = median(row.size for row, _ in grid)
    cells = _cells(grid, columns, words)
    lines = [line for row, _ in grid for piece in row.pieces for line in piece.lines]
    for rule in rules.across:  # the rules over and under a table are seen as part of it
        near = box[1] - 1.2 * size <= rule.at <= box[3] + 1.2 * size
        if near and min(rule.end, box[2]) - max(rule.start, box[0]) > 0.8 * max(rule.end - rule.start, box[2] - box[0]):
            box = union([box, (rule.start, rule.at, rule.end, rule.at)])
    return Table(box, cells, lines)


def table_of(rows: Sequence[Row], rules: Rules, words: frozenset[str] = frozenset()) -> Table | None:
    """The table that rows are known to be; None where they have no two columns of two rows."""
    several = [row for row in rows if len(row.pieces) > 1]
    columns = _columns(several, median(row.size for row in rows)) if len(several) > 1 else []
    if len(columns) < 2:
        return None
    titled = len(rows[0].pieces) == 1 and not any(char.isdigit() for piece in rows[1].pieces for char in piece.text)
    grid = [(row, _placed(row, columns, whole=titled and row is rows[0])) for row in rows]
    return _built(grid, len(columns), rules, words)


def _spans_over(row: Row, first: Row, columns: Sequence[tuple[float, float]]) -> bool:
    """Is a row over a table a title of its number columns ("Year ended May 31,")?"""
    near = 0 < first.baseline - row.baseline < 2.2 * first.size
    return near and len(row.pieces) == 1 and row.box[0] > columns[0][1] and row.words <= 10


def _core(piece: Piece) -> tuple[float, float]:
    """The reach of a piece without its currency sign, which may stand far from the number."""
    lines = [line for line in piece.lines if not _SIGN.match(line.text)] or piece.lines
    return min(line.box[0] for line in lines), max(line.box[2] for line in lines)


def _columns(rows: Sequence[Row], size: float) -> list[tuple[float, float]]:
    """The columns that the pieces of the fuller rows keep to, as (left, right)."""
    counts = sorted(len(row.pieces) for row in rows)
    usual = max(2, counts[len(counts) // 2])
    full = [row for row in rows if len(row.pieces) >= usual]
    spans = sorted(_core(piece) for row in full for piece in row.pieces)
    if not spans:
        return []
    tolerance = 0 if len(full) < 10 else len(full) // 12
    events = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
    columns: list[tuple[float, float]] = []
    depth, start, end = 0, 0.0, float("-inf")
    for x, step in events:
        before, depth = depth, depth + step
        if before <= tolerance < depth:
            start = columns.pop()[0] if columns and x - end < 0.35 * size else x
        elif depth <= tolerance < before:
            end = x
            columns.append((start, end))
    # Pieces that no fuller row has a column for (a value that stands in few rows) get their own.
    for row in rows:
        for piece in row.pieces:
            left, right = _core(piece)
            if all(right < a - size or left > b + size for a, b in columns):
                columns.append((left, right))
    columns.sort()
    merged: list[tuple[float, float]] = []
    for a, b in columns:
        if merged and a < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


Placed = list[tuple[int, int, Piece]]
"""Pieces with their first and last column."""


def _placed(row: Row, columns: Sequence[tuple[float, float]], *, whole: bool = False) -> Placed:
    """Its pieces in their columns; `whole`: none is parted into words."""
    placed: Placed = []
    for piece in row.pieces:
        left, right = _core(piece)
        shares = [min(right, b) - max(left, a) for a, b in columns]
        hit = [
            at for at, share in enumerate(shares) if share > 0.3 * min(right - left, columns[at][1] - columns[at][0])
        ]
        if not hit:
            middle = (left + right) / 2
            hit = [min(range(len(columns)), key=lambda at: abs(sum(columns[at]) / 2 - middle))]
        placed.append((hit[0], hit[-1], piece))
    if not whole:
        placed = [part for item in placed for part in _spread(item, columns)]
    for at in range(1, len(placed)):  # two pieces never share a column on one row if there is room
        first, last, piece = placed[at]
        if first <= placed[at - 1][1] < last:
            placed[at] = (placed[at - 1][1] + 1, last, piece)
    return placed


def _spread(item: tuple[int, int, Piece], columns: Sequence[tuple[float, float]]) -> Placed:
    """A piece over as many columns as it has words, set as one line: a word each."""
    first, last, piece = item
    texts = piece.text.split(" ")
    if first == last or len(texts) != last - first + 1 or last - first > 8:
        return [item]
    middles = [sum(columns[at]) / 2 for at in range(first, last + 1)]
    length = len(piece.text)
    start, width = piece.box[0], piece.box[2] - piece.box[0]
    reached = 0
    spread: Placed = []
    for at, text in enumerate(texts):
        left, right = start + width * reached / length, start + width * (reached + len(text)) / length
        if abs((left + right) / 2 - middles[at]) > 0.75 * (columns[first + at][1] - columns[first + at][0] + 10):
            return [item]
        spread.append((first + at, first + at, Piece((left, piece.box[1], right, piece.box[3]), text, piece.lines)))
        reached += len(text) + 1
    return spread


def _plausible(grid: Sequence[tuple[Row, Placed]], columns: int, hinted: bool) -> bool:
    """Is it a table, not columns of prose, a numbered list, a table of contents or a form letter?"""
    body = [placed for _, placed in grid if len(placed) > 1]
    values = [piece.text for placed in body for first, _, piece in placed if first > 0]
    labels = [piece.text for placed in body for first, _, piece in placed if first == 0]
    if not values:
        return False
    everything = [piece.text for _, placed in grid for _, _, piece in placed]
    if sum("…" in text for text in everything) > 0.2 * len(grid):
        return False
    numbers = sum(map(numeric, values)) / len(values)
    markers = sum(bool(_MARKER.match(text)) for text in labels)
    if columns == 2 and labels and markers >= 0.6 * len(labels):
        # A list with its markers, unless the second column is numbers too: (year, amount).
        return hinted and numbers > 0.5
    mono = sum(line.mono for _, placed in grid for _, _, piece in placed for line in piece.lines)
    if mono * 2 > len(everything) and numbers < 0.4:
        return False  # text of a typewriter, justified by wide gaps
    alone = sum(len(placed) == 1 for _, placed in grid)
    if numbers >= 0.5:
        return alone <= 2 * len(body) and (len(body) >= 3 or hinted or (len(body) == 2 and numbers > 0.8))
    filled = sum(len(placed) for placed in body) / (columns * len(body))
    mean_words = [
        _mean([piece.text.count(" ") + 1 for placed in body for first, _, piece in placed if first == at])
        for at in range(columns)
    ]
    wordy = sum(mean > 5 for mean in mean_words)
    if hinted:
        return filled >= 0.4 and wordy <= max(1, columns // 2) and alone <= len(body) * 1.5
    return (
        len(body) >= 4
        and filled >= 0.65
        and (columns >= 3 or _steady(body))
        and wordy <= (1 if columns >= 3 else 0)
        and alone <= len(body) * 0.5
        and max(mean_words) <= 10
        and numbers >= (0.12 if columns < 3 else 0.0)
    )


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _steady(body: Sequence[Placed]) -> bool:
    """Do the second pieces start at one x, or end at one?"""
    lefts = [piece.box[0] for placed in body for first, _, piece in placed if first == 1]
    rights = [piece.box[2] for placed in body for first, _, piece in placed if first == 1]
    return any(sum(abs(x - median(xs)) < 3 for x in xs) >= 0.75 * len(xs) for xs in (lefts, rights) if xs)


def _cells(grid: Sequence[tuple[Row, Placed]], columns: int, words: frozenset[str]) -> list[Cell]:
    """Rows of text to rows of cells: what runs on from the row above joins it."""
    rows: list[dict[int, tuple[int, list[str]]]] = []
    previous: Row | None = None
    heads_end = _head_end([placed for _, placed in grid])
    for at, (row, placed) in enumerate(grid):
        gap = row.baseline - previous.baseline if previous is not None else 1e9
        if rows and gap < 1.45 * row.size and at >= heads_end and _runs_on(rows[-1], placed, gap / row.size):
            for first, last, piece in placed:
                reach, texts = rows[-1].setdefault(first, (last, []))
                rows[-1][first] = (max(reach, last), [*texts, piece.text])
        else:
            new: dict[int, tuple[int, list[str]]] = {}
            for first, last, piece in placed:
                if first in new:
                    new[first] = (max(last, new[first][0]), [*new[first][1], piece.text])
                else:
                    new[first] = (last, [piece.text])
            rows.append(new)
        previous = row
    filled = [[joined(row[column][1], words) if column in row else "" for column in range(columns)] for row in rows]
    heads = max(header_rows(filled), heads_end)
    return [
        Cell(at, column, filled[at][column], 1, last - column + 1, header=at < heads)
        for at, row in enumerate(rows)
        for column, (last, _) in sorted(row.items())
    ]


def _head_end(rows: Sequence[Placed]) -> int:
    """Rows at the top that reach over columns, or whose first column is empty: headers."""
    end = 0
    for placed in rows[:4]:
        numbers = [piece for first, _, piece in placed if first > 0 and numeric(piece.text)]
        years = [piece for piece in numbers if re.fullmatch(r"(19|20)\d\d", piece.text)]
        if len(numbers) > len(years) or not any(first > 0 for first, _, _ in placed):
            break
        if any(first == 0 for first, _, _ in placed) and len(years) < 1 and end:
            break
        end += 1
    return min(end, max(0, len(rows) - 1))


def _runs_on(above: dict[int, tuple[int, list[str]]], placed: Placed, gap: float) -> bool:
    """Is a row the rest of the row above? `gap` is their distance in sizes of type.

    Its values stand a little lower than its label; or its label began on the row above; or it
    is text alone that starts in lower case, or has no first cell.
    """
    label_alone = set(above) == {0}
    first = placed[0][2].text if placed[0][0] == 0 else ""
    if gap < 0.75 and not set(above) & {column for column, _, _ in placed}:
        return True
    if label_alone and first and len(placed) > 1:
        return first[:1].islower() or (above[0][1][-1].count(" ") >= 7 and gap < 1.35)
    if any(numeric(piece.text) for _, _, piece in placed):
        return False
    if len(placed) == 1 and first:
        return first[:1].islower() and 0 in above and len(above) > 1
    return all(column > 0 and column in above for column, _, _ in placed)
