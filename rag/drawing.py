"""A place in its surroundings: the page, or the region with a margin, and a frame around each box."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from rag.document import WHOLE, Box, Media, PageRegion, Place, Role, Source
from rag.protocols import Assets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLOUR = (214, 60, 40)
COLOURS: dict[Role, tuple[int, int, int]] = {
    "heading": (176, 32, 112), "paragraph": (40, 96, 168), "list": (16, 128, 144), "table": (20, 128, 60),
    "figure": (200, 100, 16), "photo": (200, 100, 16), "caption": (150, 110, 20), "code": (90, 70, 160),
    "equation": (90, 70, 160), "header": (120, 120, 120), "footer": (120, 120, 120), "footnote": (100, 90, 60),
    "hidden": (220, 20, 20), "note": (180, 140, 0), "field": (0, 110, 110),
}  # fmt: skip
"""Of the boxes of a page's elements; a role without one has `COLOUR`."""
_ROLES_ACROSS = 7
MARGIN = 0.03
"""Of the page's side, shown around a region so that a reader sees where it stands."""


def framed(assets: Assets, source: Source, places: Sequence[Place], page: int, dpi: int, *, whole: bool) -> bytes:
    """PNG of the places on one page, framed: the whole page, or the region around them.

    A place that is a whole page or photo is given as it is. Raises what `Assets.crop` raises.
    """
    boxes = [place.box for place in places if isinstance(place, PageRegion) and place.page == page]
    if not boxes:
        raise ValueError(f"none of the places is on page {page}")
    shown = WHOLE if whole or WHOLE in boxes else _around(boxes)
    data = assets.crop(source, PageRegion(page, shown), dpi)
    frames = [box for box in boxes if box != WHOLE]
    return _drawn(data, shown, frames) if frames else data


def as_png(data: bytes, media: Media) -> bytes:
    """A stored picture as PNG; photos and frames are kept as JPEG."""
    if media.media_type == "image/png":
        return data
    from PIL import Image

    told = BytesIO()
    Image.open(BytesIO(data)).save(told, "PNG")
    return told.getvalue()


def numbered(data: bytes, elements: Sequence[tuple[int, Role, Box]], *, margin: bool = False) -> bytes:
    """The picture of a page with a box around each (number, role, box), numbered; a strip below names the colours.

    `margin` adds room for the numbers at the left, where a page has none of its own.
    """
    from PIL import Image, ImageDraw, ImageFont

    page = Image.open(BytesIO(data)).convert("RGB")
    size = max(10, page.width // 80)
    beside = 3 * size if margin else 0
    font = ImageFont.load_default(size)
    line = max(2, page.width // 500)
    roles = list(dict.fromkeys(role for _, role, _ in elements))
    rows = -(-len(roles) // _ROLES_ACROSS)
    picture = Image.new("RGB", (beside + page.width, page.height + rows * (size + 8)), "white")
    picture.paste(page, (beside, 0))
    pen = ImageDraw.Draw(picture, "RGBA")
    for number, role, box in elements:
        colour = COLOURS.get(role, COLOUR)
        left, top = beside + box.left * page.width, box.top * page.height
        right, bottom = max(beside + box.right * page.width, left), max(box.bottom * page.height, top)
        pen.rectangle((left, top, right, bottom), fill=(*colour, 24), outline=(*colour, 255), width=line)
        wide = pen.textlength(str(number), font=font) + 4
        start = max(0.0, left - wide)  # beside the box, where it hides no word
        pen.rectangle((start, top, start + wide, top + size + 2), fill=(*colour, 230))
        pen.text((start + 2, top), str(number), fill="white", font=font)
    for at, role in enumerate(roles):
        x = (at % _ROLES_ACROSS) * page.width // _ROLES_ACROSS
        y = page.height + (at // _ROLES_ACROSS) * (size + 8)
        pen.rectangle((x + 4, y + 4, x + 4 + size, y + 4 + size), fill=(*COLOURS.get(role, COLOUR), 255))
        pen.text((x + size + 8, y + 3), role, fill="black", font=font)
    told = BytesIO()
    picture.save(told, "PNG", optimize=True)
    return told.getvalue()


def _around(boxes: Sequence[Box]) -> Box:
    return Box(
        max(0.0, min(box.left for box in boxes) - MARGIN),
        max(0.0, min(box.top for box in boxes) - MARGIN),
        min(1.0, max(box.right for box in boxes) + MARGIN),
        min(1.0, max(box.bottom for box in boxes) + MARGIN),
    )


def _drawn(data: bytes, shown: Box, frames: Sequence[Box]) -> bytes:
    """The picture of the region `shown` with a frame around each box."""
    from PIL import Image, ImageDraw

    picture = Image.open(BytesIO(data)).convert("RGB")
    across = picture.width / max(shown.right - shown.left, 1e-6)
    down = picture.height / max(shown.bottom - shown.top, 1e-6)
    line = max(2, round(across / 500))
    pen = ImageDraw.Draw(picture)
    for box in frames:
        left, right = (box.left - shown.left) * across, (box.right - shown.left) * across
        top, bottom = (box.top - shown.top) * down, (box.bottom - shown.top) * down
        start = max(0, left - line), max(0, top - line)
        end = min(picture.width - 1, right + line), min(picture.height - 1, bottom + line)
        pen.rectangle((*start, *end), outline=COLOUR, width=line)
    told = BytesIO()
    picture.save(told, "PNG")
    return told.getvalue()


def heated(data: bytes, heat: NDArray[np.floating[Any]], strength: float = 0.8) -> bytes:
    """PNG of a picture under a heat map: `heat` is (rows, columns) over the whole picture, any numbers.

    The least is shown as the picture itself, the most in red; `strength` (0 to 1) is how much of the
    picture the most hides. ValueError for a map that is no table of finite numbers.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(heat, np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"a heat map is a table of finite numbers, got shape {values.shape}")
    spread = values.max() - values.min()
    shares = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
    picture = Image.open(BytesIO(data)).convert("RGB")
    # Each patch is a field of the picture; between their middles the colour runs over.
    grey = Image.fromarray(np.round(shares * 255).astype(np.uint8))
    share = np.asarray(grey.resize(picture.size, Image.Resampling.BILINEAR), np.float64)[:, :, None] / 255
    colour = np.concatenate([255 * np.ones_like(share), 220 * (1 - share), np.zeros_like(share)], axis=2)
    hidden = strength * share
    mixed = np.asarray(picture, np.float64) * (1 - hidden) + colour * hidden
    told = BytesIO()
    Image.fromarray(np.round(mixed).astype(np.uint8)).save(told, "PNG")
    return told.getvalue()
