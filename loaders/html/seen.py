"""Whether an inline style keeps an element from the eyes of a reader (the what-you-see rule).

Only what stands in the element itself is judged. Style sheets are not read: what they hide is kept as
text, which is the safer side for what people search, not against those who plant text.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 4000
_GONE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden"
    r"|opacity\s*:\s*(?:0(?:\.0{1,4})?%?|\.0{1,4})\s*(?:!|;|$)"
    r"|font-size\s*:\s*(?:0(?:\.\d{1,6})?|\.\d{1,6})(?:px|pt|%)?\s*(?:!|;|$)|font-size\s*:\s*0(?:\.0{1,6})?(?:r?em)\s*(?:!|;|$)"
    r"|text-indent\s*:\s*-\d{3,7}(?:px|em|pt|%)"
    r"|clip\s*:\s*rect\(\s*(?:0|1px)(?:px)?(?:\s*,?\s*(?:0|1px)(?:px)?){3}\s*\)|clip-path\s*:\s*inset\(\s*(?:50|100)%)",
    re.IGNORECASE,
)
_PLACED = re.compile(r"(?:^|;)\s*position\s*:\s*(?:absolute|fixed)", re.IGNORECASE)
_OUTSIDE = re.compile(
    r"(?:^|;)\s*(?:left|right|top|bottom)\s*:\s*-\d{3,7}(?:\.\d{1,6})?(?:px|em|rem|pt|%|vw|vh)", re.IGNORECASE
)
_CLIPPED = re.compile(r"(?:^|;)\s*overflow(?:-[xy])?\s*:\s*hidden", re.IGNORECASE)
_FLAT = re.compile(r"(?:^|;)\s*(?:max-)?(?:height|width)\s*:\s*0(?:px|em|%)?\s*(?:!|;|$)", re.IGNORECASE)
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]{1,60})", re.IGNORECASE)
_GROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]{1,60})", re.IGNORECASE)
_NAMED = {
    "white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
}  # fmt: skip


@lru_cache(maxsize=4096)
def hides(style: str, ground: str = "") -> bool:
    """Is nothing of the element's text seen? `ground` is the `bgcolor` that stands in the element."""
    style = style[:LONGEST]
    if _GONE.search(style) or (_PLACED.search(style) and _OUTSIDE.search(style)):
        return True
    if _CLIPPED.search(style) and _FLAT.search(style):
        return True
    written = _colour(_last(_COLOUR, style))
    if written == "transparent":
        return True
    return written is not None and written == _colour(_last(_GROUND, style) or ground)


def _last(pattern: re.Pattern[str], style: str) -> str:
    found = pattern.findall(style)
    return str(found[-1]) if found else ""


def _colour(text: str) -> tuple[int, ...] | str | None:
    """A colour as red, green, blue; None where it is not one of the plain forms."""
    text = text.strip().lower()
    if text in ("transparent", "rgba(0,0,0,0)", "rgba(0, 0, 0, 0)"):
        return "transparent"
    if text in _NAMED:
        return _NAMED[text]
    if digits := re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", text):
        pairs = digits[1] if len(digits[1]) == 6 else "".join(digit * 2 for digit in digits[1])
        return tuple(int(pairs[at : at + 2], 16) for at in (0, 2, 4))
    if numbers := re.fullmatch(r"rgb\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*\)", text):
        return tuple(map(int, numbers.groups()))
    return None
