"""Walking a page block by block: no visible text lost, none given twice, no recursion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.document import Link, MarkupPath, Notice, Role
from rag.markup import BLOCKS, HEADINGS

from ..parts import Found
from ..pictures import Pictures
from ..tables import linked
from .images import ImageRules, described, figure
from .lists import first_number, indented, marker
from .painted import based, parted
from .runs import after_break, defines, displayed, heading_level, items, lines, moved, term, trimmed
from .tables import TableFound, data_table
from .tags import code_language, name
from .text import Line, inside, read
from .tree import Tree

if TYPE_CHECKING:
    from lxml.etree import _Element

_VERBATIM = frozenset(["pre", "listing", "xmp", "plaintext"])
_LISTS = frozenset(["ul", "ol", "menu", "dir"])
_APART = frozenset(["br", "math"])
"""What may make more than one line of a block, or something other than a paragraph."""
_MAIN = frozenset(["main", "article", "section", "blockquote", "figure"])


class _Frame:
    """An open element: what is left of it, and the inline run gathered so far."""

    __slots__ = (
        "counter", "depth", "element", "inside_main", "item", "items", "marker", "note", "path", "region", "run",
        "said", "terms", "whole",
    )  # fmt: skip

    def __init__(self, element: _Element, path: str, region: Role | None, inside_main: bool, depth: int) -> None:
        self.element = element
        self.path = path
        self.items = items(element)
        self.region = region
        self.inside_main = inside_main
        self.depth = depth  # of lists around it
        self.item = False
        self.marker: list[str] = []  # of the list item it belongs to; taken by its first text
        self.counter = 0  # of an ordered list
        self.note: _Element | None = None  # the footnote that it stands in, or is
        self.run: list[tuple[int, _Element | str]] = []
        self.terms: list[tuple[int, Line]] = []  # of a definition list
        self.said: list[tuple[int, Line]] = []  # what explains them
        self.whole = True  # nothing but the run has come so far


class Walk:
    """Yields what a page shows, in reading order."""

    def __init__(self, tree: Tree, pictures: Pictures, images: ImageRules) -> None:
        self._tree = tree
        self._pictures = pictures
        self._images = images
        self._out: list[Found | Notice] = []
        """What was found and is not given yet."""
        self._hidden: list[Found] = []
        self._descriptions: Counter[str] | None = None

    def found(self) -> Iterator[Found | Notice]:
        tree, out = self._tree, self._out
        kept_back, around = tree.kept_back, tree.blocks
        stack = [_Frame(tree.root, "/" + name(tree.root), None, False, 0)]
        while stack:
            frame = stack[-1]
            for position, node in frame.items:
                if isinstance(node, str):
                    if frame.run or not node.isspace():
                        frame.run.append((position, node))
                    continue
                tag = node.tag
                if type(tag) is not str:
                    continue
                if node in kept_back:
                    self._hide(frame, node)
                elif tag in BLOCKS or node in around:
                    self._block(frame, position, node, stack)
                elif tag == "br" and after_break(frame.run):
                    self._flush(frame)
                else:
                    frame.run.append((position, node))
                if self._pictures.notices:
                    out += self._pictures.told()
                if out:
                    yield from self._given()
                    out.clear()
                if stack[-1] is not frame:
                    break
            else:
                self._flush(frame, ended=True)
                self._terms(frame)
                out += self._pictures.told()
                yield from self._given()
                out.clear()
                stack.pop()
        if self._hidden:
            first = self._hidden[0]
            told = f"{len(self._hidden)} texts that the page hides from its readers are kept apart, first "
            yield Notice(f"{told}{first.text[:80]!r}", first.places[0])

    def _given(self) -> list[Found | Notice]:
        """What was found, with what stands out in it apart from its links."""
        if self._tree.looks.own:
            for one in self._out:
                if isinstance(one, Found) and one.links:
                    one.links, one.coloured = parted(one.text, one.links)
        return self._out

    def _hide(self, frame: _Frame, node: _Element) -> None:
        before = len(self._out)
        self._kept_apart([node])
        if len(self._out) > before or node.tag == "option":
            frame.whole = False  # its path would name what is hidden, too

    # --- blocks ------------------------------------------------------------------------------

    def _block(self, frame: _Frame, position: int, node: _Element, stack: list[_Frame]) -> None:
        tag = name(node)
        plain = not self._tree.holds_blocks(node)
        short = plain or (tag == "dd" and self._one_paragraph(node))
        if short and tag in ("dt", "dd") and defines(frame.element):
            self._flush(frame)
            self._definition(frame, position, node, tag)
            return
        self._flush(frame)
        self._terms(frame)
        frame.whole = False
        path = f"{frame.path}/{self._tree.step(node)}"
        region = frame.region or self._tree.region(node, frame.inside_main)
        level = heading_level(node)
        if level and (plain or tag in HEADINGS):
            self._heading(node, path, level, region)
        elif tag in _VERBATIM:
            line = read([node], self._tree)
            if text := line.verbatim:
                self._out.append(Found(region or "code", text, (MarkupPath(path),), language=code_language(node)))
            self._beside(line, region)
        elif tag == "figure" and region is None and self._is_picture(node):
            self._figure(node)
        elif tag == "table" and region is None and (table := data_table(node, self._tree)):
            self._table(table, node, path)
        elif tag != "hr":
            inner = self._opened(frame, node, path, region)
            if plain and inner.note is not node and self._simple(node):
                self._line(inner, inside(node, self._tree))
            else:
                stack.append(inner)

    def _simple(self, node: _Element) -> bool:
        """Is all in a block one line, as far as its children tell?"""
        kept_back = self._tree.kept_back
        return all(child.tag not in _APART and child not in kept_back for child in node)

    def _line(self, frame: _Frame, line: Line) -> None:
        """A block that is one line."""
        text, links = line.linked()
        if text:
            role = self._role(frame)
            mark = self._mark(frame, role)
            self._out.append(self._text(frame, role, mark + text, frame.path, moved(links, len(mark))))
        if line.images or line.hidden:
            self._beside(line, frame.region)

    @staticmethod
    def _mark(frame: _Frame, role: Role) -> str:
        """What stands before the text of a list item: its mark, or the white space of one."""
        return frame.marker.pop() if frame.marker else indented(frame.depth) if role == "list" else ""

    def _opened(self, frame: _Frame, node: _Element, path: str, region: Role | None) -> _Frame:
        tag = name(node)
        main = frame.inside_main or tag in _MAIN or node.get("role", "").lower() == "main"
        inner = _Frame(node, path, region, main, frame.depth + (tag in _LISTS))
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

    def _heading(self, node: _Element, path: str, level: int, region: Role | None) -> None:
        line = read([node], self._tree)
        text, links = line.linked()
        text = text.replace("\n", " ")
        links = based(text, links, self._tree.looks.of(node))
        if text and (region is None or (region == "header" and level == 1 and name(node) == "h1")):
            self._out.append(Found("heading", text, (MarkupPath(path),), level=level, links=links))
        elif text:
            self._out.append(Found(region or "heading", text, (MarkupPath(path),), links=links))
        self._beside(line, region)

    def _table(self, table: TableFound, node: _Element, path: str) -> None:
        places = [MarkupPath(path)]
        if table.caption_of is not None:
            places.append(MarkupPath(self._tree.path(table.caption_of)))
        text, links = linked(table.cells, table.links)
        links = based(text, links, self._tree.looks.of(node))
        self._out.append(Found("table", text, tuple(places), "table", table.caption, cells=table.cells, links=links))
        self._figures(table.images, None)
        self._kept_apart(table.hidden)

    def _is_picture(self, node: _Element) -> bool:
        """A figure of pictures and a caption, and nothing else that is read."""
        captions = [child for child in node if name(child) == "figcaption"]
        said = sum(self._tree.size(caption) for caption in captions)
        return self._tree.size(node) == said and any(True for _ in node.iter("img"))

    def _figure(self, node: _Element) -> None:
        captions = [child for child in node if name(child) == "figcaption" and not self._tree.hidden(child)]
        whole = read([node], self._tree)
        images = whole.images
        caption, links = read(captions, self._tree).linked()
        places = tuple(MarkupPath(self._tree.path(one)) for one in captions) if caption else ()
        before = len(self._out)
        self._figures(images, None, caption, places)
        if caption and len(self._out) == before:
            self._out.append(Found("caption", caption, places, links=links))
        self._kept_apart(whole.hidden)

    def _beside(self, line: Line, region: Role | None) -> None:
        """What stood in a line beside its text."""
        self._figures(line.images, region)
        self._kept_apart(line.hidden)

    def _kept_apart(self, nodes: list[_Element]) -> None:
        """Text that the page hides: with its place, never among what is read."""
        for node in nodes:
            if text := self._tree.concealed(node):
                found = Found("hidden", text, (MarkupPath(self._tree.path(node)),))
                self._hidden.append(found)
                self._out.append(found)

    def _figures(
        self,
        images: list[_Element],
        region: Role | None,
        caption: str = "",
        captioned: tuple[MarkupPath, ...] = (),
    ) -> None:
        if region is not None:
            return  # logos and icons of the page's frame
        for image in images:
            shown = figure(image, self._pictures, self._images, caption, self._shared(image))
            if shown is not None:
                places = (MarkupPath(self._tree.path(image)), *captioned)
                found = Found("figure", shown.text, places, "image", caption, shown.media)
                found.width, found.height = shown.width, shown.height
                self._out.append(found)

    def _shared(self, image: _Element) -> int:
        """Pictures of the page with the description of this one."""
        if not self._images.max_shared:
            return 1
        if self._descriptions is None:
            self._descriptions = Counter(described(one) for one in self._tree.root.iter("img"))
        return self._descriptions[described(image)]

    # --- lines -------------------------------------------------------------------------------

    def _flush(self, frame: _Frame, ended: bool = False) -> None:
        """The gathered run as one element."""
        if not frame.run:
            return
        run, frame.run = trimmed(frame.run), []
        if not run:
            return
        line = read([node for _, node in run], self._tree)
        whole = frame.whole and ended
        text, links = line.linked()
        if text:
            self._terms(frame)
            role: Role = "equation" if displayed(run) else self._role(frame)
            mark = self._mark(frame, role)
            first = run[0][1] if len(run) == 1 else None
            path = frame.path if whole else self._span(frame, run[0][0], run[-1][0], first)
            self._out.append(self._text(frame, role, mark + text, path, moved(links, len(mark))))
        frame.whole = False
        self._beside(line, frame.region)

    def _text(self, frame: _Frame, role: Role, text: str, path: str, links: tuple[Link, ...]) -> Found:
        """A text with what ties it to the footnotes of the page."""
        notes, place = self._tree.notes, MarkupPath(path)
        links = based(text, links, self._tree.looks.of(frame.element))
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

    def _definition(self, frame: _Frame, position: int, node: _Element, tag: str) -> None:
        """A term waits for what explains it; all of it together is one element."""
        line = read([node], self._tree)
        frame.whole = False
        if tag == "dt":
            if frame.said:
                self._terms(frame)
            frame.terms.append((position, line))
            if node in self._tree.notes:
                frame.note = node
        elif frame.terms:
            frame.said.append((position, line))
        else:
            if line.text:
                text, links = line.linked()
                path = self._span(frame, position, position, node)
                self._out.append(self._text(frame, self._role(frame), text, path, links))
            self._beside(line, frame.region)

    def _one_paragraph(self, node: _Element) -> bool:
        """Nothing inside but a single <p>."""
        shown = [child for child in node if not self._tree.hidden(child)]
        if len(shown) != 1 or name(shown[0]) != "p" or self._tree.holds_blocks(shown[0]):
            return False
        said = [node.text, *(child.tail for child in node)]
        return not any(text and text.strip() for text in said)

    def _terms(self, frame: _Frame) -> None:
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
            self._out.append(self._text(frame, self._role(frame), text, path, links))
        if name(frame.element) == "dl":
            frame.note = None  # each term of a list of notes is one
        for _, line in (*terms, *said):
            self._beside(line, frame.region)
