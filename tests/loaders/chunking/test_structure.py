"""Structure: what goes together, what is kept apart, and what every chunk carries."""

from __future__ import annotations

import pytest
from rag.loaders.chunking.structure import Structure

from rag.document import WHOLE, CharSpan, Origin, Page, PageRegion, Source, TimeSpan
from rag.identity import identified
from rag.words import WordCounter
from tests.loaders.chunking.build import HTML, PDF, PICTURE, Document, at, sentence


def table(rows: int, width: int = 5) -> str:
    lines = ["| Name | Value |", "| --- | --- |"]
    lines += [f"| row{number} | {' '.join(f'v{number}x{k}' for k in range(width))} |" for number in range(rows)]
    return "\n".join(lines)


def test_paragraphs_of_a_section_are_packed_up_to_the_target() -> None:
    document = Document().heading("One")
    for number in range(10):
        document.add(sentence(40, 100 * number))
    sizes = [chunk.tokens for chunk in document.chunks(target=100)]
    assert sizes == [80] * 5


def test_a_chunk_never_crosses_a_heading_of_its_level() -> None:
    document = Document().heading("One").add(sentence(60)).heading("Two").add(sentence(60, 100))
    chunks = document.chunks(target=100)
    assert [chunk.headings for chunk in chunks] == [("One",), ("Two",)]
    assert [chunk.text for chunk in chunks] == [sentence(60), sentence(60, 100)]


def test_small_siblings_are_joined_under_their_parent_with_their_titles_in_the_text() -> None:
    document = Document().heading("Functions")
    for name in ("sin", "cos"):
        document.heading(name, 2).add(f"Returns the {name} of x.")
    document.heading("Next").add(sentence(80))
    first, second = document.chunks(target=100)
    assert first.headings == ("Functions",)
    assert first.text == "sin\nReturns the sin of x.\n\ncos\nReturns the cos of x."
    assert second.headings == ("Next",)


def test_small_sections_on_different_pages_are_joined_only_under_a_common_title() -> None:
    apart = Document().heading("A", page=1).add("One two.", page=1).heading("B", page=2).add("Three.", page=2)
    assert [chunk.headings for chunk in apart.chunks()] == [("A",), ("B",)]
    together = Document().heading("A", page=1).add("One two.", page=1).heading("B", page=1).add("Three.", page=1)
    assert [chunk.headings for chunk in together.chunks()] == [()]


def test_slides_are_not_packed_together() -> None:
    pages = [Page(number, "", 960, 540) for number in (1, 2, 3)]
    document = Document().heading("Deck")
    for number in (1, 2, 3):
        document.add(f"Point {number}.", page=number)
    texts = [chunk.text for chunk in document.chunks(pages=pages) if chunk.role != "page"]
    assert texts == ["Point 1.", "Point 2.", "Point 3."]
    portrait = [Page(number, "", 540, 960) for number in (1, 2, 3)]
    assert len([chunk for chunk in document.chunks(pages=portrait) if chunk.role != "page"]) == 1


def test_a_long_paragraph_is_cut_at_sentence_ends_with_its_span_and_parent() -> None:
    text = " ".join(sentence(30, 100 * number) for number in range(12))
    document = Document().add(text)
    chunks = document.chunks(target=100, maximum=120)
    assert len(chunks) > 2
    for chunk in chunks:
        box, span = chunk.origin.places
        assert isinstance(box, PageRegion)
        assert isinstance(span, CharSpan)
        assert text[span.start : span.end] == chunk.text
        assert chunk.text.endswith(".")
        assert chunk.parent == "e0"
        assert chunk.tokens <= 120
    assert " ".join(chunk.text for chunk in chunks) == text


def test_pieces_may_overlap_by_sentences() -> None:
    text = " ".join(sentence(10, 100 * number) for number in range(30))
    first, second, *_ = Document().add(text).chunks(target=100, maximum=120, overlap=20)
    tail = " ".join(first.text.split()[-20:])
    assert second.text.startswith(tail)


def test_plain_text_keeps_spans_of_the_file() -> None:
    source = Source("a.txt", "text/plain", "c" * 64)
    text = " ".join(sentence(30, 100 * number) for number in range(12))
    origin = Origin(source, (CharSpan(50, 50 + len(text)),))
    chunks = Document(source).add(text, origin=origin).chunks(target=100, maximum=120)
    for chunk in chunks:
        (span,) = chunk.origin.places
        assert isinstance(span, CharSpan)
        assert text[span.start - 50 : span.end - 50] == chunk.text
    two = Document(source)
    two.add("One.", places=(CharSpan(0, 4),)).add("Two.", places=(CharSpan(6, 10),))
    assert two.chunks()[0].origin.places == (CharSpan(0, 10),)


