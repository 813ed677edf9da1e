"""Pruning a page to a budget of tokens: the worst blocks go first (HtmlRAG, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clean import clean
from .soup import soup, tags
from .tree import Block, BlockTree

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

Count = Callable[[str], int]
"""Tokens of a text, as the model that will read it counts them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Cleaned markup within the budget, and the numbers of the blocks that are in it, best first.

    `cut` says that the best block alone was too long, and `html` is its beginning.
    """

    html: str
    blocks: tuple[int, ...]
    cut: bool = False


def prune(tree: BlockTree, ranking: Sequence[int], budget: int, count: Count, *, keep_attr: bool = False) -> Kept:
    """Drop the blocks that are ranked last until the page has at most `budget` tokens.

    `ranking` are the numbers of all blocks, best first. First the blocks' own tokens are summed; then,
    since tags around blocks cost tokens too, the cleaned page is counted. The best block always stays:
    where it is too long, its markup is cut at the budget.

    A larger budget keeps all that a smaller one keeps. This fails in the package htmlrag from 0.0.4
    on, which keeps the worst blocks once there are too many; here it is as in 0.0.3. Departure from
    both: a block that cleaning has unwrapped can still be dropped. Text in no block (see
    `block_tree`, `bare_text`) is never dropped.
    """
    if sorted(ranking) != list(range(len(tree.blocks))):
        raise ValueError(f"ranking must name each of {len(tree.blocks)} blocks once, got {list(ranking)[:20]}")
    if budget < 1:
        raise ValueError(f"budget is a number of tokens, at least 1, got {budget}")
    page = soup(tree.html)
    found = [_find(page, tree.blocks[number]) for number in ranking]
    costs = [0 if tag is None else count(str(tag)) for tag in found]
    kept, total = len(ranking), sum(costs)
    while total > budget and kept > 1:
        kept -= 1
        total -= costs[kept]
        _drop(found[kept], tree.blocks[ranking[kept]])
    html = clean(str(page), keep_attr=keep_attr, declarations=True)
    while kept > 1 and count(html) > budget:
        kept -= 1
        _drop(found[kept], tree.blocks[ranking[kept]])
        html = clean(str(page), keep_attr=keep_attr, declarations=True)
    short = beginning(html, budget, count)
    return Kept(short, tuple(ranking[:kept]), len(short) < len(html))


def beginning(text: str, budget: int, count: Count) -> str:
    """The longest beginning of a text that bisection finds to have at most `budget` tokens."""
    if count(text) <= budget:
        return text
    low, high = 0, len(text)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if count(text[:middle]) <= budget else (low, middle)
    return text[:low].rstrip()


def _find(page: BeautifulSoup, block: Block) -> Tag | None:
    """The tag of a block in the tree of its page."""
    tag: Tag = page
    for name, at in zip(block.path, block.at, strict=True):
        inside = tags(tag.contents)
        if at >= len(inside) or inside[at].name != name:
            return None
        tag = inside[at]
    return tag


def _drop(tag: Tag | None, block: Block) -> None:
    """Remove a block: the element, or only the text that stands in it directly."""
    if tag is None:
        return
    if block.leaf:
        tag.extract()
        return
    for child in tag.contents[:]:
        if isinstance(child, str):
            child.extract()
