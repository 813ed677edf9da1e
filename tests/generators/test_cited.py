"""Markers of citations in replies of every kind, in one piece and in many."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.generators.cited import Markers, cited_sentences, numbers_of

KNOWN = frozenset({1, 2, 3})


def rewritten(*pieces: str, cut_off: bool = False) -> tuple[str, list[int]]:
    markers = Markers(KNOWN)
    text = "".join(markers.feed(piece) for piece in pieces) + markers.end(cut_off=cut_off)
    return text, markers.dropped


@pytest.mark.parametrize(
    ("reply", "text", "dropped"),
    [
        ("It rained. [1]", "It rained. [1]", []),
        ("It rained [1].", "It rained. [1]", []),
        ("It rained[1]. It did [2]!", "It rained. [1] It did! [2]", []),
        ("It rained [1, 2].", "It rained. [1][2]", []),
        ("It rained [1][2] .", "It rained. [1][2]", []),
        ("It rained [1] [3]?", "It rained? [1][3]", []),
        ("It rained [1-3].", "It rained. [1][2][3]", []),
        ("It rained【1】。", "It rained。 [1]", []),
        ("It rained【2†report.pdf】.", "It rained. [2]", []),
        ("It rained [Evidence 2; source #3].", "It rained. [2][3]", []),
        ("It rained [2 and 2].", "It rained. [2]", []),
        ('He said "rain [1]."', 'He said "rain." [1]', []),
        ("**It rained [1].**", "**It rained.** [1]", []),
        ("It rained [7]. It did [1, 9].", "It rained. It did. [1]", [7, 9]),
        ("It rained [0] here.", "It rained here.", [0]),
        ("- [1] Rain\n- [2] Snow", "- [1] Rain\n- [2] Snow", []),
        ("5 mm [1] and 6 mm [2]; both.", "5 mm [1] and 6 mm [2]; both.", []),
        ("Read `argv[1]` first [2].", "Read `argv[1]` first. [2]", []),
        ("Read `argv［1］` first.", "Read `argv[1]` first.", []),
        ("Read argv[7].", "Read argv[7].", []),
        ("```\nx［1］ = y[2]\n```\nSo. [1]", "```\nx[1] = y[2]\n```\nSo. [1]", []),
        ("See ［1］ there.", "See ［1］ there.", []),
        ("[[1]]", "[ [1]]", []),
        ("[a] [b1] [] [1a] [12345]", "[a] [b1] [] [1a] [12345]", []),
    ],
)
def test_markers_are_made_uniform(reply: str, text: str, dropped: list[int]) -> None:
    assert rewritten(reply) == (text, dropped)
    assert rewritten(*reply) == (text, dropped), "letter by letter"


@given(
    st.lists(
        st.sampled_from(
            [
                "[",
                "]",
                "【",
                "】",
                "1",
                "2",
                "9",
                ", ",
                "-",
                " ",
                "\n",
                ".",
                "!",
                "`",
                "```",
                "rain",
                "［1］",
                "†x",
                '"',
            ]
        ),
        max_size=30,
    ),
    st.integers(1, 7),
)
def test_pieces_do_not_matter(letters: list[str], size: int) -> None:
    reply = "".join(letters)
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    assert rewritten(*pieces) == rewritten(reply)


def test_a_marker_in_code_that_has_not_ended_yet_is_left_as_it_is() -> None:
    for reply in ("`[1]`", "So `x [1] y` is.", "`[1] [2].", "a `b [1]\n c`", "So 【1†`x】 more text\n\nand"):
        assert rewritten(*reply) == rewritten(reply)


@given(st.text(max_size=200), st.integers(1, 50))
def test_any_text_passes(reply: str, size: int) -> None:
    assert rewritten(*[reply[at : at + size] for at in range(0, len(reply), size)]) == rewritten(reply)
    cited_sentences(reply, KNOWN)


def test_half_a_marker_goes_where_the_reply_was_cut_off() -> None:
    assert rewritten("It rained [1", cut_off=True)[0] == "It rained"
    assert rewritten("It rained [1")[0] == "It rained [1"


def test_a_wide_range_is_no_list() -> None:
    assert numbers_of("[1-9999]") == [1, 9999]


def test_a_long_reply_takes_linear_time() -> None:
    for reply in ("[1] " * 50_000, "[" * 100_000, "`" * 100_000, " " * 200_000, "［" * 50_000, "[1" * 50_000):
        rewritten(*[reply[at : at + 1000] for at in range(0, len(reply), 1000)])


def said(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(text[one.start : one.end], one.cited) for one in cited_sentences(text, KNOWN)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. [1] It snowed. [2][3]", [("It rained.", (1,)), ("It snowed.", (2, 3))]),
        ("It rained [1] and snowed [2] here.", [("It rained [1] and snowed [2] here.", (1, 2))]),
        ("[1] It rained. It snowed.", [("It rained.", (1,)), ("It snowed.", ())]),
        ("- [1] Rain.\n- [2] Snow.", [("- [1] Rain.", (1,)), ("- [2] Snow.", (2,))]),
        ("1. Rain. [1]\n2. Snow. [2]", [("1. Rain.", (1,)), ("2. Snow.", (2,))]),
        ("Rain.\n[1]\nSnow.", [("Rain.", (1,)), ("Snow.", ())]),
        ("**Rain.** [1] Snow. [2]", [("Rain.", (1,)), ("Snow.", (2,))]),
        ("See Dr. Smith. [1] It is 3.5 mm. [2]", [("See Dr. Smith.", (1,)), ("It is 3.5 mm.", (2,))]),
        ("Run:\n```\na = b\nc = d\n```\n[1]", [("Run:", ()), ("```\na = b\nc = d\n```", (1,))]),
        ("Use argv[7]. [1]", [("Use argv[7].", (1,))]),
        ("", []),
        ("[1]", []),
    ],
)
def test_markers_belong_to_their_sentences(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert said(text) == expected


@given(
    st.lists(
        st.sampled_from(["It rained. ", "Snow fell ", "[1]", "[2]", "\n", "\n\n", "- ", "`a[1]`", "**"]), max_size=20
    )
)
def test_sentences_are_spans_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    spans = [(one.start, one.end) for one in cited_sentences(text, KNOWN)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
