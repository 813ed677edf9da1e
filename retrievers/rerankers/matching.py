"""Where the words of a question stand in a text: one scan for its stems, instead of cutting the text into words."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rag.overlap import stem
from rag.sentences import sentences
from rag.words import words

Spot = tuple[int, int, tuple[str, ...]]
"""Start and end in the text, and the stems of the question that stand there."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_GAP = 4
"""Characters between two neighbouring words, at most."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds stems: a word counts where `rag.overlap.stem` makes one of them of it."""

    stems: frozenset[str]
    pattern: re.Pattern[str] | None
    known: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    above: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)
    """What stands in titles and headings, which many hits share."""

    def spots(self, lowered: str) -> list[Spot]:
        """In order; `lowered` is a text as `prepared` gives it."""
        if self.pattern is None:
            return []
        found: list[Spot] = []
        for match in self.pattern.finditer(lowered):
            start, word = match.start(), match[0]
            if start and lowered[start - 1].isalnum() and word[0].isascii():
                continue
            if word not in self.known:
                self.known[word] = self._stems(word)
            if (here := self.known[word]) and not (word[0].isdigit() and _part_of_number(lowered, start, match.end())):
                found.append((start, match.end(), here))
        return found

    def within(self, text: str) -> frozenset[str]:
        """The stems that a short text holds; it is remembered."""
        if text not in self.above:
            self.above[text] = frozenset(one for *_, here in self.spots(prepared(text)[1]) for one in here)
        return self.above[text]

    def _stems(self, word: str) -> tuple[str, ...]:
        cut = {stem(word)} if word.isalpha() else {word, *map(stem, words(word))}
        return tuple(sorted(cut & self.stems))


def finder(stems: Sequence[str]) -> Finder:
    """For the stems of a question."""
    if not stems:
        return Finder(frozenset(), None)
    parts = [_alternative(one) for one in sorted(stems, key=lambda one: (-len(one), one))]
    # Ends are taken to the end of the word; beginnings are looked at afterwards, so that the scan can jump.
    return Finder(frozenset(stems), re.compile("(?:" + "|".join(parts) + ")"))


def _alternative(one: str) -> str:
    if one.isascii() and one.isalpha():
        return one + "[^\\W_]*"
    if one.isdigit() and len(one) > 3:  # 1234 is written 1,234 too
        groups = [one[max(0, at - 3) : at] for at in range(len(one), 0, -3)]
        return ",?".join(reversed(groups))
    return re.escape(one)


def _part_of_number(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 2) : start]
    return (
        text[end : end + 1].isalnum()
        or (text[end : end + 1] in (".", ",") and text[end + 1 : end + 2].isdigit())
        or (before[-1:] in (".", ",") and before[:1].isdigit() and len(before) == 2)
    )


def prepared(text: str) -> tuple[str, str]:
    """A text without accents and compatibility forms, and the same in small letters: one letter for each."""
    if text.isascii():
        return text, text.lower()
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    lowered = plain.lower()
    return (plain, lowered) if len(lowered) == len(plain) else (lowered, lowered)


def best_sentence(text: str, spots: Sequence[Spot], weights: Mapping[str, float]) -> frozenset[str]:
    """The stems that stand in the sentence of `text` that has the most of `weights`."""
    whole = frozenset(one for *_, here in spots for one in here)
    if len(whole) < 2:
        return whole
    starts = [start for start, _ in sentences(text)]
    found: dict[int, set[str]] = {}
    for start, _, here in spots:
        found.setdefault(bisect_right(starts, start), set()).update(here)
    return _best(found.values(), weights)


def best_row(lowered: str, spots: Sequence[Spot], weights: Mapping[str, float]) -> frozenset[str]:
    """The same of the rows of a table; what stands in its header and around it counts for each."""
    starts, about_lines, at, headed = [], set(), 0, False
    for line in lowered.splitlines(keepends=True):
        starts.append(at)
        row = line.startswith("|")
        if not row or not headed:
            about_lines.add(len(starts))
        headed = headed or row
        at += len(line)
    about: set[str] = set()
    found: dict[int, set[str]] = {}
    for start, _, here in spots:
        number = bisect_right(starts, start)
        (about if number in about_lines else found.setdefault(number, set())).update(here)
    return _best([about | row for row in found.values()] or [about], weights)


def _best(every: Iterable[set[str]], weights: Mapping[str, float]) -> frozenset[str]:
    chosen = max(every, key=lambda here: (sum(weights[one] for one in sorted(here)), sorted(here)))
    return frozenset(chosen)


def neighbours(lowered: str, spots: Sequence[Spot]) -> set[tuple[str, str]]:
    """Pairs of stems whose words follow each other."""
    return {
        (a, b)
        for (_, end, left), (start, _, right) in pairwise(spots)
        if start - end <= _GAP and not any(map(str.isalnum, lowered[end:start]))
        for a in left
        for b in right
    }
