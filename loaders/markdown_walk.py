"""Walking the blocks of a Markdown text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.document import CharSpan, Coloured, Notice, Role
from rag.markup import TooMuch, parse

from .html.images import ImageRules, figure
from .html.painted import Look, parted
from .html.text import BREAK, CLOSE, OPEN, Line, read
from .html.tree import Tree
from .parts import Found
from .pictures import Pictures
from .tables import CellFound, grid, markdown

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_NESTING = 60
"""Levels of quotes and lists; the parser recurses, and leaves out what is deeper."""
MAX_LINE = 20_000
MAX_BRACKETS = 500
"""The parser takes time in the square of a paragraph's brackets and marks. Longer paragraphs, and
those of more brackets, are read as they are."""
_LINE = re.compile(r"\r\n?|\n")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)")
_BREAKS = ("softbreak", "hardbreak")


def tokens(text: str) -> list[Token]:
    """The blocks of a text, flat, with the lines they come from."""
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    # Blocks first, then each line of text for itself, so that one without end can be left as it is.
    parser.core.ruler.disable("inline")
    env: dict[str, object] = {}
    found = parser.parse(text, env)
    for token in found:
        if token.type == "inline":
            children: list[Token] = []
            if len(token.content) > MAX_LINE or token.content.count("[") > MAX_BRACKETS:
                children.append(Token("text", "", 0, content=token.content))
            else:
                parser.inline.parse(token.content, parser, env, children)
            token.children = children
    return found


class Walk:
    """Yields what a text shows, in order. `text` is the text that the tokens' lines number."""

    def __init__(self, text: str, blocks: Sequence[Token], pictures: Pictures, min_side: int) -> None:
        self._text = text
        self._blocks = blocks
        self._pictures = pictures
        self._min_side = min_side
        self._starts = [0, *(found.end() for found in _LINE.finditer(text)), len(text)]
        self._markers: list[str] = []  # of the open list items; taken by their first text
        self._depth = 0

    def found(self) -> Iterator[Found | Notice]:
        at = 0
        while at < len(self._blocks):
            token = self._blocks[at]
            if token.type == "table_open":
                end = next(to for to in range(at, len(self._blocks)) if self._blocks[to].type == "table_close")
                yield from self._table(self._blocks[at:end], self._span(token))
                at = end
            else:
                yield from self._block(token, self._blocks[at - 1] if at else token)
            at += 1
            yield from self._pictures.told()

    def _block(self, token: Token, before: Token) -> Iterator[Found]:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            self._depth += 1
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._depth -= 1
        elif kind == "list_item_open":
            mark = f"{token.info}. " if token.info else "- "
            self._markers.append("  " * (min(self._depth, 8) - 1) + mark)
        elif kind == "list_item_close":
            self._markers.pop()
        elif kind in ("fence", "code_block"):
            if text := token.content.rstrip("\n"):
                yield Found("code", text, (self._span(token),))
        elif kind == "html_block":
            yield from self._html(token)
        elif kind == "inline":
            yield from self._inline(token, before)

    def _inline(self, token: Token, before: Token) -> Iterator[Found]:
        span = self._span(token)
        text = _text(token)
        coloured = _painted(token, text)
        if before.type == "heading_open":
            if title := " ".join(text.split()):
                coloured = coloured if len(title) == len(text) else ()
                yield Found("heading", title, (span,), level=int(before.tag[1]), coloured=coloured)
        elif text.strip():
            role: Role = "list" if self._markers else "paragraph"
            marker = self._markers[-1] if self._markers else ""
            if self._markers:
                self._markers[-1] = ""
            by = len(marker)
            coloured = tuple(replace(run, start=run.start + by, end=run.end + by) for run in coloured)
            yield Found(role, marker + text, (span,), coloured=coloured)
        yield from self._images(token, span)

    def _images(self, token: Token, span: CharSpan) -> Iterator[Found]:
        cursor = span.start
        for child in token.children or ():
            if child.type == "html_inline" and re.match(r"<img\b", child.content, re.I):
                yield from self._markup(child.content, span, words=False)
            if child.type != "image":
                continue
            reference = str(child.attrGet("src") or "")
            picture = self._pictures.find(reference)
            if picture is not None and min(picture.width, picture.height) < self._min_side:
                continue
            said = " ".join((child.content or str(child.attrGet("title") or "")).split())
            if picture is None and len(said.split()) < 2:
                continue
            place = self._reference(cursor, span)
            cursor = place.end if place != span else cursor
            media = picture.media if picture else None
            yield Found("figure", said, (place,), "image", media=media)

    def _reference(self, cursor: int, span: CharSpan) -> CharSpan:
        """The characters of the next ![...](...) in a block; the block where there is none."""
        found = re.compile(r"!\[[^\]]*\](?:\([^)\s]*[^)]*\)|\[[^\]]*\])?").search(self._text, cursor, span.end)
        return CharSpan(found.start(), found.end()) if found else span

    def _table(self, inside: Sequence[Token], span: CharSpan) -> Iterator[Found]:
        rows: list[list[CellFound]] = []
        pictures: list[Found] = []
        for at, token in enumerate(inside):
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(CellFound(_text(token), header=inside[at - 1].type == "th_open"))
                pictures += self._images(token, span)
        cells = grid(rows)
        if any(cell.text for cell in cells):
            yield Found("table", markdown(cells), (span,), "table", cells=cells)
        yield from pictures

    def _html(self, token: Token) -> Iterator[Found]:
        yield from self._markup(token.content, self._span(token), words=True)

    def _markup(self, content: str, span: CharSpan, words: bool) -> Iterator[Found]:
        """Markup inside the text: its words as one paragraph, and its pictures."""
        try:
            page = parse(content.encode())
        except TooMuch:
            return
        if page is None:
            return
        line = read([page.root], Tree(page.root))
        text, links = line.linked()
        if words and text:
            _, coloured = parted(text, links)
            coloured = tuple(replace(run, places=()) for run in coloured)
            yield Found("paragraph", text, (span,), coloured=coloured)
        for image in line.images:
            shown = figure(image, self._pictures, ImageRules(self._min_side))
            if shown is not None:
                yield Found(
                    "figure", shown.text, (span,), "image", media=shown.media, width=shown.width, height=shown.height
                )

    def _span(self, token: Token) -> CharSpan:
        """The characters of a block's lines, white space around left out."""
        first, last = token.map or (0, len(self._starts) - 1)
        start = self._starts[min(first, len(self._starts) - 1)]
        end = self._starts[min(last, len(self._starts) - 1)]
        raw = self._text[start:end]
        kept = raw.strip()
        start += raw.index(kept) if kept else 0
        return CharSpan(start, start + len(kept))


