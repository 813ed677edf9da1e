"""The colours of words that were read from pixels: of their ink, and of the ground that they stand on.

The ground of a word is the middle of the pixels around it, its ink those that are farthest from that: what lies
between are the edges of letters. Pictures are noisy, so that a word counts as of another colour than its
line only where both have plainly different ones.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rag.colours import Name, apart, name_of, oklch

from .colours import PLAIN
from .text import Line, Rect, union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CONTRAST = 60
"""Levels of 255 by which the most different channel of ink differs from its ground; less is no ink."""
_FAR = 0.88
"""Share of the greatest distance from the ground from which on a pixel is ink."""
_OTHER = 0.12
"""Distance in OKLab of two colours that are plainly different."""
_AROUND = 0.12
"""Heights of a word that are looked at around it."""
_LEAST = 12
"""Pixels of a word that say something of its colour."""
_WHITE = 0xFFFFFF
_LIGHTER, _NEAR_HUE = 0.12, 30


def inked(picture: bytes, lines: Sequence[Line], width: float, height: float) -> None:
    """Gives the lines of a page of that size in points, of which the picture is all, their colours."""
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    across, down = pixels.shape[1] / max(width, 1.0), pixels.shape[0] / max(height, 1.0)
    page = _most(pixels[:: max(1, pixels.shape[0] // 300), :: max(1, pixels.shape[1] // 300)].reshape(-1, 3))
    for line in lines:
        if not line.turned:
            _line(line, pixels, across, down, _number(page))


def usual(lines: Sequence[Line]) -> Name:
    """The colour that does not stand out beside black: white where most letters are, else the grey of poor black."""
    letters: dict[Name, int] = {}
    for line in lines:
        name = name_of(line.colour)
        letters[name] = letters.get(name, 0) + len(line.text)
    most = max(letters, key=lambda name: (letters[name], name), default="black")
    return "white" if most == "white" else "grey"


def _line(line: Line, pixels: NDArray[np.uint8], across: float, down: float, page: int) -> None:
    words = line.text.split(" ")
    boxes = list(line.pieces) if len(line.pieces) == len(words) else [line.box]
    looks = [_look(pixels, box, across, down) for box in boxes]
    seen = [(look, len(word)) for look, word in zip(looks, words, strict=False) if look]
    if not seen:
        return
    inks = [ink for (ink, _), size in seen for _ in range(size)]
    grounds = [ground for (_, ground), size in seen for _ in range(size)]
    line.colour = _middle(inks)
    ground = _middle(grounds)
    if apart(ground, page) > _OTHER and name_of(ground) not in PLAIN:
        line.ground = ground
    if len(boxes) == len(words) > 1:
        found = list(_runs(words, boxes, [look[0] if look else line.colour for look in looks], line.colour))
        line.inks = tuple(found) if len(found) > 1 else ()


def _runs(
    words: Sequence[str], boxes: Sequence[Rect], inks: Sequence[int], own: int
) -> Iterator[tuple[str, int, Rect]]:
    """Neighbouring words of one colour; those that are near to that of the line have it."""
    told = [ink if apart(ink, own) > _OTHER and name_of(ink) != name_of(own) else own for ink in inks]
    for _, group in groupby(range(len(words)), key=lambda at: name_of(told[at])):
        run = list(group)
        colour = _middle([told[at] for at in run])
        yield " ".join(words[at] for at in run), colour, union([boxes[at] for at in run])


def _look(pixels: NDArray[np.uint8], box: Rect, across: float, down: float) -> tuple[int, int] | None:
    """The colours of ink and ground in a box; None where there is no ink to be seen."""
    import numpy as np

    left, top, right, bottom = box[0] * across, box[1] * down, box[2] * across, box[3] * down
    edge = max(1.0, _AROUND * (bottom - top))
    outer = pixels[_span(top - edge, bottom + edge), _span(left - edge, right + edge)]
    rim = round(edge)
    cut = outer[rim:-rim, rim:-rim].reshape(-1, 3)
    if len(cut) < _LEAST:
        return None
    sides = outer[:rim], outer[-rim:], outer[:, :rim], outer[:, -rim:]
    ground = np.median(np.concatenate([side.reshape(-1, 3) for side in sides]), axis=0).astype(np.int16)
    far = np.abs(cut.astype(np.int16) - ground).max(axis=1)
    if far.max() < _CONTRAST:
        return None
    ink = cut[far >= max(_CONTRAST, _FAR * np.percentile(far, 99))]
    if len(ink) < _LEAST // 4:
        return None
    told, under = _number(np.median(ink, axis=0)), _number(ground)
    return _WHITE if _is_blurred(told, under) else told, under


def _is_blurred(ink: int, ground: int) -> bool:
    """Is it white that took on the hue of its ground, as small letters do when a picture is made smaller?"""
    (light, _, hue), (dark, chroma, other) = oklch(ink), oklch(ground)
    return chroma > 0.08 and light > dark + _LIGHTER and abs((hue - other + 180) % 360 - 180) < _NEAR_HUE


def _span(first: float, last: float) -> slice:
    return slice(max(0, int(first)), max(0, int(last) + 1))


def _most(pixels: NDArray[np.uint8]) -> NDArray[np.int16]:
    """The colour that most pixels have, to a sixteenth of each channel."""
    import numpy as np

    coarse = pixels >> 4
    keys = (coarse[:, 0].astype(np.int32) << 8) | (coarse[:, 1].astype(np.int32) << 4) | coarse[:, 2]
    most = int(np.bincount(keys, minlength=1).argmax())
    found: NDArray[np.int16] = np.median(pixels[keys == most], axis=0).astype(np.int16)
    return found


def _number(parts: NDArray[np.generic]) -> int:
    red, green, blue = (min(255, max(0, round(float(part)))) for part in parts)
    return red << 16 | green << 8 | blue


def _middle(colours: Sequence[int]) -> int:
    """The median of each channel."""
    middle = len(colours) // 2
    found = 0
    for shift in (16, 8, 0):
        found |= sorted(colour >> shift & 255 for colour in colours)[middle] << shift
    return found
