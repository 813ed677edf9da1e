"""Sentences of a text, as spans of characters.

Rules rather than a model: they need no data and split any Unicode text in linear time. English
abbreviations are known by name; other languages get the rules of punctuation alone.
"""

from __future__ import annotations

import re

_CLOSERS = "\"'”’»)\\]}）」』】"
_END = re.compile(rf"(?:(?<![.!?…])[.!?…]+[{_CLOSERS}]*(?=\s|$))|(?:[。！？｡]+[{_CLOSERS}]*)|\n+")
_MARKER = re.compile(r"[ \t]*(?:[-*+•‣◦▪–—]|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)])[ \t]+|[ \t]*\|")
_NEXT = re.compile(r"\s{0,8}[\"'“‘«(\[]{0,4}(\S{0,24})")
_LAST_WORD = re.compile(r"[\w.&'’-]{1,24}$")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")
_NEVER = frozenset(
    # What follows one of these belongs to it.
    """mr mrs ms dr prof st rev gen sen rep gov capt lt col sgt hon fig figs eq eqs eqn ref refs sec secs sect
    ch chap tab vol vols no nos pp par art app e.g i.e eg ie cf viz vs approx ca al ed eds est resp dept univ
    jan feb mar apr jun jul aug sep sept oct nov dec mt ft""".split()
)
_MAYBE = frozenset("inc ltd co corp jr sr etc a.m p.m u.s u.k u.n e.u d.c ph.d m.d b.c a.d bros llc".split())
_STARTERS = frozenset(
    """the this that these those it its he she they we i you there here in on at for if when while as but and
    however what who where why how our their his her a an to by from with some many most all no""".split()
)
_WRAPPED = 40
"""A line at least this long that stops in mid-sentence was wrapped, not ended."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences in order.

    They do not overlap, have no white space at either end, and hold every other character.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match.start() < start or not _ends(text, start, match):
            continue
        _keep(text, start, match.end(), spans)
        start = match.end()
    _keep(text, start, len(text), spans)
    return spans


def _keep(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    bare = piece.strip()
    if bare:
        first = start + len(piece) - len(piece.lstrip())
        spans.append((first, first + len(bare)))


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match[0]
    if mark[0] == "\n":
        return _line_ends(text, start, match.start(), match.end())
    if text[start : start + 8].lstrip().startswith("|"):
        return False  # a table row ends with its line
    if mark[0] in "。！？｡":
        return True
    after = _next_word(text, match.end())
    if not after:
        return True
    if after[0].islower() or after[0] in ",;:" or (after[0] == "." and not after[1:2].isalpha()):  # ". . ." is no end
        return False
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    return not _abbreviated(text, start, match.start(), after)


def _next_word(text: str, at: int) -> str:
    """The word after `at`, without what opens it; empty at the end."""
    found = _NEXT.match(text, at)
    return found[1] if found else ""


def _abbreviated(text: str, start: int, dot: int, after: str) -> bool:
    """Whether the full stop at `dot` belongs to an abbreviation, an initial or a list number."""
    found = _LAST_WORD.search(text, max(start, dot - 24), dot)
    if not found:
        return False
    word = found[0].lstrip(".'’-").casefold()
    # Only a few characters back: a look-back to `start` would make a text without ends quadratic.
    before = text[max(start, found.start() - 8) : found.start()].rpartition("\n")[2]
    if not before.strip() and ((word.isdigit() and len(word) <= 3) or re.fullmatch(r"(?:\d+\.)+\d+", word)):
        return True
    if word in _NEVER:
        # "No. The answer ..." is a sentence of one word, "No. 5" is not.
        return word not in ("no", "art", "may", "mar", "par", "app") or after[0].isdigit()
    if word in _MAYBE:
        return after.casefold().strip(".,") not in _STARTERS
    return bool(_INITIALS.fullmatch(word)) and word != "i" and after.casefold() not in _STARTERS


def _line_ends(text: str, start: int, line_end: int, after: int) -> bool:
    """Whether a line break ends a sentence: a blank line, a list item, a row, a short line."""
    if after - line_end > 1 or _MARKER.match(text, after):
        return True
    line = text[max(start, line_end - 2 * _WRAPPED) : line_end].rpartition("\n")[2].strip()
    following = text[after : after + 200].split("\n", 1)[0]
    if not following.strip() or line.startswith("|"):
        return True
    if len(following) - len(following.lstrip()) >= 4:
        return True
    return len(line) < _WRAPPED and not following.lstrip()[0].islower() and not line.endswith(",")
