"""A glossary: what a question asks for, and the words under which documents tell it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.errors import ConfigError

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """`terms` as questions have them, each cut into words, and the `words` of documents."""

    terms: tuple[tuple[str, ...], ...]
    words: str


Glossary = tuple[Entry, ...]


def meant(glossary: Glossary, question: str) -> list[tuple[str, str]]:
    """(term, words) of the entries that a question names, in the order of the glossary.

    A term is matched by whole words in a row, case, marks and a plural "s" ignored, one written in capitals
    alone (ROA) by its capitals.
    """
    asked = _WORD.findall(question)
    plain = [_plain(word) for word in asked]
    found = []
    for entry in glossary:
        hit = next((term for term in entry.terms if _held(term, asked, plain)), None)
        if hit is not None:
            found.append((" ".join(hit), entry.words))
    return found


def _held(term: tuple[str, ...], asked: list[str], plain: list[str]) -> bool:
    exact = len(term) == 1 and term[0].isupper()
    row, wanted = (asked, list(term)) if exact and len(term[0]) < 5 else (plain, [_plain(word) for word in term])
    return any(row[at : at + len(wanted)] == wanted for at in range(len(row) - len(wanted) + 1))


def _plain(word: str) -> str:
    lower = word.lower()
    return lower[:-1] if len(lower) > 3 and lower.endswith("s") and not lower.endswith("ss") else lower


@lru_cache(16)
def read(text: str, path: str = "glossary") -> Glossary:
    """A glossary of TOML: tables `[[entry]]` of `terms` (a list) and `words`; ConfigError says what is wrong."""
    try:
        told: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"no TOML ({error})", path=path) from error
    entries = told.get("entry")
    if not isinstance(entries, list) or set(told) - {"entry"}:
        raise ConfigError("a glossary is tables [[entry]] and nothing else", path=path)
    return tuple(_entry(one, number, path) for number, one in enumerate(entries, 1))


def _entry(one: Any, number: int, path: str) -> Entry:
    terms, words = (one.get("terms"), one.get("words")) if isinstance(one, dict) else (None, None)
    listed = isinstance(terms, list) and terms and all(isinstance(term, str) for term in terms)
    cut = tuple(tuple(_WORD.findall(term)) for term in terms) if listed and isinstance(terms, list) else ()
    if not cut or not all(cut) or not isinstance(words, str) or not words.strip() or set(one) != {"terms", "words"}:
        message = f"entry {number} needs `terms`, a list of texts with words, and `words`, a text; got {one!r:.120}"
        raise ConfigError(message, path=path, key=f"entry {number}")
    return Entry(cut, words.strip())


def load(path: str | Path) -> Glossary:
    """The glossary of a file."""
    try:
        return read(Path(path).read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the glossary cannot be read ({error})", path=str(path)) from error
