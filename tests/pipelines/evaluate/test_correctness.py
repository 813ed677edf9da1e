"""Spans of an answer: where they lie, which are facts, and what of them the evidence holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.evaluate.correctness import SpanCorrectness, least_of, mean_of, spans, split, supported

from rag.answer import Answer, Citation, Hit, Query, Refusal
from tests.generators.build import selection

TEXT = "In 2021 revenue rose to 4.2 million euros [1]; costs fell by 3% [2]. I think that is a good year. Why?"
EVIDENCE = selection("Revenue rose to 4.2 million euros in 2021.", "The costs fell by 5% that year.").evidence


def test_spans_are_clauses_and_opinions_are_told_from_facts() -> None:
    found = split(TEXT)
    assert [TEXT[one.start : one.end] for one in found] == [
        "In 2021 revenue rose to 4.2 million euros [1]",
        "costs fell by 3% [2].",
        "I think that is a good year.",
    ]
    assert [one.objective for one in found] == [True, True, False]


@given(st.text(max_size=200))
def test_spans_lie_in_the_text_in_order(text: str) -> None:
    edges = [edge for one in split(text) for edge in (one.start, one.end)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(text) for edge in edges)


def test_a_wrong_number_is_a_wrong_fact() -> None:
    scored = spans(Answer(TEXT, EVIDENCE))
    assert [one.score for one in scored] == [1.0, 0.0, None]
    assert mean_of(scored) == 0.5
    assert least_of(scored) == 0.0
    assert supported("Revenue rose.", "Nothing of the kind.") == 0.0
    assert 0.3 < supported("Revenue rose in spring", "Revenue was flat.") < 0.5


def test_nothing_objective_has_no_score() -> None:
    assert mean_of(spans(Answer("I believe it is lovely.", EVIDENCE))) is None
    assert least_of(()) is None
    assert spans(Answer("", refusal=Refusal("none"))) == ()
    assert [one.score for one in spans(Answer("Revenue rose in 2021."))] == [0.0]


class Counting:
    """A scorer that gives a score by the text of the hit, and keeps what it was asked."""

    fingerprint = "counting"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        self.asked += [(query.text, len(found)) for query, found in zip(queries, hits, strict=True)]
        return [[1.7 if "4.2" in hit.chunk.text else -0.3 for hit in found] for found in hits]


def test_a_scorer_is_asked_span_by_span_without_marks() -> None:
    scorer = Counting()
    scored = SpanCorrectness(scorer)([Answer(TEXT, EVIDENCE)])[0]
    assert scorer.asked == [("In 2021 revenue rose to 4.2 million euros", 2), ("costs fell by 3%.", 2)]
    assert [one.score for one in scored] == [1.0, 1.0, None]


@pytest.mark.parametrize(("only", "expected"), [(False, [1.0, 1.0]), (True, [1.0, 0.0])])
def test_a_span_is_held_against_what_it_cites(only: bool, expected: list[float]) -> None:
    cited = (Citation(0, 45, (1,)), Citation(47, 68, (2,)))
    scored = SpanCorrectness(Counting(), cited_only=only)([Answer(TEXT, EVIDENCE, cited)])[0]
    assert [one.score for one in scored if one.objective] == expected
