"""How much of a question a text speaks of: words weighted by how rare they are in the corpus.

Used where hits are selected and where sentences are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from math import log

from rag.protocols import Lexicon
from rag.words import ENGLISH_STOPWORDS, normalised, words

_BACKGROUND = 50
"""Chunks of other texts that are imagined beside a corpus, so that three chunks tell no rarities."""
_PLAIN = 3.0
"""How much a word tells where no corpus says how rare it is."""
NAMED = 2.0
"""How many times as much a name or a number tells as another word that is as rare."""
_ASKING = frozenset(
    """
    much many according following please tell list name also does do doing done get gets give gives given
    any some there every each way ways kind kinds mean means meaning called use used uses using stand stands
    """.split()
)
_ENDINGS = ("ings", "ing", "edly", "ed", "ers", "er", "ions", "ion", "ies", "es", "ly", "s", "e", "y")
_FORM = re.compile(
    r"(?<=[?.])\s*(?:(?:please|directly|just|only|your|the)\s+)*"
    r"(?:answer|write|round|give|format|save|express|return|report)\b[^?]*$",
    re.IGNORECASE,
)
_LEADER = re.compile(r"(?:\.\s?){4,}|…|(?:·\s?){3,}")


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word without its common English ending: "defined" and "defines" become one.

    Cruder than Porter's, and safe for names: only endings of letters go, and four letters stay.
    """
    if not word.isalpha() or not word.isascii():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return _undoubled(word[: -len(ending)])
    return word


def _undoubled(root: str) -> str:
    return root[:-1] if len(root) > 4 and root[-1] == root[-2] and root[-1] not in "sl" else root


def stems(text: str) -> list[str]:
    """The stems of a text's words in order."""
    return [stem(word) for word in words(text)]


def matter(question: str) -> str:
    """A question without a last sentence that says in which form to answer ("Round to two decimals.")."""
    return _FORM.sub("", question)


def asked(question: str) -> list[str]:
    """The words of a question that say what it is about, each once, in order."""
    every = list(dict.fromkeys(words(matter(question))))
    content = [word for word in every if word not in ENGLISH_STOPWORDS]
    return [word for word in content if word not in _ASKING] or content or every


def rarities(question: str, lexicon: Lexicon | None) -> dict[str, float]:
    """The stems of what is asked and how much each tells: its inverse document frequency.

    Without a lexicon all words tell the same.
    """
    cut = asked(question)
    named = set(stems(" ".join(signs(question))))
    found, total = lexicon.frequencies(cut) if lexicon else ({}, 0)
    size = total + _BACKGROUND
    weighed: dict[str, float] = {}
    for word in cut:
        rare = log((size + 1) / (min(found.get(word, 0), total) + 0.5)) if lexicon else _PLAIN
        told = max(rare, 0.05) * (NAMED if stem(word) in named else 1.0)
        weighed[stem(word)] = max(weighed.get(stem(word), 0.0), told)
    return weighed


def weights(question: str, lexicon: Lexicon | None) -> dict[str, float]:
    """`rarities`, scaled so that they are 1 in all."""
    weighed = rarities(question, lexicon)
    whole = sum(weighed.values())
    return {word: weight / whole for word, weight in weighed.items()}


def covered(weighed: Mapping[str, float], text: Iterable[str]) -> float:
    """The share 0..1 of what is asked that stands among the stems of a text."""
    there = text if isinstance(text, Set) else set(text)
    return sum(weight for word, weight in weighed.items() if word in there)


@lru_cache(maxsize=1 << 12)
def is_listing(text: str) -> bool:
    """Whether a text is a table of contents or an index: words that only point at pages."""
    cut = text.split()
    if len(cut) < 4:
        return bool(_LEADER.search(text)) and text.rstrip()[-1:].isdigit()
    leaders = len(_LEADER.findall(text))
    if leaders >= 3 and leaders * 12 >= len(cut):
        return True
    if leaders and text.rstrip()[-1:].isdigit() and len(cut) < 25:
        return True
    numbers = sum(word.rstrip(",").isdigit() for word in cut)
    commas = sum(word.endswith(",") for word in cut)
    return len(cut) >= 12 and numbers * 3 >= len(cut) and commas * 4 >= len(cut) and "|" not in text


def signs(question: str) -> list[str]:
    """What of a question must be matched to the letter: numbers, codes such as `%F` or `C-c`, proper names."""
    found: list[str] = []
    for at, token in enumerate(matter(question).split()):
        bare = token.strip("?!,;:.\"'‘’“”")
        bare = bare[:-2] if bare.endswith(("'s", "’s")) else bare
        coded = any(not letter.isalpha() and letter not in "-/" for letter in bare) or bare[1:] != bare[1:].lower()
        if bare and (coded or (at > 0 and bare[0].isupper())) and any(map(str.isalnum, bare)):
            found.append(bare)
    return found


def signs_share(wanted: Sequence[str], text: str) -> float:
    """The share 0..1 of signs that a text holds, as whole words, case ignored; 1.0 where none is asked for."""
    if not wanted:
        return 1.0
    within = normalised(text)
    held = sum(bool(re.search(rf"(?<![^\W_]){re.escape(normalised(one))}(?![^\W_])", within)) for one in wanted)
    return held / len(wanted)
