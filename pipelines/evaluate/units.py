"""What is counted as found: a page, a block of markup, a second of a recording.

Each becomes a name, so that one set of measures serves all: what a question calls for is a set of
names, and a hit covers a list of them. The gold block or gold span of a question is one name; a hit
that holds it covers that name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor

from rag.document import CellRange, CharSpan, Chunk, MarkupPath, PageRegion, Place, TimeSpan
from rag.words import normalised

from .blocks import GoldBlock
from .documents import Target
from .questions import Question

DIGITS = 16
"""Of a document's digest, in a name."""
_FIRST = re.compile(r"\[1\](?=/|$)")
_RULE = re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+[ \t]*:?-*:?[ \t]*\|?[ \t]*$", re.MULTILINE)


def unit_kind(question: Question) -> str:
    """`page`, `block` or `second`: what the question's gold is counted in; "" where it names no place."""
    if question.path or question.block_text:
        return "block"
    return "second" if question.span else "page" if question.pages else ""


def gold_units(question: Question, target: Target) -> tuple[str, ...]:
    """The names of what a question calls for; pages that cannot exist are left out."""
    match unit_kind(question):
        case "page":
            return tuple(_page(target.digest, page) for page in question.pages if page >= 1)
        case "block":
            return (_named(target.digest, "gold-block"),)
        case "second":
            return (_named(target.digest, "gold-span"),)
    return ()


def hit_units(
    chunk: Chunk, question: Question, target: Target | None, block: GoldBlock | None = None
) -> tuple[str, ...]:
    """The names of what a chunk covers: each of its pages, else the one block or span that it is.

    A chunk with the gold block or span in it covers that, and nothing else. `block` is what the question's
    `path` selects; without it paths are compared as texts.
    """
    digest, places = chunk.origin.source.digest, chunk.origin.places
    if target is not None and digest == target.digest and (gold := _gold(chunk, question, block)):
        return (_named(digest, gold),)
    pages = [_page(digest, place.page) for place in places if isinstance(place, PageRegion)]
    return tuple(dict.fromkeys(pages)) or (_named(digest, _place_name(places[0])),)


def _gold(chunk: Chunk, question: Question, block: GoldBlock | None) -> str:
    """`gold-block` or `gold-span` if the chunk has it, else ""."""
    if question.block_text and holds(chunk, question.block_text):
        return "gold-block"
    for place in chunk.origin.places:
        if isinstance(place, MarkupPath) and question.path:
            if block.meets(place.path) if block else same_branch(place.path, question.path):
                return "gold-block"
            continue
        if isinstance(place, TimeSpan) and question.span and share_second((place.start, place.end), question.span):
            return "gold-span"
    return ""


def _place_name(place: Place) -> str:
    match place:
        case PageRegion(page):
            return f"p{page}"
        case CellRange(sheet, cells):
            return f"s{sheet}!{cells}"
        case MarkupPath(path):
            return f"x{_plain(path)}"
        case TimeSpan(start, end):
            return f"t{start:g}-{end:g}"
        case CharSpan(start, end):
            return f"c{start}-{end}"


def ranked_units(hits: Sequence[Sequence[str]]) -> list[str]:
    """The names that a list of hits covers, in order of first hit."""
    return list(dict.fromkeys(name for units in hits for name in units))


def holds(chunk: Chunk, block_text: str) -> bool:
    """Whether a chunk's text has that of a block, white space and the bars of a table left out."""
    wanted = _packed(block_text)
    return bool(wanted) and (wanted in _packed(chunk.text) or wanted in _packed(_unbarred(chunk.text)))


def _packed(text: str) -> str:
    return "".join(normalised(text).split())


def _unbarred(text: str) -> str:
    """A Markdown table without what draws it."""
    return _RULE.sub("", text).replace("\\|", "\0").replace("|", " ").replace("\0", "|")


def same_branch(path: str, other: str) -> bool:
    """Whether one XPath is the other, or leads to something in it."""
    short, long = sorted((_plain(path).split("/"), _plain(other).split("/")), key=len)
    return long[: len(short)] == short


def _plain(path: str) -> str:
    """`/html[1]/body/p[2]` as `/html/body/p[2]`: the first of its kind is what no number means too."""
    return _FIRST.sub("", path.strip().rstrip("/"))


def share_second(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two spans touch a second in common; second n runs from n to n + 1, and a moment is one."""
    (a, b), (c, d) = (_seconds(span) for span in (one, other))
    return a <= d and c <= b


def _seconds(span: tuple[float, float]) -> tuple[int, int]:
    first = floor(span[0])
    return first, max(first, ceil(span[1]) - 1)


def _page(digest: str, page: int) -> str:
    return _named(digest, f"p{page}")


def _named(digest: str, place: str) -> str:
    return f"{digest[:DIGITS]}/{place}"
