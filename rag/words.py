"""Cutting text into words for full-text search and for comparing sentences.

NFKC and case folding first, so that the ligature in a PDF's "file" is found by "file". Scripts
without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give character bigrams, a single
character where it stands alone; everything else gives runs of letters, digits and marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_RUN = re.compile(rf"([{_UNSPACED}]+)|((?:(?![{_UNSPACED}])[^\W_])(?:(?![{_UNSPACED}])[\w'’])*)")
MAX_WORD = 64
"""Longer runs (hashes, base64) are cut off here, in documents and queries alike."""

ENGLISH_STOPWORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "she",
        "should",
        "so",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def normalised(text: str) -> str:
    """NFKC and case folded, soft hyphens and zero-width marks dropped."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub("[\u00ad\u200b-\u200f\u2060\ufeff]", "", folded)


def words(text: str) -> list[str]:
    """The words of a text in order, repeated as they repeat."""
    found: list[str] = []
    for match in _RUN.finditer(normalised(text)):
        if run := match[1]:
            found.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
        else:
            word = match[2].strip("'’").replace("’", "'").removesuffix("'s")
            found.append(word[:MAX_WORD])
    return found


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
