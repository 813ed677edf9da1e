"""Questions that ask for all that stands at a place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rag.generators.quote import Quote
from rag.generators.quote_overview import is_overview

from rag.answer import Evidence, Score, Selection, Settings, query
from rag.document import Box, Origin, PageRegion, Source
from tests.generators.build import selection

SOURCE = Source("docs/lmer.pdf", "application/pdf", "0" * 64)
TABLE = "Table 5: Inputs of a model.\n| Name | Type |\n| --- | --- |\n| Response | vector |\n| Weights | diagonal |"


def at(page: int, top: float, text: str, number: int, *, pointed: float = 1.0, modality: str = "text") -> Evidence:
    one = selection(text, modality=modality).evidence[0]  # type: ignore[arg-type]
    place = PageRegion(page, Box(0.1, top, 0.9, top + 0.1))
    chunk = replace(one.hit.chunk, id=f"{page}-{top}", origin=Origin(SOURCE, (place,)), title="Linear models")
    parts = {"pointed": Score(1, pointed)} if pointed else {}
    return Evidence(number, replace(one.hit, chunk=chunk, parts=parts), 0.9)


def said(question: str, *evidence: Evidence) -> str:
    return Quote().generate([query(question)], [Selection(tuple(evidence))], Settings())[0].text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is on page 3?", True),
        ("What does page 3 of the lmer paper say?", True),
        ("Summarise section 2.2 of Linear models", True),
        ("What does Table 5 of lmer show?", True),
        ("What is at the top of page iv?", True),
        ("What is the type of the response in Table 5?", False),
        ("Which weights are named on page 3?", False),
        ("What does page 3 say about 2021?", False),
    ],
)
def test_what_asks_for_all(question: str, expected: bool) -> None:
    assert is_overview(question, [at(3, 0.1, "Weights are known.", 1)]) is expected


def test_nothing_is_surveyed_that_is_not_pointed_at() -> None:
    assert not is_overview("What is on page 3?", [at(3, 0.1, "Weights are known.", 1, pointed=0.0)])
    assert not is_overview("What is on page 3?", [])


def test_a_page_is_told_from_its_top() -> None:
    blocks = [
        at(3, 0.7, "At the foot stands a note. It is short.", 1),
        at(3, 0.4, "| a | b |\n| --- | --- |\n| one | two |", 2, modality="table"),
        at(3, 0.1, "The page begins with a word on weights. They are known.", 3),
    ]
    assert said("What is on page 3?", *blocks) == (
        "The page begins with a word on weights. They are known. [3] At the foot stands a note. It is short. [1] "
        "one — b: two [2]"
    )


def test_a_table_is_told_by_its_caption_and_first_rows() -> None:
    told = said("What is in Table 5 of lmer?", at(19, 0.1, TABLE, 1, modality="table"))
    assert told == (
        "Table 5: Inputs of a model. [1] Table 5: Inputs of a model: Response — Type: vector [1] "
        "Table 5: Inputs of a model: Weights — Type: diagonal [1]"
    )


def test_a_slide_of_a_few_words_a_line_is_told_too() -> None:
    told = said("What is on slide 3?", at(3, 0.1, "Our goals\nGrow revenue\nCut costs by half\nHire people", 1))
    assert told == "Our goals [1] Grow revenue [1] Cut costs by half [1]"
