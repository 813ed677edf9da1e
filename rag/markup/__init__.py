"""Web pages as markup: parsing what is stored, cleaning, blocks, pruning to a budget.

`page` reads stored pages by lxml, whose paths are the places of evidence. `clean`, `tree` and
`prune` follow HtmlRAG (Tan et al., arXiv 2411.02959) and give markup for a model to read.
"""

from .clean import clean
from .page import (
    BLOCKS,
    HEADINGS,
    MAX_ATTRIBUTES,
    MAX_TAGS,
    Markup,
    TooMuch,
    check_path,
    declared_charset,
    named,
    nodes,
    parse,
    select,
)
from .prune import Kept, prune
from .tree import Block, BlockTree, block_tree

__all__ = [
    "BLOCKS",
    "HEADINGS",
    "MAX_ATTRIBUTES",
    "MAX_TAGS",
    "Block",
    "BlockTree",
    "Kept",
    "Markup",
    "TooMuch",
    "block_tree",
    "check_path",
    "clean",
    "declared_charset",
    "named",
    "nodes",
    "parse",
    "prune",
    "select",
]
