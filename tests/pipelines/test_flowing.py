"""Text that is written while it comes."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.commands.flowing import Flowing


def flowed(pieces: list[str], width: int) -> str:
    out = StringIO()
    flowing = Flowing(out, width)
    for piece in pieces:
        flowing.write(piece)
    flowing.end()
    return out.getvalue()


def test_words_are_whole_and_lines_are_short() -> None:
    assert flowed(["The rain ga", "uge stands on ", "the roof", "."], 12) == "The rain\ngauge stands\non the roof.\n"


def test_lines_stay_lines_and_control_characters_are_spelt_out() -> None:
    assert flowed(["one\ntw", "o\x1b[2J", "\n\nthree"], 40) == "one\ntwo\\x1b[2J\n\nthree\n"


@given(st.text("ab \n", max_size=60), st.integers(1, 12), st.integers(1, 9))
def test_how_it_is_cut_into_pieces_does_not_matter(text: str, width: int, step: int) -> None:
    pieces = [text[start : start + step] for start in range(0, len(text), step)]
    assert flowed(pieces, width) == flowed([text], width)
    assert flowed(pieces, width).split() == text.split()
