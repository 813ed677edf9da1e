"""The language of a document: the model decides, unless a text is English beyond doubt."""

from __future__ import annotations

import sys

import pytest
from rag.pipelines.derive import _plainly_english, language

OTHERS = {
    "de": "Der Regenmesser steht auf dem Dach der Station, und in der Nacht fiel mehr Regen als im ganzen Monat davor. "
          "Die Messung ist in der Tabelle zu finden, die für das Jahr gilt, und war an allen Tagen zu lesen.",
    "nl": "De regenmeter staat op het dak van het station, en in de nacht viel er meer regen dan in de hele maand. "
          "De meting is te vinden in de tabel van het jaar, en was op alle dagen te lezen in de hal bij de trap.",
    "fr": "Le pluviomètre se trouve sur le toit de la station, et dans la nuit il est tombé plus de pluie que pendant "
          "tout le mois. La mesure se trouve dans le tableau de l'année et on peut la lire tous les jours.",
    "da": "Regnmåleren står på taget af stationen, og i løbet af natten faldt der mere regn end i hele måneden. "
          "Målingen kan findes i tabellen for året, og den var at læse i alle dage ved trappen i hallen.",
}  # fmt: skip
ENGLISH = (
    "The rain gauge stands on the roof of the station, and in the night more rain fell than in the whole month. "
    "The measurement is found in the table for the year, which was read on all days by the stairs."
)


@pytest.mark.parametrize("code", list(OTHERS))
def test_other_languages_are_left_to_the_model(code: str) -> None:
    assert not _plainly_english(OTHERS[code])
    assert language(OTHERS[code]) == code
    # A page of English before it is no proof either, where half is something else.
    assert not _plainly_english(ENGLISH + OTHERS[code] * 3)


def test_english_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)  # importing it now fails
    assert language(ENGLISH) == "en"
    with pytest.raises(ImportError):
        language("Names, numbers, codes: Abel 12, Baker 14, Clark 17, Davis 19, Evans 23, Frank 29, Green 31.")
    assert language("12 %") == ""


def test_the_model_agrees() -> None:
    import py3langid

    assert py3langid.classify(ENGLISH)[0] == "en"
    assert not _plainly_english(ENGLISH + "雨量計は駅の屋根の上にあり、夜の間に一か月分よりも多くの雨が降った。" * 2)
