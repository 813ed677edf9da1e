"""The block of a web page that a question's `path` names, found again in the stored page.

Paths of chunks may name ranges of nodes, so they are compared by what they select, not as texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.markup import Markup, named

if TYPE_CHECKING:
    from lxml.etree import _Element


class GoldBlock:
    """What a path selects in a page; ValueError for a path that is none, or that selects nothing."""

    def __init__(self, page: Markup, path: str) -> None:
        found: list[Any] = list(named(page, path))
        if not found:
            raise ValueError(f"`path` {path[:80]!r} selects nothing in the stored page")
        self._page = page
        # Elements are kept, as lxml makes others for the same nodes once ours are gone.
        self._inside: set[_Element] = set()
        self._around: set[_Element] = set()
        self._texts: set[tuple[_Element, bool]] = set()
        for node in found:
            if isinstance(node, str):
                self._texts.add(_text_key(node))
                self._around.update([_container(node), *_container(node).iterancestors()])
            else:
                self._inside.update(node.iter())
                self._around.update(node.iterancestors())
        self._met: dict[str, bool] = {}

    def meets(self, path: str) -> bool:
        """Whether a path selects some of the block, or something that the block is in."""
        if path not in self._met:
            self._met[path] = any(map(self._meets, named(self._page, path)))
        return self._met[path]

    def _meets(self, node: Any) -> bool:
        if isinstance(node, str):
            return _text_key(node) in self._texts or _container(node) in self._inside
        return node in self._inside or node in self._around


def _text_key(node: Any) -> tuple[_Element, bool]:
    """A text by the element that it begins or follows."""
    return node.getparent(), bool(node.is_tail)


def _container(node: Any) -> Any:
    """The element that a text lies in."""
    return node.getparent().getparent() if node.is_tail else node.getparent()
