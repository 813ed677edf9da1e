"""Word documents (docx): blocks of the body in reading order, each with the XPath that finds it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.document import MarkupPath, Notice, Part, Role, Source
from rag.errors import SourceError
from rag.protocols import Assets

from ..captions import captioned
from ..parts import Found, parts
from ..pictures import Pictures, told
from ..reading import file_name
from ..tables import CellFound, grid, markdown, titled
from .about import head
from .docx_styles import Lists, Styles
from .docx_text import Line, R, W, read
from .package import Package, beside, inside

if TYPE_CHECKING:
    from lxml.etree import _Element

_TRANSPARENT = {W + name for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "body")}
_NOTES = {"footnote": "footnotes", "endnote": "endnotes", "comment": "comments"}


class DOCX:
    """Reads Word documents. Macros, embedded objects and external links are never followed.

    Deleted and hidden text has the role `hidden`; foot- and endnotes and comments follow the block that refers to
    them. Pictures smaller than `min_image_side` pixels are left out. A file larger than `max_bytes`, or one that
    unpacks to more than `max_unpacked`, is refused.
    """

    VERSION = 2
    media_types: tuple[str, ...] = ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",)

    def __init__(
        self, *, min_image_side: int = 50, max_bytes: int = 200_000_000, max_unpacked: int = 500_000_000,
        assets: Assets | None = None,
    ) -> None:  # fmt: skip
        if min(max_bytes, max_unpacked) < 1:
            raise ValueError(f"max_bytes and max_unpacked are at least 1, got {max_bytes} and {max_unpacked}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.max_unpacked = max_unpacked
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. The body is in memory while it is walked.

        Raises SourceError: encrypted, damaged, refused (entities), limit, empty, missing.
        """
        package = Package(source, self.max_bytes, self.max_unpacked)
        body = package.main("word/document.xml")
        root = package.xml(body)
        if root is None:
            raise SourceError(f"no Word document: {body} is missing", source=source.uri, kind="damaged")
        pictures = Pictures(source, self.assets, min_side=self.min_image_side)
        walk = _Walk(package, body, pictures)
        yield from parts(source, head(package, file_name(source)), captioned(walk.found(root)), start)


