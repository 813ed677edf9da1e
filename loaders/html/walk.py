"""Walking a page block by block: no visible text lost, none given twice, no recursion."""

from __future__ import annotations

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
from .lists import first_number, indented, marker
from .runs import after_break, defines, displayed, heading_level, items, lines, moved, term, trimmed
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
    note: _Element | None = None  # the footnote that it stands in, or is
    run: list[tuple[int, _Element | str]] = field(default_factory=list)
    terms: list[tuple[int, Line]] = field(default_factory=list)  # of a definition list
    said: list[tuple[int, Line]] = field(default_factory=list)  # what explains them
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
        stack = [_Frame(root, "/" + name(root), items(root))]
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
                apart = list(self._kept_apart([item[1]]))
                if apart or name(item[1]) == "option":
                    frame.whole = False  # its path would name what is hidden, too
                yield from apart
            else:
                if not self._tree.inline(item[1]):
                    yield from self._block(frame, item[0], item[1], stack)
                elif name(item[1]) == "br" and after_break(frame.run):
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
        if short and tag in ("dt", "dd") and defines(frame.element):
            yield from self._flush(frame)
            yield from self._definition(frame, position, node, tag)
            return
        yield from self._flush(frame)
        yield from self._terms(frame)
        frame.whole = False
        path = f"{frame.path}/{self._tree.step(node)}"
        region = frame.region or self._tree.region(node, frame.inside_main)
        level = heading_level(node)
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
        inner = _Frame(node, path, items(node), region, frame.inside_main or tag in _MAIN)
        inner.inside_main = inner.inside_main or node.get("role", "").lower() == "main"
        inner.depth = frame.depth + (tag in _LISTS)
        if tag == "ol":
            inner.counter = first_number(node)
        inner.note = node if node in self._tree.notes else frame.note
        if tag == "li" and not self._tree.holds_headings(node):
            inner.item = True
            mark, frame.counter = marker(frame.element, node, frame.depth, frame.counter)
            inner.marker = [mark]
        elif tag not in _LISTS and tag not in ("table", "dl"):
            inner.item, inner.marker = frame.item, frame.marker
        if inner.note is node and len(node) and node[0].get("class") == "label":
            inner.marker = [read([node[0]], self._tree).text + " "]  # docutils: "[1]" before its paragraphs
            inner.items = ((at, one) for at, one in inner.items if one is not node[0])
        return inner

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
        run, frame.run = trimmed(frame.run), []
        if not run:
            return
        line = read([node for _, node in run], self._tree)
        whole = frame.whole and ended
        text, links = line.linked()
        if text:
            yield from self._terms(frame)
            role: Role = "equation" if displayed(run) else self._role(frame)
            mark = frame.marker.pop() if frame.marker else indented(frame.depth) if role == "list" else ""
            first = run[0][1] if len(run) == 1 else None
            path = frame.path if whole else self._span(frame, run[0][0], run[-1][0], first)
            yield self._text(frame, role, mark + text, path, moved(links, len(mark)))
        frame.whole = False
        yield from self._beside(line, frame.region)

    def _text(self, frame: _Frame, role: Role, text: str, path: str, links: tuple[Link, ...]) -> Found:
        """A text with what ties it to the footnotes of the page."""
        notes, place = self._tree.notes, MarkupPath(path)
        if role == "footnote":
            label, mentions = notes.label(frame.note), notes.mentions(frame.note)
            return Found(role, text, (place,), links=links, label=label, mentions=mentions)
        notes.heard(text, links, place)
        return Found(role, text, (place,), links=links)

    def _role(self, frame: _Frame) -> Role:
        if frame.region is not None:
            return frame.region
        if frame.note is not None:
            return "footnote"
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
        """A term waits for what explains it; all of it together is one element."""
        line = read([node], self._tree)
        frame.whole = False
        if tag == "dt":
            if frame.said:
                yield from self._terms(frame)
            frame.terms.append((position, line))
            if node in self._tree.notes:
                frame.note = node
        elif frame.terms:
            frame.said.append((position, line))
        else:
            if line.text:
                text, links = line.linked()
                path = self._span(frame, position, position, node)
                yield self._text(frame, self._role(frame), text, path, links)
            yield from self._beside(line, frame.region)

    def _one_paragraph(self, node: _Element) -> bool:
        """Nothing inside but a single <p>."""
        inside = [child for child in node if not self._tree.hidden(child)]
        if len(inside) != 1 or name(inside[0]) != "p" or self._tree.holds_blocks(inside[0]):
            return False
        return self._tree.size(node) == self._tree.size(inside[0])

    def _terms(self, frame: _Frame) -> Iterator[Found]:
        """Terms, and what explains them where that is no more than lines."""
        if not frame.terms:
            return
        terms, said = frame.terms, frame.said
        frame.terms, frame.said = [], []
        text, links = lines([term(line) for _, line in terms])
        if any(line.text for _, line in said):
            text = text.rstrip(" :")
            explained, its = lines([line.linked() for _, line in said])
            gap = "" if not text else ": " if len(terms) == 1 and "\n" not in explained else ":\n"
            links = (*(one for one in links if one.end <= len(text)), *moved(its, len(text) + len(gap)))
            text = f"{text}{gap}{explained}"
        if text:
            path = self._span(frame, terms[0][0], (said or terms)[-1][0])
            yield self._text(frame, self._role(frame), text, path, links)
        if name(frame.element) == "dl":
            frame.note = None  # each term of a list of notes is one
        for _, line in (*terms, *said):
            yield from self._beside(line, frame.region)
