"""Walking a page block by block: no visible text lost, none given twice, no recursion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.document import Link, MarkupPath, Notice, Role
from rag.markup import HEADINGS

from ..parts import Found
from ..pictures import Pictures
from ..tables import linked
from .images import ImageRules, described, figure
from .tables import TableFound, data_table
from .tags import code_language, name
from .text import Line, read
from .tree import Tree

if TYPE_CHECKING:
    from lxml.etree import _Element

_VERBATIM = frozenset(["pre", "listing", "xmp", "plaintext"])
_LISTS = frozenset(["ul", "ol", "menu", "dir"])
_MAIN = frozenset(["main", "article", "section", "blockquote", "figure"])


@dataclass(slots=True)
class _Frame:
    """An open element: what is left of it, and the inline run gathered so far."""

    element: _Element
    path: str
    items: Iterator[tuple[int, _Element | str]]
    region: Role | None = None
    inside_main: bool = False
    marker: list[str] = field(default_factory=list)  # of the list item it belongs to; taken by its first text
    depth: int = 0  # of lists around it
    item: bool = False
    counter: int = 0  # of an ordered list
    run: list[tuple[int, _Element | str]] = field(default_factory=list)
    terms: list[tuple[int, str]] = field(default_factory=list)  # of a definition list, not yet explained
    whole: bool = True  # nothing but the run has come so far


class Walk:
    """Yields what a page shows, in reading order."""

    def __init__(self, tree: Tree, pictures: Pictures, images: ImageRules) -> None:
        self._tree = tree
        self._pictures = pictures
        self._images = images
        self._hidden: list[Found] = []
        self._descriptions: Counter[str] | None = None

    def found(self) -> Iterator[Found | Notice]:
        root = self._tree.root
        stack = [_Frame(root, "/" + name(root), _items(root))]
        while stack:
            frame = stack[-1]
            item = next(frame.items, None)
            if item is None:
                yield from self._flush(frame, ended=True)
                yield from self._terms(frame)
                stack.pop()
            elif isinstance(item[1], str):
                frame.run.append(item)
            elif self._tree.hidden(item[1]):
                for found in self._kept_apart([item[1]]):
                    frame.whole = False  # its path would name what is hidden too
                    yield found
            else:
                if not self._tree.inline(item[1]):
                    yield from self._block(frame, item[0], item[1], stack)
                elif name(item[1]) == "br" and _after_break(frame.run):
                    yield from self._flush(frame)
                else:
                    frame.run.append(item)
            if self._pictures.notices:
                yield from self._pictures.told()
        if self._hidden:
            first = self._hidden[0]
            told = f"{len(self._hidden)} texts that the page hides from its readers are kept apart, first "
            yield Notice(f"{told}{first.text[:80]!r}", first.places[0])

    # --- blocks ------------------------------------------------------------------------------

    def _block(self, frame: _Frame, position: int, node: _Element, stack: list[_Frame]) -> Iterator[Found | Notice]:
        tag = name(node)
        plain = not self._tree.holds_blocks(node)
        short = plain or (tag == "dd" and self._one_paragraph(node))
        if short and tag in ("dt", "dd") and _defines(frame.element):
            yield from self._flush(frame)
            yield from self._definition(frame, position, node, tag)
            return
        yield from self._flush(frame)
        yield from self._terms(frame)
        frame.whole = False
        path = f"{frame.path}/{self._tree.step(node)}"
        region = frame.region or self._tree.region(node, frame.inside_main)
        level = _heading_level(node)
        if level and (plain or tag in HEADINGS):
            yield from self._heading(node, path, level, region)
        elif tag in _VERBATIM:
            line = read([node], self._tree)
            if text := line.verbatim:
                yield Found(region or "code", text, (MarkupPath(path),), language=code_language(node))
            yield from self._beside(line, region)
        elif tag == "figure" and region is None and self._is_picture(node):
            yield from self._figure(node)
        elif tag == "table" and region is None and (table := data_table(node, self._tree)):
            yield from self._table(table, path)
        elif tag != "hr":
            stack.append(self._opened(frame, node, path, region))

    def _opened(self, frame: _Frame, node: _Element, path: str, region: Role | None) -> _Frame:
        tag = name(node)
        inner = _Frame(node, path, _items(node), region, frame.inside_main or tag in _MAIN)
        inner.inside_main = inner.inside_main or node.get("role", "").lower() == "main"
        inner.depth = frame.depth + (tag in _LISTS)
        if tag == "ol":
            inner.counter = _number(node.get("start"), 1) - 1
        if tag == "li" and not self._tree.holds_headings(node):
            inner.item = True
            inner.marker = [self._marker(frame, node)]
        elif tag not in _LISTS and tag not in ("table", "dl"):
            inner.item, inner.marker = frame.item, frame.marker
        return inner

    @staticmethod
    def _marker(frame: _Frame, item: _Element) -> str:
        indent = "  " * (min(frame.depth, 8) - 1)
        if name(frame.element) != "ol":
            return f"{indent}- "
        frame.counter = _number(item.get("value"), frame.counter + 1)
        return f"{indent}{frame.counter}. "

    def _heading(self, node: _Element, path: str, level: int, region: Role | None) -> Iterator[Found]:
        line = read([node], self._tree)
        text, links = line.linked()
        text = text.replace("\n", " ")
        if text and (region is None or (region == "header" and level == 1 and name(node) == "h1")):
            yield Found("heading", text, (MarkupPath(path),), level=level, links=links)
        elif text:
            yield Found(region or "heading", text, (MarkupPath(path),), links=links)
        yield from self._beside(line, region)

    def _table(self, table: TableFound, path: str) -> Iterator[Found]:
        places = [MarkupPath(path)]
        if table.caption_of is not None:
            places.append(MarkupPath(self._tree.path(table.caption_of)))
        text, links = linked(table.cells, table.links)
        yield Found("table", text, tuple(places), "table", table.caption, cells=table.cells, links=links)
        yield from self._figures(table.images, None)
        yield from self._kept_apart(table.hidden)

    def _is_picture(self, node: _Element) -> bool:
        """A figure of pictures and a caption, and nothing else that is read."""
        captions = [child for child in node if name(child) == "figcaption"]
        said = sum(self._tree.size(caption) for caption in captions)
        return self._tree.size(node) == said and any(True for _ in node.iter("img"))

    def _figure(self, node: _Element) -> Iterator[Found]:
        captions = [child for child in node if name(child) == "figcaption" and not self._tree.hidden(child)]
        inside = read([node], self._tree)
        images = inside.images
        caption, links = read(captions, self._tree).linked()
        places = tuple(MarkupPath(self._tree.path(one)) for one in captions) if caption else ()
        shown = list(self._figures(images, None, caption, places))
        yield from shown
        if caption and not shown:
            yield Found("caption", caption, places, links=links)
        yield from self._kept_apart(inside.hidden)

    def _beside(self, line: Line, region: Role | None) -> Iterator[Found]:
        """What stood in a line beside its text."""
        yield from self._figures(line.images, region)
        yield from self._kept_apart(line.hidden)

    def _kept_apart(self, nodes: list[_Element]) -> Iterator[Found]:
        """Text that the page hides: with its place, never among what is read."""
        for node in nodes:
            if text := self._tree.concealed(node):
                found = Found("hidden", text, (MarkupPath(self._tree.path(node)),))
                self._hidden.append(found)
                yield found

    def _figures(
        self,
        images: list[_Element],
        region: Role | None,
        caption: str = "",
        captioned: tuple[MarkupPath, ...] = (),
    ) -> Iterator[Found]:
        if region is not None:
            return  # logos and icons of the page's frame
        for image in images:
            shown = figure(image, self._pictures, self._images, caption, self._shared(image))
            if shown is not None:
                places = (MarkupPath(self._tree.path(image)), *captioned)
                yield Found(
                    "figure", shown.text, places, "image", caption, shown.media,
                    width=shown.width, height=shown.height,
                )  # fmt: skip

    def _shared(self, image: _Element) -> int:
        """Pictures of the page with the description of this one."""
        if not self._images.max_shared:
            return 1
        if self._descriptions is None:
            self._descriptions = Counter(described(one) for one in self._tree.root.iter("img"))
        return self._descriptions[described(image)]

    # --- lines -------------------------------------------------------------------------------

    def _flush(self, frame: _Frame, ended: bool = False) -> Iterator[Found]:
        """The gathered run as one element."""
        run, frame.run = _trimmed(frame.run), []
        if not run:
            return
        line = read([node for _, node in run], self._tree)
        whole = frame.whole and ended
        text, links = line.linked()
        if text:
            yield from self._terms(frame)
            marker = frame.marker.pop() if frame.marker else ""
            first = run[0][1] if len(run) == 1 else None
            path = frame.path if whole else self._span(frame, run[0][0], run[-1][0], first)
            role: Role = "equation" if _displayed(run) else self._role(frame)
            yield Found(role, marker + text, (MarkupPath(path),), links=_moved(links, len(marker)))
        frame.whole = False
        yield from self._beside(line, frame.region)

    def _role(self, frame: _Frame) -> Role:
        if frame.region is not None:
            return frame.region
        if name(frame.element) in ("figcaption", "caption"):
            return "caption"
        return "list" if frame.item else "paragraph"

    def _span(self, frame: _Frame, first: int, last: int, only: _Element | str | None = None) -> str:
        """The XPath of a run of sibling nodes inside a block, by its name where it is one element."""
        if only is not None and not isinstance(only, str):
            return f"{frame.path}/{self._tree.step(only)}"
        if first == last:
            return f"{frame.path}/node()[{first}]"
        return f"{frame.path}/node()[position()>={first} and position()<={last}]"

    # --- definitions -------------------------------------------------------------------------

    def _definition(self, frame: _Frame, position: int, node: _Element, tag: str) -> Iterator[Found]:
        """A term waits for its explanation; both together are one element."""
        line = read([node], self._tree)
        frame.whole = False
        if tag == "dt":
            if text := re.sub(r"^[:;,\s]+(?=\w)", "", line.text):
                frame.terms.append((position, text))
        elif line.text:
            terms, frame.terms = frame.terms, []
            joined = "\n".join(term for _, term in terms)
            gap = "" if not terms else ": " if len(terms) == 1 and "\n" not in line.text else ":\n"
            said, links = line.linked()
            text = f"{joined.rstrip(' :')}{gap}{said}" if terms else said
            first = terms[0][0] if terms else position
            path = self._span(frame, first, position, None if terms else node)
            links = _moved(links, len(text) - len(said))
            yield Found(self._role(frame), text, (MarkupPath(path),), links=links)
        yield from self._beside(line, frame.region)

    def _one_paragraph(self, node: _Element) -> bool:
        """Nothing inside but a single <p>."""
        inside = [child for child in node if not self._tree.hidden(child)]
        if len(inside) != 1 or name(inside[0]) != "p" or self._tree.holds_blocks(inside[0]):
            return False
        return self._tree.size(node) == self._tree.size(inside[0])

    def _terms(self, frame: _Frame) -> Iterator[Found]:
        """Terms whose explanation is made of blocks stand alone, before it."""
        if not frame.terms:
            return
        terms, frame.terms = frame.terms, []
        path = self._span(frame, terms[0][0], terms[-1][0])
        yield Found(self._role(frame), "\n".join(term for _, term in terms), (MarkupPath(path),))


def _items(element: _Element) -> Iterator[tuple[int, _Element | str]]:
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


def _trimmed(run: list[tuple[int, _Element | str]]) -> list[tuple[int, _Element | str]]:
    """The run without white space and comments at its ends."""
    kept = [at for at, (_, node) in enumerate(run) if not (isinstance(node, str) and not node.strip())]
    return run[kept[0] : kept[-1] + 1] if kept else []


def _after_break(run: list[tuple[int, _Element | str]]) -> bool:
    """Does the run end with a line break? A second one ends the paragraph."""
    for _, node in reversed(run):
        if isinstance(node, str):
            if node.strip():
                return False
        else:
            return name(node) == "br"
    return False


def _displayed(run: list[tuple[int, _Element | str]]) -> bool:
    """A formula on a line of its own, and nothing else."""
    nodes = [node for _, node in run if not (isinstance(node, str) and not node.strip())]
    return bool(nodes) and all(
        not isinstance(node, str) and name(node) == "math" and node.get("display") == "block" for node in nodes
    )


def _moved(links: tuple[Link, ...], by: int) -> tuple[Link, ...]:
    """Links in a text before which so many characters were put."""
    return tuple(Link(one.start + by, one.end + by, one.target) for one in links) if by else links


def _defines(node: _Element) -> bool:
    """A definition list, or the <div> that holds one of its groups."""
    parent = node.getparent()
    return name(node) == "dl" or (name(node) == "div" and parent is not None and name(parent) == "dl")


def _heading_level(node: _Element) -> int:
    tag = name(node)
    if tag in HEADINGS:
        return int(tag[1])
    if node.get("role", "").lower() == "heading":
        return min(6, max(1, _number(node.get("aria-level"), 2)))
    return 0


def _number(value: str | None, default: int) -> int:
    text = (value or "").strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else default
