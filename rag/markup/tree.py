"""The block tree of HtmlRAG: a page cut into blocks of a wanted size, each named by its path of tags.

Tan et al., "HtmlRAG: HTML is Better Than Plain Text for Modeling Retrieved Knowledge in RAG Systems",
WWW 2025, arXiv 2411.02959, section 3.2 and algorithm 1.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .soup import soup, tags

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

DEEPEST = 64
"""Names in a path, at most: what lies deeper is one block with what holds it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page: the element at `path`, or (not `leaf`) only the text that stands in it directly.

    `at` are the numbers, from 0, of the tags along the path among the tags beside them.
    """

    path: tuple[str, ...]
    leaf: bool
    text: str
    at: tuple[int, ...] = ()

    @property
    def tags(self) -> str:
        """The path as a model writes it: <html><body><div0>."""
        return "<" + "><".join(self.path) + ">"


@dataclass(frozen=True, slots=True)
class BlockTree:
    """The blocks, nearest to the root first, and the markup in which their paths lead to them."""

    blocks: tuple[Block, ...]
    html: str


def block_tree(
    markup: str,
    max_words: int = 512,
    *,
    bare_text: Literal["paper", "code"] = "code",
    first: Literal[0, 1] = 0,
    chinese: bool = False,
    roots: Literal["kept", "code"] = "kept",
) -> BlockTree:
    """Cut a page where an element has more than `max_words` words (characters, where `chinese`).

    The paper takes 256 words before its embedding step and 128 before the generative one. Elements
    of one name beside each other are numbered, from `first`: 0 in the released code, 1 in the paper
    and its prompts. Text that stands directly in an element that was cut is a block of its own if
    there is any (`bare_text="paper"`), or only if it alone passes `max_words` ("code"): shorter text
    is then in no block, and is never pruned.

    With `roots="code"` all is equal to `build_block_tree` of the package htmlrag 0.1.1: there, a short
    page with several roots is one block, and the markup that comes with it has lost it. "kept" returns
    the page whole inside a new <html>. Needs the extra `html`; raises TooMuch, ValueError as `soup`.
    """
    if max_words < 1:
        raise ValueError(f"max_words is at least 1, got {max_words}")
    page = soup(markup)
    if _words(page.get_text(), chinese) <= max_words:
        return _single(page, roots)
    return BlockTree(tuple(_cut(page, max_words, bare_text, first, chinese)), str(page))


def _cut(page: BeautifulSoup, max_words: int, bare_text: str, first: int, chinese: bool) -> list[Block]:
    blocks: list[Block] = []
    open_: deque[tuple[Tag, Block]] = deque([(page, Block((), False, ""))])
    while open_:
        tag, own = open_.popleft()
        inside = tags(tag.contents)
        alike = Counter(child.name for child in inside)
        numbers = Counter(dict.fromkeys(alike, first))
        bare = [str(child) for child in tag.contents if isinstance(child, str)]
        for at, child in enumerate(inside):
            name = child.name
            if alike[name] > 1:
                child.name = f"{name}{numbers[name]}"
                numbers[name] += 1
            text = child.get_text()
            block = Block((*own.path, child.name), True, text, (*own.at, at))
            if _words(text, chinese) > max_words and len(block.path) < DEEPEST:
                open_.append((child, block))
            else:
                blocks.append(block)
        words = sum(_words(text, chinese) for text in bare)
        if not inside:
            blocks.append(Block(own.path, True, tag.get_text(), own.at))
        elif words > max_words or (bare_text == "paper" and words and _shown(tag)):
            blocks.append(Block(own.path, False, _shown(tag), own.at))
    return blocks


def _single(page: BeautifulSoup, roots: str) -> BlockTree:
    """A short page: one block."""
    inside = tags(page.contents)
    if len(inside) == 1 and (roots == "code" or not _shown(page)):
        return BlockTree((Block((inside[0].name,), True, inside[0].get_text(), (0,)),), str(page))
    whole = page.new_tag("html")
    for child in inside if roots == "code" else page.contents[:]:
        whole.append(child)
    block = Block(("html",), True, whole.get_text(), (0,))
    if roots == "kept":
        page.append(whole)
    return BlockTree((block,), str(page))


def _shown(tag: Tag) -> str:
    """The text that stands directly in a tag, comments and declarations left out."""
    from .soup import kinds

    wanted = kinds(tag)
    pieces = [str(text) for text in tag.contents if isinstance(text, str) and type(text) in wanted]
    return " ".join("".join(pieces).split())


def _words(text: str, chinese: bool) -> int:
    return len(text) if chinese else len(text.split())
