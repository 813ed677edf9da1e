"""What a chunk is cut into: nothing lost, rows with their heads, items with what announces them, code whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.compressors.cuts import LONGEST_CODE, Cut, cuts

from rag.document import Chunk, Modality
from tests.generators.build import chunk

LINES = st.sampled_from(
    ["Rain fell. Boats sail.", "The months are:", "- May", "- June; dry", "", "    x = 1", "  return f(x);",
     "| a | b |", "| --- | --- |", "| 1 |  |", "Table 1: Rain", "e.g. this", "。雨。"]
)  # fmt: skip


def said(one: Chunk) -> list[str]:
    return [one.text[cut.start : cut.end] for cut in cuts(one)]


def needed(one: Chunk, at: int) -> list[str]:
    return [one.text[start:end] for start, end in cuts(one)[at].needs]


@given(st.lists(LINES, max_size=12).map("\n".join), st.sampled_from(["text", "table", "image"]))
def test_pieces_are_in_order_apart_and_with_their_needs_hold_all(text: str, modality: Modality) -> None:
    found = cuts(chunk(text, modality=modality))
    spans = sorted({(one.start, one.end) for one in found} | {span for one in found for span in one.needs})
    assert [(one.start, one.end) for one in found] == sorted((one.start, one.end) for one in found)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
    assert all(span[1] <= one.start for one in found for span in one.needs)


def test_rows_need_caption_head_and_the_row_that_names_their_group() -> None:
    one = chunk("Table 1: Rain\n| a | b |\n| --- | --- |\n| Spring |  |\n| May | 20 |", modality="table")
    assert said(one) == ["| Spring |  |", "| May | 20 |"]
    assert needed(one, 0) == ["Table 1: Rain", "| a | b |", "| --- | --- |"]
    assert needed(one, 1) == ["Table 1: Rain", "| a | b |", "| --- | --- |", "| Spring |  |"]
    bare = chunk("| May | 20 |\n| June | 22 |", modality="table")
    assert said(bare) == ["| May | 20 |", "| June | 22 |"]
    assert needed(bare, 1) == []
    empty = chunk("| a | b |\n| --- | --- |", modality="table")
    assert said(empty) == ["| a | b |", "| --- | --- |"]


def test_items_need_what_announces_them_and_sentences_do_not() -> None:
    one = chunk("It rains. The wet months are:\n- May\n- June\n\nBoats sail.")
    assert said(one) == ["It rains.", "The wet months are:", "- May", "- June", "Boats sail."]
    assert [needed(one, at) for at in range(5)] == [[], [], ["The wet months are:"], ["The wet months are:"], []]


def test_what_follows_an_announcement_needs_it() -> None:
    one = chunk("Do this:\n\n    make all\n    make test\n\nThen rest. It is done.")
    assert said(one) == ["Do this:", "    make all\n    make test", "Then rest.", "It is done."]
    assert [needed(one, at) for at in range(4)] == [[], ["Do this:"], [], []]
    plain = chunk("The rule is this: \nRain falls in May.")
    assert needed(plain, 1) == ["The rule is this:"]


def test_code_stays_whole_and_a_long_block_is_cut_between_lines() -> None:
    short = chunk('int main() {\n  puts("a. B.");\n}\n\nIt prints. It ends.')
    assert said(short) == ['int main() {\n  puts("a. B.");\n}', "It prints.", "It ends."]
    line = "value = compute(number)"
    long = said(chunk("\n".join([line] * 120), role="code"))
    assert len(long) > 1
    assert all(len(piece) <= LONGEST_CODE and set(piece.split("\n")) == {line} for piece in long)
    verse = chunk("Rain fell in the long month of May on all of us\nwho stood in the yard and looked at it.")
    assert len(said(verse)) == 1


def test_nothing_gives_nothing() -> None:
    assert cuts(chunk("")) == []
    assert cuts(chunk(" \n ", modality="table")) == []
    assert cuts(chunk("Rain.")) == [Cut(0, 5)]
