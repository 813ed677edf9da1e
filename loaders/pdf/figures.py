"""Figures: pictures placed on a page, and clusters of vector drawings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.document import Media, PageRegion, Source
from rag.identity import combined, place_key
from rag.protocols import Assets

from .document import Options
from .engine import Drawing, OpenPage
from .labels import is_label
from .render import drawn
from .rows import text_rows
from .tables import numeric
from .text import Line, Rect, area, inside, overlap, parted, union

CELL = 7.0
"""Drawings nearer than this (points) are one figure."""
MAX_DRAWINGS = 60_000
MAX_FIGURES = 60
"""More clusters than this on a page are decoration."""
_MOST_CLUSTERS = 2000
"""With more no captions are looked at: every two of them are compared."""
_FEW = 8
_REACH = 75.0
"""Points between a drawing and its caption at most, with axes and their names between them."""


@dataclass(slots=True)
class Figure:
    """A figure on a page. `xref` is the engine's key of the picture where it is one plain picture, else 0."""

    box: Rect
    raster: bool
    xref: int = 0
    pixels: tuple[int, int] = (0, 0)
    pictorial: bool = True
    lines: list[Line] = field(default_factory=list)
    caption: str = ""
    caption_box: Rect | None = None


def pictures(page: OpenPage, options: Options, textless: bool) -> list[Figure]:
    """The pictures of a page as shown, tiles of one picture joined, ornaments left out."""
    # Asking for placements may run the whole page: only where it names pictures, or may have them inline.
    placed = page.placed() if textless or page.named() else []
    shown = (0.0, 0.0, page.width, page.height)
    found = []
    for one in placed:
        box = _clipped(one.box, shown)
        if area(box) > 4.0 and min(one.pixels) >= 2:
            found.append(Figure(box, True, one.key, one.pixels))
    page_area = area(shown)
    kept = []
    for figure in _joined(found):
        small = min(figure.pixels) < options.min_image_side
        side = min(figure.box[2] - figure.box[0], figure.box[3] - figure.box[1])
        tiny = area(figure.box) < 0.004 * page_area or side < 14
        light = figure.xref and page.stored_bytes(figure.xref) < options.min_image_bytes
        if not (small or tiny or light):
            kept.append(figure)
    return kept[:MAX_FIGURES]


def _clipped(box: Rect, to: Rect) -> Rect:
    left, top = max(box[0], to[0]), max(box[1], to[1])
    return (left, top, max(left, min(box[2], to[2])), max(top, min(box[3], to[3])))


def _joined(found: list[Figure]) -> list[Figure]:
    """Pictures that overlap or touch along a whole side are one: tiles, masks, overlays."""
    merged = True
    figures = found[: 4 * MAX_FIGURES]
    while merged:
        merged = False
        for i, one in enumerate(figures):
            for j in range(i + 1, len(figures)):
                other = figures[j]
                if _one_picture(one.box, other.box):
                    pixels = (max(one.pixels[0], other.pixels[0]), max(one.pixels[1], other.pixels[1]))
                    figures[i] = Figure(union([one.box, other.box]), True, 0, pixels)
                    del figures[j]
                    merged = True
                    break
            if merged:
                break
    return figures


def _one_picture(a: Rect, b: Rect) -> bool:
    if overlap(a, b) > 0.5 * min(area(a), area(b)):
        return True
    same_rows = abs(a[1] - b[1]) < 1 and abs(a[3] - b[3]) < 1
    same_columns = abs(a[0] - b[0]) < 1 and abs(a[2] - b[2]) < 1
    beside = min(abs(a[2] - b[0]), abs(b[2] - a[0])) < 1
    below = min(abs(a[3] - b[1]), abs(b[3] - a[1])) < 1
    return (same_rows and beside) or (same_columns and below)


def drawings(page: OpenPage, options: Options) -> list[Drawing] | None:
    """The vector drawings of a page in points as shown; None if there are too many to look at."""
    return page.drawings(options.max_page_bytes, MAX_DRAWINGS)


