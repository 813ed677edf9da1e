"""A page made of pieces of evidence: their texts under the tags that their paths name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from rag.markup import BLOCKS

_NAMES = BLOCKS - frozenset("plaintext xmp listing noframes frameset".split())
"""Names that are written as they are; other elements stand as <div>, or <p> where they hold the text."""
_STEP = re.compile(r"/([A-Za-z][\w-]*|\*|node\(\))(?:\[[^\]]*\])?")


@dataclass(slots=True)
class _Tag:
    name: str
    text: str = ""
    children: dict[str, _Tag] = field(default_factory=dict)


def page_of(pieces: Sequence[tuple[str, str, str]]) -> tuple[str, list[tuple[int, ...]]]:
    """Markup of (path, source, text) pieces, and where each stands: its numbers among the tags beside it.

    Pieces of one source stand in one <html>; what is not of a web page has no path and is a paragraph.
    """
    top = _Tag("")
    where: list[tuple[int, ...]] = []
    for number, (path, source, text) in enumerate(pieces):
        steps = [(match[0], match[1]) for match in _STEP.finditer(path or "/html/body/p")]
        node, at = top, []
        for key, name in [(source + steps[0][0], "html"), *steps[1:-1], (f"{number}", steps[-1][1])]:
            last = key == f"{number}"
            known = name if name in _NAMES and not (last and name == "html") else "p" if last else "div"
            child = node.children.setdefault(key, _Tag(known, text if last else ""))
            at.append(list(node.children).index(key))
            node = child
        where.append(tuple(at))
    return "".join(_written(top)), where


def _written(top: _Tag) -> list[str]:
    out: list[str] = []
    open_: list[_Tag | str] = [top]
    while open_:
        node = open_.pop()
        if isinstance(node, str):
            out.append(node)
            continue
        if node.name:
            out.append(f"<{node.name}>{escape(node.text, quote=False)}")
            open_.append(f"</{node.name}>\n")
        open_.extend(reversed(node.children.values()))
    return out
