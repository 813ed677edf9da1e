"""One store of several kinds of vectors: scores as they are, the best of a chunk, who found it."""

from __future__ import annotations

import pytest
from rag.retrievers.shared import Shared

from rag.answer import Score, query
from tests.retrievers.test_fused import A, B, C, Listed

WORDS = Listed([(A, 0.9), (B, 0.3)], "dense")
SUMMARIES = Listed([(C, 0.8), (B, 0.5)], "dense")


def test_scores_are_compared_as_they_are() -> None:
    hits = Shared({"words": WORDS, "summaries": SUMMARIES}).retrieve([query("x")], 4)[0]
    assert [(hit.chunk.text, hit.score) for hit in hits] == [("A", 0.9), ("C", 0.8), ("B", 0.5)]
    assert hits[2].parts == {"words": Score(2, 0.3), "summaries": Score(2, 0.5)}
    assert hits[0].parts == {"words": Score(1, 0.9)}
    assert {hit.by for hit in hits} == {"shared"}


def test_k_is_of_all_together() -> None:
    store = Shared({"words": WORDS, "summaries": SUMMARIES})
    assert [hit.chunk.text for hit in store.retrieve([query("x")], 2)[0]] == ["A", "C"]
    assert store.retrieve([query("x")], 0) == [[]]
    assert store.retrieve([], 3) == []


def test_a_store_without_pictures_is_that_of_words_alone() -> None:
    empty = Listed([], "dense")
    alone = WORDS.retrieve([query("x")], 5)
    assert Shared({"words": WORDS}).retrieve([query("x")], 5) == alone
    both = Shared({"words": WORDS, "summaries": empty}).retrieve([query("x")], 5)[0]
    assert [(hit.chunk, hit.score) for hit in both] == [(hit.chunk, hit.score) for hit in alone[0]]


def test_nothing_to_share_is_refused() -> None:
    with pytest.raises(ValueError, match="one retriever or more"):
        Shared({})