def vector_figures(
    found: Sequence[Drawing],
    lines: Sequence[Line],
    taken: Sequence[Rect],
    captions: Sequence[Rect],
    width: float,
    height: float,
) -> list[Figure]:
    """Clusters of drawings that are pictures: curves, slants or many shapes, and little running text.

    `taken` are tables and pictures; drawings in them are theirs. What stands over a figure's
    caption (`captions`: their first lines) is a figure even with much text in it.
    """
    boxes: list[tuple[Rect, bool]] = []
    for drawing in found:
        rect = drawing["rect"]
        box = _clipped((rect[0], rect[1], rect[2], rect[3]), (0.0, 0.0, width, height))
        wide, high = box[2] - box[0], box[3] - box[1]
        if wide * high > 0.6 * width * height or (wide > 0.85 * width and high < 3) or (wide <= 0 and high <= 0):
            continue
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if any(inside(other, x, y, 1.0) for other in taken):
            continue
        boxes.append((box, _pictorial(drawing)))
    figures = []
    turned = [line.middle for line in lines if line.turned]
    lines = [line for line in lines if not line.turned]
    clusters = _clusters(boxes)
    outlines = [union([boxes[at][0] for at in members]) for members in clusters]
    above = _over_captions(outlines, captions, lines)
    figures += [Figure(union([outlines[at] for at in group]), False) for group in above]
    claimed = {at for group in above for at in group}
    for at_cluster, members in enumerate(clusters):
        if at_cluster in claimed:
            continue
        box = outlines[at_cluster]
        pictorial = sum(boxes[at][1] for at in members)
        wide, high = box[2] - box[0], box[3] - box[1]
        if wide < 45 or high < 32 or area(box) < 0.006 * width * height:
            continue
        if pictorial < 3 and len(members) < 9:
            continue
        if wide > 0.9 * width and high > 0.9 * height:
            continue
        figure = Figure(box, False)
        held = [line for line in lines if inside(box, *line.middle)]
        if held and len(members) <= 3:
            continue  # a shade or a banner behind text
        running = sum(line.words for line in held if line.words >= 7)
        total = sum(line.words for line in held)
        if running > 45 and running > 0.35 * total:
            continue  # a frame or a shade around text
        if pictorial < 8 and total > 3 * len(members) + 20:
            continue
        figure.pictorial = pictorial >= 4 or any(_at_side(box, *middle) for middle in turned)
        if not figure.pictorial and _tabular(held):
            continue
        figures.append(figure)
    return figures[:MAX_FIGURES] if len(figures) <= MAX_FIGURES else []


def _over_captions(outlines: Sequence[Rect], captions: Sequence[Rect], lines: Sequence[Line]) -> list[list[int]]:
    """For each caption the clusters that make up the figure over it, with no running text between."""
    if len(outlines) > _MOST_CLUSTERS:
        return []
    texts = [line.box for line in lines if not is_label(line)]
    written = [sum(inside(box, *line.middle) for line in lines) for box in outlines]  # a table is full of it
    found = []
    claimed: set[int] = set()
    for caption in sorted(captions, key=lambda box: box[1]):
        left, top, right, _ = caption
        free = [at for at, box in enumerate(outlines) if at not in claimed and box[3] < top + 4]
        group = [at for at in free if _over(outlines[at], caption, texts) and outlines[at][3] - outlines[at][1] > 20]
        if not group:
            continue
        others = [other for other in captions if other is not caption]
        fresh = group
        while fresh:
            reach, there = min(outlines[at][1] for at in group), set(group)
            members = [outlines[at] for at in fresh]  # what is beside the others was seen before
            more = [
                at
                for at in free
                if at not in there
                and (
                    (left - 40 < outlines[at][0] and outlines[at][2] < right + 40 and outlines[at][3] > reach - 6)
                    or (written[at] <= _FEW and any(_over_one(outlines[at], one, texts) for one in members))
                    or (
                        any(_beside_one(outlines[at], one) for one in members)
                        and not any(_over(outlines[at], other, texts) for other in others)
                    )
                )
            ]
            group, fresh = [*group, *more], more
        claimed.update(group)
        if area(union([outlines[at] for at in group])) > 1500:
            found.append(group)
    return found


