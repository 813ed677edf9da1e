"""Search, ask and stream as plain calls over parts that can be anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rag.pipelines.ask import Ask
from rag.pipelines.search import Search

from rag.answer import (
    Answer,
    Checked,
    Claim,
    Done,
    Event,
    Evidence,
    Evidenced,
    Hit,
    Query,
    Selection,
    Settings,
    TextPiece,
    query,
)
from rag.document import CharSpan, Chunk, Origin, Source

CHUNKS = [
    Chunk(
        f"{number:032x}",
        "text",
        Origin(Source("a.txt", "text/plain", "0" * 64), (CharSpan(number, number + 1),)),
        str(number),
    )
    for number in range(5)
]


@dataclass(frozen=True)
class All:
    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        return [[Hit(chunk, 1 - n / 10, "all") for n, chunk in enumerate(CHUNKS)] for _ in queries]


@dataclass(frozen=True)
class FirstTwo:
    def select(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Selection]:
        return [Selection(tuple(Evidence(n, hit, 0.9) for n, hit in enumerate(found[:2], 1))) for found in hits]


@dataclass(frozen=True)
class Counting:
    def generate(self, queries: Sequence[Query], selections: Sequence[Selection], settings: Settings) -> list[Answer]:
        claims = (Claim(0, 8, "supported", (1,)),)
        return [Answer(f"{len(one.evidence)} pieces", one.evidence, claims=claims) for one in selections]


def test_search_keeps_k_and_an_empty_question_finds_nothing() -> None:
    search = Search(All())
    assert [len(hits) for hits in search([query("a"), Query(()), query("b")], 3)] == [3, 0, 3]
    assert search([query("a")], 0) == [[]]
    assert search([], 3) == []


def test_explain_names_the_leaf_and_what_fell_behind() -> None:
    (stage,) = Search(All()).explain(query("a"), 2)
    candidates = stage["candidates"]
    assert isinstance(candidates, list)
    assert [one["kept_at"] for one in candidates] == [1, 2, None, None, None]


def test_ask_is_batched_and_timed() -> None:
    answers = Ask(All(), FirstTwo(), Counting())([query("a"), query("b")])
    assert [answer.text for answer in answers] == ["2 pieces", "2 pieces"]
    assert list(answers[0].trace) == ["compute", "retrieve", "select", "generate", "total"]


def test_a_generator_that_cannot_stream_still_gives_the_events_in_order() -> None:
    async def events() -> list[Event]:
        return [event async for event in Ask(All(), FirstTwo(), Counting()).stream(query("a"))]

    assert [type(event) for event in asyncio.run(events())] == [Evidenced, TextPiece, Checked, Done]


@dataclass(frozen=True)
class Computed:
    def compute(self, queries: Sequence[Query]) -> list[Answer | None]:
        claims = (Claim(0, 3, "computed", (1,)),)
        evidence = (Evidence(1, Hit(CHUNKS[0], 1.0, "counted"), 1.0),)
        return [Answer("Two", evidence, claims=claims) if one.text == "count" else None for one in queries]


def test_what_is_computed_is_not_looked_for() -> None:
    ask = Ask(All(), FirstTwo(), Counting(), computed=Computed())
    answers = ask([query("a"), query("count"), query("b")])
    assert [answer.text for answer in answers] == ["2 pieces", "Two", "2 pieces"]
    (alone,) = ask([query("count")])
    assert list(alone.trace) == ["compute", "total"]


def test_what_is_computed_streams() -> None:
    async def events() -> list[Event]:
        return [event async for event in Ask(All(), FirstTwo(), Counting(), computed=Computed()).stream(query("count"))]

    evidenced, piece, checked, done = asyncio.run(events())
    assert isinstance(evidenced, Evidenced)
    assert [one.number for one in evidenced.selection.evidence] == [1]
    assert isinstance(piece, TextPiece)
    assert isinstance(checked, Checked)
    assert isinstance(done, Done)
    assert (piece.text, checked.claim.status, done.answer.text) == ("Two", "computed", "Two")


@dataclass(frozen=True)
class FirstOf:
    """Keeps as much evidence as the budget says, a token each."""

    def compress(self, query: Query, selection: Selection, budget: int) -> Selection:
        return Selection(selection.evidence[:budget])


def test_a_compressor_narrows_the_evidence_to_the_budget_of_the_settings() -> None:
    ask = Ask(All(), FirstTwo(), Counting(), compressor=FirstOf())
    (answer,) = ask([query("a")], Settings(token_budget=1))
    assert answer.text == "1 pieces"
    assert list(answer.trace) == ["compute", "retrieve", "select", "compress", "generate", "total"]
    assert len(ask.select([query("a")], Settings(token_budget=1))[0].evidence) == 1
    assert ask([query("a")])[0].text == "2 pieces"

    async def first() -> Event:
        return await anext(aiter(ask.stream(query("a"), Settings(token_budget=1))))

    event = asyncio.run(first())
    assert isinstance(event, Evidenced)
    assert len(event.selection.evidence) == 1
