"""Tables between rules: a line over the head, one under the last row, as books and LaTeX's booktabs set them.

Where such rules stand, what lies between them is the table, however its cells wrap; without them
`aligned` has to guess where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .aligned import is_prose, table_of
from .rows import Row, text_rows
from .rules import Rule, Rules
from .tables import Table
from .text import Line

SHORTEST = 80.0
"""Points of a rule at least."""
SAME = 3.0
"""Points by which the ends of rules of one table differ at most."""
NEAR = 4.0
"""Sizes of type between a table and its caption at most."""


def booktabs_tables(
    lines: Sequence[Line], rules: Rules, captions: Sequence[Line], words: frozenset[str] = frozenset()
) -> list[Table]:
    """Tables among the lines of one column; `captions` are those of tables ("Table 3") that stand there.

    Between its rules is nothing but rows, and near them its caption, which also parts it from the next one.
    Whatever else has such rules (sections of a form, totals of a statement) is left to `aligned`.
    """
    if len(lines) < 4 or len(rules.across) < 2 or not captions:
        return []
    rows = text_rows(lines)
    left, right = min(row.box[0] for row in rows), max(row.box[2] for row in rows)
    found: list[Table] = []
    taken: set[int] = set()
    # The tallest first: shorter rules within a table are no table of their own.
    for chain in sorted(_chains(rules.across, rows, captions, right - left), key=lambda one: one[0].at - one[-1].at):
        top, bottom = chain[0].at, chain[-1].at
        inside = [row for row in rows if top < row.baseline < bottom + 1]
        near = any(
            top - NEAR * line.size < line.baseline < top or 0 < line.box[1] - bottom < NEAR * line.size
            for line in captions
        )
        own = {id(line) for row in inside for piece in row.pieces for line in piece.lines}
        if near and own.isdisjoint(taken) and (table := table_of(inside, rules, words)):
            found.append(table)
            taken |= own
    return found


def _chains(across: Sequence[Rule], rows: Sequence[Row], captions: Sequence[Line], width: float) -> list[list[Rule]]:
    """Rules of one width, one under the other, with nothing but a table's rows between them."""
    left: list[Rule] = sorted((rule for rule in across if rule.end - rule.start >= SHORTEST), key=lambda one: one.at)
    found: list[list[Rule]] = []
    while left:
        first = left[0]
        same = [one for one in left if abs(one.start - first.start) <= SAME and abs(one.end - first.end) <= SAME]
        gone = set(map(id, same))
        left = [one for one in left if id(one) not in gone]
        parts = [[same[0]]]
        for above, below in pairwise(same):
            if any(above.at < line.baseline < below.at for line in captions):
                parts.append([below])
            else:
                parts[-1].append(below)
        found += [
            part for part in parts if len(part) > 1 and all(_rows_only(*two, rows, width) for two in pairwise(part))
        ]
    return found


def _rows_only(above: Rule, below: Rule, rows: Sequence[Row], width: float) -> bool:
    between = [row for row in rows if above.at < row.baseline < below.at + 1]
    within = all(above.start - SAME <= row.box[0] and row.box[2] <= above.end + SAME for row in between)
    return bool(between) and within and not any(is_prose(row, width) for row in between)