def _painted(token: Token, text: str) -> tuple[Coloured, ...]:
    """What stands out in a line by markup inside it, and by the marks for what is struck out."""
    children = token.children or ()
    if not any(
        child.type == "s_open" or (child.type == "html_inline" and child.content[1] != "/") for child in children
    ):
        return ()
    line = Line()
    open_: list[str] = []
    for child in children:
        tag = _TAG.match(child.content) if child.type == "html_inline" else None
        if child.type == "s_open" or (tag and not tag[1]):
            markup = child.content if tag else "<s>"
            if look := _look(markup + "x"):
                open_.append(tag[2].lower() if tag else "s")
                line.targets.append((look, ""))
                line.pieces.append(OPEN)
        elif (closed := "s" if child.type == "s_close" else tag[2].lower() if tag else "") in open_[-1:] and closed:
            open_.pop()
            line.pieces.append(CLOSE)
        elif child.type in _BREAKS:
            line.pieces.append(BREAK if child.type == "hardbreak" else " ")
        elif child.type not in ("image", "html_inline"):
            line.pieces.append(child.content)
    line.pieces += [CLOSE] * len(open_)
    said, links = line.linked()
    return parted(said, links)[1] if said == text else ()


@lru_cache(maxsize=1024)
def _look(markup: str) -> Look | None:
    """How the text of a tag looks; None for the usual."""
    try:
        page = parse(markup.encode())
    except TooMuch:
        return None
    own = Tree(page.root).looks.own.values() if page else ()
    return next((look for look in own if look), None)


def _text(token: Token) -> str:
    """The words of a line: marks of emphasis and links left out, breaks of lines as spaces."""
    pieces: list[str] = []
    for child in token.children or ():
        if child.type in _BREAKS:
            pieces.append("\n" if child.type == "hardbreak" else " ")
        elif child.type == "html_inline":
            pieces.append("\n" if re.match(r"<br\b", child.content, re.I) else "")
        elif child.type != "image":
            pieces.append(child.content)
    return "\n".join(" ".join(line.split()) for line in "".join(pieces).split("\n")).strip()
