"""What of a page its readers cannot see, by its attributes and its own style sheets. There is no layout engine.

What a reader can open is seen: tabs, panels and menus that something on the page leads to. So is what a page
shows by a rule for a state (`:hover`, `:checked`, `:target`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .seen import Colour, alike, colour, declared, ground, ink, merged, transparent, unseen
from .sheets import Sheets, own_sheets
from .tags import name, path, says

if TYPE_CHECKING:
    from lxml.etree import _Element

GONE = frozenset(["display", "hidden"])
"""Reasons for which an element takes no room: a cell's neighbours move."""
_OPENED = GONE | {"visibility", "opacity", "height"}
_INHERITED = frozenset(["visibility", "font-size", "text-indent", "color"])
_LOOKS = 50_000
"""Elements inside those that hide their text which are looked at, whether they show theirs again, in one page."""
_LEADING = ("aria-controls", "data-target", "data-bs-target", "popovertarget", "commandfor", "data-tab-target")
_RELATIVE = re.compile(r"inherit|unset|[\d.]+(?:em|%)")
"""Values that follow from those of the element around."""
_TOGGLES = "//a[@href and (@role='tab' or @role='button' or @data-toggle or @data-bs-toggle)]"
_STYLE = re.compile(rb"style\s*=")
_COUNTING = ("linen", "line-number", "gutter", "hljs-ln-numbers", "blob-num")
_FORMULAS = frozenset(["katex-mathml", "mjx-assistive-mml", "MJX_Assistive_MathML"])
"""Classes of a formula's own markup, which its drawing stands beside; the drawing is left out instead."""
_NUMBERS = (
    "descendant-or-self::*[self::td or self::span or self::div or self::a or self::pre][contains(@class, 'linen') or "
    "contains(@class, 'line-number') or contains(@class, 'gutter') or contains(@class, 'hljs-ln-numbers') or "
    "contains(@class, 'blob-num')]"
)
_WHITE = (255, 255, 255)


def marked_for_the_eye(root: _Element, data: bytes) -> list[_Element]:
    """The elements with `aria-hidden`: they are seen, but not read to those who listen."""
    found: list[_Element] = (
        path("descendant-or-self::*[@aria-hidden='true']")(root) if says(data, b"aria-hidden") else []
    )
    return found


def line_numbers(root: _Element, classes: set[str]) -> list[_Element]:
    """Elements beside or inside code whose class says that they number its lines."""
    found: list[_Element] = path(_NUMBERS)(root) if any(word in one for one in classes for word in _COUNTING) else []
    return found


