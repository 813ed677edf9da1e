"""A page with the boxes of what was found drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from rag.document import WHOLE, PageRegion, Place, Source
from rag.protocols import Assets

COLOUR = (214, 60, 40)


def page_with_boxes(assets: Assets, source: Source, places: Sequence[Place], page: int, dpi: int) -> bytes:
    """The page as PNG with a frame around each of the places on it."""
    from PIL import Image, ImageDraw

    picture = Image.open(BytesIO(assets.crop(source, PageRegion(page, WHOLE), dpi))).convert("RGB")
    pen = ImageDraw.Draw(picture)
    line = max(2, round(picture.width / 400))
    for place in places:
        if isinstance(place, PageRegion) and place.page == page and place.box != WHOLE:
            box = place.box
            left, right = box.left * picture.width, box.right * picture.width
            top, bottom = box.top * picture.height, box.bottom * picture.height
            pen.rectangle((left - line, top - line, right + line, bottom + line), outline=COLOUR, width=line)
    told = BytesIO()
    picture.save(told, "PNG")
    return told.getvalue()
