"""Stored web pages: parsing the bytes, and finding a block of them again.

A page is parsed in one way only, here, so that a path made at ingest re-selects its block later.
Paths hold for one major version of libxml2: pages that break the rules of HTML may be repaired
differently by another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.charsets import decode

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TAGS = 2_000_000
"""A page of more tags than this is refused: the tree takes some 300 bytes a tag."""
MAX_ATTRIBUTES = 500
"""libxml2 takes time in the square of a tag's attributes (184 s for 200,000), so more are refused."""

HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
BLOCKS = HEADINGS | frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset header hgroup hr html legend li listing main menu nav noframes ol p plaintext "
    "pre search section summary table tbody td tfoot th thead tr ul xmp".split()
)
"""Elements that begin and end a line."""

_DECLARED = re.compile(
    rb"<meta\b[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w:.+-]{1,40})|<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w:.+-]{1,40})",
    re.I,
)
# Names, values and quotes as the HTML tokeniser takes them. Possessive: linear in the input.
_TAG = re.compile(
    r"<[A-Za-z][^\s/>]*+(?:[\s/]++|=?[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+)*+"
)
_ATTRIBUTE = re.compile(r"[\s/]++(=?[^\s/>=]++)(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+")
_PATH = re.compile(r"(?:/(?:[A-Za-z][\w-]*|\*|node\(\))(?:\[(?:\d+|position\(\)>=\d+ and position\(\)<=\d+)\])?)+")
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")
_CONTROLS = bytes([*range(9), 0x0B, *range(0x0E, 0x20), 0x7F])


class TooMuch(ValueError):
    """The page is over a limit."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A parsed page. `cut` says where and why reading stopped before its end, or is ""."""

    root: _Element
    encoding: str
    cut: str = ""
    data: bytes = b""
    """What was parsed, in UTF-8."""


def declared_charset(markup: bytes) -> str:
    """The charset that a page states in a meta tag or XML declaration, or ""."""
    found = _DECLARED.search(markup[:4096])
    return (found[1] or found[2]).decode("ascii") if found else ""


def parse(markup: bytes) -> Markup | None:
    """The tree of a page; None where there is nothing in it. Raises TooMuch over a limit."""
    from lxml import etree

    text, encoding = decode(markup, declared_charset(markup))
    data = text.encode("utf-8", errors="replace")
    if len(data.translate(None, _CONTROLS)) < len(data) or "\ufffe" in text or "\uffff" in text:
        text = _FORBIDDEN.sub("\ufffd", text)
        data = text.encode("utf-8", errors="replace")
    check_size(text)
    cut = ""
    # Old pages that never close <font> nest deeper than the 256 of the careful mode. The second
    # mode goes to 2,048 and to any length of text, which our own limits bound.
    for huge in (False, True):
        parser = etree.HTMLParser(encoding="utf-8", huge_tree=huge, no_network=True)
        try:
            root = etree.fromstring(data, parser)
        except etree.LxmlError:
            root = None
        stops = [error for error in parser.error_log if error.type_name == "ERR_RESOURCE_LIMIT"]
        cut = f"line {stops[0].line}: {stops[0].message}" if stops else ""
        if not cut:
            break
    return Markup(root, encoding, cut, data) if root is not None else None


def check_size(text: str) -> None:
    """TooMuch for a page of more tags, or more attributes in a tag, than can be read in good time."""
    if text.count("<") > MAX_TAGS:
        raise TooMuch(f"the page has more than {MAX_TAGS:,} tags; split it")
    for tag in _TAG.finditer(text):
        if tag.end() - tag.start() > 2 * MAX_ATTRIBUTES:
            names = sum(1 for _ in _ATTRIBUTE.finditer(tag[0]))
            if names > MAX_ATTRIBUTES:
                raise TooMuch(f"a tag has more than {MAX_ATTRIBUTES} attributes: {tag[0][:40]!r}")


def select(markup: bytes, path: str) -> str:
    """The text of the block that `path` names in a stored page, "" where there is none.

    White space is as in the page, blocks stand on lines of their own. ValueError for a path that is
    not of the form that the HTML loader makes.
    """
    found = nodes(markup, path)
    return "".join(node if isinstance(node, str) else "".join(_texts(node)) for node in found)


def _texts(top: _Element) -> Iterator[str]:
    from lxml import etree

    for event, node in etree.iterwalk(top, events=("start", "end", "comment", "pi")):
        if event in ("start", "end") and (node.tag in BLOCKS or (node.tag == "br" and event == "end")):
            yield "\n"
        if event == "start":
            yield node.text or ""
        elif node is not top:
            yield node.tail or ""


def nodes(markup: bytes, path: str) -> list[_Element | str]:
    """The elements and texts that `path` names, in document order."""
    check_path(path)
    page = parse(markup)
    return [] if page is None else named(page, path)


def named(page: Markup, path: str) -> list[_Element | str]:
    """`nodes` of a page that is parsed already."""
    check_path(path)
    from lxml.etree import iselement

    found = page.root.getroottree().xpath(path)
    if not isinstance(found, list):
        return []
    return [node for node in found if isinstance(node, str) or (iselement(node) and isinstance(node.tag, str))]


def check_path(path: str) -> None:
    """ValueError for a path that is not of the form that the HTML loader makes."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path into a page: {path[:80]!r}; one looks like /html/body/div[2]/p[1]")
