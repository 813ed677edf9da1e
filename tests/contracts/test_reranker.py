"""What holds for every reranker, over any hits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer import Hit
from rag.protocols import Reranker
from tests.contracts.test_scorer import QUESTION, hits
from tests.generators.build import hit
from tests.retrievers.rerankers.scorers import RERANKERS

every = pytest.mark.parametrize("make", RERANKERS.values(), ids=RERANKERS)


@every
@settings(max_examples=20, deadline=None)
@given(found=hits(), data=st.data())
def test_a_permutation_the_same_whatever_order_came(
    make: Callable[[], Reranker], found: list[Hit], data: st.DataObject
) -> None:
    reranker = make()
    ranked = reranker.rerank([QUESTION], [found])[0]
    assert sorted(one.chunk.id for one in ranked) == sorted(one.chunk.id for one in found)
    shuffled = data.draw(st.permutations(found))
    assert [one.chunk.id for one in reranker.rerank([QUESTION], [shuffled])[0]] == [one.chunk.id for one in ranked]


@every
@settings(max_examples=20, deadline=None)
@given(found=hits())
def test_scores_fall_and_channels_stay(make: Callable[[], Reranker], found: list[Hit]) -> None:
    ranked = make().rerank([QUESTION], [found])[0]
    scores = [one.score for one in ranked]
    assert scores == sorted(scores, reverse=True)
    before = {one.chunk.id: one for one in found}
    for one in ranked:
        assert {name: one.parts[name] for name in before[one.chunk.id].parts} == before[one.chunk.id].parts
        assert one.chunk == before[one.chunk.id].chunk


@every
def test_none_give_none(make: Callable[[], Reranker]) -> None:
    reranker = make()
    assert reranker.rerank([], []) == []
    first, second = reranker.rerank([QUESTION, QUESTION], [[], [hit("Rain fell.", "c1", 0.5)]])
    assert first == []
    assert len(second) == 1
