"""Text that a reader of the page cannot see, and why: the what-you-see rule.

Cheap signs name suspects; only a page with suspects is drawn, and what shows ink stays text.
Invisible text over a picture of most of the page is what a scanner's OCR wrote of that picture: it
stays text where there is ink under it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .colours import behind
from .text import Line, PageText, Rect, area, overlap, union

if TYPE_CHECKING:
    from .engine import Gray, OpenPage

TINY = 1.0
"""Points: type below this size is not read by anybody."""
UNPAINTED = "not painted"
SMALL = "smaller than 1 pt"
OUTSIDE = "outside of the page as shown"
SAME_COLOUR = "in the colour of its background"
COVERED = "covered by what is painted over it"

_LIGHT = 200
"""Each channel of a colour from here on: only a drawing can tell whether such text shows."""
_NEAR = 24
_ZOOM = 1.5
_CONTRAST = 12
"""Levels of 255 by which ink differs from its ground; less is not seen."""
_INK = 0.02
"""Share of a line's band that is ink, at least. Letters fill a tenth and more."""
_SCAN = 0.6
"""Share of the page under the pictures of a scan."""
_MOST_SHAPES = 400
_MOST_CLIPS = 8
"""Lines that are drawn one by one; of more, what lies between them is drawn too."""
_ROW = 12
"""Points: texts are looked for by the row that they are in."""
_MOST_PIXELS = 4_000_000


def settle(page: OpenPage, lines: Sequence[Line]) -> None:
    """Marks the lines that are hidden by how they are set, before anything is done with them.

    Where every line of a page is a suspect (white words over a scan), colours are looked at too.
    """
    for line in lines:
        if line.size < TINY:
            line.hidden = SMALL
    suspects = [line for line in lines if not line.hidden and line.unpainted]
    light = [line for line in lines if not line.hidden and not line.unpainted and _light(line.colour)]
    only = bool(light) and len(light) + sum(bool(line.hidden) for line in lines) + len(suspects) == len(lines)
    if not suspects and not only:
        return
    pictures = [one.box for one in page.placed()]
    picture = gray(page, [line.box for line in (*suspects, *(light if only else ()))], pictures)
    scan = bool(suspects) and _is_scan(page, pictures)
    for line in suspects:
        if not (scan and inked(picture, line.box, page.width)):
            line.hidden = UNPAINTED
    if only:
        _look(light, picture, page.width)


def cover(
    page: OpenPage, text: PageText, lines: Sequence[Line], drawn: Sequence[dict[str, Any]], pictures: Sequence[Rect]
) -> None:
    """Marks the lines that the page's drawings and pictures hide: by their colour or by lying over them.

    `drawn` as from `get_cdrawings`, `pictures` are boxes as shown, in points.
    """
    filled = [one for one in drawn if _opaque(one)][:_MOST_SHAPES]
    if filled:
        behind(lines, filled, text.width, text.height)
    asked = [line for line in lines if not line.hidden and not line.seen and not line.unpainted]
    faint: list[Line] = []
    under: list[tuple[Line, list[dict[str, Any]]]] = []
    flat = [(*one["rect"], one) for one in filled]
    for line in asked:
        x, y = line.middle
        # What holds nine tenths of a line holds its middle, which is told sooner.
        around = [one for left, top, right, bottom, one in flat if top <= y <= bottom and left <= x <= right]
        grounds = [one for one in around if _holds(one["rect"], line.box)]
        over = [one for one in grounds if one["items"][0][0] == "re"]
        # The ground may be a bar with round corners: that it lies under the words is likely enough.
        grounds = over or grounds
        ground = _channels(grounds[-1]["fill"]) if grounds else (255, 255, 255)
        if _far(line.colour, ground) < _NEAR:
            faint.append(line)
        elif over or any(_holds(box, line.box) for box in pictures):
            under.append((line, over))
    # What is painted before the first word covers none.
    covered = _painted_over(page, under, pictures) if under else []
    if not faint and not covered:
        return
    picture = gray(page, [line.box for line in (*faint, *(line for line, _ in covered))], pictures)
    _look(faint, picture, text.width)
    for line, by_picture in covered:
        inside = by_picture and area(by_picture) < _SCAN * text.width * text.height
        if inside or not inked(picture, line.box, text.width):
            line.hidden = COVERED


def outside(page: OpenPage) -> list[Line]:
    """The lines beyond the crop box of a page that is cropped."""
    if not page.cropped:
        return []
    found = []
    for line in page.lines(outside=True):
        x, y = line.middle
        if not (0 <= x <= page.width and 0 <= y <= page.height):
            line.hidden = OUTSIDE
            found.append(line)
    return found


def runs(lines: Sequence[Line]) -> list[tuple[str, Rect, str]]:
    """Hidden lines as (why, box, text): neighbours in the file that are hidden for one reason are one."""
    groups: list[list[Line]] = []
    last = -2
    for at, line in enumerate(lines):
        if not line.hidden:
            continue
        if groups and last == at - 1 and groups[-1][-1].hidden == line.hidden:
            groups[-1].append(line)
        else:
            groups.append([line])
        last = at
    return [
        (group[0].hidden, union([line.box for line in group]), "\n".join(line.text for line in group))
        for group in groups
    ]


