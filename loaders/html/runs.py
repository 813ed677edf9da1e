"""Runs of inline markup and the small facts that walking a page asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.document import Link
from rag.markup import HEADINGS

from .lists import number
from .tags import name
from .text import Line

if TYPE_CHECKING:
    from lxml.etree import _Element


def term(line: Line) -> tuple[str, tuple[Link, ...]]:
    """A term without the signs that some manuals put before it."""
    text, links = line.linked()
    kept = re.sub(r"^[:;,\s]+(?=\w)", "", text)
    return kept, moved(links, len(kept) - len(text))


def lines(texts: list[tuple[str, tuple[Link, ...]]]) -> tuple[str, tuple[Link, ...]]:
    """Texts one below the other, with their links."""
    whole = ""
    links: list[Link] = []
    for text, its in texts:
        if text:
            whole += "\n" if whole else ""
            links += moved(its, len(whole))
            whole += text
    return whole, tuple(links)


def items(element: _Element) -> Iterator[tuple[int, _Element | str]]:
    """The nodes inside an element with their numbers, as XPath's node() counts them."""
    position = 0
    if element.text:
        position += 1
        yield position, element.text
    for child in element:
        position += 1
        yield position, child
        if child.tail:
            position += 1
            yield position, child.tail


def trimmed(run: list[tuple[int, _Element | str]]) -> list[tuple[int, _Element | str]]:
    """The run without white space and comments at its ends."""
    kept = [at for at, (_, node) in enumerate(run) if not (isinstance(node, str) and not node.strip())]
    return run[kept[0] : kept[-1] + 1] if kept else []


def after_break(run: list[tuple[int, _Element | str]]) -> bool:
    """Does the run end with a line break? A second one ends the paragraph."""
    for _, node in reversed(run):
        if isinstance(node, str):
            if node.strip():
                return False
        else:
            return name(node) == "br"
    return False


def displayed(run: list[tuple[int, _Element | str]]) -> bool:
    """A formula on a line of its own, and nothing else."""
    nodes = [node for _, node in run if not (isinstance(node, str) and not node.strip())]
    return bool(nodes) and all(
        not isinstance(node, str) and name(node) == "math" and node.get("display") == "block" for node in nodes
    )


def moved(links: tuple[Link, ...], by: int) -> tuple[Link, ...]:
    """Links in a text before which so many characters were put."""
    return tuple(replace(one, start=one.start + by, end=one.end + by) for one in links) if by else links


def defines(node: _Element) -> bool:
    """A definition list, or the <div> that holds one of its groups."""
    parent = node.getparent()
    return name(node) == "dl" or (name(node) == "div" and parent is not None and name(parent) == "dl")


def heading_level(node: _Element) -> int:
    tag = name(node)
    if tag in HEADINGS:
        return int(tag[1])
    if node.get("role", "").lower() == "heading":
        return min(6, max(1, number(node.get("aria-level"), 2)))
    return 0