class _Walk:
    """Yields what a document shows."""

    def __init__(self, package: Package, body: str, pictures: Pictures) -> None:
        self._package = package
        self._body = body
        self._pictures = pictures
        self._relations = package.relations(body)
        self._styles = Styles(package, self._beside_body("styles"))
        self._lists = Lists(package, self._beside_body("numbering"))
        self._notes: dict[tuple[str, str], tuple[_Element, str]] = {}
        self._unseen = Counter[str]()
        for kind, file in _NOTES.items():
            self._index_notes(kind, file)

    def _beside_body(self, kind: str) -> str:
        """The name of the part that holds the styles, the footnotes, ..."""
        named = (one.target for one in self._relations.values() if one.kind == kind and not one.external)
        return next(named, beside(self._body, f"{kind}.xml"))

    def found(self, root: _Element) -> Iterator[Found | Notice]:
        yield from self._framing(root)
        body = root.find(W + "body")
        if body is not None:
            yield from self._blocks(body, "/w:document/w:body", self._body)
        yield from self._pictures.told()
        for what, many in sorted(self._unseen.items()):
            yield Notice(f"{many} {what} left out of the evidence: readers do not see it")

    def _blocks(self, holder: _Element, path: str, part: str) -> Iterator[Found | Notice]:
        """Paragraphs and tables inside a holder; wrappers around them are looked into, not by recursion."""
        stack = [_numbered(holder, path)]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            node, where = found
            if node.tag == W + "p":
                yield from self._paragraph(node, where, part)
            elif node.tag == W + "tbl":
                yield from self._table(node, where, part)
            elif node.tag in _TRANSPARENT:
                stack.append(_numbered(node, where))

    def _paragraph(self, node: _Element, path: str, part: str) -> Iterator[Found | Notice]:
        line, place = read(node), MarkupPath(inside(part, path))
        level = self._styles.level(node)
        if line.text and level:
            yield Found("heading", " ".join(line.text.split()), (place,), level=level)
        elif line.text:
            role, marker = self._role(node, line)
            yield Found(role, marker + line.text, (place,))
        yield from self._beside(line, place, part)
        for box in line.boxes:
            yield from self._boxed(box, place)

    def _role(self, node: _Element, line: Line) -> tuple[Role, str]:
        style = self._styles.named(node)
        if style.startswith("caption"):
            return "caption", ""
        if numbered := self._styles.numbering(node):
            return "list", self._lists.marker(*numbered)
        if "code" in style.split() or "preformatted" in style or style == "macro text":
            return "code", ""
        return ("equation" if line.math else "paragraph"), ""

    def _beside(self, line: Line, place: MarkupPath, part: str) -> Iterator[Found | Notice]:
        """Pictures, unseen text and notes of a paragraph."""
        for id, said in line.pictures:
            yield from self._picture(id, told(said), place, part)
        for text, what in ((line.deleted, "deleted texts"), (line.hidden, "hidden texts")):
            if text:
                self._unseen[what] += 1
                yield Found("hidden", text, (place,))
        for kind, id in line.notes:
            if known := self._notes.pop((kind, id), None):
                note, path = known
                text = "\n".join(filter(None, (read(one).text for one in note.iter(W + "p"))))
                who = f"Comment by {note.get(W + 'author', 'unknown')}: " if kind == "comment" else ""
                if text:
                    yield Found("footnote", who + text, (MarkupPath(inside(self._beside_body(_NOTES[kind]), path)),))

    def _picture(self, id: str, said: str, place: MarkupPath, part: str) -> Iterator[Found]:
        relations = self._relations if part == self._body else self._package.relations(part)
        relation = relations.get(id)
        if relation is None or relation.external:
            return
        data = self._package.read(relation.target)
        picture = self._pictures.keep(data, relation.target) if data else None
        if picture and min(picture.width, picture.height) >= self._pictures.min_side:
            yield Found("figure", said, (place,), "image", media=picture.media)
        elif said and not picture and len(said.split()) > 1:  # a drawing that is not read, but described
            yield Found("figure", said, (place,), "image")

    def _boxed(self, box: _Element, place: MarkupPath) -> Iterator[Found]:
        lines = [read(one).text for one in box.iter(W + "p")]
        if text := "\n".join(filter(None, lines)):
            yield Found("paragraph", text, (place,))

    def _table(self, table: _Element, path: str, part: str) -> Iterator[Found | Notice]:
        place = MarkupPath(inside(part, path))
        rows: list[list[CellFound]] = []
        lines: list[Line] = []
        open_cells: dict[int, tuple[int, int]] = {}  # column -> (row, at) of a cell that goes on below
        for row in table.iterchildren(W + "tr"):
            marked = row.find(f"{W}trPr/{W}tblHeader") is not None
            column = 0
            found: list[CellFound] = []
            for cell in row.iter(W + "tc"):
                if next(cell.iterancestors(W + "tr")) is not row:
                    continue  # of a table inside a cell, whose words its cell has
                span, merge = _span(cell), cell.find(f"{W}tcPr/{W}vMerge")
                if merge is not None and merge.get(W + "val", "continue") == "continue" and column in open_cells:
                    above, at = open_cells[column]
                    one = rows[above][at]
                    rows[above][at] = CellFound(one.text, one.rows + 1, one.columns, one.header)
                else:
                    said = [read(one) for one in cell.iter(W + "p")]
                    lines += said
                    open_cells.pop(column, None)
                    if merge is not None:
                        open_cells[column] = (len(rows), len(found))
                    text = "\n".join(line.text for line in said if line.text)
                    found.append(CellFound(text, 1, span, marked))
                column += span
            rows.append(found)
        caption, cells = titled(grid(rows), "")
        if any(cell.text for cell in cells):
            if len(cells) == 1 and not caption:
                yield Found("paragraph", cells[0].text, (place,))
            else:
                yield Found("table", markdown(cells), (place,), "table", caption, cells=cells)
        for line in lines:
            yield from self._beside(line, place, part)

    def _framing(self, root: _Element) -> Iterator[Found]:
        """Headers and footers, each once."""
        seen: set[str] = set()
        for node in root.iter(W + "headerReference", W + "footerReference"):
            relation = self._relations.get(node.get(R + "id", ""))
            if relation is None or relation.external or relation.target in seen:
                continue
            seen.add(relation.target)
            part = self._package.xml(relation.target)
            tag = "w:hdr" if relation.kind == "header" else "w:ftr"
            role: Role = "header" if relation.kind == "header" else "footer"
            for block, path in _numbered(part, f"/{tag}") if part is not None else ():
                if text := " ".join(read(block).text.split()):
                    yield Found(role, text, (MarkupPath(inside(relation.target, path)),))

    def _index_notes(self, kind: str, file: str) -> None:
        root = self._package.xml(self._beside_body(file))
        for node, path in _numbered(root, f"/w:{file}") if root is not None else ():
            if node.get(W + "type", "normal") == "normal":
                self._notes[kind, node.get(W + "id", "")] = (node, path)


def _numbered(holder: _Element, path: str) -> Iterator[tuple[_Element, str]]:
    """The children with their XPaths; elements of other namespaces are counted by `*`."""
    same: Counter[str] = Counter()
    for place, child in enumerate(holder, 1):
        if isinstance(child.tag, str) and child.tag.startswith(W):
            name = child.tag[len(W) :]
            same[name] += 1
            yield child, f"{path}/w:{name}[{same[name]}]"
        else:
            yield child, f"{path}/*[{place}]"


def _span(cell: _Element) -> int:
    found = cell.find(f"{W}tcPr/{W}gridSpan")
    value = found.get(W + "val", "1") if found is not None else "1"
    return min(max(1, int(value)), 1000) if value.isdigit() else 1
