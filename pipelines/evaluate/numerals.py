"""Numbers as numbers: "1,344.0", "$1.344 thousand" and "1344" are one value."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from rag.words import normalised

_SCALES = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "k": 3, "m": 6, "mn": 6, "b": 9, "bn": 9,
}  # fmt: skip
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-−]\s?)?(?:us)?[$€£¥]?\s?(?P<minus>[-−])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?![\d]|[.,]\d)"
    r"(?:\s?(?P<percent>%|percent|per cent)|\s?(?P<scale>thousand|million|billion|trillion|bn|mn|[kmb])(?!\w)|(?!\w))"
)
_AROUND = " \t\n~≈.,;:()[]'\""
MOST_DIGITS = 40
"""A longer run of digits is a name, not an amount."""


def numbers(text: str) -> list[frozenset[Decimal]]:
    """The values that each number in a text may stand for: as written, and with its percent or scale applied."""
    return [values for match in _NUMBER.finditer(normalised(text)) if (values := _values(match))]


def number(text: str) -> frozenset[Decimal]:
    """What a text that is nothing but one number may stand for; empty for any other text."""
    match = _NUMBER.fullmatch(normalised(text).strip(_AROUND))
    return _values(match) if match else frozenset()


def _values(match: re.Match[str]) -> frozenset[Decimal]:
    if len(match["digits"]) > MOST_DIGITS:
        return frozenset()
    try:
        value = Decimal(match["digits"].replace(",", ""))
    except InvalidOperation:  # digits of another script beside ours
        return frozenset()
    value = -value if match["sign"] or match["minus"] else value
    if match["percent"]:
        return frozenset({value, value.scaleb(-2)})
    return frozenset({value, value.scaleb(_SCALES[match["scale"]])} if match["scale"] else {value})
