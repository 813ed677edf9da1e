"""Citation markers in a model's reply: made uniform as it streams, and read off the finished text.

Models write `[1]`, `[1, 2]`, `[1][2]`, `[1-3]`, `【1】`, `【1†source】`, before or after the full stop. The
text that Argus gives has `[1][2]` after it. Code, between backticks, is left as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.sentences import sentences

from .prompts.escaped import unescaped

_NAME = r"(?:(?:evidence|source|document|doc)s?[ \t]*#?[ \t]*)?"
_OPEN, _INNER, _CLOSE = r"[\[【]", r"[^\[\]【】\n]", r"[\]】]"
_MARK = (
    rf"{_OPEN}(?={_INNER}{{1,80}}{_CLOSE})[ \t]*{_NAME}\^?\d{{1,4}}"
    rf"(?:[ \t]*(?:[,;–-]|and)[ \t]*{_NAME}\^?\d{{1,4}})*[ \t]*(?:†[^\[\]【】`\n]*)?{_CLOSE}"
)
_GAP = r"[ \t]{0,8}"
_CODE = r"`[^`\n]{1,400}`"
_TOKEN = re.compile(
    rf"(?P<fence>```)|(?P<code>{_CODE})"
    rf"|(?P<gap>{_GAP})(?P<marks>{_MARK}(?:{_GAP}{_MARK}){{0,30}})"
    rf"(?:{_GAP}(?P<end>[.!?。！？…]{{1,3}}[\"'”’»)*_]{{0,3}}))?",
    re.IGNORECASE,
)
_GOES_ON = re.compile(rf"{_GAP}(?:{_OPEN}{_INNER}{{0,80}})?")
_BEGUN = re.compile(rf"``$|{_GAP}{_OPEN}{_INNER}{{0,80}}$|[ \t]{{1,8}}$|［[^\[\]［］\n]{{0,60}}$")
_OPENED = re.compile(r"`[^`\n]{0,400}$")
_ONE = re.compile(_MARK, re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*[–-]\s*\^?(\d+)|(\d+)")
_LEAD = re.compile(r"[ \t>#*•+-]*(?:\d{1,3}[.)][ \t]*)?")
WIDEST_RANGE = 20


@dataclass(slots=True)
class Markers:
    """Rewrites a reply piece by piece; only numbers that are `known` stay, others go to `dropped`.

    Whatever the pieces, `feed` and `end` give the same text in all.
    """

    known: frozenset[int]
    dropped: list[int] = field(default_factory=list)
    _rest: str = ""
    _last: str = "\n"
    _fenced: bool = False

    def feed(self, piece: str) -> str:
        """The text that no later piece can change."""
        self._rest += piece
        return self._release(self._settled())

    def end(self, *, cut_off: bool = False) -> str:
        """What was held back; where the reply was `cut_off`, without half a marker at its end."""
        if cut_off:
            self._rest = re.sub(r"[ \t]*[\[【][\d,;\s^–-]*$", "", self._rest)
        return self._release(len(self._rest))

    def _settled(self) -> int:
        """How much of what is at hand stays as it is, whatever follows."""
        at = closed = 0
        for match in _TOKEN.finditer(self._rest):
            rest = match.end() == len(self._rest) if match["end"] else _GOES_ON.fullmatch(self._rest, match.end())
            if match["marks"] and rest:
                cut = match.start()
                break
            at = match.end()
            closed = closed if match["marks"] else at
        else:
            begun = _BEGUN.search(self._rest, at)
            cut = begun.start() if begun else len(self._rest)
        opened = _OPENED.search(self._rest, closed)  # a marker behind it may turn out to be code
        return min(cut, opened.start()) if opened else cut

    def _release(self, cut: int) -> str:
        raw, self._rest = self._rest[:cut], self._rest[cut:]
        return "".join(self._rewritten(raw))

    def _rewritten(self, raw: str) -> Iterator[str]:
        at = 0
        for match in _TOKEN.finditer(raw):
            yield self._said(raw[at : match.start()])
            yield self._said(self._token(match))
            at = match.end()
        yield self._said(raw[at:])

    def _said(self, text: str) -> str:
        if self._fenced and "［" in text:
            text = unescaped(text)
        self._last = text[-1:] or self._last
        return text

    def _token(self, match: re.Match[str]) -> str:
        if match["fence"]:
            self._fenced = not self._fenced
            return match[0]
        if match["code"]:
            return unescaped(match[0])
        if self._fenced:
            return match[0]
        numbers = [number for mark in _ONE.findall(match["marks"]) for number in numbers_of(mark)]
        held = list(dict.fromkeys(number for number in numbers if number in self.known))
        gap, end = match["gap"], match["end"] or ""
        attached = not gap and (self._last.isalnum() or self._last in "_)]")
        if not held and attached and match["marks"].startswith("["):
            return match[0]  # argv[7]: no citation
        self.dropped += [number for number in numbers if number not in self.known]
        marks = "".join(f"[{number}]" for number in held)
        if not held:
            return end or (gap if self._last == "\n" else "")
        if end:
            return f"{end} {marks}"
        return f"{gap if self._last == chr(10) or attached else ' '}{marks}"


def numbers_of(mark: str) -> list[int]:
    """The numbers of one marker, ranges written out."""
    found: list[int] = []
    for first, last, single in _RANGE.findall(mark):
        if single:
            found.append(int(single))
        elif 0 <= int(last) - int(first) <= WIDEST_RANGE:
            found.extend(range(int(first), int(last) + 1))
        else:
            found += [int(first), int(last)]
    return found


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters [start, end) of the text, markers after it left out, and the numbers it cites."""

    start: int
    end: int
    cited: tuple[int, ...]


