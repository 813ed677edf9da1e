"""Whether a query is in another language than English: cheap signs first, a model last."""

from __future__ import annotations

import unicodedata

from rag.words import words

_ENGLISH = frozenset(
    "the what which how are does and with where when who why that this from you your have were about into than "
    "could should would did between its their these those been after before during through without whose".split()
)
"""Function words that are common in English and rare or absent in languages of the same script."""
_SHARED = frozenset("of to for on by at be not has".split())
"""English ones that some other language has too: a sign of English unless one of `_OTHER` stands beside them."""
_OTHER = frozenset(
    "de het een van en die dat der das und ist ein eine la le les el los un une il di che que et est og och det som "
    "er av ved med fra nie je jest co jak na se si".split()
)
"""Function words of languages that have some of `_SHARED`."""
FEWEST_WORDS = 4
"""Of fewer words no language can be told."""


def foreign(text: str) -> bool:
    """True for mostly non-Latin letters, or when py3langid takes four words or more for another language.

    A query with an English function word is English, so most English questions load no model: that
    takes as long as everything else in a first search.
    """
    letters = [character for character in text[:1000] if character.isalpha()]
    if not letters:
        return False
    if 2 * sum(_latin(letter) for letter in letters) < len(letters):
        return True
    cut = words(text)
    if len(text.split()) < FEWEST_WORDS or not _ENGLISH.isdisjoint(cut):
        return False
    if not _SHARED.isdisjoint(cut) and _OTHER.isdisjoint(cut):
        return False
    from py3langid import classify

    return bool(classify(text[:1000])[0] != "en")


def _latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN"))
