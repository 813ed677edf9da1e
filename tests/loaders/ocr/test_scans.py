"""PDF pages that are pictures: recognised, laid out, in small Parts that can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from rag.loaders.pdf import PDF

from rag.document import Element, PageRegion, Part, Source
from rag.identity import digest
from tests.golden import pdfs
from tests.golden.recognisers import Shaded, column, line, rotated, shade, shaded_pdf

TEXT = [
    "The turbine was inspected in the spring of the year and its",
    "main bearings were found to be worn far beyond the lim-",
    "it that the maker allows for machines of this size.",
]
Write = Callable[[bytes], Source]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(data: bytes) -> Source:
        path = tmp_path / "scan.pdf"
        path.write_bytes(data)
        return Source(str(path), "application/pdf", digest(data), str(path))

    return made


def read(source: Source, recogniser: Shaded | None = None, start: int = 0, **options: Any) -> list[Part]:
    return list(PDF(recogniser=recogniser, **options).load(source, start=start))


def spoken(parts: list[Part], page: int) -> list[Element]:
    return [
        element for part in parts for element in part.elements
        if isinstance(place := element.origin.places[0], PageRegion) and place.page == page
    ]  # fmt: skip


def titled(number: int) -> list[Any]:
    return [line(f"Inspection {number}", 0.1, 0.02, 0.5, 0.07), *column(TEXT)]


def test_a_picture_of_a_page_becomes_its_text(write: Write) -> None:
    (part,) = read(write(shaded_pdf([3])), Shaded({3: titled(3)}))
    heading, paragraph = part.elements
    assert (heading.role, heading.text, heading.level) == ("heading", "Inspection 3", 1)
    assert paragraph.role == "paragraph"
    assert "far beyond the limit that the maker" in paragraph.text
    assert paragraph.headings == ("Inspection 3",)
    (place,) = paragraph.origin.places
    assert isinstance(place, PageRegion)
    assert [place.box.left, place.box.top] == pytest.approx([0.1, 0.1], abs=1e-3)
    assert place.box.bottom == pytest.approx(0.18, abs=1e-3)
    assert [paragraph.text[word.start : word.end] for word in paragraph.words][:3] == ["The", "turbine", "was"]
    assert all(place.box.left <= word.box.left < word.box.right <= place.box.right for word in paragraph.words)
    assert part.warnings == ()


def test_pages_with_text_are_not_asked_about(write: Write) -> None:
    recogniser = Shaded({3: titled(3)})
    source = write(shaded_pdf([0, 3, 0]))
    parts = read(source, recogniser)
    assert recogniser.asked == [3]
    assert spoken(parts, 1) == spoken(read(source), 1)
    assert "Inspection 3" in [element.text for element in spoken(parts, 2)]


def test_headings_of_a_scan_stand_over_nothing_else(write: Write) -> None:
    parts = read(write(shaded_pdf([0, 3, 4, 0])), Shaded({3: titled(3), 4: column(TEXT)}))
    assert spoken(parts, 2)[-1].headings == ("Inspection 3",)
    assert spoken(parts, 3)[-1].headings == ("Turbine inspection",)


def test_each_page_is_told_as_soon_as_it_is_read(write: Write) -> None:
    recogniser = Shaded({number: titled(number) for number in range(1, 6)})
    told: list[tuple[int, int, int]] = []
    source = write(shaded_pdf([1, 2, 3, 4, 5]))
    pdf = PDF(recogniser=recogniser, progress=lambda page, pages: told.append((page, pages, len(recogniser.asked))))
    next(iter(pdf.load(source)))
    assert told[:4] == [(page, 5, page) for page in (1, 2, 3, 4)]


def test_parts_hold_four_scans_and_resume_without_reading_them_again(write: Write) -> None:
    source = write(shaded_pdf([0, 1, 2, 3, 4, 5, 0, 6, 7, 8, 0]))
    texts = {number: titled(number) for number in range(1, 9)}
    parts = read(source, Shaded(texts))
    assert [[page.number for page in part.pages] for part in parts] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    for start in range(3):
        recogniser = Shaded(texts)
        assert read(source, recogniser, start=start) == parts[start:]
        assert recogniser.asked == [[1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8], []][start]


def test_running_heads_of_scans_are_no_text(write: Write) -> None:
    texts = {
        number: [line("Handbook of Turbines", 0.1, 0.02, 0.4, 0.04), *column([f"Page {number} speaks.", *TEXT])]
        for number in (1, 2, 3)
    }
    parts = read(write(shaded_pdf([1, 2, 3])), Shaded(texts))
    header, *rest = spoken(parts, 2)
    assert (header.role, header.text) == ("header", "Handbook of Turbines")
    assert {element.role for element in rest} == {"paragraph"}


def test_the_first_heading_of_a_slide_is_its_title(write: Write) -> None:
    found = [
        line("Results", 0.1, 0.05, 0.3, 0.1),
        line("Much larger words", 0.1, 0.3, 0.8, 0.4),
        *column(TEXT, top=0.6),
    ]
    parts = read(write(shaded_pdf([3], (720, 405))), Shaded({3: found}))
    assert spoken(parts, 1)[-1].headings == ("Results", "Much larger words")


def test_a_page_that_fails_is_a_notice_and_the_others_go_on(write: Write) -> None:
    texts: Any = {1: RuntimeError("tesseract took longer than 120 s"), 2: titled(2)}
    (part,) = read(write(shaded_pdf([1, 2])), Shaded(texts))
    (notice,) = part.warnings
    assert notice.message.startswith("page 1 could not be read from its pixels (tesseract took longer")
    assert [element.role for element in spoken([part], 1)] == ["figure"]
    assert spoken([part], 2)[0].text == "Inspection 2"


def test_a_page_without_words_stays_a_figure(write: Write) -> None:
    (part,) = read(write(shaded_pdf([9])), Shaded({}))
    assert [(element.role, element.text) for element in part.elements] == [("figure", "")]


def test_a_few_words_stand_with_the_figure_that_they_are_in(write: Write) -> None:
    (part,) = read(write(shaded_pdf([9])), Shaded({9: [line("STOP HERE", 0.4, 0.4, 0.6, 0.45)]}))
    (figure,) = part.elements
    assert (figure.role, figure.text) == ("figure", "STOP HERE")
    assert [figure.text[word.start : word.end] for word in figure.words] == ["STOP", "HERE"]


def test_without_a_recogniser_it_is_said_once(write: Write) -> None:
    parts = read(write(shaded_pdf([1, 2, 0, 3])), part_pages=2)
    assert [len(part.warnings) for part in parts] == [0, 1]
    message = parts[1].warnings[0].message
    assert message.startswith("3 of 4 pages (1-2, 4) are pictures without words to search; ")
    assert "pip install 'argus-rag[ocr]', or Debian's tesseract-ocr" in message
    assert read(write(shaded_pdf([1, 2, 0, 3])), part_pages=2, start=1) == parts[1:]
    (part,) = read(write(shaded_pdf([1])))
    assert part.warnings[0].message.startswith("page 1 is a picture without words")


def test_an_engine_that_is_not_installed_is_not_asked(write: Write) -> None:
    recogniser = Shaded({1: titled(1)})
    recogniser.fingerprint = ""
    assert read(write(shaded_pdf([1])), recogniser) == read(write(shaded_pdf([1])))
    assert recogniser.asked == []


def figured() -> bytes:
    document = pymupdf.open()
    page = document.new_page()
    pdfs.lines(page, pdfs.wrapped(pdfs.SENTENCE * 4, 80), 72, 90)
    page.insert_image((72, 300, 372, 500), stream=shade(5, 600, 400))
    page.insert_image((72, 600, 112, 640), stream=shade(6, 80, 80))
    data: bytes = document.tobytes(no_new_id=True)
    return data


def test_figures_among_text_get_their_words(write: Write) -> None:
    recogniser = Shaded({5: [line("Oil pressure 4 bar", 0.25, 0.25, 0.75, 0.35)]})
    parts = read(write(figured()), recogniser)
    assert recogniser.asked == [5], "small ones are not asked about"
    large = next(element for element in parts[0].elements if element.text == "Oil pressure 4 bar")
    (place,) = large.origin.places
    assert isinstance(place, PageRegion)
    word = large.words[0].box
    assert place.box.left < word.left < word.right < place.box.right
    wide = place.box.right - place.box.left
    assert word.left == pytest.approx(place.box.left + 0.25 * wide, abs=2e-3)
    recogniser.asked.clear()
    assert all(element.text != large.text for part in read(write(figured()), recogniser, read_figures=False)
               for element in part.elements)  # fmt: skip
    assert recogniser.asked == []


def test_a_page_upside_down_is_read_and_framed_where_it_stands(write: Write) -> None:
    turned = [
        replace(one, box=rotated(one.box, 180), words=tuple(rotated(word, 180) for word in one.words))
        for one in titled(3)
    ]
    (part,) = read(write(shaded_pdf([3])), Shaded({3: turned}))
    assert [element.role for element in part.elements] == ["heading", "paragraph"]
    assert part.elements[1].text.startswith("The turbine was inspected")
    (place,) = part.elements[1].origin.places
    assert isinstance(place, PageRegion)
    assert place.box.bottom == pytest.approx(0.9, abs=2e-3)


def test_tables_are_found_in_scans_too(write: Write) -> None:
    """A recogniser gives each cell as a line of its own; the rules of aligned text put them together."""
    found = [line("Table 2: Results of the year", 0.1, 0.18, 0.45, 0.195), *column(TEXT, top=0.05)]
    for at, (label, *values) in enumerate(pdfs.FINANCES):
        top = 0.22 + 0.025 * at
        found += [line(label, 0.1, top, 0.1 + 0.01 * len(label), top + 0.015)] if label else []
        for to_the_right, value in enumerate(value.replace(" ", "") for value in values):
            right = 0.6 + 0.15 * to_the_right
            found.append(line(value, right - 0.011 * len(value), top, right, top + 0.015))
    parts = read(write(shaded_pdf([3])), Shaded({3: found}))
    (table,) = [element for element in parts[0].elements if element.role == "table"]
    assert table.caption == "Table 2: Results of the year"
    assert table.text.split("\n")[0] == "|  | 2021 | 2020 |"
    assert "| NET INCOME | $5,727 | $2,539 |" in table.text
    assert max(cell.row for cell in table.cells) == len(pdfs.FINANCES) - 1
