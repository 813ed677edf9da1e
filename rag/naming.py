"""Which documents a question names: by their titles and the names of their files, also approximately."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from math import log

from rag import overlap
from rag.answer import Query
from rag.protocols import Catalog, Named
from rag.words import ENGLISH_STOPWORDS, content_words

COMMON = 0.2
"""The share of documents above which a word of their names tells none of them apart."""
CLOSE = 0.85
_TITLED = re.compile(
    r"(?<![\w-])([\w-]+)(?:'s)?\s+(?:(?:user|annual|quarterly|student|white|data|reference)\s+)?(?:article|book|booklet|"
    r"brochure|catalogue?|datasheet|deck|filing|film|flyer|guide|guidelines|handbook|leaflet|lecture|letter|manual|memo|"
    r"minutes|newsletter|page|pamphlet|paper|pdf|policy|poster|presentation|prospectus|reference|report|sheet|slides|"
    r"specification|standard|talk|thesis|transcript|tutorial|video|vignette)\b"
)
_PLACES = frozenset(overlap.stems("table figure fig section chapter appendix equation page slide exhibit note part"))
"""Written large these are no names: "Table 1"."""
_PARTS = re.compile(r"[A-Za-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Table:
    """The words of the documents' names: for each the digests that have it, and how much it tells."""

    holders: dict[str, frozenset[str]]
    telling: dict[str, float]
    files: dict[str, frozenset[str]]
    """Words that are all of a file's name, also where many titles have them: "the survival vignette", survival.pdf."""


def named(catalog: Catalog, query: Query) -> dict[str, float]:
    """digest -> how well the question names that document, 0..1; empty where it names none.

    A word of the question counts if few names have it and it stands there as a name: written large or with
    digits, before a word such as "manual" or "report", or beside a second such word. The best named get 1.
    """
    table = _table(catalog.names(query.where))
    if not table.holders and not table.files:
        return {}
    written = overlap.stems(" ".join([*overlap.signs(query.text), *_TITLED.findall(query.text.lower())]))
    proper = set(written) - _PLACES
    asked = dict.fromkeys(overlap.stems(" ".join(overlap.asked(query.text))))
    held = {word: _spelled(word, table, word in proper) for word in asked}
    scores: defaultdict[str, float] = defaultdict(float)
    words: dict[str, set[str]] = {}
    for word, found in held.items():
        holders = table.holders.get(found) or (table.files.get(found, frozenset()) if word in proper else frozenset())
        for digest in holders:
            scores[digest] += table.telling[found]
            words.setdefault(digest, set()).add(word)
    sure = {digest: score for digest, score in scores.items() if words[digest] & proper or len(words[digest]) > 1}
    best = max(sure.values(), default=0.0)
    return {digest: round(score / best, 4) for digest, score in sure.items()} if best > 0 else {}


def _spelled(word: str, table: Table, proper: bool) -> str:
    """The word of a name that a word of the question is, or nearly is."""
    if word in table.holders or word in table.files or not proper or len(word) < 5:
        return word
    return next(iter(get_close_matches(word, table.holders, 1, CLOSE)), word)


def bare(words: Sequence[str]) -> list[str]:
    """The stems of words of a question, function words left out."""
    return [overlap.stem(word) for text in words for word in content_words(text) if word not in ENGLISH_STOPWORDS]


def words_of(name: Named) -> set[str]:
    """The stems of the words in a document's title and in its file's name."""
    return {*overlap.stems(name.title), *_stem_words(name.uri)}


@lru_cache(8)
def _table(names: tuple[Named, ...]) -> Table:
    digests = {name.digest for name in names}
    holders: dict[str, set[str]] = {}
    for name in names:
        for word in words_of(name):
            if len(word) > 2 and not (word.isdigit() and len(word) != 4):
                holders.setdefault(word, set()).add(name.digest)
    most = max(1, int(COMMON * len(digests)))
    kept = {word: frozenset(held) for word, held in holders.items() if len(held) <= most} if len(digests) > 1 else {}
    files: dict[str, set[str]] = {}
    for name in names:
        if len(own := _stem_words(name.uri)) == 1 and len(digests) > 1:
            files.setdefault(own[0], set()).add(name.digest)
    alone = {word: frozenset(held) for word, held in files.items() if len(held) <= most}
    telling = {word: log(1 + len(digests) / len(held)) for word, held in (alone | kept).items()}
    return Table(kept, telling, alone)


def _stem_words(uri: str) -> list[str]:
    """The words of a file's name: "COSTCO_2021_10K.pdf" has costco and 2021."""
    stem = uri.replace("\\", "/").rstrip("/").rpartition("/")[2].rpartition(".")[0]
    return overlap.stems(" ".join(_PARTS.findall(stem)))
