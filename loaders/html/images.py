"""Which pictures of a page are worth keeping, and what is said of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.document import Media
from rag.words import words

from ..image_words import humanised
from ..pictures import Pictures

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_ALT = 4000


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that a reader sees: its description in the page, and its bytes where we have them."""

    text: str
    media: Media | None


def figure(image: _Element, pictures: Pictures, min_side: int, caption: str = "") -> Shown | None:
    """The picture of an <img>; None for icons, tracking dots and what nothing is known of.

    A picture that is not at hand (elsewhere on the network) is kept for its description if that
    says something: two words at least.
    """
    sides = [_pixels(image.get(side)) for side in ("width", "height")]
    if any(side is not None and side < min_side for side in sides):
        return None
    reference = image.get("src") or ""
    picture = None
    for candidate in (reference, image.get("data-src") or "", image.get("data-original") or ""):
        picture = picture or pictures.find(candidate)
    said = " ".join((image.get("alt") or image.get("title") or "").split())[:MAX_ALT]
    if picture is not None:
        if min(picture.width, picture.height) < min_side:
            return None
        return Shown(said or _named(image.get("data-kept-from") or reference), picture.media)
    return Shown(said, None) if len(words(f"{said} {caption}")) >= 2 else None


def _named(reference: str) -> str:
    """What the file's name says, for a picture without a description."""
    if reference[:5].lower() == "data:":
        return ""
    return humanised(unquote(reference.split("?")[0].split("#")[0]).rpartition("/")[2])


def _pixels(value: str | None) -> int | None:
    found = re.fullmatch(r"\s*([0-9]{1,6})(?:\.[0-9]*)?\s*(?:px)?\s*", value or "")
    return int(found[1]) if found else None
