"""Sentences: where they end, and what holds for any text."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith met J. R. Tolkien. He left.", ["Dr. Smith met J. R. Tolkien.", "He left."]),
        ("He went to the U.S. He paid $3.50.", ["He went to the U.S.", "He paid $3.50."]),
        ("The U.S. Congress met, i.e. Both houses did.", ["The U.S. Congress met, i.e. Both houses did."]),
        ("See Fig. 3 and No. 5. It is so.", ["See Fig. 3 and No. 5.", "It is so."]),
        ("No. The answer is no.", ["No.", "The answer is no."]),
        ("It rose by 2.5 in 1999. Then it fell.", ["It rose by 2.5 in 1999.", "Then it fell."]),
        ('"Really?" she asked. Yes! Good.', ['"Really?" she asked.', "Yes!", "Good."]),
        ("He said “stop.” Then (so be it.) It ended.", ["He said “stop.”", "Then (so be it.)", "It ended."]),
        ("Wait... and see. Then it ended... The end.", ["Wait... and see.", "Then it ended...", "The end."]),
        ("これは文です。次の文です！終わり", ["これは文です。", "次の文です！", "終わり"]),
        ("「はい。」と言った。次。", ["「はい。」", "と言った。", "次。"]),
        ("1. Introduction\n2. Methods", ["1. Introduction", "2. Methods"]),
        ("Items:\n- one\n- two goes. Further", ["Items:", "- one", "- two goes.", "Further"]),
        ("| a | b |\n| c. D | d |", ["| a | b |", "| c. D | d |"]),
        ("| Mean temp. (°C) | No. 5. Yes |\n| 1. A | b! C |", ["| Mean temp. (°C) | No. 5. Yes |", "| 1. A | b! C |"]),
        ("x = 1;\n    y = 2;", ["x = 1;", "y = 2;"]),
        ("Title\n\nA paragraph", ["Title", "A paragraph"]),
        (
            "This is a line that was wrapped by the typesetter at\nabout sixty characters. Second.",
            ["This is a line that was wrapped by the typesetter at\nabout sixty characters.", "Second."],
        ),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@given(st.text(alphabet=st.one_of(st.sampled_from(' .!?\n"()A1a。|-'), st.characters()), max_size=200))
def test_spans_hold_every_character_once(text: str) -> None:
    spans = sentences(text)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    gaps = [0, *[at for span in spans for at in span], len(text)]
    between = [text[gaps[i] : gaps[i + 1]] for i in range(0, len(gaps), 2)]
    assert "".join(between).strip() == ""


@pytest.mark.parametrize("unit", ["a. B ", "e.g. X ", "\n a", ".", "[(", "Aaa ... ", '."', " ", "1.", "。"])
def test_time_is_linear_in_the_text(unit: str) -> None:
    started = time.perf_counter()
    sentences(unit * 50_000)
    assert time.perf_counter() - started < 5


def test_many_marks_take_linear_time() -> None:
    assert len(sentences("." * 200_000 + "x")) == 1


def test_a_name_that_begins_with_a_dot_begins_a_sentence() -> None:
    text = "We wrote it in C#. .NET runs it."
    assert [text[start:end] for start, end in sentences(text)] == ["We wrote it in C#.", ".NET runs it."]


def test_dots_left_out_end_nothing() -> None:
    text = "The subscript i = 1, . . . , k denotes a term. It is fixed."
    assert [text[start:end] for start, end in sentences(text)] == [
        "The subscript i = 1, . . . , k denotes a term.", "It is fixed.",
    ]  # fmt: skip