class Sight:
    """Looks at one page: `hidden` are the elements whose text is not seen, and why; what stands inside is not listed.

    `nodes` are all elements of the page (the caller keeps them alive), `named` those of each tag,
    `classes` their `class` attributes, `size` counts characters inside one, `data` are the bytes of the page in
    lower case.
    """

    def __init__(
        self,
        root: _Element,
        nodes: Iterable[_Element],
        named: Mapping[str, list[_Element]],
        classes: set[str],
        size: Callable[[_Element], int],
        data: bytes,
    ) -> None:
        self._root = root
        self._nodes = nodes
        self._size = size
        texts = own_sheets(named.get("style", ()))
        self._sheets = Sheets(texts, self._names(classes)) if texts else None
        if self._sheets and not self._sheets.rules:
            self._sheets = None
        self._complete = not any("stylesheet" in one.get("rel", "").lower() for one in named.get("link", ()))
        """Does the page bring all of its styles itself?"""
        self._styles: dict[_Element, dict[str, str]] = {}
        self._looks = _LOOKS
        self.styled = bool(self._sheets) or not data or bool(_STYLE.search(data)) or b"bgcolor" in data
        """Does the page say anything of its colours, but by tags?"""
        self.hidden: dict[_Element, str] = {}
        for node in dict.fromkeys([*self._stated(named, data), *self._by_sheets()]):
            if name(node) not in ("html", "body") and node.getparent() not in self.hidden and (why := self._why(node)):
                self._hide(node, why)
        if self.hidden:
            self._open()

    def _stated(self, named: Mapping[str, list[_Element]], data: bytes) -> list[_Element]:
        """The elements whose own attributes may hide them, asked only for what the page's bytes name."""
        found = [node for node in named.get("font", ()) if node.get("color")]
        if not data or _STYLE.search(data):
            found += [node for node in self._nodes if node.get("style")]
        if not data or data.count(b"hidden") > data.count(b"aria-hidden"):
            found += [node for node in self._nodes if node.get("hidden") is not None]
        if not data or b"popover" in data:
            found += [node for node in self._nodes if node.get("popover") is not None]
        return found

    def _names(self, classes: set[str]) -> set[str]:
        ids = {one for node in self._nodes if (one := node.get("id"))}
        return {one for value in classes for one in value.split()} | ids

    # --- why ------------------------------------------------------------------------------------------

    def style(self, node: _Element) -> dict[str, str]:
        """What the sheets and its attribute declare for an element."""
        known = self._styles.get(node)
        if known is None:
            rules = [rule.block.declarations for rule in self._sheets.of(node)] if self._sheets else []
            own = node.get("style")
            known = merged([*rules, declared(own)] if own else rules)
            if name(node) == "font" and (said := node.get("color")):
                known.setdefault("color", said.lower())
            self._styles[node] = known
        return known

    def _why(self, node: _Element) -> str:
        style = self.style(node)
        stated = node.get("hidden")
        if stated is not None and stated.lower() != "until-found" and style.get("display", "none") == "none":
            return "hidden"
        if node.get("popover") is not None and style.get("display", "none") == "none":
            return "hidden"
        why = unseen(style)
        if why and not _FORMULAS.isdisjoint([*node.get("class", "").split(), name(node)]):
            return "" if any(True for _ in node.iter("math")) else why
        if why == "opacity" and self._sheets and not _declares(node.get("style", ""), "opacity"):
            # What a sheet lets fade in is shown by scripts when the reader comes to it.
            return "" if any(one.startswith(("transition", "animation")) for one in style) else why
        if not why and "color" in style and (transparent(style) or self._in_its_ground(node, style)):
            return "color"
        return why

    def coloured(self, tells: Callable[[Colour | None, Colour | None], bool]) -> list[_Element]:
        """The elements for which a rule of a sheet names colours that `tells` something by."""
        if self._sheets is None:
            return []
        rules = [one for one in self._sheets.rules if not one.state and tells(one.block.ink, one.block.ground)]
        keyed = self._keyed({rule.key for rule in rules}) if rules else {}
        found: dict[_Element, None] = {}
        for rule in rules:
            if self._sheets.spent:
                break
            found.update(dict.fromkeys(self._sheets.meant(rule, keyed.get(rule.key, []))))
        return list(found)

    def _in_its_ground(self, node: _Element, style: dict[str, str]) -> bool:
        written = ink(style)
        if written is None:
            return False
        behind = self._ground(node, style)
        if not behind and self._complete:
            grounds = (self._ground(above, self.style(above)) for above in node.iterancestors())
            behind = next((one for one in grounds if one), _WHITE)
        return isinstance(behind, tuple) and alike(written, behind)

    @staticmethod
    def _ground(node: _Element, style: dict[str, str]) -> Colour | str:
        return ground(style, node.get("bgcolor", "")) or ("picture" if node.get("background") else "")

    def _by_sheets(self) -> list[_Element]:
        """The elements that a rule of a sheet may hide."""
        if self._sheets is None:
            return []
        inks: list[tuple[Any, Colour]] = []
        grounds: set[Colour] = {_WHITE} if self._complete else set()
        rules = []
        for rule in self._sheets.rules:
            if rule.block.hides:
                rules.append(rule)
            elif rule.block.ink is not None:
                inks.append((rule, rule.block.ink))
            if rule.block.ground is not None:
                grounds.add(rule.block.ground)
        if inks:
            grounds |= {found for one in path("//@bgcolor")(self._root) if (found := colour(one))}
            rules += [rule for rule, written in inks if any(alike(written, one) for one in grounds)]
        rules = [rule for rule in rules if not rule.state]
        if not rules:
            return []
        keyed = self._keyed({rule.key for rule in rules})
        return [node for rule in rules for node in self._sheets.meant(rule, keyed.get(rule.key, []))]

    def _keyed(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], list[_Element]]:
        """The elements that have what a rule's key names."""
        found: dict[tuple[str, str], list[_Element]] = {}
        for node in self._nodes:
            tag = name(node)
            if not tag:
                continue
            its = [("", ""), ("tag", tag), ("id", node.get("id", ""))]
            its += [("class", one) for one in dict.fromkeys(node.get("class", "").split())]
            for one in its:
                if one in keys:
                    found.setdefault(one, []).append(node)
        return found

    # --- what is hidden with it -----------------------------------------------------------------------

    def _hide(self, node: _Element, why: str) -> None:
        """An element, or where some inside it show their text again, those that do not."""
        if why not in _INHERITED:
            self.hidden[node] = why
            return
        again = self._shown_again(node, why)
        if not again:
            self.hidden[node] = why
            return
        holders: set[_Element] = set()
        for one in again:
            for above in one.iterancestors():
                if above in holders or above is node:
                    break
                holders.add(above)
        holders.add(node)
        pending = [node]
        while pending:
            one = pending.pop()
            if one in again:
                continue
            if one not in holders or _says(one):
                self.hidden[one] = why
            else:
                pending.extend(child for child in one if name(child))

    def _shown_again(self, node: _Element, why: str) -> set[_Element]:
        found = set()
        for one in node.iterdescendants():
            self._looks -= 1
            if self._looks < 0:
                return set()
            if not name(one):
                continue
            style = self.style(one) if self._sheets or one.get("style") or name(one) == "font" else {}
            link = why == "color" and why not in style and name(one) == "a" and one.get("href")
            again = link or (why in style and not _RELATIVE.fullmatch(style[why]) and not self._why(one))
            if again and self._size(one):
                found.add(one)
        return found

    # --- what a reader can open -----------------------------------------------------------------------

    def _open(self) -> None:
        named = None
        for node, why in list(self.hidden.items()):
            if why not in _OPENED:
                continue
            if named is None:
                named = self._led_to()
            leading = named.get(node.get("id", ""), [])
            if any(self._seen_outside(one, node) for one in leading) or self._shown_in_a_state(node, why):
                del self.hidden[node]

    def _led_to(self) -> dict[str, list[_Element]]:
        """By the id of what they open: tabs, buttons, labels."""
        found: dict[str, list[_Element]] = {}
        for attribute in _LEADING:
            for node in path(f"//*[@{attribute}]")(self._root):
                for one in node.get(attribute, "").split():
                    found.setdefault(one.lstrip("#"), []).append(node)
        for node in path(_TOGGLES)(self._root):
            found.setdefault(node.get("href", "").lstrip("#"), []).append(node)
        found.pop("", None)
        return found

    def _seen_outside(self, leading: _Element, node: _Element) -> bool:
        """Does a reader see what opens an element?"""
        said = self._size(leading) or leading.get("aria-label") or leading.get("title") or leading.get("alt")
        return bool(said) and leading not in self.hidden and all(one is not node for one in leading.iterancestors())

    def _shown_in_a_state(self, node: _Element, why: str) -> bool:
        if self._sheets is None:
            return False
        states = self._sheets.of(node, state=True)
        if not states:
            return False
        now = [rule.block.declarations for rule in self._sheets.of(node)]
        return not unseen(
            merged([*now, declared(node.get("style", "")), *(rule.block.declarations for rule in states)])
        )


def _declares(style: str, name_: str) -> bool:
    return any(one == name_ for one, _, _ in declared(style))


def _says(node: _Element) -> bool:
    """Has it text of its own, beside that of the elements in it?"""
    return bool((node.text or "").strip()) or any((one.tail or "").strip() for one in node)
