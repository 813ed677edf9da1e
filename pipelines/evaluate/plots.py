"""Plots as inline SVG, coloured by the page's own style sheet (classes s0, s1, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

ROW = 22
LABELS_WIDTH = 190
PLOT_WIDTH = 430
MARGIN = 22


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval, in series 0, 1, ..."""

    value: float
    low: float
    high: float
    series: int = 0


def dots(rows: Sequence[tuple[str, Sequence[Dot]]], low: float, high: float, title: str, zero: bool = False) -> str:
    """A row of dots with whiskers for each label, over the range low to high; `zero` marks the 0."""
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return LABELS_WIDTH + PLOT_WIDTH * (min(max(value, low), high) - low) / span

    bottom = MARGIN + ROW * len(rows)
    parts = _axis([(x(tick), f"{tick:g}") for tick in _ticks(low, high)], bottom)
    if zero:
        parts.append(f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{MARGIN - 6}" y2="{bottom}"/>')
    for at, (label, values) in enumerate(rows):
        middle = MARGIN + ROW * (at + 0.5)
        parts.append(
            f'<text class="label" x="{LABELS_WIDTH - 12}" y="{middle + 4:.1f}">{escape(_shortened(label))}</text>'
        )
        for number, dot in enumerate(values):
            y = middle + (number - (len(values) - 1) / 2) * 7
            told = f"{label}: {dot.value:.3f} [{dot.low:.3f}, {dot.high:.3f}]"
            parts.append(
                f'<g class="s{dot.series}"><title>{escape(told)}</title>'
                f'<line x1="{x(dot.low):.1f}" x2="{x(dot.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<circle cx="{x(dot.value):.1f}" cy="{y:.1f}" r="3.5"/></g>'
            )
    return _svg(parts, bottom + 24, title)


def curves(series: Sequence[Sequence[float]], title: str, axis: str) -> str:
    """Shares (0..1) over 1, 2, 3, ...: a stepless line for each series."""
    longest = max((len(one) for one in series), default=0)
    height, top = 200, 14

    def x(at: int) -> float:
        return 46 + (LABELS_WIDTH + PLOT_WIDTH - 60) * at / max(1, longest - 1)

    def y(value: float) -> float:
        return top + height * (1 - value)

    parts = [
        f'<line class="grid" x1="46" x2="{x(longest - 1):.1f}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text class="tick" x="38" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    ]
    marks = sorted({1, *range(5, longest + 1, 5), longest})
    parts += [
        f'<text class="tick" x="{x(mark - 1):.1f}" y="{top + height + 18}" text-anchor="middle">{mark}</text>'
        for mark in marks
        if mark == longest or longest - mark > 1
    ]
    parts.append(
        f'<text class="tick" x="{x(longest - 1) / 2 + 23:.1f}" y="{top + height + 34}" text-anchor="middle">'
        f"{escape(axis)}</text>"
    )
    for number, one in enumerate(series):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(one))
        parts.append(f'<g class="s{number}"><polyline points="{points}"/></g>')
    return _svg(parts, top + height + 42, title)


def legend(names: Sequence[str]) -> str:
    """The names of the series with their colours."""
    items = "".join(f'<span class="s{number}"><i></i>{escape(name)}</span>' for number, name in enumerate(names))
    return f'<p class="legend">{items}</p>'


def _ticks(low: float, high: float) -> list[float]:
    """About five round values from low to high."""
    step = next(one for one in (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if (high - low) / one <= 5.5 or one == 2.0)
    first = -(-low // step)
    return [round((first + at) * step, 6) for at in range(int((high - first * step) / step + 1e-9) + 1)]


def _axis(ticks: Sequence[tuple[float, str]], bottom: float) -> list[str]:
    return [
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN - 6}" y2="{bottom}"/>'
        f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
        for x, label in ticks
    ]


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    width = LABELS_WIDTH + PLOT_WIDTH + 20
    return (
        f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _shortened(label: str, most: int = 29) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