def gray(page: OpenPage, boxes: Sequence[Rect], pictures: Sequence[Rect]) -> Gray:
    """The page as shown, small, in gray; right where the boxes are, and white elsewhere if that costs less.

    What lies on one of its `pictures` is drawn at once, since a picture is unpacked anew for every clip.
    """
    zoom = min(_ZOOM, (_MOST_PIXELS / max(1.0, page.width * page.height)) ** 0.5)
    for picture in pictures:
        on = [box for box in boxes if overlap(picture, box) > 0]
        if len(on) > 1:
            boxes = [*(box for box in boxes if overlap(picture, box) <= 0), union(on)]
    if len(boxes) > _MOST_CLIPS:
        boxes = [union(list(boxes))]
    clips = [
        (max(0.0, left - 2), max(0.0, top - 2), min(page.width, right + 2), min(page.height, bottom + 2))
        for left, top, right, bottom in boxes
    ]
    return page.gray(zoom, [one for one in clips if area(one) > 0])


def inked(picture: Gray, box: Rect, width: float) -> bool:
    """Is there ink in the middle of a line's box? `picture` shows a page of that width in points."""
    import numpy as np

    zoom = picture.shape[1] / width
    high = box[3] - box[1]
    top, bottom = box[1] + 0.2 * high, box[3] - 0.2 * high
    rows = slice(max(0, int(top * zoom)), max(0, int(bottom * zoom) + 1))
    columns = slice(max(0, int(box[0] * zoom)), max(0, int(box[2] * zoom) + 1))
    band = picture[rows, columns]
    if not band.size:
        return False
    return bool((np.abs(band.astype(np.int16) - int(np.median(band))) >= _CONTRAST).mean() >= _INK)


def _look(lines: Sequence[Line], picture: Gray, width: float) -> None:
    for line in lines:
        line.seen = inked(picture, line.box, width)
        if not line.seen:
            line.hidden = SAME_COLOUR


def _light(colour: int) -> bool:
    return all((colour >> shift) & 255 >= _LIGHT for shift in (0, 8, 16))


def _channels(fill: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in fill[:3])


def _far(colour: int, ground: Sequence[int]) -> int:
    """By how much the most different of three channels differs."""
    return max(abs(((colour >> shift) & 255) - part) for shift, part in zip((16, 8, 0), ground, strict=False))


def _opaque(one: dict[str, Any]) -> bool:
    """A filled shape that hides what is under it and is large enough to hold a word."""
    fill = one.get("fill")
    left, top, right, bottom = one["rect"]
    if not fill or len(fill) != 3 or (one.get("fill_opacity") or 1.0) < 0.99:
        return False
    return right - left > 4 and bottom - top > 4 and bool(one["items"])


def _holds(outer: Rect, inner: Rect) -> bool:
    return overlap(outer, inner) >= 0.9 * area(inner) > 0


def _is_scan(page: OpenPage, pictures: Sequence[Rect]) -> bool:
    shown = (0.0, 0.0, page.width, page.height)
    # Strips and layers of one scan: the sum of their areas is near enough.
    return sum(overlap(box, shown) for box in pictures) >= _SCAN * area(shown) > 0


def _painted_over(
    page: OpenPage, under: Sequence[tuple[Line, Sequence[dict[str, Any]]]], pictures: Sequence[Rect]
) -> list[tuple[Line, Rect | None]]:
    """The lines after which something opaque was painted in their place, and no text after that.

    With the box of the picture that did it, or None for a shape.
    """
    log = page.painted()
    texts = _rows([(at, box) for at, (kind, box) in enumerate(log) if kind == "text"], page.height)
    images = [at for at, (kind, _) in enumerate(log) if kind == "image"]
    plain: bool | None = None
    found: list[tuple[Line, Rect | None]] = []
    for line, shapes in under:
        x, y = line.middle
        own = [at for at, box in texts[int(y // _ROW)] if _near(box, x, y)]
        if not own:
            continue
        if any(one["seqno"] > own[-1] for one in shapes):
            found.append((line, None))
            continue
        over = next((log[at][1] for at in images if at > own[-1] and _holds(log[at][1], line.box)), None)
        if over is not None and any(_holds(box, line.box) for box in pictures):
            plain = not page.masked() if plain is None else plain  # a mask may leave a hole
            if plain:
                found.append((line, over))
    return found


def _rows(boxes: Sequence[tuple[int, Rect]], height: float) -> defaultdict[int, list[tuple[int, Rect]]]:
    """Numbered boxes by the rows of the page that they reach into."""
    found: defaultdict[int, list[tuple[int, Rect]]] = defaultdict(list)
    for one in boxes:
        _, (_, top, _, bottom) = one
        first, last = (int(min(max(y, -_ROW), height + _ROW) // _ROW) for y in (top - 1, bottom + 1))
        for row in range(first, last + 1):
            found[row].append(one)
    return found


def _near(box: Rect, x: float, y: float) -> bool:
    return box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1