def test_a_sentence_without_an_end_is_cut_at_spaces() -> None:
    text = " ".join(f"w{number}" for number in range(1000))
    chunks = Document().add(text).chunks(maximum=64)
    assert all(chunk.tokens <= 64 for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks).split() == text.split()


def test_a_megabyte_without_a_space_does_not_become_one_chunk() -> None:
    text = "x" * 1_000_000
    chunks = Document().add(text).chunks(maximum=256)
    assert max(len(chunk.text) for chunk in chunks) <= 256 * 16
    assert "".join(chunk.text for chunk in chunks) == text


def test_a_table_is_whole_with_its_caption_up_to_four_times_the_limit() -> None:
    caption = at(1, 0.9)
    document = Document().add("Before.").add(table(50), "table", caption="Table 1: Values.")
    document.elements[-1] = document.elements[-1].__class__(
        **{name: getattr(document.elements[-1], name) for name in document.elements[-1].__slots__}
        | {"origin": Origin(PDF, (at(1, 0.3), caption))}
    )
    _, chunk = document.chunks(maximum=128)
    assert chunk.modality == "table"
    assert chunk.text == "Table 1: Values.\n" + table(50)
    assert chunk.origin.places == (at(1, 0.3), caption)
    assert chunk.parent == ""


def test_a_larger_table_is_cut_by_rows_each_piece_with_caption_and_header() -> None:
    text = table(200)
    document = Document().add(text, "table", caption="Table 1: Values.")
    chunks = document.chunks(maximum=100)
    rows: list[str] = []
    for chunk in chunks:
        lines = chunk.text.split("\n")
        assert lines[:3] == ["Table 1: Values.", "| Name | Value |", "| --- | --- |"]
        assert chunk.tokens <= 100
        assert chunk.parent == "e0"
        span = chunk.origin.places[-1]
        assert isinstance(span, CharSpan)
        assert text[span.start : span.end].strip("\n").split("\n") == lines[3:]
        rows += lines[3:]
    assert rows == text.split("\n")[2:]


def test_a_figure_has_its_caption_text_media_and_both_places() -> None:
    document = Document().add(
        "A cat on a mat", "figure", places=(at(1, 0.2), at(1, 0.6)), caption="Figure 2.1: Cat.", media=PICTURE
    )
    (chunk,) = document.chunks()
    assert (chunk.modality, chunk.role, chunk.media) == ("image", "figure", PICTURE)
    assert chunk.text == "Figure 2.1: Cat.\nA cat on a mat"
    assert chunk.origin.places == (at(1, 0.2), at(1, 0.6))
    assert [view.name for view in chunk.views] == ["text", "contextual", "pixels"]


def test_a_figure_without_any_text_is_still_a_chunk() -> None:
    (chunk,) = Document().add("", "figure", media=PICTURE).chunks()
    assert (chunk.modality, chunk.text) == ("image", "")
    assert [view.name for view in chunk.views] == ["pixels"]


def test_a_figure_full_of_text_keeps_caption_and_media_on_every_piece() -> None:
    inside = " ".join(sentence(20, 100 * number) for number in range(30))
    document = Document().add(inside, "figure", caption="Figure 1: Much.", media=PICTURE)
    chunks = document.chunks(maximum=128)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Figure 1: Much.\n") and chunk.media == PICTURE for chunk in chunks)
    assert all(chunk.tokens <= 128 for chunk in chunks)


def test_a_figure_between_paragraphs_does_not_part_them_and_follows_them() -> None:
    document = Document().add("The text goes").add("", "figure", caption="Figure 1.").add("on here.")
    text, figure = document.chunks()
    assert text.text == "The text goes on here."
    assert figure.text == "Figure 1."


def test_a_list_keeps_the_sentence_that_leads_into_it() -> None:
    document = Document().heading("One").add(sentence(70)).add("There are these kinds:")
    document.add("\n".join(f"- {sentence(8, 10 * number)}" for number in range(6)), "list")
    first, second = document.chunks(target=75)
    assert first.text == sentence(70)
    assert second.text.startswith("There are these kinds:\n\n- Word")


def test_every_piece_of_a_long_list_repeats_its_lead() -> None:
    items = "\n".join(f"- {sentence(10, 10 * number)}" for number in range(40))
    chunks = Document().add("There are these kinds:").add(items, "list").chunks(target=100, maximum=128)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("There are these kinds:") for chunk in chunks)
    assert all(chunk.tokens <= 128 for chunk in chunks)
    assert all(chunk.parent == "e1" for chunk in chunks)


