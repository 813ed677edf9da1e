"""The names of colours: which of the eleven basic colour terms of English a colour is called by.

The terms are those of Berlin and Kay, "Basic Color Terms" (1969). A colour is looked at in OKLCH (B. Ottosson, "A
perceptual color space for image processing", 2020: the sRGB transfer function of IEC 61966-2-1, two matrices and
a cube root), where lightness is 0 to 1, chroma 0 to about 0.32, and hue an angle. The ranges below are ours.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, get_args

Name = Literal["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "grey", "white", "black"]
NAMES: tuple[Name, ...] = get_args(Name)

_DARK = 0.22
"""Below this lightness every colour is black on a page."""
_NEAR_BLACK = 0.4
_NEAR_WHITE = 0.95
_GREYISH = 0.042
"""Chroma below which a colour is called grey; a light one shows its hue sooner (`_TINTED`), being beside white."""
_TINTED = 0.018
_LIGHT = 0.88


def oklch(rgb: int) -> tuple[float, float, float]:
    """Lightness, chroma and hue (degrees, 0 to 360) of 0xRRGGBB in sRGB."""
    lightness, a, b = oklab(rgb)
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def apart(one: int, other: int) -> float:
    """The distance of two colours in OKLab: 1 from black to white."""
    return math.dist(oklab(one), oklab(other))


@lru_cache(maxsize=4096)
def oklab(rgb: int) -> tuple[float, float, float]:
    """Lightness, and how red (against green) and how yellow (against blue) 0xRRGGBB is."""
    red, green, blue = (_linear((rgb >> shift & 255) / 255) for shift in (16, 8, 0))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, a, b


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


@lru_cache(maxsize=4096)
def name_of(rgb: int) -> Name:
    """The basic colour term for 0xRRGGBB."""
    light, chroma, hue = oklch(rgb)
    if light < _DARK:
        return "black"
    if chroma < (_TINTED if light > _LIGHT else _GREYISH):
        return "black" if light < _NEAR_BLACK else "white" if light > _NEAR_WHITE else "grey"
    if hue < 10 or hue >= 335:
        return "pink" if light >= 0.5 else "purple" if 335 <= hue < 356 else "red"
    if hue < 40:
        if light >= 0.72:
            return "pink"
        return "brown" if light < 0.5 and chroma < 0.345 * light else "red"
    if hue < 82:
        return "brown" if light < 0.66 and chroma < 0.17 else "orange"
    if hue < 118:
        if light >= 0.68:
            return "yellow"
        return "brown" if hue < 100 else "green"
    if hue < 190:
        return "green"
    if hue < 283:
        return "blue"
    return "pink" if hue >= 318 and light >= 0.65 else "purple"


def rgb_of(red: float, green: float, blue: float) -> int:
    """Three parts from 0 to 1 as 0xRRGGBB."""
    parts = (min(255, max(0, round(255 * part))) for part in (red, green, blue))
    first, second, third = parts
    return first << 16 | second << 8 | third