def _over(box: Rect, caption: Rect, texts: Sequence[Rect]) -> bool:
    """Does a drawing stand over a caption, at most axes and their names between them?"""
    left, top, right, _ = caption
    if not (left - 40 < box[0] and box[2] < right + 40) and not (box[0] - 4 < left and right < box[2] + 4):
        return False
    gap = top - box[3]
    return -4 < gap < 26 or (26 <= gap < _REACH and not parted(box, caption, texts))


def _at_side(box: Rect, x: float, y: float) -> bool:
    """Does a text that runs upwards stand at the left or right of a drawing, as the name of an axis does?"""
    off = max(box[0] - x, x - box[2])
    return box[1] <= y <= box[3] and -0.12 * (box[2] - box[0]) < off < 24


def _over_one(box: Rect, other: Rect, texts: Sequence[Rect]) -> bool:
    """Does a plot stand over one of its own width, with no more than ticks and a name between?"""
    if max(abs(box[0] - other[0]), abs(box[2] - other[2])) >= 6 or not 0 < other[1] - box[3] < 48:
        return False
    return not any(overlap((box[0], box[3], box[2], other[1]), text) > 0 for text in texts)


def _beside_one(box: Rect, other: Rect) -> bool:
    """Does a plot stand in one row with another of its height?"""
    level = max(abs(box[1] - other[1]), abs(box[3] - other[3])) < 6
    return level and max(box[0] - other[2], other[0] - box[2]) < 60


def _pictorial(drawing: Drawing) -> bool:
    """Does a drawing show more than rules and shaded boxes?"""
    for item in drawing["items"][:50]:
        if item[0] in ("c", "qu"):
            return True
        if item[0] == "l" and abs(item[1][0] - item[2][0]) > 1.5 and abs(item[1][1] - item[2][1]) > 1.5:
            return True
    return False


def _tabular(held: Sequence[Line]) -> bool:
    """Rows of a label and numbers, or much text, between straight lines and shades: no chart."""
    rows = text_rows(held)
    labelled = [
        row for row in rows if len(row.pieces) > 1 and not numeric(row.pieces[0].text) and numeric(row.pieces[1].text)
    ]
    return len(labelled) >= 3 or sum(row.words for row in rows) > 90


def _clusters(boxes: Sequence[tuple[Rect, bool]]) -> list[list[int]]:
    """Boxes that touch a common cell of a grid, or neighbouring cells, by union-find."""
    parent = list(range(len(boxes)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    cells: dict[tuple[int, int], int] = {}
    for at, (box, _) in enumerate(boxes):
        x0, x1 = int(box[0] // CELL), int(box[2] // CELL)
        y0, y1 = int(box[1] // CELL), int(box[3] // CELL)
        edge = (x1 - x0 + 1) * (y1 - y0 + 1) > 4000
        own = root(at)
        for x in range(x0 - 1, x1 + 2):
            for y in range(y0 - 1, y1 + 2):
                if edge and x0 + 2 < x < x1 - 2 and y0 + 2 < y < y1 - 2:
                    continue
                other = cells.setdefault((x, y), at)
                if other != at and parent[other] != own:
                    joined = root(other)
                    if joined != own:
                        parent[own] = own = joined
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for at in range(len(boxes)):
        groups[root(at)].append(at)
    return list(groups.values())


_ORIENTED = re.compile(rb"Exif\x00\x00")


def stored(
    page: OpenPage, figure: Figure, place: PageRegion, source: Source, options: Options, assets: Assets
) -> Media | None:
    """The figure's pixels put in the assets: the JPEG of the file where it is shown as it is, else drawn.

    The name follows from the document, the place and the resolution, never from the bytes, so
    that another version of the renderer does not store it twice.
    """
    if figure.xref and (data := page.plain_jpeg(figure.xref)) and not _ORIENTED.search(data[:65536]):
        return assets.put(data, "image/jpeg", combined(source.digest, "picture", place_key(place)))
    if not options.figure_dpi:
        return None
    wide = max(1.0, figure.box[2] - figure.box[0])
    native = 72 * figure.pixels[0] / wide if figure.pixels[0] else options.figure_dpi
    dpi = int(max(60, min(native, 1.8 * options.figure_dpi if figure.raster else options.figure_dpi)))
    data = drawn(page, place, dpi, 4_000_000)
    return assets.put(data, "image/png", combined(source.digest, "drawn", place_key(place), dpi))
