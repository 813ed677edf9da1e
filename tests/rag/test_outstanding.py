"""Evidence narrowed to the words that a question points at by their look."""

from __future__ import annotations

import pytest

from rag.answer import Evidence, Hit, Score, Selection, query
from rag.document import Box, Chunk, Coloured, Origin, PageRegion, Source
from rag.outstanding import PART, alone, is_narrowed, looking, narrowed, said

SOURCE = Source("a.pdf", "application/pdf", "a" * 64)
WHOLE, RED, HEAD = (PageRegion(2, Box(0.1, top, 0.9, top + 0.05)) for top in (0.1, 0.2, 0.3))
TEXT = "Check the gauge. Never open the valve. Then stop."
CHUNK = Chunk(
    "c1", "text", Origin(SOURCE, (WHOLE,)), TEXT, headings=("Station", "Red alert"),
    coloured=(
        Coloured(0, 9, "red", places=(HEAD,), heading=1),
        Coloured(17, 38, "red", places=(RED,)),
        Coloured(44, 48, "", "yellow", "highlighted"),
    ),
)  # fmt: skip


def selection(*looks: bool, chunk: Chunk = CHUNK) -> Selection:
    return Selection(
        tuple(
            Evidence(number, Hit(chunk, 1.0, "pointed", {PART: Score(1, 1.0)} if look else {}), 0.9)
            for number, look in enumerate(looks, 1)
        )
    )


def test_the_words_of_a_part_stand_in_the_text_or_in_a_heading() -> None:
    assert [said(CHUNK, run) for run in CHUNK.coloured] == ["Red alert", "Never open the valve.", "stop"]


def test_evidence_found_by_its_look_is_those_words_with_their_places() -> None:
    first, second = narrowed(query("What does the red text say?"), selection(True, False)).evidence
    assert first.hit.chunk.text == "Red alert\nNever open the valve.\nstop"
    assert first.hit.chunk.origin.places == (HEAD, RED)
    assert first.hit.chunk.id == "c1"
    assert is_narrowed(first.hit)
    assert second.hit.chunk is CHUNK
    assert not is_narrowed(second.hit)


@pytest.mark.parametrize("question", ["How much is the fee in red text?", "How often is the gauge checked?"])
def test_other_questions_keep_their_evidence_whole(question: str) -> None:
    given = selection(True)
    assert narrowed(query(question), given) is given


def test_what_has_no_places_of_its_own_has_those_of_the_chunk() -> None:
    marked = looking(CHUNK, "highlighted")
    assert (marked.text, marked.origin.places) == ("stop", (WHOLE,))


def test_one_look_alone() -> None:
    red = looking(CHUNK, "red")
    assert red.text == "Red alert\nNever open the valve."
    assert [(run.start, run.end, run.heading) for run in red.coloured] == [(0, 9, -1), (10, 31, -1)]
    assert alone(red).text == red.text
    with pytest.raises(ValueError, match="nothing in it is blue; what stands out in it is red, yellow, highlighted"):
        looking(CHUNK, "blue")
