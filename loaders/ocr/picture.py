"""Pictures as the engines are given them: decoded by us, within a number of pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from .. import pixels

if TYPE_CHECKING:
    from PIL import Image as Pillow

MAX_PIXELS = 12_000_000
"""Larger pictures are made smaller; an A4 page at 300 dpi has 8.7 million."""
MIN_SIDE = 8


def decoded(data: bytes, most: int = MAX_PIXELS) -> Pillow.Image | None:
    """An RGB picture of at most `most` pixels; None where it is too small for any writing.

    Raises SourceError (damaged, limit) for what is no PNG or JPEG within `pixels.MAX_PIXELS`.
    """
    image = pixels.normalised(pixels.opened(data, "picture"), "picture")
    if min(image.size) < MIN_SIDE:
        return None
    return smaller(image, most)


def smaller(image: Pillow.Image, most: int) -> Pillow.Image:
    """The picture itself where it has at most `most` pixels."""
    from PIL import Image as pillow

    scale = (most / (image.width * image.height)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, pillow.Resampling.LANCZOS)


def png(image: Pillow.Image) -> bytes:
    """Quickly packed."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
