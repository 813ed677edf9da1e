"""A parsed page made ready for walking: where each element stands, what it holds, what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

from rag.document import Role
from rag.markup import BLOCKS, HEADINGS

from .concealed import GONE, Sight, line_numbers, marked_for_the_eye
from .notes import Notes
from .painted import Looks
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


_IS_MAIN = re.compile(rb"role\s*=\s*[\"']?\s*main")
_MOST_UNSEEN = 60
_MOST_COUNTED = 64
_MOST_LOOKS = 5_000_000
"""Elements that are counted one by one, and looks at elements inside them, before all are counted at once."""
_MARKED = frozenset(["header", "footer", "aside", "banner", "contentinfo", "complementary"])


def _length(node: _Element) -> int:
    texts = cast("Iterator[str]", node.itertext())
    return sum(map(len, map(str.strip, texts)))


def _around(nodes: list[_Element]) -> set[_Element]:
    """The elements that hold one of these."""
    found: set[_Element] = set()
    for node in nodes:
        above = node.getparent()
        while above is not None and above not in found:
            found.add(above)
            above = above.getparent()
    return found


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
    """Facts about the elements of a page, gathered when they are asked for, never by recursion.

    `data` are the bytes of the page, which are searched before its elements are.
    """

    def __init__(self, root: _Element, data: bytes = b"") -> None:
        self.root = root
        data = data.lower()
        self._nodes = list(root.iter())  # keeps lxml's proxies alive, so that they can be keys
        named: dict[str, list[_Element]] = {}
        for node in self._nodes:
            tag = node.tag
            if type(tag) is str:
                if tag in named:
                    named[tag].append(node)
                else:
                    named[tag] = [node]
        self._named = named
        self._among: dict[_Element, tuple[int, int]] = {}
        self._size: dict[_Element, int] = {}
        self._linked: dict[_Element, int] = {}
        self._counted = 0
        self.blocks = _around(self._all(BLOCKS))
        """The elements that hold a block."""
        self._headed = _around(self._all(HEADINGS))
        self._solid = _around(self._all(_SOLID))
        classes = {one for node in self._nodes if (one := node.get("class"))}
        sight = Sight(root, self._nodes, named, classes, self.size, data)
        self._unseen = sight.hidden
        self.looks = Looks(sight, named, self._nodes)
        self._doubles = {node for node in marked_for_the_eye(root, data) if _double(node)}
        self._doubles |= {node for node in line_numbers(root, classes) if _counts(node)}
        self.kept_back = {*self._all(UNSEEN), *self._unseen, *self._doubles}
        """What the page keeps from its readers, comments left aside; what stands inside is not listed."""
        self.kept_back |= {node for node in named.get("option", ()) if node.get("selected") is None}
        self.kept_back |= {node for node in named.get("dialog", ()) if node.get("open") is None}
        self.notable = {*self.kept_back, *self.looks.own}
        """What is more than its text: also what says how it looks."""
        self.notes = Notes(root, named.get("a", ()))
        self._main = self._main_element(data)
        self._around_main = set(self._main.iterancestors()) if self._main is not None else set()

    def _all(self, tags: frozenset[str]) -> list[_Element]:
        return [node for tag in tags if tag in self._named for node in self._named[tag]]

    def _number(self, parent: _Element) -> None:
        same: dict[str, int] = {}
        all_together = 0
        for child in parent:
            tag = child.tag
            if type(tag) is str:
                all_together += 1
                same[tag] = number = same.get(tag, 0) + 1
                self._among[child] = (number, all_together)

    def _main_element(self, data: bytes) -> _Element | None:
        """The <main> of the page, where there is one that holds a good part of its text."""
        mains = self._named.get("main", [])
        if not data or _IS_MAIN.search(data):
            stated = [node for node in self._nodes if node.get("role")]
            mains = [*mains, *(node for node in stated if _role(node) == "main" and node.tag != "main")]
        largest = max(mains, key=self.size, default=None)
        return largest if largest is not None and 3 * self.size(largest) > self.size(self.root) else None

    def step(self, node: _Element) -> str:
        """The last step of the element's path: its name and number among its like."""
        place = self._among.get(node)
        tag = name(node)
        if place is None:
            parent = node.getparent()
            if parent is None:
                return tag
            self._number(parent)
            place = self._among[node]
        return f"{tag}[{place[0]}]" if tag in BLOCKS or _PLAIN.fullmatch(tag) else f"*[{place[1]}]"

    def path(self, node: _Element) -> str:
        """The XPath of an element from the root."""
        steps = [self.step(node), *map(self.step, node.iterancestors())]
        return "/" + "/".join(reversed(steps))

    def inline(self, node: _Element) -> bool:
        """Part of a line of text: neither a block nor the holder of one."""
        return name(node) not in BLOCKS and node not in self.blocks

    def holds_blocks(self, node: _Element) -> bool:
        return node in self.blocks

    def holds_headings(self, node: _Element) -> bool:
        return node in self._headed

    def size(self, node: _Element) -> int:
        """Characters of text inside, scripts and the white space around texts left out."""
        known = self._size.get(node)
        if known is None:
            self._count(node)
            known = self._size.get(node, 0)
        return known

    def linked(self, node: _Element) -> int:
        """Characters of text inside that are links."""
        known = self._linked.get(node)
        return min(self.size(node), sum(self.size(one) for one in node.iter("a"))) if known is None else known

    def _count(self, node: _Element) -> None:
        """The size of one element; of all, where elements in elements have been counted too often."""
        tag = name(node)
        if tag in UNSEEN or not tag:
            self._size[node] = 0
            return
        self._counted += 1
        few = self._counted <= min(_MOST_COUNTED, 1 + _MOST_LOOKS // len(self._nodes))
        inside = self._all(UNSEEN) if node is self.root else node.iter(*UNSEEN)
        unseen = list(islice(inside, _MOST_UNSEEN)) if few else []
        if not few or len(unseen) == _MOST_UNSEEN:
            self._measure()
            return
        outer = [one for one in unseen if all(above not in unseen for above in one.iterancestors())]
        self._size[node] = _length(node) - sum(map(_length, outer))

    def _measure(self) -> None:
        """All sizes in one pass, children before their parents."""
        sizes: dict[_Element, int] = {}
        links: dict[_Element, int] = {}
        for node in reversed(self._nodes):
            tag = name(node)
            own = len(node.text.strip()) if tag and tag not in UNSEEN and node.text else 0
            size = 0 if tag in UNSEEN or not tag else own + sizes.get(node, 0)
            linked = size if tag == "a" else min(size, links.get(node, 0))
            sizes[node], links[node] = size, linked
            parent = node.getparent()
            if parent is not None:
                sizes[parent] = sizes.get(parent, 0) + size + (len(node.tail.strip()) if node.tail else 0)
                links[parent] = links.get(parent, 0) + linked
        self._size, self._linked = sizes, links

    def hidden(self, node: _Element) -> bool:
        """Does the page keep this from its readers? Without what stands around it."""
        return node in self.kept_back or type(node.tag) is not str

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
        found = self._region(node, name(node), _role(node), inside_main)
        return None if found is None or 2 * self.size(node) > self.size(self.root) else found

    def _region(self, node: _Element, tag: str, role: str, inside_main: bool) -> Role | None:
        if tag == "nav" or role in _CONTROLS:
            return "header"
        if tag in ("aside", "footer") and ("note" in node.get("class", "") or role.startswith(("doc-", "note"))):
            return None  # of the text, not of the page
        marks = {tag, role} & _MARKED
        if marks and not inside_main:
            return "footer" if marks & _LOW else "header"
        if self._main is not None and self._beside_main(node):
            return "header"
        if tag in _CONTAINERS or tag in ("section", "aside"):
            called = set(f"{node.get('class', '')} {node.get('id', '')}".lower().split())
            if called & _NOISE and self._noise(node):
                return "footer"
            if (
                called & _STEPS
                and 10 * self.linked(node) > self.size(node)
                and 4 * self.size(node) < self.size(self.root)
            ):
                return "footer" if called & _LOW else "header"
            marks |= called & _FRAME_WORDS if tag in _CONTAINERS else set()
        if marks and 2 * self.linked(node) > self.size(node):
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
