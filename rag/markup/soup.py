"""Markup as HtmlRAG reads it: BeautifulSoup over Python's own HTML parser, which repairs nothing.

What lies between tags is kept as it is nested, so a path of names means the same to every reader of
the markup. Text is what `get_text` gives: what scripts, templates and ruby marks hold counts inside
them only.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rag.extras import extra

from .page import check_size

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import PageElement, Tag


def soup(markup: str) -> BeautifulSoup:
    """The tree of a page. TooMuch over the limits of `page.parse`, ValueError where nothing can read it."""
    with extra("html"):
        import bs4
    check_size(markup)
    with warnings.catch_warnings():
        # A text that looks like an address, or XML read as HTML, is what was asked for.
        warnings.simplefilter("ignore")
        try:
            return bs4.BeautifulSoup(markup, "html.parser")
        except bs4.ParserRejectedMarkup as error:
            raise ValueError(f"no HTML parser takes this markup: {error}") from error


def tags(items: Iterable[PageElement]) -> list[Tag]:
    """Those of some nodes that are tags."""
    from bs4.element import Tag

    return [one for one in items if isinstance(one, Tag)]


def kinds(tag: Tag) -> frozenset[type]:
    """The classes of string that count as the text of a tag."""
    wanted = tag.interesting_string_types
    if wanted is None:
        wanted = tag.MAIN_CONTENT_STRING_TYPES
    return frozenset([wanted] if isinstance(wanted, type) else wanted)
