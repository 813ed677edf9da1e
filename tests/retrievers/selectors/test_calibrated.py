"""Calibrated: what it keeps, what it refuses, and what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from rag.retrievers.selectors.calibrated import Calibrated
from rag.retrievers.selectors.features import VERSION, asked, features

from rag.answer import Score, query
from tests.generators.build import Frequencies, hit

COMMON = {"rain": 40, "fell": 30, "september": 12, "gauge": 20, "station": 60, "day": 70, "open": 10, "ticket": 1}
LEXICON = Frequencies(COMMON, 200)
RAIN = "In September 81 mm of rain fell on the station."
OTHER = ["The station is open every day.", "The gauge is read each day at seven.", "Anna looks after the garden."]


def hits(dense: bool) -> list[object]:
    scores = [0.7, 0.2, 0.15, 0.1] if dense else [None] * 4
    return [hit(text, f"c{at}", score) for at, (text, score) in enumerate(zip([RAIN, *OTHER], scores, strict=True))]


@pytest.mark.parametrize("dense", [True, False])
def test_what_answers_is_kept_and_comes_first(dense: bool) -> None:
    (chosen,) = Calibrated(lexicon=LEXICON).select([query("How much rain fell in September?")], [hits(dense)])
    assert chosen.evidence[0].hit.chunk.text == RAIN
    assert chosen.evidence[0].relevance > 0.5
    assert not chosen.reason


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("question", ["What is the capital of Mongolia?", "How do I cook risotto?"])
def test_what_is_off_topic_is_refused_with_near_misses(question: str, dense: bool) -> None:
    found = [hit(text, f"c{at}", 0.1 if dense else None) for at, text in enumerate([RAIN, *OTHER])]
    (chosen,) = Calibrated(lexicon=LEXICON).select([query(question)], [found])
    assert not chosen.evidence
    assert len(chosen.near_misses) == 3
    assert chosen.reason == "nothing in the corpus fits: the best match covers 0 of 2 words of the question"
    assert chosen.expected_risk is not None
    assert chosen.expected_risk > 0.5


def test_pages_without_text_and_tables_of_contents_are_never_evidence() -> None:
    listing = "Rain in September …… 12 Rain in October …… 14 Rain in November …… 16"
    found = [hit("", "page", 0.9, "image"), hit(listing, "list", 0.9)]
    (chosen,) = Calibrated(tau=0.0).select([query("rain in September")], [found])
    assert not chosen.evidence
    assert not chosen.near_misses
    assert chosen.reason == "nothing in the corpus fits: no text was found for the question"


def test_a_question_without_words_is_refused() -> None:
    (chosen,) = Calibrated(tau=0.0).select([query("?!")], [[hit(RAIN)]])
    assert chosen.reason == "the question has no words"


def test_signs_are_matched_to_the_letter() -> None:
    question = asked("What does %F mean?", None)
    assert question.signs == ("%F",)
    exact = features(question, hit("%F is a shorthand."))
    other = features(question, hit("f is a letter."))
    assert (exact["signs"], other["signs"]) == (1.0, 0.0)


def test_the_form_of_the_answer_is_not_what_is_asked() -> None:
    plain = asked("What is the quick ratio?", None)
    wrapped = asked("What is the quick ratio? Round your answer to two decimal places.", None)
    assert plain == wrapped


def test_the_fitted_numbers_say_where_they_come_from() -> None:
    stored = json.loads((files("rag.retrievers.selectors") / "calibrated.json").read_text(encoding="utf-8"))
    assert stored["provenance"]["features"] == VERSION
    assert stored["provenance"]["script"] == "benchmarks/fit_selector.py"
    known = set(features(asked("rain", None), hit(RAIN)))
    for profile in stored["profiles"].values():
        assert set(profile["weights"]) <= known
        assert 0 < profile["tau"] < 1
    assert "cosine" not in stored["profiles"]["lexical"]["weights"]


def test_the_fingerprint_names_the_numbers() -> None:
    assert Calibrated().fingerprint == Calibrated(k=2).fingerprint
    assert Calibrated().fingerprint.startswith(f"calibrated-{VERSION}-")


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="probability"):
        Calibrated(tau=2)
    with pytest.raises(ValueError, match="at least 0"):
        Calibrated(k=-1)


def test_what_a_question_points_at_needs_few_of_its_words() -> None:
    plain = hit("Anna looks after the garden.", dense=0.1)
    pointed = replace(plain, parts={**plain.parts, "pointed": Score(1, 1.0)})
    question = query("What is on page 3?")
    assert not Calibrated(lexicon=LEXICON).select([question], [[plain]])[0].evidence
    (chosen,) = Calibrated(lexicon=LEXICON).select([question], [[pointed]])
    assert chosen.evidence[0].relevance >= 0.5
