"""What stands out in a text is in its chunks, however they are cut and put together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.document import Box, CharSpan, Chunk, Coloured, PageRegion
from tests.loaders.chunking.build import Document, at, sentence

OWN = (PageRegion(1, Box(0.3, 0.3, 0.4, 0.31)),)


def red(text: str, word: str, **fields: object) -> Coloured:
    start = text.index(word)
    return Coloured(start, start + len(word), "red", **fields)  # type: ignore[arg-type]


def said(chunk: Chunk) -> list[str]:
    return [
        (chunk.headings[run.heading] if run.heading >= 0 else chunk.text)[run.start : run.end]
        for run in chunk.coloured
    ]  # fmt: skip


def test_the_runs_of_packed_paragraphs_move_with_their_texts() -> None:
    first, second = "One red word.", "And another here."
    document = Document().heading("A").add(first, coloured=(red(first, "red"),))
    document.add(second, coloured=(red(second, "another", places=OWN),))
    (chunk,) = document.chunks()
    assert said(chunk) == ["red", "another"]
    assert chunk.coloured[0].places == document.elements[1].origin.places
    assert chunk.coloured[1].places == OWN


def test_a_heading_that_stands_out_is_known_by_its_number_or_in_the_text() -> None:
    document = Document()
    for level, title in enumerate(("Station", "Care"), 1):
        document.heading(title, level)
        document.elements[-1] = _coloured(document.elements[-1], title)
    document.add(sentence(60))
    (chunk,) = document.chunks()
    assert chunk.headings == ("Station", "Care")
    assert [(run.heading, said) for run, said in zip(chunk.coloured, said(chunk), strict=True)] == [
        (0, "Station"), (1, "Care"),
    ]  # fmt: skip
    assert all(run.places for run in chunk.coloured)


def test_titles_that_are_joined_into_a_text_are_found_there() -> None:
    document = Document().heading("Functions")
    for name in ("sin", "cos"):
        document.heading(name, 2)
        document.elements[-1] = _coloured(document.elements[-1], name)
        document.add(f"Returns the {name} of x.")
    document.heading("Next").add(sentence(80))
    first = document.chunks(target=100)[0]
    assert said(first) == ["sin", "cos"]
    assert [run.heading for run in first.coloured] == [-1, -1]


def test_only_the_first_chunk_of_a_section_begins_with_its_heading() -> None:
    document = Document().heading("Station")
    document.elements[-1] = _coloured(document.elements[-1], "Station")
    for number in range(6):
        document.add(sentence(60, 100 * number))
    chunks = document.chunks(target=100)
    assert len(chunks) > 2
    assert [said(chunk) for chunk in chunks] == [["Station"], *[[]] * (len(chunks) - 1)]


def test_a_heading_over_a_figure_alone_goes_with_it() -> None:
    document = Document().heading("Station")
    document.elements[-1] = _coloured(document.elements[-1], "Station")
    document.add("labels", "figure", caption="Figure 1: The station")
    (chunk,) = document.chunks()
    assert said(chunk) == ["Station"]


def test_a_caption_before_a_table_and_its_repeated_header_move_the_runs() -> None:
    rows = [f"| row{number} | value{number} |" for number in range(200)]
    text = "\n".join(["| Name | Value |", "| --- | --- |", *rows])
    runs = (red(text, "Value"), red(text, "value7 "), red(text, "value150"))
    document = Document().add(text, "table", caption="Table 1: All", coloured=runs)
    chunks = document.chunks(maximum=60, target=60)
    assert len(chunks) > 3
    for chunk in chunks:
        assert said(chunk)[0] == "Value"
    assert [word for chunk in chunks for word in said(chunk)[1:]] == ["value7 ", "value150"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.booleans(), min_size=1, max_size=50), min_size=1, max_size=8),
    st.sampled_from([30, 60, 200]),
    st.booleans(),
)
def test_the_words_that_stand_out_are_the_same_before_and_after(
    texts: list[list[bool]], target: int, listed: bool
) -> None:
    """Words are numbered; every coloured one, and no other, is coloured in some chunk that has it."""
    document, number, expected = Document(), 0, set()
    for at_, flags in enumerate(texts):
        document.heading(f"T{at_}", 1 + at_ % 3) if at_ % 2 else None
        words, runs, size = [], [], 0
        for flag in flags:
            word = f"w{number}." if number % 9 == 0 else f"w{number}"
            number += 1
            if flag:
                runs.append(Coloured(size, size + len(word), "blue"))
                expected.add(word)
            words.append(word)
            size += len(word) + 1
        document.add(" ".join(words), "list" if listed else "paragraph", coloured=tuple(runs))
    chunks = document.chunks(target=target, maximum=target)
    assert {word for chunk in chunks for word in said(chunk)} == expected
    for chunk in chunks:
        assert all(run.places and 0 <= run.start < run.end <= len(chunk.text) for run in chunk.coloured)


def _coloured(element, text: str):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(element, coloured=(Coloured(0, len(text), "green"),))


def test_pieces_of_a_long_text_have_the_places_of_their_characters() -> None:
    text = " ".join(f"Word number {number} stands here." for number in range(80))
    document = Document().add(text, coloured=(red(text, "number 70"),), places=(at(1),))
    chunks = [chunk for chunk in document.chunks(maximum=60, target=60) if chunk.coloured]
    assert [said(chunk) for chunk in chunks] == [["number 70"]]
    assert any(isinstance(place, CharSpan) for place in chunks[0].coloured[0].places)
