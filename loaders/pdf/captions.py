"""Joining captions to the figures and tables that they name."""

from __future__ import annotations

from collections.abc import Sequence

from .figures import Figure
from .flow import TABLE_KIND, Block
from .tables import Table
from .text import Rect, area, parted, union

NEAR = 60.0
"""Points between a caption and its figure or table at most."""
FAR = 78.0
"""The same where no text stands between: below plots there is white space of their own."""


def join_captions(
    captions: Sequence[Block], figures: list[Figure], tables: list[Table], texts: Sequence[Rect] = ()
) -> list[Block]:
    """Gives each figure and table its caption, nearest first; returns the captions that nobody takes.

    A figure's caption is looked for below it first, a table's above. Pictures side by side over
    one caption become one figure.
    """
    # Where all captions of tables stand below them, the one above a table is another's.
    ways = [_taken(captions, figures, tables, texts, below) for below in (False, True)]
    taken = ways[len(ways[1]) > len(ways[0])]
    for at, thing in taken.items():
        thing.caption, thing.caption_box = captions[at].text, captions[at].box
    _side_by_side(figures)
    return [caption for at, caption in enumerate(captions) if at not in taken]


def _taken(
    captions: Sequence[Block],
    figures: Sequence[Figure],
    tables: Sequence[Table],
    texts: Sequence[Rect],
    tables_below: bool,
) -> dict[int, Figure | Table]:
    """Which thing each caption is of, nearest first, one caption for each."""
    offers: list[tuple[float, int, Figure | Table]] = []
    for at, caption in enumerate(captions):
        of_table = bool(TABLE_KIND.match(caption.text))
        things: list[Figure | Table] = [*tables, *figures] if of_table else [*figures, *tables]
        for thing in things:
            own_kind = isinstance(thing, Table) == of_table
            distance = _distance(caption.box, thing.box, texts, below=tables_below if of_table else True)
            if distance is not None:
                offers.append((distance + (0 if own_kind else 200), at, thing))
    offers.sort(key=lambda offer: (offer[0], offer[1]))
    taken: dict[int, Figure | Table] = {}
    captioned: set[int] = set()
    for _, at, thing in offers:
        if at not in taken and id(thing) not in captioned and not thing.caption:
            taken[at] = thing
            captioned.add(id(thing))
    return taken


def _distance(caption: Rect, thing: Rect, texts: Sequence[Rect], *, below: bool) -> float | None:
    """How far a caption is, in points; None if it is too far or beside. `below`: where it is expected."""
    shared = min(caption[2], thing[2]) - max(caption[0], thing[0])
    if shared < 0.35 * min(caption[2] - caption[0], thing[2] - thing[0]):
        return _beside(caption, thing)
    under, over = caption[1] - thing[3], thing[1] - caption[3]
    gap = under if caption[1] + caption[3] > thing[1] + thing[3] else over
    if gap > FAR or (gap > NEAR and parted(caption, thing, texts)) or gap < -0.25 * (thing[3] - thing[1]) - 12:
        return None
    expected = (under >= over) == below
    return max(0.0, gap) + (0.0 if expected else 18.0)


def _beside(caption: Rect, thing: Rect) -> float | None:
    """A caption in the margin next to its figure."""
    level = min(caption[3], thing[3]) - max(caption[1], thing[1])
    gap = max(caption[0] - thing[2], thing[0] - caption[2])
    if level < 0.6 * (caption[3] - caption[1]) or gap > 30:
        return None
    return max(0.0, gap) + 40.0


def _side_by_side(figures: list[Figure]) -> None:
    """Figures without a caption that stand in one row with one that has it, above its caption."""
    for figure in [figure for figure in figures if figure.caption_box]:
        caption = figure.caption_box
        if caption is None:
            continue
        grown = True
        while grown:
            grown = False
            for other in figures:
                if other is figure or other.caption or not _same_row(figure.box, other.box, caption):
                    continue
                figure.box = union([figure.box, other.box])
                figure.lines = [*figure.lines, *other.lines]
                figure.raster, figure.xref, figure.pixels = figure.raster and other.raster, 0, (0, 0)
                figures.remove(other)
                grown = True
                break


def _same_row(figure: Rect, other: Rect, caption: Rect) -> bool:
    level = min(figure[3], other[3]) - max(figure[1], other[1])
    apart = max(other[0] - figure[2], figure[0] - other[2])
    stacked = max(other[1] - figure[3], figure[1] - other[3])
    within = other[0] >= min(caption[0], figure[0]) - 30 and other[2] <= max(caption[2], figure[2]) + 30
    between = area(other) > 0 and not (figure[3] <= caption[1] <= other[1] or other[3] <= caption[1] <= figure[1])
    beside = level > 0.5 * min(figure[3] - figure[1], other[3] - other[1]) and apart < 40
    under = stacked < 14 and min(figure[2], other[2]) - max(figure[0], other[0]) > 0
    return within and between and (beside or under)
