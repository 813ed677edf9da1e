"""Two shares against each other, as inline SVG: points, and lines through points."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LEFT, TOP, SIDE = 62, 12, 300
MOST_POINTS = 400


def points(
    series: Sequence[Sequence[tuple[float, float, int]]],
    title: str,
    x_axis: str,
    y_axis: str,
    *,
    diagonal: bool = False,
) -> str:
    """(x, y, count) each a dot whose area grows with its count; `diagonal` draws y = x."""
    parts = _frame(x_axis, y_axis)
    if diagonal:
        parts.append(f'<line class="zero" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>')
    most = max((count for one in series for _, _, count in one), default=1)
    for number, one in enumerate(series):
        for x, y, count in one:
            told = f"{x:.3f}: {y:.3f} of {count}"
            radius = 2.5 + 4 * (count / most) ** 0.5
            parts.append(
                f'<g class="s{number}"><title>{escape(told)}</title>'
                f'<circle cx="{_x(x)}" cy="{_y(y)}" r="{radius:.1f}"/></g>'
            )
    return _svg(parts, title)


def paths(series: Sequence[Sequence[tuple[float, float]]], title: str, x_axis: str, y_axis: str) -> str:
    """Lines through (x, y), both shares 0..1; long ones are thinned out."""
    parts = _frame(x_axis, y_axis)
    for number, one in enumerate(series):
        step = max(1, len(one) // MOST_POINTS)
        kept = [*one[::step], *one[-1:]]
        line = " ".join(f"{_x(x)},{_y(y)}" for x, y in kept)
        parts.append(f'<g class="s{number}"><polyline points="{line}"/></g>')
    return _svg(parts, title)


def _frame(x_axis: str, y_axis: str) -> list[str]:
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(tick)}" y2="{_y(tick)}"/>',
            f'<line class="grid" x1="{_x(tick)}" x2="{_x(tick)}" y1="{_y(0)}" y2="{_y(1)}"/>',
            f'<text class="tick" x="{LEFT - 8}" y="{float(_y(tick)) + 4:.1f}" text-anchor="end">{tick:g}</text>',
            f'<text class="tick" x="{_x(tick)}" y="{TOP + SIDE + 18}" text-anchor="middle">{tick:g}</text>',
        ]
    middle = TOP + SIDE / 2
    parts.append(f'<text class="tick" x="{_x(0.5)}" y="{TOP + SIDE + 36}" text-anchor="middle">{escape(x_axis)}</text>')
    parts.append(
        f'<text class="tick" x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        f"{escape(y_axis)}</text>"
    )
    return parts


def _x(value: float) -> str:
    return f"{LEFT + SIDE * min(max(value, 0.0), 1.0):.1f}"


def _y(value: float) -> str:
    return f"{TOP + SIDE * (1 - min(max(value, 0.0), 1.0)):.1f}"


def _svg(parts: Sequence[str], title: str) -> str:
    width, height = LEFT + SIDE + 16, TOP + SIDE + 44
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
