"""The JSON that other programs read, field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer import Answer, Citation, Claim, Evidence, Hit, Refusal, Score, Usage
from rag.contract import answer, evidence, hit, outcome, place, seconds, where, where_it_lies
from rag.document import (
    WHOLE,
    Box,
    CellRange,
    CharSpan,
    Chunk,
    MarkupPath,
    Origin,
    PageRegion,
    Place,
    Source,
    TimeSpan,
    labels,
)
from rag.report import Outcome, Problem
from tests.rag import nouns

SOURCE = Source("in/a.pdf", "application/pdf", "0" * 64, "/data/in/a.pdf")
REGION = PageRegion(3, Box(0.1, 0.2, 0.5, 0.6))
CHUNK = Chunk(
    "c1", "table", Origin(SOURCE, (REGION, PageRegion(4, WHOLE), CharSpan(5, 9))), text="| a |", role="table",
    title="Report", headings=("Rain", "March"), labels=labels({"team": "red"}),
)  # fmt: skip
HIT = Hit(CHUNK, 0.12345678, "fused", {"lexical": Score(2, 1.23456789), "dense": Score(1, 0.5)})
PLAIN = {
    "rank": 2,
    "score": 0.123457,
    "chunk_id": "c1",
    "modality": "table",
    "role": "table",
    "source": "in/a.pdf",
    "title": "Report",
    "page": 3,
    "box": [0.1, 0.2, 0.5, 0.6],
    "path": None,
    "start": None,
    "end": None,
    "places": [
        {"kind": "page", "page": 3, "box": [0.1, 0.2, 0.5, 0.6]},
        {"kind": "page", "page": 4, "box": [0.0, 0.0, 1.0, 1.0]},
        {"kind": "chars", "start": 5, "end": 9},
    ],
    "text": "| a |",
    "headings": ["Rain", "March"],
    "labels": {"team": "red"},
    "parts": {"dense": {"rank": 1, "score": 0.5}, "lexical": {"rank": 2, "score": 1.234568}},
}
ASKED = {
    "rank", "score", "chunk_id", "modality", "source", "title", "page", "box", "path", "start", "end", "places",
    "text", "headings", "parts",
}  # fmt: skip
"""What was promised; more may be there, less may not."""


def at(*places: Place) -> dict[str, Any]:
    told = hit(Hit(replace(CHUNK, origin=Origin(SOURCE, places)), 1.0, "x"), 1)
    return {name: told[name] for name in ("page", "box", "path", "start", "end")}


def test_a_hit() -> None:
    assert hit(HIT, 2) == PLAIN
    assert set(PLAIN) >= ASKED


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ((PageRegion(7, WHOLE),), {"page": 7, "box": [0.0, 0.0, 1.0, 1.0]}),
        ((MarkupPath("/html/p[2]"),), {"path": "/html/p[2]"}),
        ((MarkupPath("/html/p[2]"), CharSpan(3, 9)), {"path": "/html/p[2]"}),
        ((TimeSpan(1.5, 2.5),), {"start": 1.5, "end": 2.5}),
        ((CharSpan(3, 9),), {}),
        ((TimeSpan(1.5, 2.5), REGION), {"start": 1.5, "end": 2.5, "page": 3, "box": [0.1, 0.2, 0.5, 0.6]}),
        ((CharSpan(3, 9), TimeSpan(1.5, 2.5)), {"start": 1.5, "end": 2.5}),
        ((CellRange("Rain", "A1:B2"),), {}),
    ],
)
def test_what_does_not_apply_is_null(places: tuple[Place, ...], told: dict[str, object]) -> None:
    assert at(*places) == {"page": None, "box": None, "path": None, "start": None, "end": None, **told}


def test_evidence_is_a_hit_with_its_number() -> None:
    assert evidence(Evidence(2, HIT, 0.987654)) == {"number": 2, "relevance": 0.9877, **PLAIN}


def test_an_answer() -> None:
    one = Answer(
        "Rain fell.",
        evidence=(Evidence(1, HIT, 0.9),),
        citations=(Citation(0, 10, (1,)),),
        claims=(Claim(0, 10, "supported", (1,)),),
        usage=Usage(100, 20, 1, 2),
        trace={"retrieve": 0.01234567, "total": 0.5},
    )
    assert answer("did it rain?", one) == {
        "query": "did it rain?",
        "answer": "Rain fell.",
        "abstained": False,
        "reason": None,
        "near_misses": [],
        "citations": [{"start": 0, "end": 10, "evidence": [1]}],
        "claims": [{"start": 0, "end": 10, "status": "supported", "support": [1]}],
        "evidence": [{"number": 1, "relevance": 0.9, **PLAIN, "rank": 1}],
        "usage": {"input_tokens": 100, "output_tokens": 20, "images": 1, "calls": 2},
        "seconds": {"retrieve": 0.0123, "total": 0.5},
    }


def test_a_refusal() -> None:
    told = answer("q", Answer("", refusal=Refusal("nothing bears on it", 0.8, (Evidence(1, HIT, 0.1),))))
    assert (told["abstained"], told["reason"], told["answer"]) == (True, "nothing bears on it", "")
    assert told["near_misses"] == [{"number": 1, "relevance": 0.1, **PLAIN, "rank": 1}]
    assert told["evidence"] == told["citations"] == told["claims"] == []


def test_an_outcome() -> None:
    one = Outcome("a.pdf", "done", 3, 7, 1.23456, ("page 2 has no text",))
    assert outcome(one) == {
        "source": "a.pdf", "status": "done", "pages": 3, "chunks": 7, "seconds": 1.235,
        "warnings": ["page 2 has no text"], "error": None,
    }  # fmt: skip
    failed = outcome(Outcome("b.pdf", "failed", error=Problem("encrypted", "needs a password")))
    assert failed["error"] == {"type": "encrypted", "message": "needs a password", "place": None}


@settings(max_examples=50, deadline=None)
@given(nouns.answers, nouns.texts)
def test_every_answer_is_json(one: Answer, text: str) -> None:
    told = answer(text, one)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


@given(nouns.places)
def test_every_place_tells_its_kind(one: Place) -> None:
    kinds = {PageRegion: "page", CellRange: "cells", MarkupPath: "path", TimeSpan: "time", CharSpan: "chars"}
    assert place(one)["kind"] == kinds[type(one)]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (PageRegion(3, WHOLE), "a.pdf, page 3"),
        (REGION, "a.pdf, page 3, box [0.1, 0.2, 0.5, 0.6]"),
        (MarkupPath("/html/p[2]"), "a.pdf, /html/p[2]"),
        (CellRange("Ra\nin", "A1:B2"), r"a.pdf, sheet Ra\nin, cells A1:B2"),
        (TimeSpan(59.94, 59.96), "a.pdf, 0:59.9 to 1:00.0"),
        (TimeSpan(3.25, 3725.04), "a.pdf, 0:03.2 to 62:05.0"),
        (CharSpan(3, 9), "a.pdf, characters 3 to 9"),
    ],
)
def test_a_place_in_words(one: Place, words: str) -> None:
    assert where_it_lies(one, "a.pdf") == words


def test_further_pages_are_told_once() -> None:
    first, above = PageRegion(37, Box(0.1, 0.8, 0.9, 0.9)), PageRegion(38, Box(0.1, 0.1, 0.9, 0.2))
    line = CharSpan(0, 5)
    told = where([first, line, above, line, above], "a.pdf")
    assert told == "a.pdf, page 37, box [0.1, 0.8, 0.9, 0.9], and on page 38"
    assert where([above, line], "a.pdf") == where_it_lies(above, "a.pdf")
    assert where([line, line], "a.txt") == "a.txt, characters 0 to 5"


@given(st.floats(0, 1e6))
def test_a_clock_never_shows_sixty_seconds(at: float) -> None:
    assert ":60" not in where_it_lies(TimeSpan(at, at), "a")


def test_times_keep_their_order() -> None:
    assert list(seconds({"retrieve": 0.00012345, "select": 0.0, "total": 2})) == ["retrieve", "select", "total"]
    assert seconds({"retrieve": 0.00012345}) == {"retrieve": 0.0001}