def test_code_is_whole_where_it_fits_and_else_cut_between_lines() -> None:
    code = "\n".join(f"    call function{number} with argument" for number in range(60))
    (whole,) = Document().add(code, "code").chunks(maximum=256)
    assert whole.text == code
    pieces = Document().add(code, "code").chunks(maximum=64)
    assert "\n".join(piece.text for piece in pieces) == code


def test_a_heading_with_nothing_under_it_is_found() -> None:
    document = Document().heading("Part I").heading("Empty", 2).heading("Full", 2).add(sentence(80))
    chunks = document.chunks(target=100)
    assert [(chunk.text, chunk.headings) for chunk in chunks] == [
        ("Empty", ("Part I",)),
        (sentence(80), ("Part I", "Full")),
    ]
    assert Document().heading("Alone").chunks()[0].text == "Alone"


@pytest.mark.parametrize("role", ["header", "footer", "hidden"])
def test_what_is_not_read_is_not_chunked(role: str) -> None:
    assert Document().add("Page 3 of 7", role).chunks() == []


def test_each_pdf_page_is_an_image_chunk_before_what_stands_on_it() -> None:
    pages = [Page(number, "", 600, 800) for number in (1, 2, 3)]
    document = Document().heading("One", page=1).add(sentence(90), page=1).add(sentence(90, 100), page=3)
    chunks = document.chunks(pages=pages, target=100)
    shown = [(chunk.role, chunk.origin.places[0]) for chunk in chunks if chunk.role == "page"]
    assert shown == [("page", PageRegion(number, WHOLE)) for number in (1, 2, 3)]
    assert chunks[0].role == "page"
    assert chunks[0].title == "The title"
    assert [view.name for view in chunks[0].views] == ["pixels"]
    assert not [chunk for chunk in Document(HTML).add("Text.").chunks(pages=pages) if chunk.role == "page"]


def test_pages_of_a_scan_are_chunks_though_no_element_is() -> None:
    chunks = Document().chunks(pages=[Page(1, "", 600, 800)])
    assert [chunk.role for chunk in chunks] == ["page"]


def test_boxes_under_each_other_are_one_and_columns_stay_apart() -> None:
    document = Document().heading("One")
    document.add("First.", places=(at(1, 0.10, 0.05),)).add("Second.", places=(at(1, 0.16, 0.05),))
    document.add("Other column.", places=(at(1, 0.10, 0.05, left=0.5),))
    (chunk,) = document.chunks()
    assert chunk.origin.places == (at(1, 0.10, 0.11), at(1, 0.10, 0.05, left=0.5))


def test_a_chunk_has_at_most_eight_boxes() -> None:
    document = Document().heading("One")
    for number in range(20):
        document.add("Word.", places=(at(1, 0.01 + 0.045 * number, 0.01, left=0.1 + 0.3 * (number % 2)),))
    (chunk,) = document.chunks()
    assert 1 <= len(chunk.origin.places) <= 8


def test_speech_is_packed_into_one_span() -> None:
    source = Source("a.mp4", "video/mp4", "b" * 64)
    document = Document(source)
    for second in range(4):
        document.add("Some words.", "speech", places=(TimeSpan(second, second + 1),), modality="audio")
    (chunk,) = document.chunks()
    assert (chunk.modality, chunk.origin.places) == ("audio", (TimeSpan(0, 4),))


def test_ids_and_views_are_filled_in_and_final() -> None:
    chunks = Document().heading("One").add("Text.").add("Text.").chunks()
    assert list(identified(chunks)) == chunks
    assert all(len(chunk.id) == 32 for chunk in chunks)


def test_sizes_are_those_of_the_counter() -> None:
    class Letters(WordCounter):
        def count(self, texts: object) -> list[int]:
            return [len(text) - text.count(" ") for text in texts]  # type: ignore[attr-defined]

    parts = Document().add("Letters count. " * 30).parts()
    assert all(len(chunk.text) * 0.8 < chunk.tokens <= 64 for chunk in Structure(Letters(64))(parts))


def test_the_counter_is_asked_in_batches() -> None:
    class Counted(WordCounter):
        calls = 0

        def count(self, texts: object) -> list[int]:
            self.calls += 1
            return super().count(texts)  # type: ignore[arg-type]

    counter = Counted()
    document = Document().heading("One")
    for number in range(200):
        document.add(sentence(30, number))
    list(Structure(counter)(document.parts()))
    assert counter.calls <= 6


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="tokens"):
        Structure(target=0)
    with pytest.raises(ValueError, match="16"):
        Structure(maximum=3)
