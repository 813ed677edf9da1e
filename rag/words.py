"""Cutting text into words for full-text search and for comparing sentences.

NFKC and case folding first, so that the ligature in a PDF's "file" is found by "file"; accents are
dropped, so that "cafe" finds "café". Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) give character bigrams, a single character where it stands alone; everything else gives
runs of letters, digits and marks.

Numbers stay whole: "3.14" is one word, and "1,234" is the same word as "1234". A name with joints
gives itself and then its pieces (FIT_LOG: fit_log, fit, log), so that both the exact name and a
part of it are found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_MARKS = (  # `\w` leaves these out, though words of their scripts are written with them
    "\u0300-\u036f"
    "\u0900-\u0903\u093a-\u0963\u0971-\u0983\u09bc-\u09e3\u0a01-\u0a75\u0a81-\u0aff\u0b01-\u0dff"  # Indic
    "\u0f71-\u0f84\u0f86-\u0fbc"  # Tibetan
)


_PIECE = rf"(?:[^\W{_UNSPACED}]++|[{_MARKS}]++)++"
_RUN = re.compile(  # a run of an unspaced script, a number with separators, a name
    rf"([{_UNSPACED}]+)"
    r"|((?<![\w.,])\d+(?:[.,]\d+)+(?!\w))"
    rf"|((?:(?<![\w-])--?(?=[^\W\d_]))?{_PIECE}(?:[.'’-]{_PIECE})*(?:\+\+|#(?!\w))?)"
)
_AROUND = ".,;:!?()[]{}\"'"
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_THOUSANDS_DOT = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+")
_JOINT = re.compile(r"[_.'’+#-]+")
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u0610-\u061a\u0640\u064b-\u065f\u0670]")
_ELISION = re.compile(r"(?:[cdjlmnst]|qu)'(?=\w{2})")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
VERSION = 1
"""Goes up whenever some text is cut otherwise: text indexes are then rebuilt."""
MAX_WORD = 64
"""Longer runs (hashes, base64) are cut off here, in documents and queries alike."""

ENGLISH_STOPWORDS = frozenset(
    """
    a an and are as at be been but by can could did do does for from had has have he her his how i if
    in into is it its me my no not of on or our she should so than that the their them then there these
    they this those to was we were what when where which who whom whose why will with would you your
    """.split()
)


def normalised(text: str) -> str:
    """NFKC and case folded, soft hyphens and zero-width marks dropped."""
    if text.isascii():
        return text.lower()
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text).casefold())


def words(text: str) -> list[str]:
    """The words of a text in order, repeated as they repeat; a jointed name before its pieces."""
    text = normalised(text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    found: list[str] = []
    for part in text.split():
        plain = part.strip(_AROUND)
        if plain.isascii() and plain.isalnum():  # most words: four times as fast
            found.append(plain[:MAX_WORD])
        else:
            found.extend(_words(part))
    return found


def _words(part: str) -> Iterator[str]:
    """The words of a text without spaces."""
    for run, number, name in _RUN.findall(part):
        if name:
            yield from [name[:MAX_WORD]] if name.isalnum() else _name(name)
        elif number:
            yield from _number(number)
        else:
            yield from [run] if len(run) == 1 else (run[i : i + 2] for i in range(len(run) - 1))


def _number(text: str) -> Iterator[str]:
    """A number without its thousands separators; parts of a list such as "1,2" each for itself."""
    if _THOUSANDS.fullmatch(text):
        yield text.replace(",", "")[:MAX_WORD]
    elif _THOUSANDS_DOT.fullmatch(text):
        yield text.replace(".", "").replace(",", ".")[:MAX_WORD]
    else:
        yield from (part[:MAX_WORD] for part in text.split(","))


def _name(run: str) -> Iterator[str]:
    """A word, or a jointed name and its pieces.

    A hyphenated word of plain letters ("well-known") is its pieces alone; one that looks like a
    name (C-c, utf-8, --flag-name) is kept whole too.
    """
    flag = run.startswith("-")
    run = run.lstrip("-").strip("'’_.").replace("’", "'").removesuffix("'s")
    if elided := _ELISION.match(run):  # l'homme, d'or
        run = run[elided.end() :]
    for part in [run] if flag else _split_hyphens(run):
        pieces = [piece for piece in _JOINT.split(part.replace("'", "")) if piece]
        if len(pieces) > 1 or (pieces and part[-1] in "+#"):
            yield part[:MAX_WORD]
            yield from (piece[:MAX_WORD] for piece in pieces)
        elif pieces:
            yield part.strip("_")[:MAX_WORD]


def _split_hyphens(run: str) -> list[str]:
    parts = run.split("-")
    named = any(len(part) == 1 or not part.isalpha() for part in parts)
    return [run] if named else parts


def content_words(text: str) -> list[str]:
    """`words` without English function words; all of them if nothing else remains."""
    cut = words(text)
    return [word for word in cut if word not in ENGLISH_STOPWORDS] or cut


class WordCounter:
    """Counts words where no encoder is in use; a chunk then holds at most `limit` of them."""

    def __init__(self, limit: int = 256) -> None:
        self.limit = limit

    @property
    def fingerprint(self) -> str:
        return f"words-{self.limit}"

    def count(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(words(text)) for text in texts]