def cited_sentences(text: str, known: frozenset[int]) -> list[Sentence]:
    """The sentences of a text that `Markers` made, with what they cite; code blocks stay whole.

    A marker belongs to the sentence before it, at the start of a line to the one after it.
    """
    marks, fences = _found(text, known)
    bare, at = _without(text, marks)
    spans = _joined(
        [(at[start], at[end - 1] + 1) for start, end in sentences(bare)],
        fences,
    )
    cited: list[list[int]] = [[] for _ in spans]
    starts = [start for start, _ in spans]
    for first, last, numbers in marks:
        before = bisect_left(starts, first) - 1
        line = text[text.rfind("\n", 0, first) + 1 : first]
        leads = bool(_LEAD.fullmatch(line)) and text[last : last + 200].split("\n", 1)[0].strip() != ""
        owner = before + 1 if (leads and before + 1 < len(spans)) or before < 0 else before
        if leads and before >= 0 and spans[before][1] > first:
            owner = before  # the sentence began with a list mark
        if 0 <= owner < len(spans):
            cited[owner].extend(numbers)
    return [
        Sentence(start, end, tuple(sorted(set(numbers)))) for (start, end), numbers in zip(spans, cited, strict=True)
    ]


def _found(text: str, known: frozenset[int]) -> tuple[list[tuple[int, int, list[int]]], list[tuple[int, int]]]:
    """(start, end, numbers) of each run of markers outside code, and the spans of code blocks."""
    marks: list[tuple[int, int, list[int]]] = []
    fences: list[tuple[int, int]] = []
    opened = -1
    for match in re.finditer(rf"(```)|{_CODE}|{_GAP}((?:\[\d{{1,4}}\])+)", text):
        if match[1]:
            fences += [(opened, match.end())] if opened >= 0 else []
            opened = -1 if opened >= 0 else match.start()
        elif match[2] and opened < 0:
            numbers = [int(one) for one in re.findall(r"\d+", match[2])]
            marks += [(match.start(), match.end(), numbers)] if known.issuperset(numbers) else []
    if opened >= 0:
        fences.append((opened, len(text)))
    return marks, fences


def _without(text: str, marks: Sequence[tuple[int, int, list[int]]]) -> tuple[str, list[int]]:
    """The text without its markers and marks of bold print, and for each of its characters where it stood."""
    at: list[int] = []
    last = 0
    bold = [(found.start(), found.end()) for found in re.finditer(r"\*\*", text)]
    for start, end in sorted([*((start, end) for start, end, _ in marks), *bold, (len(text), len(text))]):
        at.extend(range(last, start))
        last = end
    return "".join(text[place] for place in at), at


def _joined(spans: Sequence[tuple[int, int]], fences: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those within one code block as one."""
    joined: list[tuple[int, int]] = []
    blocks: list[int] = []
    for start, end in spans:
        inside = next((one for one, (first, last) in enumerate(fences) if first < end and start < last), -1)
        if joined and inside >= 0 and blocks[-1] == inside:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
            blocks.append(inside)
    return joined


def unmarked(text: str) -> str:
    """An earlier answer without its markers: they point at evidence that is gone."""
    bare = Markers(frozenset())
    return bare.feed(text) + bare.end()
