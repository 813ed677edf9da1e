"""Text layers that do not say what the page shows: characters without meaning, or other letters.

A font without a (true) table from its glyphs to Unicode gives control characters, private ones, or
letters that are shifted. Told by two shares: of characters that no reader sees as such, and of
pairs of letters that are common in European languages; a page of text has 0.8 of these, letters
drawn at random 0.2.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections import Counter

from rag.words import words

from .text import PageText

MEANINGLESS = 0.2
"""Share of replacement, private and unassigned characters from which on a text layer is damaged."""
COMMON = 0.45
"""Share of common pairs of letters below which it is."""
FEWEST = 120
"""Pairs of letters, and a third of it characters, that must be there to tell."""
AGREED = 0.5
"""Share of the words read from the pixels that a text layer has too, from which on it is believed."""
_PAIRS = frozenset(
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic "
    "ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un "
    "lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev "
    "ld ry mp fe bl ab ei au sc qu ue eu da do ap op".split()
)
_LATIN = re.compile(r"[a-z]{3,}")
_MEANINGLESS = ("Cc", "Co", "Cn", "Cs")


def damaged(text: PageText) -> bool:
    """Is the text layer of a page, as far as it can be told without looking at its pixels?"""
    if text.recognised:
        return False
    said = " ".join(line.text for line in text.lines if not line.hidden)
    if not said.isascii():
        letters = Counter(said.replace(" ", ""))
        without = sum(
            times for char, times in letters.items() if char == "\ufffd" or unicodedata.category(char) in _MEANINGLESS
        )
        if letters.total() * 3 >= FEWEST and without > MEANINGLESS * letters.total():
            return True
    return _uncommon(said, FEWEST)


def is_language(text: str) -> bool:
    """Are the pairs of letters of a short text those of a European language?"""
    return not _uncommon(text, 1)


def _uncommon(text: str, fewest: int) -> bool:
    total = common = 0
    for word, times in Counter(_LATIN.findall(text.lower())).items():
        times = min(times, 3)  # a name that stands everywhere on a page says little
        total += times * (len(word) - 1)
        common += times * sum(map(_PAIRS.__contains__, map(operator.add, word, word[1:])))
    return total >= fewest and common < COMMON * total


def agrees(text: PageText, read: PageText) -> bool:
    """Has a text layer the words that were read from the page's pixels?"""
    layer, seen = (Counter(words(" ".join(line.text for line in one.lines))) for one in (text, read))
    return seen.total() < 5 or (layer & seen).total() > AGREED * seen.total()
