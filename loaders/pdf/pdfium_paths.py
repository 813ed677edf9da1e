"""Matrices and paths of PDFium, as MuPDF tells drawings."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from .text import Rect

Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def product(one: Matrix, other: Matrix) -> Matrix:
    """First one, then the other."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def around(points: list[tuple[float, float]]) -> Rect:
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across), min(down), max(across), max(down)


def path_segments(raw: Any, path: Any, count: int) -> Iterator[tuple[int, float, float, bool]]:
    """The first segments of a path as (kind, x, y, closes). `raw` is the module `pypdfium2.raw`."""
    segment_of, point_of, kind_of, closes = _asked(raw)
    point = (ctypes.c_float * 2)()
    x_at = ctypes.addressof(point)
    y_at = x_at + ctypes.sizeof(ctypes.c_float)
    handle = ctypes.cast(path, ctypes.c_void_p).value
    for at in range(count):
        segment = segment_of(handle, at)
        point_of(segment, x_at, y_at)
        yield kind_of(segment), point[0], point[1], bool(closes(segment))


@lru_cache(maxsize=1)
def _asked(raw: Any) -> tuple[Callable[..., Any], ...]:
    """What is asked of each segment, by addresses: typed pointers would take as long again."""
    at, number = ctypes.c_void_p, ctypes.c_int
    kinds = (
        (raw.FPDFPath_GetPathSegment, ctypes.CFUNCTYPE(at, at, number)),
        (raw.FPDFPathSegment_GetPoint, ctypes.CFUNCTYPE(number, at, at, at)),
        (raw.FPDFPathSegment_GetType, ctypes.CFUNCTYPE(number, at)),
        (raw.FPDFPathSegment_GetClose, ctypes.CFUNCTYPE(number, at)),
    )
    return tuple(kind(ctypes.cast(one, at).value or 0) for one, kind in kinds)


_LINE, _CURVE, _MOVE = 0, 1, 2


def items(segments: list[tuple[int, tuple[float, float], bool]]) -> list[tuple[Any, ...]]:
    """Segments as MuPDF's items: upright rectangles as one, lines and curves as they are."""
    found: list[tuple[Any, ...]] = []
    at = 0
    while at < len(segments):
        end = at + 1
        while end < len(segments) and segments[end][0] != _MOVE:
            end += 1
        found += _outline(segments[at:end])
        at = end
    return found


def _outline(part: list[tuple[int, tuple[float, float], bool]]) -> list[tuple[Any, ...]]:
    points = [point for _, point, _ in part]
    closed = bool(part[-1][2]) or points[0] == points[-1]
    if closed and len(set(points)) == 4 and all(kind != _CURVE for kind, _, _ in part):
        rect = around(points)
        corners = {(rect[x], rect[y]) for x in (0, 2) for y in (1, 3)}
        if all(min(abs(x - a) + abs(y - b) for a, b in corners) < 0.01 for x, y in points):
            return [("re", rect, 1)]
    found: list[tuple[Any, ...]] = []
    at = 1
    while at < len(part):
        if part[at][0] == _CURVE and at + 2 < len(part):
            found.append(("c", *points[at - 1 : at + 3]))
            at += 3
        else:
            found.append(("l", points[at - 1], points[at]))
            at += 1
    if part[-1][2] and points[0] != points[-1]:
        found.append(("l", points[-1], points[0]))
    return found
