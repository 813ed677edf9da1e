"""Fused: the arithmetic of the two methods, and what a foreign query weighs."""

from __future__ import annotations

from typing import Any

import pytest
from rag.retrievers import fused as module
from rag.retrievers.fused import Fused
from rag.retrievers.language import foreign

from rag.answer import Score, query
from tests.golden.catalogs import document
from tests.retrievers.lists import Listed

A, B, C, D = document("a", ["A", "B", "C", "D"])
DENSE = Listed([(A, 0.9), (B, 0.8), (C, 0.4)], "dense")
LEXICAL = Listed([(C, 12.0), (A, 7.0), (D, 2.0)], "lexical")
BOTH = {"dense": DENSE, "lexical": LEXICAL}


def scores(retriever: Fused, text: str = "x") -> dict[str, float]:
    return {hit.chunk.text: hit.score for hit in retriever.retrieve([query(text)], 10)[0]}


def test_reciprocal_ranks() -> None:
    found = scores(Fused(BOTH))
    assert list(found)[:2] == ["A", "C"]
    assert found == pytest.approx({"A": 1 / 61 + 1 / 62, "C": 1 / 63 + 1 / 61, "B": 1 / 62, "D": 1 / 63})


def test_weights_and_constant() -> None:
    found = scores(Fused(BOTH, weights={"lexical": 3}, constant=1))
    assert found == pytest.approx({"C": 1 / 4 + 3 / 2, "A": 1 / 2 + 3 / 3, "D": 3 / 4, "B": 1 / 3})
    assert list(found) == ["C", "A", "D", "B"]


def test_scaled_scores() -> None:
    found = scores(Fused(BOTH, "weighted", weights={"dense": 3}))
    assert found == pytest.approx({"A": 0.75 + 0.25 * 0.5, "B": 0.75 * 0.8, "C": 0.25, "D": 0.0})


def test_equal_scores_scale_to_one() -> None:
    assert set(scores(Fused({"dense": Listed([(A, 0.2), (B, 0.2)])}, "weighted")).values()) == {1.0}


def test_ties_go_by_id() -> None:
    hits = Fused({"one": Listed([(A, 1.0)]), "two": Listed([(B, 1.0)])}).retrieve([query("x")], 5)[0]
    assert [hit.chunk.id for hit in hits] == sorted([A.id, B.id])


def test_parts_hold_each_channels_rank_and_score() -> None:
    inner = Fused(BOTH)
    hits = Fused({"hybrid": inner, "other": Listed([(D, 5.0)])}).retrieve([query("x")], 5)[0]
    parts = {hit.chunk.text: hit.parts for hit in hits}
    assert parts["A"]["hybrid"].rank == 1
    assert parts["A"]["hybrid.lexical"] == Score(2, 7.0)
    assert parts["A"]["hybrid.dense"] == Score(1, 0.9)
    assert parts["D"] == {"hybrid": Score(4, 1 / 63), "hybrid.lexical": Score(3, 2.0), "other": Score(1, 5.0)}
    assert {hit.by for hit in hits} == {"fused"}


def test_depth() -> None:
    one = Listed([(A, 1.0)])
    Fused({"one": one}, depth=30).retrieve([query("x"), query("y")], 5)
    Fused({"one": one}, depth=30).retrieve([query("x")], 50)
    assert one.asked == [30, 50]


def test_a_foreign_query_weighs_the_english_encoder_less() -> None:
    here = scores(Fused(BOTH), "Wie viele Monde hat der Mars?")
    assert here["B"] == pytest.approx(0.3 / 62)
    assert here["D"] == pytest.approx(1 / 63)
    assert scores(Fused(BOTH, foreign_factor=1.0), "Wie viele Monde hat der Mars?")["B"] == pytest.approx(1 / 62)
    assert scores(Fused(BOTH, english_only=()), "Wie viele Monde hat der Mars?")["B"] == pytest.approx(1 / 62)
    assert scores(Fused({"dense": DENSE}), "Wie viele Monde hat der Mars?")["B"] == pytest.approx(1 / 62)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many moons does Mars have?", False),
        ("moons", False),
        ("Mond", False),  # too short to tell
        ("1,234.5 %", False),
        ("", False),
        ("list all quarterly revenue figures", False),
        ("Wie viele Monde hat der Mars?", True),
        ("Quelle est la capitale de la France ?", True),
        ("Hoe hoog was de omzet in 2021?", True),
        ("hvem skrev rapporten om vejret", True),
        ("Ile wynosi przychód firmy w 2021?", True),
        ("net revenues fiscal 2021 Nike", False),
        ("Los Angeles gas prices by month", False),
        ("火星の衛星", True),
        ("спутники", True),
        ("FIT_LOG と gnuplot", False),  # mostly Latin letters
    ],
)
def test_foreign(text: str, expected: bool) -> None:
    assert foreign(text) is expected


def test_an_english_question_loads_no_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "py3langid", None)
    assert not foreign("which function finds missing values")
    assert not foreign("quarterly rain gauge readings")
    with pytest.raises(ImportError):
        foreign("einige Funktionen von Octave finden Werte")


@pytest.mark.parametrize(
    "options",
    [
        {"method": "sum"},
        {"weights": {"dens": 1.0}},
        {"weights": {"dense": -1.0}},
        {"constant": -1},
        {"foreign_factor": -0.1},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Fused(BOTH, **options)


def test_methods_are_those_of_the_signature() -> None:
    assert set(module._METHODS) == {"rrf", "weighted"}


CURVES = {"dense": {"found": 0.5, "score": 2.0}, "lexical": {"share": 1.0, "rank": 3.0}}


def test_calibrated_is_a_sum_of_log_odds() -> None:
    found = scores(Fused(BOTH, "calibrated", bias=-3.0, curves=CURVES))
    odds = {"A": -3 + 0.5 + 1.8 + 0.5 + 1.5, "B": -3 + 0.5 + 1.6, "C": -3 + 0.5 + 0.8 + 1 + 3, "D": -3 + 0 + 1.0}
    assert found == pytest.approx({name: 1 / (1 + 2.718281828459045**-value) for name, value in odds.items()})
    assert list(found) == ["C", "A", "B", "D"]


def test_calibrated_with_weights_and_a_foreign_query() -> None:
    plain = Fused(BOTH, "calibrated", bias=0.0, curves=CURVES)
    assert scores(Fused(BOTH, "calibrated", curves=CURVES, weights={"dense": 0.0}))["B"] == pytest.approx(0.5)
    foreign = scores(plain, "Wie viele Monde hat der Mars?")
    assert foreign["B"] == pytest.approx(1 / (1 + 2.718281828459045 ** -(0.3 * 2.1)))


def test_a_calibration_of_other_channels_is_refused() -> None:
    from rag.errors import ConfigError

    kept = Fused(BOTH, "calibrated", curves=CURVES, made_of=Fused(BOTH).channels)
    assert kept.retrieve([query("x")], 2)[0]
    other = Fused({**BOTH, "more": DENSE}, "calibrated", curves=CURVES, made_of=kept.made_of)
    with pytest.raises(ConfigError, match="rag tune --fusion"):
        other.retrieve([query("x")], 2)
    with pytest.raises(ValueError, match="needs bias and curves"):
        Fused(BOTH, "calibrated")
    with pytest.raises(ValueError, match="curves for photos"):
        Fused(BOTH, "calibrated", curves={"photos": {}})
