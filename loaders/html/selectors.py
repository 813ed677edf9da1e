"""Which elements of a page a CSS selector means, from right to left and within bounds.

Selectors are parsed by cssselect. Its way by XPath takes time in the square of a page for `a ~ b`, so they are
matched here, element by element, and every step counts against a budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .tags import name

if TYPE_CHECKING:
    from cssselect.parser import Attrib, Function
    from cssselect.parser import Tree as Selector
    from lxml.etree import _Element

BUDGET = 300_000
"""Steps of matching for one page, about a second; then nothing more is matched."""


class Unsupported(Exception):
    """A selector for what a stored page does not tell."""


class Matcher:
    """Tells whether an element is meant by a parsed selector (cssselect's tree)."""

    def __init__(self) -> None:
        self.left = BUDGET

    def matches(self, node: _Element, selector: Selector) -> bool:
        """Raises Unsupported for pseudo-classes of a state, and the like. False once the budget is used up."""
        from cssselect import parser as css

        self.left -= 1
        if self.left < 0:
            return False
        match selector:
            case css.Element():
                return selector.element is None or selector.element.lower() == name(node)
            case css.Class():
                return selector.class_name in node.get("class", "").split() and self.matches(node, selector.selector)
            case css.Hash():
                return node.get("id") == selector.id and self.matches(node, selector.selector)
            case css.Attrib():
                return _attribute(node, selector) and self.matches(node, selector.selector)
            case css.Negation():
                return self.matches(node, selector.selector) and not self.matches(node, selector.subselector)
            case css.Matching() | css.SpecificityAdjustment():
                return self.matches(node, selector.selector) and any(
                    self.matches(node, one) for one in selector.selector_list
                )
            case css.Pseudo():
                return self.matches(node, selector.selector) and _placed(node, selector.ident)
            case css.Function():
                return self.matches(node, selector.selector) and self._counted(node, selector)
            case css.CombinedSelector():
                if not self.matches(node, selector.subselector):
                    return False
                return any(self.matches(one, selector.selector) for one in self._related(node, selector.combinator))
        raise Unsupported

    def _related(self, node: _Element, combinator: str) -> Iterator[_Element]:
        if combinator == " ":
            yield from node.iterancestors()
        elif combinator == ">":
            parent = node.getparent()
            if parent is not None:
                yield parent
        elif combinator in "+~":
            for one in node.itersiblings(preceding=True):
                self.left -= 1
                if name(one):
                    yield one
                    if combinator == "+":
                        return
        else:
            raise Unsupported

    def _counted(self, node: _Element, selector: Function) -> bool:
        """`:nth-child(an+b)`."""
        from cssselect.parser import parse_series

        if selector.name != "nth-child":
            raise Unsupported
        try:
            every, first = parse_series(selector.arguments)
        except ValueError:
            raise Unsupported from None
        number = 1
        for one in node.itersiblings(preceding=True):
            self.left -= 1
            number += bool(name(one))
        return (number == first) if not every else (number - first) % every == 0 and (number - first) // every >= 0


def key(selector: Selector) -> tuple[str, str]:
    """What the element itself must have: ("id" | "class" | "tag", its name), or ("", "")."""
    from cssselect import parser as css

    while isinstance(selector, css.CombinedSelector):
        selector = selector.subselector
    found = ("", "")
    while True:
        if isinstance(selector, css.Hash):
            return "id", selector.id
        if isinstance(selector, css.Class):
            found = "class", selector.class_name
        if isinstance(selector, css.Element):
            tag = (selector.element or "").lower()
            return found if found[0] or not tag else ("tag", tag)
        selector = selector.selector


def _attribute(node: _Element, selector: Attrib) -> bool:
    has = node.get(selector.attrib.lower())
    if has is None or selector.operator == "exists":
        return has is not None
    wanted = (selector.value.value if selector.value else "") or ""
    match selector.operator:
        case "=":
            return has == wanted
        case "~=":
            return wanted in has.split()
        case "|=":
            return has == wanted or has.startswith(f"{wanted}-")
        case "^=":
            return bool(wanted) and has.startswith(wanted)
        case "$=":
            return bool(wanted) and has.endswith(wanted)
        case "*=":
            return bool(wanted) and wanted in has
    raise Unsupported


def _placed(node: _Element, pseudo: str) -> bool:
    """The pseudo-classes that the tree alone decides."""
    if pseudo == "root":
        return node.getparent() is None
    if pseudo == "first-child":
        return not any(name(one) for one in node.itersiblings(preceding=True))
    if pseudo == "last-child":
        return not any(name(one) for one in node.itersiblings())
    if pseudo == "only-child":
        return _placed(node, "first-child") and _placed(node, "last-child")
    if pseudo == "empty":
        return not len(node) and not node.text
    if pseudo in ("link", "any-link"):
        return node.get("href") is not None
    raise Unsupported
