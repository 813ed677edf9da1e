"""The embedded scorer: right passages above wrong ones, other topics refused, its data file complete."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from rag.retrievers.rerankers import measures, topic
from rag.retrievers.rerankers.features import Features
from rag.retrievers.selectors.adaptive import Adaptive

from rag.answer import Hit, Score, query
from rag.calibration import checked, parsed
from rag.protocols import Judges
from tests.generators.build import Frequencies, hit

COUNTS = Frequencies({"rain": 50, "fell": 80, "september": 5, "gauge": 3}, 1000)
QUESTION = query("How much rain fell in September 1987?")
RAIN = "In September 1987, 81 mm of rain fell, more than in any month before."
OTHERS = (
    "The gauge stands in the yard and is read each day at nine.",
    "Rain fell on the boats, and nobody was glad of it at all.",
    "Anna looks after the garden.",
)


def measure(text: str, name: str, question: str = QUESTION.text, **fields: object) -> float:
    asked, found = measures.asked(question, COUNTS), hit(text, dense=0.5, **fields)  # type: ignore[arg-type]
    told = measures.measures(asked, found, measures.seen(asked, found), measures.best_of([found]))
    return told[measures.NAMES.index(name)]


def of_list(found: list[Hit], name: str, question: str = QUESTION.text) -> float:
    asked = measures.asked(question, COUNTS)
    return topic.topic(asked, found, [measures.seen(asked, one) for one in found])[topic.NAMES.index(name)]


def listed(dense: bool, *texts: str) -> list[Hit]:
    """Hits ranked as given, by both channels, or by words alone."""
    found = []
    for at, text in enumerate(texts):
        one = hit(text, f"c{at}", None)
        parts = {"lexical": Score(at + 1, 9.0 / (at + 1))}
        if dense:
            parts["dense"] = Score(at + 1, 0.7 / (at + 1))
        found.append(replace(one, score=1 / (at + 1), parts=parts))
    return found


def test_the_passage_that_answers_is_first() -> None:
    found = [
        hit(OTHERS[0], "c1", 0.45),
        hit(RAIN, "c2", 0.6),
        hit(OTHERS[1], "c3", 0.5),
        hit("", "c4", 0.9),
        hit("Rain ........ 4\nSeptember ........ 7\nGauges ........ 12\nBoats ........ 20", "c5", 0.6),
    ]
    scorer = Features(COUNTS)
    (scores,) = scorer.score([QUESTION], [found])
    assert scores[1] == max(scores)
    assert scores[1] > 3 * scores[0]
    assert scores[3] == scores[4] == 0.0
    assert scorer.rerank([QUESTION], [found])[0][0].chunk.id == "c2"
    assert all(0 <= one <= 1 for one in scores)


@pytest.mark.parametrize("dense", [True, False])
def test_what_answers_is_kept_and_other_topics_are_refused(dense: bool) -> None:
    selector = Adaptive(lexicon=COUNTS)
    (told,) = selector.select([QUESTION], [listed(dense, RAIN, *OTHERS)])
    assert told.evidence[0].hit.chunk.text == RAIN
    for text in ("What is the capital of Mongolia?", "How do I cook risotto?"):
        away = [
            replace(one, parts={"lexical": Score(at, 0.1)} | ({"dense": Score(5 - at, 0.1)} if dense else {}))
            for at, one in enumerate(listed(dense, RAIN, *OTHERS), 1)
        ]
        (told,) = selector.select([query(text)], [away])
        assert not told.evidence, text
        assert len(told.near_misses) == 3
        assert told.reason.startswith("nothing in the corpus fits: the best match covers 0 of 2 words of the question")


@pytest.mark.parametrize("dense", [True, False])
def test_what_a_question_points_at_needs_none_of_its_words(dense: bool) -> None:
    found = listed(dense, OTHERS[2], OTHERS[0])
    low = [replace(one, parts={"lexical": Score(at, 0.1)}) for at, one in enumerate(found, 1)]
    if dense:
        low = [replace(one, parts={**one.parts, "dense": Score(at, 0.15)}) for at, one in enumerate(low, 1)]
    at_page = [low[0], replace(low[1], parts={**low[1].parts, "pointed": Score(1, 1.0)})]
    question = query("Which numbers are written on page 3?")
    (told,) = Adaptive(lexicon=COUNTS).select([question], [at_page])
    assert told.evidence[0].hit.chunk.text == OTHERS[0]


def test_a_list_is_judged_with_its_scores() -> None:
    scorer = Features(COUNTS)
    assert isinstance(scorer, Judges)
    found = listed(True, RAIN, *OTHERS)
    scores, (chance, none) = scorer.judged([QUESTION, QUESTION], [found, []])
    assert scores[0] == scorer.score([QUESTION], [found])[0]
    assert 0.5 < chance <= 1
    assert none == 0.0
    assert max(scores[0]) <= chance


def test_a_hit_behind_the_best_twenty_moves_no_other() -> None:
    found = listed(True, RAIN, *(f"Boat {at} and the gauge of the garden." for at in range(topic.DEPTH)))
    before = Features(COUNTS).judged([QUESTION], [found[:-1]])
    (scores,), chances = Features(COUNTS).judged([QUESTION], [found])
    assert [scores[:-1]] == before[0]
    assert chances == before[1]


def test_measures_by_example() -> None:
    assert measure("Rain in September 1987.", "signs") == 1.0
    assert measure("Rain in September 1988.", "signs") == pytest.approx(0.5)
    assert measure("%F is a shorthand.", "signs", "What does %F mean?") == 1.0
    assert measure("f is a letter.", "signs", "What does %F mean?") == 0.0
    assert measure("rain fell", "pairs") > measure("rain that fell", "pairs") == 0.0
    assert measure("September", "rare") == 0.5
    assert measure("September. In 1987", "sentence") < measure("September 1987", "sentence") < 1.0
    assert measure("x", "coverage", headings=("Rain in September",)) > 0.3
    assert measure("| month | rain |\n|---|---|\n| September 1987 | 81 |", "sentence", modality="table") > 0.7
    plain = "What is the quick ratio?"
    assert measures.asked(plain, None) == measures.asked(f"{plain} Round your answer to two decimal places.", None)


def test_measures_of_a_list_by_example() -> None:
    found = listed(True, RAIN, *OTHERS)
    assert of_list(found, "near") == 0.7
    assert of_list(found, "agree") == 1.0
    assert of_list(found, "chunk_of") == of_list(found, "sentence_of") == pytest.approx(1.0)
    assert of_list(found, "chunk_of", "Which risotto has rain?") < 0.5
    assert of_list(found, "no_topic", "What is written in the figure on the page?") == 1.0
    assert of_list(found, "sentence_of", "What is written in the figure on the page?") == 1.0
    pointed = [replace(found[-1], parts={"pointed": Score(1, 0.8)})]
    assert of_list(pointed, "chunk_of", "Which risotto has rain?") == 0.8


def test_the_data_file_names_each_measure_and_where_the_numbers_come_from() -> None:
    folder = files("rag.retrievers.rerankers")
    told = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    for part, names in (("hit", measures.NAMES), ("topic", topic.NAMES)):
        assert set(told["models"]["dense"][part]["weights"]) == set(names)
        assert set(told["models"]["lexical"][part]["weights"]) < set(names)
    assert told["provenance"]["measures"] == measures.VERSION
    named = " ".join(told["provenance"]["fitted_on"] + told["provenance"]["reported_on"])
    assert not any(word in named for word in ("docqa", "gnuplot", "maxima"))
    assert not set(told["provenance"]["fitted_on"]) & set(told["provenance"]["reported_on"])
    reported = told["reported"]["dense"]
    for plain in ("cosine", "bm25", "retriever"):
        assert reported["features"]["auc_hits"] > reported[plain]["auc_hits"]
        assert (
            reported["features"]["auc_answerable_against_off_topic"]
            > reported[plain]["auc_answerable_against_off_topic"]
        )
    shipped = (folder / "features_calibration.json").read_text(encoding="utf-8")
    known = checked(parsed(shipped, "x"), Features().fingerprint, "x")
    assert known.ratio is not None
    assert known.least_chance is not None


def look(found: list[Hit], share: float = 1.0) -> list[Hit]:
    """The first hit as one that was found by the look of its text."""
    parts = {name: Score(1, share) for name in ("pointed", "coloured")}
    return [replace(found[0], parts={**found[0].parts, **parts}), *found[1:]]


@pytest.mark.parametrize("dense", [True, False])
def test_text_of_the_look_that_is_asked_for_is_not_refused(dense: bool) -> None:
    selector, red = Adaptive(lexicon=COUNTS), query("What does the red text say?")
    far = [replace(one, parts={name: Score(9, 0.01) for name in one.parts}) for one in listed(dense, *OTHERS)]
    assert not selector.select([red], [far])[0].evidence
    (told,) = selector.select([red], [look(far)])
    assert told.evidence[0].hit.chunk.text == OTHERS[0]
    assert Features(COUNTS).judged([red], [look(far)])[1][0] >= topic.LOOKED


def test_a_look_says_nothing_of_another_topic() -> None:
    asked = measures.asked("What does the red text say about rain?", COUNTS)
    assert set(asked.shares) == {"rain"}
    assert not asked.looks_only
    assert topic.looked(asked, look(listed(True, *OTHERS))) == 0.0


def test_a_hit_found_by_its_look_has_the_words_for_it() -> None:
    asked = measures.asked("What does the red text say?", COUNTS)
    one, other = look(listed(True, *OTHERS))[:2]
    assert {"red", "text"} <= measures.seen(asked, one).text
    assert not measures.seen(asked, other).text & {"red", "text"}
    plain = measures.asked("What does the red line in the chart show?", COUNTS)
    assert (plain.look, plain.looks_only) == ("", False)
