"""Whether a query is in another language than English: cheap signs first, a model last."""

from __future__ import annotations

import unicodedata

from rag.words import words

_ENGLISH = frozenset(
    "the what which how are does and with where when who why that this from you your have were about into than "
    "could should would did between its their these those been after before during through without whose".split()
)
"""Function words that are common in English and rare or absent in languages of the same script."""
_OTHER = frozenset(
    """
    de het een van en zijn hoe wat waar wie wordt voor met aan op bij door welke hoeveel
    der das und ist ein eine sind wie wer wo wann welche welcher welches wird wurde mit im auf von zu zum zur aus nach
    la le les un une et que est du des quel quelle quels quelles sont dans pour qui comment combien avec sur par
    el los las cual cuales cuanto cuantos cuando donde como con por para es son del y
    il lo gli di che qual quale quali quanto quanti dove sono come chi della nel nella
    o os qual quais quantos onde com do da dos das ao na no nas nos
    och det som er av ved med fra til hur vad hvad hvor hvem hvilken vilken blev ble den ett
    nie je jest co jak na se si ile gdzie kto czy jaki jaka jakie kde kolik
    bir ve ne hangi kadar nedir apa berapa yang dan dari untuk ja kuka oli az egy hogy mi ce care cum este din
    """.split()
)
"""Function words of other languages in Latin letters that are rare in English ones."""
FEWEST_WORDS = 4
"""Of fewer words no language can be told."""


def foreign(text: str) -> bool:
    """True for mostly non-Latin letters, or when py3langid takes four words or more for another language.

    The model is asked only where a function word of another language or an accent gives a reason:
    loading it takes as long as everything else in a first search, and of bare keywords ("quarterly
    rain gauge readings") it cannot tell the language either.
    """
    letters = [character for character in text[:1000] if character.isalpha()]
    if not letters:
        return False
    if 2 * sum(_latin(letter) for letter in letters) < len(letters):
        return True
    cut = words(text)
    if len(text.split()) < FEWEST_WORDS or not _ENGLISH.isdisjoint(cut):
        return False
    if _OTHER.isdisjoint(cut) and all(letter.isascii() for letter in letters):
        return False
    from py3langid import classify

    return bool(classify(text[:1000])[0] != "en")


def _latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN"))
