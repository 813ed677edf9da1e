"""Votes, sections, diversity and chains: what each does to the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rag.retrievers.rerankers.chain import Chain, Stage
from rag.retrievers.rerankers.diversity import Diversity
from rag.retrievers.rerankers.ordering import Reranked
from rag.retrievers.rerankers.sections import Sections
from rag.retrievers.rerankers.votes import Votes

from rag.answer import Hit, Query, query
from rag.document import Origin, Source
from rag.protocols import Costs
from tests.generators.build import chunk
from tests.retrievers.lists import Listed

QUESTION = query("How much rain fell?")


def of(document: str, id: str, score: float, text: str = "Rain fell.", headings: tuple[str, ...] = ()) -> Hit:
    made = chunk(text, id, headings=headings)
    source = Source(f"{document}.pdf", "application/pdf", document * 64)
    return Hit(replace(made, origin=Origin(source, made.origin.places)), score, "x")


def ids(hits: Sequence[Hit]) -> list[str]:
    return [one.chunk.id for one in hits]


class Counted:
    """Scores by the length of the text; keeps how many pairs it was asked."""

    def __init__(self, name: str = "counted", seconds: float = 0.0) -> None:
        self.fingerprint = name
        self.seconds = seconds
        self.pairs = 0

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        import time

        self.pairs += sum(map(len, hits))
        time.sleep(self.seconds * sum(map(len, hits)))
        return [[float(len(hit.chunk.text)) for hit in found] for found in hits]


def test_snippets_vote_for_their_document() -> None:
    hits = [of("a", "1", 0.9), of("b", "2", 0.8), of("b", "3", 0.7), of("a", "4", 0.1), of("b", "5", 0.6)]
    assert ids(Votes(count="number").rerank([QUESTION], [hits])[0]) == ["2", "3", "5", "1", "4"]
    # Scores above the last voter's: a 0.8, b 0.7 + 0.6 + 0.5.
    summed = Votes().rerank([QUESTION], [hits])[0]
    assert ids(summed) == ["2", "3", "5", "1", "4"]
    assert summed[0].score == pytest.approx(1.8)
    assert ids(Votes(count="number", depth=1).rerank([QUESTION], [hits])[0])[:2] == ["1", "4"]
    with pytest.raises(ValueError, match="depth"):
        Votes(depth=0)


def test_sections_of_the_best_documents_alone_are_scored() -> None:
    hits = [
        of("a", "1", 0.9, "short", ("One",)), of("a", "2", 0.8, "a longer text here", ("Two",)),
        of("a", "3", 0.2, "and more", ("One",)), of("b", "4", 0.7, "the longest text of all of them", ("Three",)),
    ]  # fmt: skip
    scorer = Counted()
    assert ids(Sections(scorer, top_documents=1).rerank([QUESTION], [hits])[0]) == ["2", "1", "3", "4"]
    assert scorer.pairs == 2  # "One" has short + and more: 15 letters, "Two" 18
    assert ids(Sections(scorer, top_documents=2).rerank([QUESTION], [hits])[0]) == ["4", "2", "1", "3"]
    assert scorer.pairs == 5


def test_what_repeats_comes_behind_what_is_new() -> None:
    hits = [of("a", "1", 1.0, "rain fell in spring"), of("a", "2", 0.9, "rain fell in spring"),
            of("a", "3", 0.5, "boats sail north")]  # fmt: skip
    assert ids(Diversity(0.5).rerank([QUESTION], [hits])[0]) == ["1", "3", "2"]
    assert ids(Diversity(1.0).rerank([QUESTION], [hits])[0]) == ["1", "2", "3"]
    for wrong in (lambda: Diversity(1.5), lambda: Diversity(0.5, "vectors")):
        with pytest.raises(ValueError):
            wrong()


def test_a_dear_scorer_sees_the_best_of_a_cheap_one() -> None:
    hits = [of("a", str(at), 1 - at / 10, "x" * (at + 1)) for at in range(6)]
    cheap, dear = Counted("cheap-1"), Counted("dear-1")
    chain = Chain([Stage(cheap), Stage(dear, best=4, calls=2)])
    assert isinstance(chain, Costs)
    scores, costs = chain.scored([QUESTION, QUESTION], [hits, []])
    assert (cheap.pairs, dear.pairs) == (6, 2)
    assert [one > 1 for one in scores[0]] == [False] * 4 + [True] * 2
    assert costs[0]["calls"] == 2
    assert set(costs[0]) == {"calls", "1.cheap", "2.dear"}
    assert scores[1] == []
    assert ids(chain.rerank([QUESTION], [hits])[0])[:2] == ["5", "4"]


def test_seconds_run_out_and_the_rest_keeps_its_place() -> None:
    hits = [of("a", str(at), 1 - at / 10, "x" * (at + 1)) for at in range(6)]
    slow = Counted("slow-1", 0.05)
    chain = Chain([Stage(Counted("cheap-1")), Stage(slow, seconds=0.08, batch=1)])
    ranked = chain.rerank([QUESTION], [hits])[0]
    assert 1 <= slow.pairs < 6
    assert ids(ranked) == ["5", "4", "3", "2", "1", "0"]
    for wrong in (lambda: Chain([]), lambda: Stage(slow, best=-1), lambda: Stage(slow, batch=0)):
        with pytest.raises(ValueError):
            wrong()


def test_a_reranked_retriever_asks_deeper_and_gives_k() -> None:
    inner = Listed([(chunk("x" * at, str(at)), 1.0 / at) for at in range(1, 9)])
    found = Reranked(inner, Chain([Stage(Counted())]), depth=6).retrieve([QUESTION], 2)
    assert inner.asked == [6]
    assert [ids(one) for one in found] == [["6", "5"]]
    assert Reranked(inner, Votes()).retrieve([QUESTION], 0) == [[]]
