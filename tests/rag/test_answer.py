"""The nouns of asking."""

from __future__ import annotations

from rag.answer import Answer, Query, Selection, Settings, query
from rag.document import Media
from rag.filters import Eq


def test_a_query_is_its_words_without_its_pictures() -> None:
    picture = Media("image/png", "0" * 64, 3)
    assert Query((" where is ", picture, "this? ")).text == "where is  this?"
    assert Query((picture,)).text == ""
    assert Query(()).text == ""


def test_a_question_of_words_alone() -> None:
    assert query("rain", Eq("page", 2)) == Query(("rain",), where=Eq("page", 2))


def test_what_is_not_given_is_empty() -> None:
    answer = Answer("yes")
    assert (answer.evidence, answer.citations, answer.claims, answer.refusal) == ((), (), (), None)
    assert answer.trace == {}
    assert answer.trace is not Answer("no").trace, "no two answers share their times"
    assert Selection().reason == ""
    assert Settings().deadline is None
