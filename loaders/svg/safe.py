"""A drawing as a tree that names nothing outside itself: no scripts, addresses, files or entities."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from rag.errors import SourceError

from .. import pixels

if TYPE_CHECKING:
    from lxml.etree import _Element

SPACE = "http://www.w3.org/2000/svg"
MOST_NODES = 200_000
LONGEST = 1e6
"""Units of a side; larger ones are no size that anybody meant."""
_LEFT_OUT = {
    "script": "scripts", "handler": "scripts", "listener": "scripts", "foreignObject": "foreign markup",
    "iframe": "foreign markup", "audio": "sounds", "video": "recordings", "font-face-uri": "fonts from elsewhere",
}  # fmt: skip
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "em": 16.0,
          "ex": 8.0, "q": 96 / 101.6}  # fmt: skip
_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([a-zA-Z]*)\s*$")
_ADDRESS = re.compile(r"url\(\s*(?!['\"]?#)[^)]*\)?|@import[^;]*;?", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp)((?:;[\w=.-]{1,40})*),(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Drawing:
    """`root` has no width and height of its own: `width` and `height` are those as shown, in CSS pixels."""

    root: _Element
    width: float
    height: float
    left_out: list[str] = field(default_factory=list)
    """What was taken out of it, in words."""

    def markup(self, width: int, height: int) -> str:
        """The drawing at that size in pixels."""
        return markup(self.root, width, height)


def markup(root: _Element, width: int, height: int) -> str:
    """A cleaned tree as text, at that size in pixels."""
    from lxml import etree

    root = deepcopy(root)
    root.set("width", str(width))
    root.set("height", str(height))
    return etree.tostring(root, encoding="unicode")


def name(element: _Element) -> str:
    """The tag without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def cleaned(data: bytes, uri: str) -> Drawing:
    """The drawing. SourceError: damaged (no XML, no drawing), refused (entities), limit (nodes)."""
    from lxml import etree

    if b"<!ENTITY" in data.replace(b"\0", b""):
        raise SourceError("a drawing may declare no entities", source=uri, kind="refused")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SourceError(f"damaged drawing: {error}", source=uri, kind="damaged") from error
    if name(root) != "svg":
        raise SourceError(f"no drawing: its root is <{name(root)[:40]}>", source=uri, kind="damaged")
    if sum(1 for _ in root.iter()) > MOST_NODES:
        raise SourceError(f"more than {MOST_NODES:,} elements", source=uri, kind="limit")
    told: Counter[str] = Counter()
    for element in list(root.iter()):
        _element(element, root, told)
    width, height = _size(root)
    return Drawing(root, width, height, [f"{what} left out" for what in sorted(told)])


def _element(element: _Element, root: _Element, told: Counter[str]) -> None:
    kind = name(element)
    parent = element.getparent()
    if (kind in _LEFT_OUT or not kind) and parent is not None:
        told[_LEFT_OUT.get(kind, "entities")] += 1
        _removed(element, parent)
        return
    for key, value in list(element.attrib.items()):
        plain = str(key).rpartition("}")[2].lower()
        if plain.startswith("on") or plain == "base":
            del element.attrib[key]
        elif plain in ("href", "src"):
            if kind == "a" or not _inside(kind, str(value).strip()):
                del element.attrib[key]
                told["references to elsewhere"] += kind != "a"
        elif _ADDRESS.search(str(value)):
            element.set(key, _ADDRESS.sub("none", str(value)))
            told["references to elsewhere"] += 1
    if kind == "style" and element.text and _ADDRESS.search(element.text):
        element.text = _ADDRESS.sub("none", element.text)
        told["references to elsewhere"] += 1


def _removed(element: _Element, parent: _Element) -> None:
    """Out of the tree; the text after it stays."""
    before, tail = element.getprevious(), element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def _inside(kind: str, value: str) -> bool:
    """Whether a reference stays inside: a part of the drawing, or a small enough picture in it."""
    if value.startswith("#"):
        return True
    if kind not in ("image", "feImage"):
        return False
    found = _PICTURE.match(value)
    if not found:
        return False
    try:
        body = found[2]
        data = b64decode("".join(body.split())) if ";base64" in found[1].lower() else unquote_to_bytes(body)
        pixels.opened(data, "picture in a drawing")
    except (Base64Error, ValueError, SourceError):
        return False
    return True


def _size(root: _Element) -> tuple[float, float]:
    """Width and height as shown; the view box stands in for what is not given, and is added where absent."""
    box = [_number(part) for part in re.split(r"[\s,]+", str(root.get("viewBox", "")).strip())]
    framed = len(box) == 4 and box[2] > 0 and box[3] > 0
    wide, high = max(0.0, _number(root.get("width"))), max(0.0, _number(root.get("height")))
    if framed:
        ratio = box[3] / box[2]
        wide, high = (wide or (high / ratio if high else box[2])), (high or (wide * ratio if wide else box[3]))
    wide, high = wide or 300.0, high or 150.0
    if not framed:
        root.set("viewBox", f"0 0 {wide:g} {high:g}")
    return wide, high


def _number(value: object) -> float:
    """A length in CSS pixels; 0 for none, for shares of a window, and for what makes no sense."""
    found = _LENGTH.match(str(value)) if value is not None else None
    if not found or found[2].lower() not in _UNITS:
        return 0.0
    length = float(found[1]) * _UNITS[found[2].lower()]
    return length if abs(length) <= LONGEST else 0.0
