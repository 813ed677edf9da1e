"""A part of a chunk's text stands where its place says."""

from __future__ import annotations

from dataclasses import replace

from rag.document import Box, CharSpan, Chunk, Element, Origin, PageRegion, Place, Source, Word
from rag.placing import part_places, piece_places

SOURCE = Source("a.pdf", "application/pdf", "a" * 64)
TOP, LOW = PageRegion(2, Box(0.1, 0.1, 0.9, 0.3)), PageRegion(2, Box(0.1, 0.5, 0.9, 0.8))
FIRST, SECOND = "Boats sail. Rain fell.", "Rain fell. It is read at nine."


def element(text: str, *places: Place, **fields: object) -> Element:
    return Element(text[:9], "text", "paragraph", Origin(SOURCE, places), text, **fields)  # type: ignore[arg-type]


def chunk(text: str, *places: Place) -> Chunk:
    return Chunk("c", "text", Origin(SOURCE, places), text)


WHOLE = chunk(f"{FIRST}\n\n{SECOND}", TOP, LOW)
ELEMENTS = [
    element("Rain fell. It is read.", PageRegion(2, Box(0.95, 0.9, 1, 1))),
    element(FIRST, TOP),
    element(SECOND, LOW),
]


def spans(chunk: Chunk, *said: str) -> list[tuple[int, int]]:
    found, at = [], 0
    for one in said:
        at = chunk.text.index(one, at)
        found.append((at, at + len(one)))
    return found


def test_a_sentence_stands_in_the_first_element_of_the_chunk_that_holds_it_behind_those_before() -> None:
    assert part_places(WHOLE, spans(WHOLE, "Rain fell."), ELEMENTS) == (TOP, CharSpan(12, 22))
    both = part_places(WHOLE, spans(WHOLE, "Boats sail.", "It is read at nine."), ELEMENTS)
    assert both == (TOP, CharSpan(0, 11), LOW, CharSpan(11, 30))


def test_each_element_has_its_own_characters_and_its_place_once() -> None:
    both = chunk("Rain fell. It is so.\n\nRain fell. Boats sail. It is so.", TOP, LOW)
    parts = [element("Rain fell. It is so.", TOP), element("Rain fell. Boats sail. It is so.", LOW)]
    first, second, third = (0, 10), (22, 32), (45, 54)
    assert [both.text[a:b] for a, b in (first, second, third)] == ["Rain fell.", "Rain fell.", "It is so."]
    found = part_places(both, [first, second, third], parts)
    assert found == (TOP, CharSpan(0, 10), LOW, CharSpan(0, 10), CharSpan(23, 32))


def test_sentences_that_follow_each_other_are_one_span_and_a_whole_element_is_its_place() -> None:
    assert part_places(WHOLE, spans(WHOLE, "Rain fell.", "It is read at nine."), ELEMENTS[2:]) == (LOW,)
    assert part_places(WHOLE, spans(WHOLE, "Boats sail.", "Rain fell."), ELEMENTS) == (TOP,)


def test_what_runs_over_elements_is_found_by_its_lines_and_what_is_nowhere_gives_nothing() -> None:
    joined = chunk("Boats\nand ships", TOP, LOW)
    parts = [element("Boats", TOP), element("See boats and ships", LOW)]
    assert part_places(joined, [(0, len(joined.text))], parts) == (TOP, LOW, CharSpan(10, 19))
    assert part_places(WHOLE, spans(WHOLE, "Boats sail."), [ELEMENTS[2]]) == ()
    assert part_places(WHOLE, spans(WHOLE, "Boats sail."), []) == ()


def test_a_caption_stands_at_all_places_of_its_element() -> None:
    table = element("| May | 20 |\n| June | 22 |", LOW, TOP, caption="Table 1: Rain")
    one = chunk("Table 1: Rain\n| May | 20 |\n| June | 22 |", LOW, TOP)
    assert part_places(one, spans(one, "Table 1: Rain"), [table]) == (LOW, TOP)
    assert part_places(one, spans(one, "| June | 22 |"), [table]) == (LOW, TOP, CharSpan(13, 26))


def test_words_read_from_pixels_give_their_own_box() -> None:
    boxes = [Box(0.1, 0.1, 0.2, 0.15), Box(0.25, 0.1, 0.4, 0.15), Box(0.1, 0.2, 0.3, 0.25)]
    words = (Word(0, 5, boxes[0]), Word(6, 11, boxes[1]), Word(12, 16, boxes[2]))
    one = replace(ELEMENTS[1], words=words)
    assert part_places(WHOLE, spans(WHOLE, "Boats sail."), [one]) == (PageRegion(2, Box(0.1, 0.1, 0.4, 0.15)),)


def test_a_span_of_a_file_is_narrowed_where_the_text_is_its_own() -> None:
    assert piece_places((CharSpan(10, 32),), FIRST, 12, 22) == (CharSpan(22, 32),)
    assert piece_places((CharSpan(10, 50),), FIRST, 12, 22) == (CharSpan(10, 50),)
    assert piece_places((TOP,), FIRST, 0, len(FIRST)) == (TOP,)
