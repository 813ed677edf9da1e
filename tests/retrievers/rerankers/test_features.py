"""The embedded scorer: right passages above wrong ones, its data file complete, its choices told."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from rag.retrievers.rerankers import measures
from rag.retrievers.rerankers.features import Features

from rag.answer import query
from rag.calibration import checked, parsed
from tests.generators.build import Frequencies, hit

COUNTS = Frequencies({"rain": 50, "fell": 80, "september": 5, "gauge": 3}, 1000)
QUESTION = query("How much rain fell in September 1987?")


def measure(text: str, name: str, question: str = QUESTION.text, **fields: object) -> float:
    (values,) = measures.measured(question, COUNTS, [hit(text, dense=0.5, **fields)])  # type: ignore[arg-type]
    return values[measures.NAMES.index(name)]


def test_the_passage_that_answers_is_first() -> None:
    found = [
        hit("The gauge stands in the yard and is read each day at nine.", "c1", 0.45),
        hit("In September 1987, 81 mm of rain fell, more than in any month before.", "c2", 0.6),
        hit("Rain fell on the boats, and nobody was glad of it at all.", "c3", 0.5),
        hit("", "c4", 0.9),
        hit("Rain ........ 4\nSeptember ........ 7\nGauges ........ 12\nBoats ........ 20", "c5", 0.6),
    ]
    scorer = Features(COUNTS)
    (scores,) = scorer.score([QUESTION], [found])
    assert scores[1] == max(scores)
    assert scores[1] > 5 * scores[0]
    assert scores[3] == scores[4] == 0.0
    assert scorer.rerank([QUESTION], [found])[0][0].chunk.id == "c2"
    assert all(0 <= one <= 1 for one in scores)


def test_a_worse_hit_of_the_list_moves_no_other() -> None:
    found = [hit("In September 1987, 81 mm of rain fell.", "c1", 0.6), hit("The gauge.", "c2", 0.3)]
    before = Features(COUNTS).score([QUESTION], [found])[0]
    after = Features(COUNTS).score([QUESTION], [[*found, hit("Boats.", "c3", 0.1)]])[0]
    assert after[:2] == before


def test_measures_by_example() -> None:
    assert measure("Rain in September 1987.", "signs") == 1.0
    assert measure("Rain in September 1988.", "signs") == pytest.approx(0.5)
    assert measure("x", "heading", headings=("Rain in September",)) > 0.4
    assert measure("rain fell", "pairs") > measure("rain that fell", "pairs") == 0.0
    assert measure("81 mm", "quantity") == 0.0
    assert measure("none", "quantity") == -1.0
    assert measure("a photo", "picture", "Which figure shows rain?", modality="image") == 1.0
    assert measure("| rain |", "table", "Which column holds rain?", modality="table") == 1.0
    assert measure("rain()", "code", "Which function makes rain?", role="code") == 1.0
    assert measure("rain", "caption", "rain?", modality="image") == 1.0
    assert measure("rain", "time", "When did rain fall?") == 0.0
    assert measure("rain of 1987", "time", "When did rain fall?") == 1.0
    assert measure("September", "rare") == 0.5


def test_the_data_file_names_each_measure_and_where_the_numbers_come_from() -> None:
    folder = files("rag.retrievers.rerankers")
    told = json.loads((folder / "features.json").read_text(encoding="utf-8"))
    assert set(told["models"]["dense"]["weights"]) == set(measures.NAMES)
    assert set(told["models"]["lexical"]["weights"]) < set(measures.NAMES)
    assert told["provenance"]["measures"] == measures.VERSION
    named = " ".join(told["provenance"]["fitted_on"] + told["provenance"]["reported_on"])
    assert not any(word in named for word in ("docqa", "gnuplot", "maxima"))
    assert not set(told["provenance"]["fitted_on"]) & set(told["provenance"]["reported_on"])
    reported = told["reported"]["dense"]
    assert reported["features"]["auc_hits"] > reported["cosine"]["auc_hits"]
    assert reported["features"]["auc_hits"] > reported["bm25"]["auc_hits"]
    shipped = (folder / "features_calibration.json").read_text(encoding="utf-8")
    assert checked(parsed(shipped, "x"), Features().fingerprint, "x").tau is not None
