"""Expanded: a question that names an entry of the glossary is asked in its words too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rag.retrievers.expanded import Expanded

from rag.answer import Hit, Query, Score, query
from tests.golden.catalogs import document

SHEET, NOTES, OTHER = document("report", ["sheet", "notes", "other"])


class Told:
    """Finds by the whole question, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        self.asked += [one.text for one in queries]
        return [self._hits(one.text)[:k] for one in queries]

    def _hits(self, text: str) -> list[Hit]:
        ranked = [(SHEET, 8.0), (OTHER, 2.0)] if "liabilities" in text else [(NOTES, 0.5), (OTHER, 0.4)]
        return [Hit(chunk, score, "told", {"told": Score(at, score)}) for at, (chunk, score) in enumerate(ranked, 1)]


def test_scores_of_both_are_added() -> None:
    told = Told()
    hits = Expanded(told, weight=1.5).retrieve([query("What is ACME's current ratio in 2021?")], 5)[0]
    assert told.asked[1].startswith("ACME 2021 total current assets")
    assert [(hit.chunk.text, hit.score) for hit in hits] == [
        ("sheet", pytest.approx(1.5)), ("other", pytest.approx(0.8 + 1.5 * 0.25)), ("notes", pytest.approx(1.0)),
    ]  # fmt: skip
    assert hits[0].parts["glossary"] == Score(1, 8.0)
    assert set(hits[1].parts) == {"told", "glossary"}
    assert set(hits[2].parts) == {"told"}


def test_other_questions_are_left_as_they_are() -> None:
    told = Told()
    queries = [query("How much rain?"), query("the current ratio"), query("Who paid?")]
    found = Expanded(told).retrieve(queries, 1)
    assert len(told.asked) == 4
    assert [[hit.chunk.text for hit in hits] for hits in found] == [["notes"], ["sheet"], ["notes"]]
    assert found[0][0].score == 0.5


def test_a_glossary_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[entry]]\nterms = ["uptime"]\nwords = "liabilities of outages"\n', encoding="utf-8")
    own, both = Expanded(Told(), file=str(file)), Expanded(Told(), file=str(file), both=True)
    assert own.retrieve([query("uptime")], 1)[0][0].chunk.text == "sheet"
    assert own.retrieve([query("current ratio")], 1)[0][0].chunk.text == "notes"
    assert both.retrieve([query("current ratio")], 1)[0][0].chunk.text == "sheet"


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"depth": 0}])
def test_bad_arguments(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Expanded(Told(), **options)  # type: ignore[arg-type]
