"""Sizes of texts, and cutting a text that is too long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil

from rag.protocols import TokenCounter
from rag.sentences import sentences

Span = tuple[int, int]
_CHARACTERS = 16
"""A token is counted for every so many characters at least: a tokenizer may call a megabyte without
a space one unknown token."""
_LINE = re.compile(r"[^\n]*\n?")
_SPACE = re.compile(r"\s+")


class Sizer:
    """Tokens of texts by a counter; counts are asked for in batches and never one by one."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._headings: dict[tuple[str, ...], int] = {(): 0}

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as the counter gives them."""
        return self._counter.count(texts) if texts else []

    def costs(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, never less than its length warrants."""
        counts = self.tokens(texts)
        return [max(count, ceil(len(text) / _CHARACTERS)) for text, count in zip(texts, counts, strict=True)]

    def headings(self, path: tuple[str, ...]) -> int:
        """Tokens of the titles above a section."""
        if path not in self._headings:
            if len(self._headings) > 256:
                self._headings = {(): 0}
            self._headings[path] = self.costs([" > ".join(path)])[0]
        return self._headings[path]

    def pieces(self, text: str, limit: int, target: int, *, lines: bool = False, overlap: int = 0) -> list[Span]:
        """Spans of about equal size, none above `limit`, cut at sentences (or lines), else at spaces.

        With `overlap`, a piece starts with the last sentences of the one before, up to so many tokens.
        """
        units = _lines(text) if lines else sentences(text)
        units, costs = self._small(text, units, limit)
        total = sum(costs)
        if not units:
            return []
        goal = min(limit, 1.1 * total / ceil(total / max(target, 1)))
        spans: list[Span] = []
        first, size = 0, 0
        for at, cost in enumerate(costs):
            if at > first and size + cost > goal:
                spans.append((units[first][0], units[at - 1][1]))
                first, size = _step_back(costs, first, at, min(overlap, limit - cost))
            size += cost
        spans.append((units[first][0], units[-1][1]))
        return spans

    def _small(self, text: str, units: list[Span], limit: int) -> tuple[list[Span], list[int]]:
        """Units none of which is above the limit; those that are get halved until they fit."""
        costs = self.costs([text[start:end] for start, end in units])
        while any(cost > limit and end - start > 1 for (start, end), cost in zip(units, costs, strict=True)):
            halved: list[Span] = []
            known: list[int] = []
            for (start, end), cost in zip(units, costs, strict=True):
                if cost <= limit or end - start < 2:
                    halved.append((start, end))
                    known.append(cost)
                else:
                    middle = _middle(text, start, end)
                    halved += [(start, middle), (middle, end)]
                    known += [-1, -1]
            fresh = iter(self.costs([text[s:e] for (s, e), cost in zip(halved, known, strict=True) if cost < 0]))
            units, costs = halved, [cost if cost >= 0 else next(fresh) for cost in known]
        return units, costs


def _step_back(costs: Sequence[int], first: int, at: int, overlap: int) -> tuple[int, int]:
    """Where the next piece starts so that it repeats at most `overlap` tokens, and their sum."""
    start, size = at, 0
    while start - 1 > first and size + costs[start - 1] <= overlap:
        start -= 1
        size += costs[start]
    return start, size


def _lines(text: str) -> list[Span]:
    return [match.span() for match in _LINE.finditer(text) if match[0].strip()]


def _middle(text: str, start: int, end: int) -> int:
    """The space nearest the middle of a span; the middle itself where there is none near."""
    middle = (start + end) // 2
    reach = min(max((end - start) // 4, 1), 400)
    spaces = [match.end() for match in _SPACE.finditer(text, middle - reach, middle + reach)]
    inside = [space for space in spaces if start < space < end]
    return min(inside, key=lambda space: abs(space - middle), default=middle)
