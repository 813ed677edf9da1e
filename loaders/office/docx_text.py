"""The text of WordprocessingML paragraphs: what is shown, and what is deleted or hidden beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_V = "{urn:schemas-microsoft-com:vml}"
_BREAKS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-", W + "ptab": "\t"}
_SKIPPED = {W + "pPr", W + "rPr", W + "instrText", W + "delInstrText", _MC + "Fallback", W + "tblPr", W + "sdtPr"}
_DELETED = {W + "del", W + "moveFrom"}


@dataclass(slots=True)
class Line:
    """A paragraph as read. `pictures` are (relation id, description); `notes` (kind, id) in their order."""

    text: str = ""
    hidden: str = ""
    deleted: str = ""
    math: bool = False
    pictures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[_Element] = field(default_factory=list)
    """Text boxes anchored in it: blocks of their own."""


def read(paragraph: _Element) -> Line:
    """The paragraph's text; never by recursion."""
    line = Line()
    shown: list[str] = []
    hidden: list[str] = []
    deleted: list[str] = []
    words = False
    for node, state in _walk(paragraph, line):
        target = deleted if state == "deleted" else hidden if state == "hidden" else shown
        tag = node.tag
        if tag in (W + "t", W + "delText"):
            target.append(node.text or "")
            words = words or bool(state == "" and (node.text or "").strip())
        elif tag == M + "t":
            target.append(node.text or "")
            line.math = True
        elif tag in _BREAKS:
            target.append(_BREAKS[tag])
        elif tag in (W + "footnoteReference", W + "endnoteReference", W + "commentReference") and state == "":
            kind = tag[len(W) :].removesuffix("Reference")
            line.notes.append((kind, node.get(W + "id", "")))
        elif tag == _A + "blip" and state == "":
            line.pictures.append((node.get(R + "embed", ""), _described(node)))
        elif tag == _V + "imagedata" and state == "":
            line.pictures.append((node.get(R + "id", ""), node.get("title", "")))
    line.text, line.hidden, line.deleted = (_tidy(one) for one in (shown, hidden, deleted))
    line.math = line.math and not words
    return line


def _walk(paragraph: _Element, line: Line) -> Iterator[tuple[_Element, str]]:
    """The nodes inside in their order, with what keeps them from a reader: "deleted", "hidden", or ""."""
    stack = [(node, "") for node in reversed(paragraph)]
    while stack:
        node, state = stack.pop()
        tag = node.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            continue
        if tag == W + "txbxContent":
            line.boxes.append(node)
            continue
        if tag in _DELETED:
            state = "deleted"
        elif tag == W + "r" and not state and _vanishes(node):
            state = "hidden"
        yield node, state
        stack.extend((child, state) for child in reversed(node))


def _vanishes(run: _Element) -> bool:
    """Whether a run is hidden: marked so, of no size, or white on nothing."""
    properties = run.find(W + "rPr")
    if properties is None:
        return False
    for tag in ("vanish", "webHidden"):
        mark = properties.find(W + tag)
        if mark is not None and mark.get(W + "val", "1") not in ("0", "false", "off"):
            return True
    size = properties.find(W + "sz")
    if size is not None and size.get(W + "val", "").isdigit() and int(size.get(W + "val", "")) <= 2:  # half points
        return True
    colour = properties.find(W + "color")
    behind = any(properties.find(W + tag) is not None for tag in ("shd", "highlight"))
    return colour is not None and colour.get(W + "val", "").upper() == "FFFFFF" and not behind


def _described(blip: _Element) -> str:
    """The alternative text of the drawing around a picture."""
    for above in blip.iterancestors(_WP + "inline", _WP + "anchor"):
        about = above.find(_WP + "docPr")
        if about is not None:
            return about.get("descr") or about.get("title") or ""
    return ""


def _tidy(pieces: list[str]) -> str:
    lines = ("".join(pieces)).replace("\xad", "").split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip("\n")
