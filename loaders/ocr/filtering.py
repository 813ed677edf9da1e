"""What an engine read, without what it only made out of specks, textures and ornaments."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rag.protocols import Recognised

MAX_LINES = 600
"""Of one picture: a newspaper page has some 500."""
MAX_LETTERS = 400
"""Of one line; longer ones are cut at a word."""
_SURER = 0.2
"""One or two letters or digits are more easily made up, and ask for so much more confidence."""


def tidy(word: str) -> str:
    """NFKC without spaces, control characters and what is not printable."""
    return "".join(char for char in unicodedata.normalize("NFKC", word) if char.isprintable() and not char.isspace())


def legible(lines: Iterable[Recognised], least: float) -> list[Recognised]:
    """Lines of at least that confidence that hold more letters or digits than marks."""
    kept: list[Recognised] = []
    for line in _tidied(lines):
        if line.confidence >= (least if _is_long(line) else min(0.9, least + _SURER)) and _says_something(line):
            kept.append(line)
            if len(kept) == MAX_LINES:
                break
    return kept


def _tidied(lines: Iterable[Recognised]) -> Iterator[Recognised]:
    """Lines whose words are parted by single spaces and have their boxes, if any, one each."""
    for line in lines:
        words = line.text.split(" ")
        boxes = line.words if len(line.words) == len(words) else (None,) * len(words)
        pairs = [(clean, box) for word, box in zip(words, boxes, strict=True) if (clean := tidy(word))]
        while pairs and sum(len(word) + 1 for word, _ in pairs) > MAX_LETTERS:
            pairs.pop()
        text = " ".join(word for word, _ in pairs)
        kept = tuple(box for _, box in pairs if box is not None)
        yield replace(line, text=text, words=kept)


def _is_long(line: Recognised) -> bool:
    return sum(map(str.isalnum, line.text)) > 2


def _says_something(line: Recognised) -> bool:
    letters = [char for char in line.text if char != " "]
    telling = sum(map(str.isalnum, letters))
    if line.box.left == line.box.right or line.box.top == line.box.bottom:
        return False
    if not telling or telling * 5 < len(letters) * 2:
        return False
    if len(letters) == 1 and not letters[0].isdigit() and ord(letters[0]) < 0x2E80:
        return False  # a letter alone is a speck more often than a letter; an ideograph is a word
    most = Counter(letters).most_common(1)[0][1]
    return len(letters) < 6 or most * 10 < len(letters) * 8  # "0000000": a row of dots or beads
