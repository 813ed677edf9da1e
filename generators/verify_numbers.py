"""Numbers in a text, and whether one follows from others by one step of arithmetic."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import isfinite

_NUMBER = re.compile(r"(?<![\w.,])\d{1,40}(?:[.,]\d{1,40})*")
_SCALE = re.compile(r"\s?(hundred|thousand|million|billion|trillion|k|m|bn)\b", re.IGNORECASE)
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_THOUSANDS_DOT = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_SPELT = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "hundred": 100.0, "thousand": 1000.0}
_ITEM = re.compile(r"^[ \t]*\(?\d{1,3}[.)][ \t]+", re.MULTILINE)
CUES = {
    "sum": re.compile(r"\b(?:totals?|sum|together|combined|altogether|overall)\b", re.IGNORECASE),
    "difference": re.compile(
        r"\b(?:differ\w*|more|less|fewer|increas\w*|decreas\w*|rose|risen|fell|fallen|grew|grown|gap|drop\w*|gain\w*"
        r"|higher|lower|longer|shorter|larger|smaller|chang\w*)\b",
        re.IGNORECASE,
    ),
    "ratio": re.compile(r"\b(?:times|ratio|double\w*|half|share|proportion|fraction|percent)\b|%", re.IGNORECASE),
    "mean": re.compile(r"\b(?:average|mean)\b", re.IGNORECASE),
}
"""Words by which a sentence says what it computed."""
MOST_OPERANDS = 8
"""With more, some pair of them would give any number by chance."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: the values that it may stand for, each with half a unit of its last digit."""

    readings: tuple[tuple[float, float], ...]

    @property
    def values(self) -> frozenset[float]:
        return frozenset(value for value, _ in self.readings)

    @property
    def value(self) -> float:
        """Its likeliest reading: with its scale, with separators of thousands."""
        return max(self.values)

    def rounds(self, value: float) -> bool:
        """Whether a value, rounded as this number is written, is this number."""
        return any(abs(one - value) <= half * (1 + 1e-9) for one, half in self.readings)


def numbers(text: str) -> list[Number]:
    """The numbers of a text written in digits, marks of list items left out.

    "1,234" is 1234 and may be 1.234; "1.2 million" is 1200000, and 1.2 where a table leaves the
    million to its header. Digits after a letter ("Q3") are part of a name.
    """
    text = unicodedata.normalize("NFKC", re.sub(r"(?<=\d)[\u00a0\u202f\u2009'’](?=\d{3}(?!\d))", "", text))
    return list(_numbers(_ITEM.sub("", text)))


def _numbers(text: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(text):
        digits = match[0]
        listed = digits.count(",") > 1 and not _THOUSANDS.fullmatch(digits)  # "1,2,3"
        scale = _SCALE.match(text, match.end())
        for piece in digits.split(",") if listed else [digits]:
            readings = list(_readings(piece))
            if scale:
                by = _SCALES[scale[1].casefold()]
                readings += [(value * by, half * by) for value, half in readings]
            yield Number(tuple(readings))


def _readings(piece: str) -> Iterator[tuple[float, float]]:
    """(value, half a unit of the last digit) of one run of digits and separators."""
    if _THOUSANDS.fullmatch(piece):
        yield _reading(piece.replace(",", ""))
        if piece.count(",") == 1 and "." not in piece:
            yield _reading(piece.replace(",", "."))
    elif _THOUSANDS_DOT.fullmatch(piece):
        yield _reading(piece.replace(".", "").replace(",", "."))
        if piece.count(".") == 1 and "," not in piece:
            yield _reading(piece)
    elif piece.count(".") + piece.count(",") <= 1:
        yield _reading(piece.replace(",", "."))
    else:  # 1.2.3, a version or a section: the same only as itself
        yield float(re.sub(r"\D", "", piece)) + 0.123, 0.0


def _reading(plain: str) -> tuple[float, float]:
    decimals = len(plain.rpartition(".")[2]) if "." in plain else 0
    return float(plain), 0.5 * 10.0**-decimals


def values(text: str) -> frozenset[float]:
    """Every value that a text states, number words among them."""
    spelt = {_SPELT[word] for word in re.findall(r"[a-z]+", text.casefold()) if word in _SPELT}
    return frozenset(spelt | {value for number in numbers(text) for value in number.values})


def follows(number: Number, sentence: str, given: Sequence[Number], within: Sequence[Number]) -> bool:
    """Whether a number is a rounding, sum, difference, ratio, percentage or mean of stated ones.

    `given` are the numbers of the sentence that stand in the evidence, `within` those of the evidence.
    The sentence must say which it is (total, more, percent, average). Operands are the sentence's own,
    else those of the evidence where they are few.
    """
    fineness = min(half for _, half in number.readings)
    if any(number.rounds(one.value) and min(half for _, half in one.readings) < fineness for one in within):
        return True
    return any(_computed(number, sentence, _operands(pool)) for pool in (given, within))


def _operands(pool: Sequence[Number]) -> list[float]:
    """Their values, each once; years are no operands."""
    every = dict.fromkeys(one.value for one in pool)
    return [value for value in every if isfinite(value) and not (1900 <= value <= 2100 and value == int(value))]


def _computed(number: Number, sentence: str, operands: Sequence[float]) -> bool:
    if not 2 <= len(operands) <= MOST_OPERANDS:
        return False
    said = {name for name, cue in CUES.items() if cue.search(sentence)}
    if "sum" in said and number.rounds(sum(operands)):
        return True
    if "mean" in said and number.rounds(sum(operands) / len(operands)):
        return True
    return any(
        number.rounds(abs(result)) for one, other in permutations(operands, 2) for result in _results(one, other, said)
    )


def _results(one: float, other: float, said: set[str]) -> Iterator[float]:
    """What a sentence with these cues may have computed from two numbers."""
    if "sum" in said:
        yield one + other
    if "difference" in said:
        yield one - other
    if "mean" in said:
        yield (one + other) / 2
    if "ratio" in said and other:
        yield one / other
        yield 100 * one / other
        yield 100 * (one - other) / other
