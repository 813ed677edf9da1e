"""Cleaning a page without losing a word of it (HtmlRAG section 3.1, arXiv 2411.02959)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .soup import kinds, soup, tags

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

_BLANK = str.maketrans("", "", "\n\t ")


def clean(markup: str, *, keep_attr: bool = False, declarations: bool = False) -> str:
    """The page without scripts, styles, attributes, comments, empty tags and tags around one tag.

    Equal, character for character, to `clean_html` of the package htmlrag 0.1.1, in time linear in
    the page (there quadratic). `keep_attr` leaves attributes, but for the `href` of links, as there;
    `declarations` leaves `<?xml ...>` and `<!DOCTYPE ...>` where they stand. Needs the extra `html`.
    Raises TooMuch, ValueError as `soup` does.
    """
    page = soup(markup)
    simplify(page, keep_attr)
    text = _lines(str(page))
    return text if declarations else _stripped(text)


def simplify(page: BeautifulSoup, keep_attr: bool = False) -> None:
    """Steps 1 to 5 of the cleaning, on the tree itself."""
    from bs4 import Comment

    for tag in page(["script", "style"]):
        if not tag.decomposed:
            tag.decompose()
    for tag in page.find_all(True):
        if not keep_attr:
            tag.attrs = {}
        elif tag.name == "a":
            del tag["href"]
    _without_empty(page)
    for comment in page.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for tag in page.find_all(True):
        inside = tags(tag.contents)
        if len(inside) == 1 and _same_text(tag, inside[0]):
            tag.unwrap()


def _without_empty(page: BeautifulSoup) -> None:
    """Remove the tags whose text is white space, until there are none.

    Children come before their parents, so one pass is enough: what a tag holds is known, class of
    string by class of string, when its own turn comes.
    """
    from bs4.element import NavigableString

    holds: dict[int, set[type]] = {}
    everything = page.find_all(True)
    for tag in reversed(everything):  # document order backwards: children before parents
        found: set[type] = set()
        for child in tag.contents:
            if isinstance(child, NavigableString):
                if child.strip():
                    found.add(type(child))
            else:
                found |= holds.pop(id(child), set())
        if found & kinds(tag):
            holds[id(tag)] = found
        else:
            tag.extract()


def _same_text(tag: Tag, child: Tag) -> bool:
    """Is the text of a tag that of the only tag in it, white space left out?"""
    from bs4.element import NavigableString

    wanted = kinds(tag)
    if wanted != kinds(child):
        return tag.get_text().translate(_BLANK) == child.get_text().translate(_BLANK)
    own = (text for text in tag.contents if isinstance(text, NavigableString) and type(text) in wanted)
    return not any(text.translate(_BLANK) for text in own)


def _lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip())


def _stripped(text: str) -> str:
    """Without declarations. One after the other, as the package: each may uncover what the next takes."""
    for pattern in (r"<\?xml.*?>", r"<!DOCTYPE.*?>", r"<!doctype.*?>"):
        text = re.sub(pattern, "", text)
    return text
