"""The difference hash of a picture (dHash, Krawetz 2013), in the size that `rag.alike` compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.alike import SIDE

if TYPE_CHECKING:
    from PIL import Image as Pillow

_STEP = 2
"""Grey values that neighbours must differ by: compression changes flat fields by less."""
_TELLING = 24
"""Fields darker than the next one that a hash must have, and as many that are not: all blank pages look alike."""


def look(image: Pillow.Image) -> str:
    """64 hexadecimal digits, "" for a picture that is too empty to be told apart by them."""
    import numpy as np
    from PIL import Image as pillow

    small = image.convert("L").resize((SIDE + 1, SIDE), pillow.Resampling.BOX)
    grey = np.asarray(small, np.int16)
    darker = grey[:, 1:] - grey[:, :-1] >= _STEP
    if not _TELLING <= int(darker.sum()) <= darker.size - _TELLING:
        return ""
    return np.packbits(darker).tobytes().hex()
