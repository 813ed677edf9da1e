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
MAX_SRCSET = 20_000_000
MAX_CANDIDATES = 50
_SOURCE = re.compile(r"([^\s,]\S*+)(?:(?<=,)|\s*+([^,]*+),?)")


@dataclass(frozen=True, slots=True)
class ImageRules:
    """Which pictures and descriptions are kept; 0 turns a rule off.

    The filters by which ALIGN (Jia et al., ICML 2021, arXiv 2102.05918, appendix A) kept pairs from the
    noise of the web: `min_side` 200 pixels, `max_aspect` 3, descriptions of `min_words` 3 to `max_words`
    20, and none that more than `max_shared` 10 pictures have. A description that breaks a rule is not
    used; the picture stays, as it may have a caption and is seen.
    """

    min_side: int = 50
    max_aspect: float = 0.0
    min_words: int = 0
    max_words: int = 0
    max_shared: int = 0

    def shape(self, width: int | None, height: int | None) -> bool:
        """Is a picture of so many pixels (None: not known) kept?"""
        sides = [side for side in (width, height) if side is not None]
        if any(side < self.min_side for side in sides):
            return False
        return len(sides) < 2 or not self.max_aspect or max(sides) < self.max_aspect * max(1, min(sides))

    def said(self, text: str, shared: int = 1) -> bool:
        """Is a description used that `shared` pictures have?"""
        count = len(text.split())
        if count < self.min_words or (self.max_words and count > self.max_words):
            return False
        return not self.max_shared or shared <= self.max_shared


ALIGN = ImageRules(200, 3.0, 3, 20, 10)
"""The rules with ALIGN's figures."""


def described(image: _Element) -> str:
    """What the page says of a picture where it shows it."""
    return " ".join((image.get("alt") or image.get("title") or "").split())[:MAX_ALT]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that a reader sees: its description in the page, and its bytes where we have them."""

    text: str
    media: Media | None
    width: int = 0
    height: int = 0


def figure(image: _Element, pictures: Pictures, rules: ImageRules, caption: str = "", shared: int = 1) -> Shown | None:
    """The picture of an <img>; None for icons, tracking dots and what nothing is known of.

    A picture that is not at hand (elsewhere on the network) is kept for its description if that
    says something: two words at least. `shared`: pictures of the page with the same description.
    """
    stated = _pixels(image.get("width")), _pixels(image.get("height"))
    if not rules.shape(*stated):
        return None
    reference, picture = image.get("src") or "", None
    for candidate in candidates(image):
        if (picture := pictures.find(candidate)) is not None:
            reference = candidate
            break
    said = described(image)
    said = said if rules.said(said, shared) else ""
    if picture is not None:
        if not rules.shape(picture.width, picture.height):
            return None
        text = said or picture.said or _named(image.get("data-kept-from") or reference)
        return Shown(text, picture.media, picture.width, picture.height)
    return Shown(said, None, stated[0] or 0, stated[1] or 0) if len(words(f"{said} {caption}")) >= 2 else None


def candidates(image: _Element) -> list[str]:
    """Where the picture of an <img> may lie, the largest first: its `srcset`s, those of its <picture>, its `src`.

    What a <picture> has for some window alone (`media`) comes last: it may be cut otherwise.
    """
    around: list[_Element] = []
    for above in image.iterancestors():  # a parser older than <source> puts what follows it inside
        if above.tag == "picture":
            around = list(above.iter("source"))
        if above.tag != "source":
            break
    sizes: list[tuple[bool, float, str]] = []
    for one in [*around, image]:
        for attribute in ("srcset", "data-srcset"):
            if stated := one.get(attribute):
                aside = bool(one.get("media"))
                sizes += [(aside, size, address) for address, size in _listed(stated)]
    sizes.sort(key=lambda one: (one[0], -one[1]))
    plain = [image.get(name) or "" for name in ("src", "data-src", "data-original", "data-lazy-src")]
    ordered = [address for aside, _, address in sizes if not aside] + plain + [one[2] for one in sizes if one[0]]
    return [one for one in dict.fromkeys(ordered) if one][:MAX_CANDIDATES]


def _listed(srcset: str) -> list[tuple[str, float]]:
    """The addresses of a `srcset` with their widths or densities. Commas inside an address are its own."""
    found = []
    for one in _SOURCE.finditer(srcset[:MAX_SRCSET]):
        size = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)[wx]", (one[2] or "").strip())
        found.append((one[1].rstrip(","), float(size[1]) if size else 1.0))
    return found


def _named(reference: str) -> str:
    """What the file's name says, for a picture without a description."""
    if reference[:5].lower() == "data:":
        return ""
    return humanised(unquote(reference.split("?")[0].split("#")[0]).rpartition("/")[2])


def _pixels(value: str | None) -> int | None:
    found = re.fullmatch(r"\s*([0-9]{1,6})(?:\.[0-9]*)?\s*(?:px)?\s*", value or "")
    return int(found[1]) if found else None
