"""The style sheets that a page carries in itself: which of their rules mean an element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .seen import Colour, Declarations, declared, ground, ink, merged, transparent, unseen
from .selectors import Matcher, Unsupported, key

if TYPE_CHECKING:
    from cssselect.parser import Tree as Selector
    from lxml.etree import _Element

LONGEST = 3_000_000
"""Characters of style sheets of a page that are read."""
CACHED = 300_000
"""Characters of sheets that are kept, parsed, for the next page."""
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


@dataclass(frozen=True, slots=True)
class Block:
    """A rule as it is written, and what it may hide by itself."""

    selectors: str
    declarations: Declarations
    hides: bool
    ink: Colour | None
    ground: Colour | None


@dataclass(slots=True)
class Rule:
    """A selector with what its rule declares. `state`: it holds while a reader points at something, or opened it."""

    block: Block
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
        """In the order in which they stand."""
        self._matcher = Matcher()
        self._by_key: dict[tuple[str, str], list[Rule]] = {}
        self._known: dict[_Element, list[Rule]] = {}
        text = "\n".join(texts)[:LONGEST]
        for block in _cached(text) if len(text) <= CACHED else _watched(text):
            if len(self.rules) >= MOST_RULES:
                break
            if wanted := self._wanted(block.selectors):
                self._add(wanted, block)

    def _wanted(self, selectors: str) -> str:
        """Those of a list of selectors that may mean something here."""
        if "(" in selectors or "\\" in selectors or len(selectors) > MOST_SELECTORS:
            return selectors[:MOST_SELECTORS]
        return ",".join(one for one in selectors.split(",") if self._names.issuperset(_NAMES.findall(one)))

    def _add(self, selectors: str, block: Block) -> None:
        state = bool(_STATES.search(selectors))
        for parsed, weight, its_key in _parsed(_STATES.sub("", selectors) if state else selectors):
            rule = Rule(block, parsed, (weight, len(self.rules)), its_key, state)
            self.rules.append(rule)
            self._by_key.setdefault(rule.key, []).append(rule)

    @property
    def spent(self) -> bool:
        """Is there no step left to match any element?"""
        return self._matcher.left < 0

    def meant(self, rule: Rule, nodes: list[_Element]) -> Iterator[_Element]:
        """Those of the elements that a rule is for."""
        for node in nodes:
            if self._matches(node, rule):
                yield node

    def of(self, node: _Element, *, state: bool = False) -> list[Rule]:
        """The rules for an element, the weightier later; those of states, or those that hold as the page stands."""
        known = self._known.get(node)
        if known is None and self.spent:
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


def _watched(text: str) -> list[Block]:
    """The rules of a sheet that set a property which can hide a text."""
    found = []
    for selectors, body in _blocks(text.replace("<!--", "").replace("-->", "")):
        if WATCHED.search(body):
            declarations = declared(body)
            style = merged([declarations])
            behind = ground(style)
            found.append(
                Block(
                    selectors, declarations, bool(unseen(style)) or transparent(style), ink(style),
                    behind if isinstance(behind, tuple) else None,
                )
            )  # fmt: skip
    return found


_cached = lru_cache(maxsize=32)(_watched)
"""The pages of a site share their sheets."""


@lru_cache(maxsize=4096)
def _parsed(selectors: str) -> list[tuple[Selector, tuple[int, int, int], tuple[str, str]]]:
    """The selectors of a list, with their weights and keys; none for a list that is not understood."""
    from cssselect import SelectorError
    from cssselect.parser import parse

    try:
        return [
            (one.parsed_tree, one.specificity(), key(one.parsed_tree))
            for one in parse(selectors) if one.pseudo_element is None
        ]  # fmt: skip
    except (SelectorError, RecursionError, ValueError):
        return []


def own_sheets(styles: Iterable[_Element]) -> list[str]:
    """The texts of those <style> elements that are for a screen."""
    found = []
    for node in styles:
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
