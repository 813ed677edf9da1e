"""A parsed page made ready for walking: where each element stands, what it holds, what is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.document import Role
from rag.markup import BLOCKS, HEADINGS

from .concealed import GONE, concealed, line_numbers, marked_for_the_eye
from .notes import Notes
from .tags import name

if TYPE_CHECKING:
    from lxml.etree import _Element

UNSEEN = frozenset(
    "script style noscript template head title datalist iframe audio video canvas annotation annotation-xml "
    "metadata defs desc rp param col colgroup".split()
)
"""Not `source`, in which the parser, older than the tag, puts the <img> that follows it."""
_DIGITS = str.maketrans("", "", "0123456789 \t\r\n\xa0:.|")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_CONTAINERS = frozenset("div ul ol table td tr tbody p center section span dl form".split())
_FRAME_WORDS = frozenset(
    "nav navbar navigation navheader navfooter nav-header nav-footer menu breadcrumb breadcrumbs sidebar header "
    "footer masthead topbar bottombar pagination pager toolbar related sphinxsidebar".split()
)
_STEPS = frozenset(
    "navbar navheader navfooter nav-header nav-footer nav-panel breadcrumb breadcrumbs pagination pager".split()
)
"""Names that are given to navigation alone: one link in ten words is enough."""
_NOISE = frozenset(
    "ad ads advert advertisement advertising ad-container ad-wrapper ad-slot ad-banner adsbygoogle sponsored "
    "sponsored-content cookie-banner cookie-notice cookie-consent cookie-bar consent-banner newsletter "
    "newsletter-signup social-share share-buttons share-bar sharedaddy addtoany skip-link related-posts "
    "recommended-articles".split()
)
"""Names of what stands in a page for other ends than its content."""
_SOLID = frozenset(["pre", "table", "math", "figure"])
_CONTROLS = frozenset(["navigation", "menu", "menubar", "toolbar", "tablist", "search"])
_LOW = frozenset(["footer", "contentinfo", "aside", "complementary", "sidebar", "navfooter", "nav-footer"])


def _role(node: _Element) -> str:
    role = node.get("role") if name(node) else None
    return role.strip().lower() if role else ""


def _double(node: _Element) -> bool:
    """Marked for the eye alone, where a formula's own markup stands beside it, or a word stands for an icon.

    Anything else that is marked `aria-hidden` is seen: the mark is for those who listen.
    """
    classes = node.get("class", "").lower()
    if "katex-html" in classes or any(mark in classes for mark in ("icon", "material-symbols", "glyph")):
        return True
    around = node.getparent()
    return around is not None and any(one is not node and any(True for _ in one.iter("math")) for one in around)


def _counts(node: _Element) -> bool:
    """Is there nothing in it but the numbers of lines?"""
    return not "".join(map(str, node.itertext())).translate(_DIGITS)


def _drawn(node: _Element) -> bool:
    """A hidden formula beside a picture of it."""
    near = node.getnext()
    return near is not None and name(near) == "img" and bool(near.get("alt")) and any(True for _ in node.iter("math"))


class Tree:
    """Facts about every element of a page, each gathered in one pass, never by recursion."""

    def __init__(self, root: _Element) -> None:
        self.root = root
        self._nodes = list(root.iter())  # keeps lxml's proxies alive, so that they can be keys
        self._among: dict[_Element, str] = {root: name(root)}
        self._size: dict[_Element, int] = {}
        self._linked: dict[_Element, int] = {}
        self._blocks: set[_Element] = set()
        self._headed: set[_Element] = set()
        self._solid: set[_Element] = set()
        for node in self._nodes:
            if len(node):
                self._number(node)
        for node in reversed(self._nodes):  # children before their parents
            self._measure(node)
        self._unseen = concealed(root, self._nodes, self.size)
        self._doubles = {node for node in marked_for_the_eye(root) if _double(node)}
        self._doubles |= {node for node in line_numbers(root) if _counts(node)}
        self.notes = Notes(root)
        self._main = self._main_element()
        self._around_main = set(self._main.iterancestors()) if self._main is not None else set()

    def _number(self, parent: _Element) -> None:
        same: dict[str, int] = {}
        all_together = 0
        for child in parent:
            tag = name(child)
            if tag:
                all_together += 1
                same[tag] = number = same.get(tag, 0) + 1
                plain = tag in BLOCKS or _PLAIN.fullmatch(tag)
                self._among[child] = f"{tag}[{number}]" if plain else f"*[{all_together}]"

    def _measure(self, node: _Element) -> None:
        tag = name(node)
        own = len(node.text.strip()) if tag and tag not in UNSEEN and node.text else 0
        size = own + self._size.get(node, 0)
        linked = size if tag == "a" else self._linked.get(node, 0)
        self._size[node] = size = 0 if tag in UNSEEN or not tag else size
        self._linked[node] = min(linked, size)
        parent = node.getparent()
        if parent is None:
            return
        tail = len(node.tail.strip()) if node.tail else 0
        self._size[parent] = self._size.get(parent, 0) + size + tail
        self._linked[parent] = self._linked.get(parent, 0) + self._linked[node]
        if tag in BLOCKS or node in self._blocks:
            self._blocks.add(parent)
        if tag in HEADINGS or node in self._headed:
            self._headed.add(parent)
        if tag in _SOLID or node in self._solid:
            self._solid.add(parent)

    def _main_element(self) -> _Element | None:
        """The <main> of the page, where there is one that holds a good part of its text."""
        mains = [node for node in self._nodes if name(node) == "main" or _role(node) == "main"]
        largest = max(mains, key=self.size, default=None)
        return largest if largest is not None and 3 * self.size(largest) > self.size(self.root) else None

    def step(self, node: _Element) -> str:
        """The last step of the element's path: its name and number among its like."""
        return self._among[node]

    def path(self, node: _Element) -> str:
        """The XPath of an element from the root."""
        steps = [self._among[node], *(self._among[above] for above in node.iterancestors())]
        return "/" + "/".join(reversed(steps))

    def inline(self, node: _Element) -> bool:
        """Part of a line of text: neither a block nor the holder of one."""
        return name(node) not in BLOCKS and node not in self._blocks

    def holds_blocks(self, node: _Element) -> bool:
        return node in self._blocks

    def holds_headings(self, node: _Element) -> bool:
        return node in self._headed

    def size(self, node: _Element) -> int:
        """Characters of text inside, scripts and the white space around texts left out."""
        return self._size.get(node, 0)

    def hidden(self, node: _Element) -> bool:
        """Does the page keep this from its readers? Without what stands around it."""
        tag = name(node)
        if tag in UNSEEN or not tag or node in self._unseen or node in self._doubles:
            return True
        if tag == "option":
            return node.get("selected") is None
        return tag == "dialog" and node.get("open") is None

    def gone(self, node: _Element) -> bool:
        """Is it hidden in such a way that it takes no room?"""
        return self.hidden(node) and self._unseen.get(node, "display") in GONE

    def concealed(self, node: _Element) -> str:
        """The text of a hidden element that would be text if it were seen; "" for scripts, options and the like."""
        if name(node) in ("", "option", "dialog") or name(node) in UNSEEN or not self.size(node):
            return ""
        if node in self._doubles or _drawn(node):
            return ""
        from lxml import etree

        pieces: list[str] = []
        walker = etree.iterwalk(node, events=("start", "end", "comment", "pi"))
        for event, inside in walker:
            if event == "start" and name(inside) in UNSEEN:
                walker.skip_subtree()
            elif event == "start":
                pieces.append((" " if name(inside) in BLOCKS else "") + (inside.text or ""))
            if event != "start" and inside is not node:
                pieces.append((" " if name(inside) in BLOCKS else "") + (inside.tail or ""))
        return " ".join("".join(pieces).split())

    def region(self, node: _Element, inside_main: bool) -> Role | None:
        """`header` or `footer` for navigation and other frame of a page, None for its content.

        What holds most of the page's text is content, whatever it is called.
        """
        if 2 * self.size(node) > self.size(self.root):
            return None
        tag, role = name(node), _role(node)
        if tag == "nav" or role in _CONTROLS:
            return "header"
        if tag in ("aside", "footer") and ("note" in node.get("class", "") or role.startswith(("doc-", "note"))):
            return None  # of the text, not of the page
        marks = {tag, role} & {"header", "footer", "aside", "banner", "contentinfo", "complementary"}
        if marks and not inside_main:
            return "footer" if marks & _LOW else "header"
        if self._beside_main(node):
            return "header"
        if tag in _CONTAINERS or tag in ("section", "aside"):
            called = set(f"{node.get('class', '')} {node.get('id', '')}".lower().split())
            if called & _NOISE and self._noise(node):
                return "footer"
            if (
                called & _STEPS
                and 10 * self._linked.get(node, 0) > self.size(node)
                and 4 * self.size(node) < self.size(self.root)
            ):
                return "footer" if called & _LOW else "header"
            marks |= called & _FRAME_WORDS if tag in _CONTAINERS else set()
        if marks and 2 * self._linked.get(node, 0) > self.size(node):
            return "footer" if marks & _LOW else "header"
        return None

    def _noise(self, node: _Element) -> bool:
        """Small beside the page, and without what nobody advertises with."""
        return 4 * self.size(node) < self.size(self.root) and node not in self._solid

    def _beside_main(self, node: _Element) -> bool:
        """Outside the page's <main>, and small beside it."""
        if self._main is None or node is self._main or node in self._around_main:
            return False
        return node.getparent() in self._around_main and 4 * self.size(node) < self.size(self._main)
