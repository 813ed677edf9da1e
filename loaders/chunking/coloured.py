"""What stands out in a text, kept where the text is cut, moved and put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from rag.document import Coloured, Place

MOST = 128
"""Of a chunk."""


def cut(runs: Sequence[Coloured], start: int, end: int, to: int, places: tuple[Place, ...]) -> tuple[Coloured, ...]:
    """The runs in characters [start, end) of a text, which begin at `to` in another; `places` are for those without."""
    by = to - start
    return tuple(
        replace(
            run, start=max(run.start, start) + by, end=min(run.end, end) + by, places=run.places or places
        )
        for run in runs
        if run.start < end and start < run.end
    )  # fmt: skip


def moved(runs: Sequence[Coloured], by: int) -> tuple[Coloured, ...]:
    """The runs of a text before which so many characters were put."""
    return tuple(replace(run, start=run.start + by, end=run.end + by) for run in runs) if by else tuple(runs)


def in_heading(runs: Sequence[Coloured], number: int) -> tuple[Coloured, ...]:
    """The runs of a heading, as those of a text that it stands above."""
    return tuple(replace(run, heading=number) for run in runs)


def bounded(runs: Iterable[Coloured]) -> tuple[Coloured, ...]:
    """No more than are kept."""
    return tuple(islice(runs, MOST))
