"""The style sheets that a page carries in itself: which of their rules mean an element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .seen import Declarations, declared
from .selectors import Matcher, Unsupported, key

if TYPE_CHECKING:
    from cssselect.parser import Tree as Selector
    from lxml.etree import _Element

LONGEST = 3_000_000
"""Characters of style sheets of a page that are read."""
MOST_RULES = 30_000
MOST_SELECTORS = 20_000
WATCHED = re.compile(
    r"display|visibility|opacity|font|text-indent|clip|transform|position|margin|overflow|color|background",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|\\.|[{};]|[^{};/\"'\\]+|.",
    re.DOTALL,
)
_STATES = re.compile(r":(?:hover|focus(?:-within|-visible)?|active|target|checked)(?![\w-])", re.IGNORECASE)
_NAMES = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")
_SCREEN = re.compile(r"(?:only\s+)?(?:all|screen)?", re.IGNORECASE)


@dataclass(slots=True)
class Rule:
    """A selector with what its rule declares. `state`: it holds while a reader points at something, or opened it."""

    declarations: Declarations
    selector: Selector
    weight: tuple[tuple[int, int, int], int]
    key: tuple[str, str]
    state: bool


class Sheets:
    """The rules of a page's own <style> elements, for those properties that can hide a text."""

    def __init__(self, texts: list[str], names: set[str]) -> None:
        """`names` are the classes and ids of the page: what asks for others is left out unread."""
        self._names = names
        self.rules: list[Rule] = []
        self._matcher = Matcher()
        self._by_key: dict[tuple[str, str], list[Rule]] = {}
        self._known: dict[_Element, list[Rule]] = {}
        text = "\n".join(texts)[:LONGEST].replace("<!--", "").replace("-->", "")
        for selectors, body in _blocks(text):
            if len(self.rules) >= MOST_RULES:
                break
            if WATCHED.search(body) and (wanted := self._wanted(selectors)):
                self._add(wanted, declared(body))

    def _wanted(self, selectors: str) -> str:
        """Those of a list of selectors that may mean something here."""
        if "(" in selectors or "\\" in selectors or len(selectors) > MOST_SELECTORS:
            return selectors[:MOST_SELECTORS]
        return ",".join(one for one in selectors.split(",") if self._names.issuperset(_NAMES.findall(one)))

    def _add(self, selectors: str, declarations: Declarations) -> None:
        from cssselect import SelectorError
        from cssselect.parser import parse

        state = bool(_STATES.search(selectors))
        try:
            parsed = parse(_STATES.sub("", selectors) if state else selectors)
        except (SelectorError, RecursionError, ValueError):
            return
        for one in parsed:
            if one.pseudo_element is None:
                rule = Rule(
                    declarations, one.parsed_tree, (one.specificity(), len(self.rules)), key(one.parsed_tree), state
                )
                self.rules.append(rule)
                self._by_key.setdefault(rule.key, []).append(rule)

    def meant(self, rule: Rule, nodes: list[_Element]) -> Iterator[_Element]:
        """Those of the elements that a rule is for."""
        for node in nodes:
            if self._matches(node, rule):
                yield node

    def of(self, node: _Element, *, state: bool = False) -> list[Rule]:
        """The rules for an element, the weightier later; those of states, or those that hold as the page stands."""
        known = self._known.get(node)
        if known is None and self._matcher.left < 0:
            return []
        if known is None:
            keys = [("", ""), ("tag", str(node.tag)), ("id", node.get("id", ""))]
            keys += [("class", one) for one in dict.fromkeys(node.get("class", "").split())]
            found = (rule for one in keys for rule in self._by_key.get(one, ()) if self._matches(node, rule))
            known = sorted(found, key=lambda rule: rule.weight)
            self._known[node] = known
        return [rule for rule in known if rule.state == state]

    def _matches(self, node: _Element, rule: Rule) -> bool:
        try:
            return self._matcher.matches(node, rule.selector)
        except (Unsupported, RecursionError):
            return False


def own_sheets(root: _Element) -> list[str]:
    """The texts of the <style> elements that are for a screen."""
    found = []
    for node in root.iter("style"):
        kind = (node.get("type") or "text/css").strip().lower()
        if node.text and kind == "text/css" and _for_screen(node.get("media", "")):
            found.append(node.text)
    return found


def _for_screen(media: str) -> bool:
    """A list of media that a screen of any width is among."""
    return any(_SCREEN.fullmatch(one.strip()) for one in media.split(","))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) of the rules that hold on a screen, in order.

    Of rules inside others those of @media for any screen, @supports and @layer are taken; @keyframes, print and
    screens of some width are not, nor are rules nested in rules.
    """
    head: list[str] = []
    body: list[str] | None = None
    selectors = ""
    skipped = 0  # open braces of what is left out
    for found in _TOKENS.finditer(text):
        token = found[0]
        if token.startswith("/*"):
            continue
        if skipped:
            skipped += (token == "{") - (token == "}")
        elif body is not None:
            if token == "}":
                yield selectors, "".join(body)
                body, head = None, []
            elif token == "{":  # a rule in a rule
                skipped = 1
                while body and body[-1] != ";":
                    body.pop()
            else:
                body.append(token)
        elif token == "{":
            selectors, head = "".join(head).strip(), []
            if not selectors.startswith("@"):
                body = []
            elif not _entered(selectors):
                skipped = 1
        elif token in ("}", ";"):
            head = []
        else:
            head.append(token)
    if body is not None:  # a sheet that ends in a rule ends the rule
        yield selectors, "".join(body)


def _entered(rule: str) -> bool:
    kind, _, rest = rule[1:].partition(" ")
    kind = kind.lower()
    return kind in ("supports", "layer") or (kind == "media" and _for_screen(rest))
