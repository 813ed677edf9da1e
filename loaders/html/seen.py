"""Whether its style keeps an element from the eyes of a reader (the what-you-see rule)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

LONGEST = 4000
SHIFTED = 100
"""Units by which a text is moved out of the page; less is a matter of layout."""
ALIKE = 8
"""Colours that differ by no more in red, green and blue are one to the eye."""

Declarations = tuple[tuple[str, str, bool], ...]
"""Property, value, and whether it is `!important`, as written."""
Style = Mapping[str, str]
Colour = tuple[int, int, int]

_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_DECLARATION = re.compile(r"(?:^|;)\s*([a-zA-Z-]{1,60})\s*:\s*([^;]{1,400})")
_NUMBER = re.compile(r"(-?(?:\d{1,7}(?:\.\d{0,6})?|\.\d{1,6}))(px|r?em|pt|%|vw|vh|ch|ex|cm|mm|in)?")
_CLIP = re.compile(r"rect\(\s*[01](?:px)?(?:[\s,]+[01](?:px)?){3}\s*\)")
_CLIP_PATH = re.compile(r"inset\(\s*(?:50|100)%.*|(?:circle|ellipse)\(\s*0.*")
_MOVED = re.compile(
    r"translate(?:x|y|3d)?\(\s*(?:0(?:px)?\s*,\s*)?-\d{3,7}(?:px|em|rem|vw|vh|%)|scale(?:x|y|3d)?\(\s*0\s*[,)]"
)
_NUMBERS = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*([\d.]{1,8}%?)\s*)?\)")
_PICTURED = re.compile(r"url\(|gradient|image|var\(", re.IGNORECASE)


@lru_cache(maxsize=4096)
def declared(style: str) -> Declarations:
    """What a style attribute or the body of a rule declares; comments and escapes read as browsers do."""
    style = style[:LONGEST]
    if "/*" in style:
        style = _COMMENT.sub("", style)
    if "\\" in style:
        style = _ESCAPE.sub(_unescaped, style)
    found = []
    for one in _DECLARATION.finditer(style):
        value, mark, _ = one[2].lower().partition("!")
        found.append((one[1].lower(), value.strip(), bool(mark)))
    return tuple(found)


def _unescaped(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    number = int(found[1], 16)
    return chr(number) if 0 < number < 0x110000 else "\ufffd"


def merged(parts: Iterable[Declarations]) -> dict[str, str]:
    """Each property's value, where later parts go before earlier ones, and important ones before all."""
    plain: dict[str, str] = {}
    important: dict[str, str] = {}
    for part in parts:
        for name, value, mark in part:
            into = important if mark else plain
            if name == "background":
                into.pop("background-color", None)  # the short form sets all of its parts
            into[name] = value
    if "background" in important:
        plain.pop("background-color", None)
    return {**plain, **important}


def unseen(style: Style) -> str:
    """The property for which nothing of the element's own text is seen, "" where it is seen.

    Text in the colour of its ground is judged by `colours`: the ground may be another element's.
    """
    if not style:
        return ""
    if style.get("display") == "none":
        return "display"
    if style.get("visibility") in ("hidden", "collapse") or style.get("content-visibility") == "hidden":
        return "visibility"
    if "opacity" in style and _size(style["opacity"]) in _NOTHING:
        return "opacity"
    if "font-size" in style and _tiny(style["font-size"]):
        return "font-size"
    clips = any(style.get(name) in ("hidden", "clip") for name in ("overflow", "overflow-x", "overflow-y"))
    if "text-indent" in style:
        by, _ = _size(style["text-indent"])
        if by <= -SHIFTED or (clips and by >= SHIFTED):
            return "text-indent"
    if _CLIP.fullmatch(style.get("clip", "")) or _CLIP_PATH.fullmatch(style.get("clip-path", "")):
        return "clip"
    if _MOVED.search(style.get("transform", "")):
        return "transform"
    if style.get("position") in ("absolute", "fixed", "relative"):
        for name in ("left", "right", "top", "bottom"):
            by, unit = _size(style.get(name, ""))
            if by <= -SHIFTED and unit:
                return name
    for name in ("margin-left", "margin-top"):
        if _size(style.get(name, ""))[0] <= -10 * SHIFTED:
            return name
    return "height" if clips and _flat(style) else ""


_NOTHING = ((0.0, ""), (0.0, "%"))


def _size(value: str) -> tuple[float, str]:
    """A number and its unit; 1 without one where it is none of them."""
    found = _NUMBER.fullmatch(value)
    return (float(found[1]), found[2] or "") if found else (1.0, "")


def _tiny(value: str) -> bool:
    size, unit = _size(value)
    return 0 <= size < 1 and (size == 0 or unit in ("px", "pt", "%"))


def _flat(style: Style) -> bool:
    """No room for a sign: a side of 0, or both of a pixel at most."""
    sides = [_size(style[name]) for name in ("height", "max-height", "width", "max-width") if name in style]
    return any(side == 0 for side, _ in sides) or (
        all(
            _size(style.get(name, ""))[0] <= 1 and _size(style.get(name, ""))[1] == "px" for name in ("height", "width")
        )
    )


# --- colours ------------------------------------------------------------------------------------------


def transparent(style: Style) -> bool:
    """Is the text not painted? Where the ground is cut to the letters it is what is seen."""
    if "text" in (style.get("background-clip"), style.get("-webkit-background-clip")):
        return False
    return _alpha(style.get("color", "")) == 0


def ink(style: Style) -> Colour | None:
    """The colour that an element's text is given."""
    return colour(style.get("color", ""))


def ground(style: Style, stated: str = "") -> Colour | str:
    """The colour behind an element's text; "" where none is given, "picture" for what is no plain colour.

    `stated`: what stands in the attribute `bgcolor`.
    """
    written = style.get("background-color") or style.get("background") or stated
    if not written or written in ("none", "transparent", "inherit", "initial", "unset") or _alpha(written) == 0:
        return "picture" if _PICTURED.search(style.get("background-image", "")) else ""
    if _PICTURED.search(written) or _PICTURED.search(style.get("background-image", "")):
        return "picture"
    whole = colour(written)
    found = [whole] if whole else [one for one in map(colour, written.split()) if one]
    return found[0] if found else "picture"


def alike(one: Colour, other: Colour) -> bool:
    """Can no eye tell them apart?"""
    return all(abs(mine - its) <= ALIKE for mine, its in zip(one, other, strict=True))


@lru_cache(maxsize=1024)
def colour(text: str) -> Colour | None:
    """A colour as red, green, blue; None for what is none, or is not opaque."""
    text = text.strip().lower()
    if numbers := _NUMBERS.fullmatch(text):
        opaque = numbers[4] is None or numbers[4] in ("1", "1.0", "100%")
        red, green, blue = (min(255, int(numbers[at])) for at in (1, 2, 3))
        return (red, green, blue) if opaque else None
    if not text or not (text[0] == "#" or text.isalpha() or text[:3] == "hsl"):
        return None
    from PIL import ImageColor

    try:
        found = ImageColor.getrgb(text)
    except ValueError:
        return None
    return (found[0], found[1], found[2]) if len(found) == 3 or found[3] == 255 else None


def _alpha(text: str) -> float:
    """0 for a colour that is not there at all."""
    text = text.strip()
    if text == "transparent" or re.fullmatch(r"#(?:[0-9a-f]{3}0|[0-9a-f]{6}00)", text):
        return 0.0
    numbers = _NUMBERS.fullmatch(text)
    return float(numbers[4].rstrip("%")) if numbers and numbers[4] and numbers[4].strip("%.") else 1.0
