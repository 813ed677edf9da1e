"""How much the words of a question tell of what it is about: those that are rare in English tell most.

The vocabulary of the embedded encoder (BERT's, uncased) lists its words in the order of how often English has
them, so it serves as a table of ranks; by Zipf's law the logarithm of a rank tells how rare a word is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from math import log

from rag.overlap import NAMED, stem

FIRST_WORD = 1996
"""Line of the vocabulary where its words begin, "the" first."""
POWER = 3
"""A word that is twice as rare (by the logarithm of its rank) tells eight times as much."""
_PLACES = """
    page slide figure fig table chart graph diagram plot image picture photo icon column row cell line section
    subsection chapter appendix title heading header footer caption cover document report paper article text book
    guidebook manual brochure presentation deck file pdf logo screenshot
"""
_FORM = """
    answer format write written integer float decimal round list listed show shown mention mentioned describe
    described explain briefly sentence state stated provide provided contain contained according following
    percentage value type name count
"""
_SAYING = frozenset(map(stem, f"{_PLACES} {_FORM}".split()))
"""Words that say where a document has something, or in what form it is wanted: not what it is about."""


def shares(words: Sequence[str], names: Collection[str] = ()) -> dict[str, float]:
    """The stems of words and how much each tells, 1 in all; empty where they tell nothing, as numbers do.

    `names` are stems that stand in the question as names: they tell more.
    """
    told: dict[str, float] = {}
    for word in words:
        root = stem(word)
        if root not in _SAYING and not word.isdigit():
            told[root] = max(told.get(root, 0.0), rarity(word) ** POWER * (NAMED if root in names else 1.0))
    whole = sum(told.values())
    return {word: value / whole for word, value in told.items()} if whole > 0 else {}


def rarity(word: str) -> float:
    """0..1 by the logarithm of its rank; 1 for a word that is not among the 28,000 or so of the table."""
    ranks = _ranks()
    return min(1.0, log(ranks.get(word, len(ranks)) + 2) / log(len(ranks) + 2))


@cache
def _ranks() -> dict[str, int]:
    """Words by rank from 0; a stem is as frequent as the first of its words."""
    path = files("rag.retrievers.encoders") / "minilm_vocab.txt"
    found: dict[str, int] = {}
    for rank, word in enumerate(path.read_text(encoding="utf-8").splitlines()[FIRST_WORD:]):
        if word.isalpha():
            found.setdefault(word, rank)
            found.setdefault(stem(word), rank)
    return found
