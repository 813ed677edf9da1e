"""The PDF loader on PDFs made by code: parts, text, pages, errors, resuming."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pymupdf
import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.text import clean, joined

from rag.document import WHOLE, Element, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest, element_id
from rag.protocols import Renders
from tests.golden import pdfs

Write = Callable[[bytes], Source]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes, name: str = "report.pdf") -> Source:
        path = tmp_path / name
        path.write_bytes(data)
        return Source(name, "application/pdf", digest(data), str(path))

    return written


def parts_of(source: Source, **options: Any) -> list[Part]:
    return list(PDF(**options).load(source))


def elements(parts: list[Part], role: str = "") -> list[Element]:
    return [e for part in parts for e in part.elements if not role or e.role == role]


def region(element: Element, at: int = 0) -> PageRegion:
    place = element.origin.places[at]
    assert isinstance(place, PageRegion)
    return place


def test_headings_paragraphs_lists_and_code(write: Write) -> None:
    parts = parts_of(write(pdfs.headings()))
    found = elements(parts)
    assert [(e.role, e.level) for e in found] == [
        ("heading", 1), ("heading", 2), ("paragraph", 0), ("paragraph", 0),
        ("heading", 3), ("paragraph", 0), ("list", 0), ("code", 0),
    ]  # fmt: skip
    title, inspection, first, second, bearings, *_, items, code = found
    assert title.text == parts[0].head.title == "Annual Turbine Report"
    assert inspection.headings == ("Annual Turbine Report",)
    assert first.headings == ("Annual Turbine Report", "Inspection")
    assert first.text == (pdfs.SENTENCE * 4).strip()
    assert second.text == (pdfs.SENTENCE * 3).strip()
    assert bearings.headings == ("Annual Turbine Report", "Inspection")
    assert items.text.split("\n") == ["· Replace the bearing of the main shaft", "· Grease the gearbox"]
    assert items.headings == ("Annual Turbine Report", "Inspection", "Bearings")
    assert code.text == "def wear(hours):\n    return hours / 9000"


def test_the_outline_tells_headings_that_type_does_not(write: Write) -> None:
    found = elements(parts_of(write(pdfs.outlined())))
    assert [(e.text, e.level) for e in found if e.role == "heading"] == [("Mooring", 2), ("Anchors", 2)]
    assert found[1].headings == ("Mooring",)


def test_boxes_are_where_the_text_is(write: Write) -> None:
    title = elements(parts_of(write(pdfs.headings())), "heading")[0]
    box = region(title).box
    assert box.left == pytest.approx(72 / 612, abs=0.01)
    assert box.top == pytest.approx((90 - 24) / 792, abs=0.02)
    assert box.bottom == pytest.approx(90 / 792, abs=0.02)
    assert box.left < box.right < 0.7


def test_columns_are_read_one_after_the_other(write: Write) -> None:
    found = elements(parts_of(write(pdfs.two_columns())))
    text = " ".join(e.text for e in found)
    order = [text.index(words) for words in ("A Title", "LEFT begins", "LEFT ends", "RIGHT begins", "RIGHT ends")]
    assert order == sorted(order)
    assert [e.role for e in found] == ["heading", "paragraph", "paragraph"]
    assert region(found[1]).box.right < region(found[2]).box.left


def test_ligatures_and_hyphens(write: Write) -> None:
    (found,) = elements(parts_of(write(pdfs.hyphens())))
    assert found.text == (
        "The well-known engineer opened the machine and read the file of the well-known turbine; "
        "the flow was efficiently measured and its control was good."
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\x00b\x07c\x1fd", "abcd"),
        ("\ufb01le \uff21\u200b\u202e", "file A"),
        ("co\u00adoperate", "cooperate"),
        ("effi\u00ad ", "effi-"),
        ("\uf0b7 item", "• item"),
        ("Contents . . . . . . . . 12", "Contents … 12"),
        ("  two \t spaces\u00a0", "two spaces"),
    ],
)
def test_characters(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["the ma-", "chine"], "the machine"),
        (["a well-", "known case"], "a well-known case"),
        (["Instruct-", "GPT and/", "or"], "Instruct-GPT and/or"),
        (["see https://a.org/best-", "practices"], "see https://a.org/best-practices"),
        (["from 3 -", "5"], "from 3 - 5"),
        (["one", "two"], "one two"),
    ],
)
def test_lines_of_a_paragraph(parts: list[str], expected: str) -> None:
    assert joined(parts, frozenset({"well-known"})) == expected


def test_running_heads_and_page_numbers(write: Write) -> None:
    found = elements(parts_of(write(pdfs.many_pages(6))))
    assert [e.text for e in found if e.role == "header"] == ["Handbook of Turbines"] * 6
    assert [e.text for e in found if e.role == "footer"] == list("123456")
    assert [e.text for e in found if e.role == "heading"] == ["Chapter 1 of the book", "Chapter 2 of the book"]
    assert sum(e.role == "paragraph" for e in found) == 6


def test_pages_have_labels_and_sizes_as_shown(write: Write) -> None:
    pages = parts_of(write(pdfs.labelled()))[0].pages
    assert [(page.number, page.label) for page in pages] == [(1, "i"), (2, "ii"), (3, "1"), (4, "2")]
    (page,) = parts_of(write(pdfs.rotated(90)))[0].pages
    assert (page.width, page.height) == (792, 612)
    (page,) = parts_of(write(pdfs.rotated(90, crop=True)))[0].pages
    assert (page.width, page.height) == (500, 400)


def test_a_part_is_the_same_wherever_the_run_starts(write: Write) -> None:
    source = write(pdfs.many_pages(37))
    whole = parts_of(source, part_pages=8)
    assert [len(part.pages) for part in whole] == [8, 8, 8, 8, 5]
    assert [part.number for part in whole] == [0, 1, 2, 3, 4]
    for start in range(6):
        assert list(PDF(part_pages=8).load(source, start=start)) == whole[start:]
    assert elements([whole[2]], "paragraph")[0].headings == ("Chapter 4 of the book",)
    assert {part.head for part in whole} == {whole[0].head}
    assert whole[3].elements[2].id == element_id(source.digest, 3, 2)
    assert len({e.id for e in elements(whole)}) == len(elements(whole))


def test_parts_hold_32_pages_and_come_one_by_one(write: Write) -> None:
    stream = PDF().load(write(pdfs.many_pages(70)))
    assert len(next(stream).pages) == 32
    assert [len(part.pages) for part in stream] == [32, 6]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("A Study of Turbines", "A Study of Turbines"),
        ("Microsoft Word - study_final.docx", "Largest Words of Page One"),
        ("untitled", "Largest Words of Page One"),
        ("", "Largest Words of Page One"),
    ],
)
def test_title_and_metadata(write: Write, title: str, expected: str) -> None:
    data = pdfs.with_metadata(title=title, author="Ada\x00 Byron", creationDate="D:20210720081530Z")
    head = parts_of(write(data))[0].head
    assert head.title == expected
    assert head.pages == 1
    assert head.language == ""
    assert dict(head.metadata)["author"].startswith("Ada")
    assert dict(head.metadata)["created"] == "2021-07-20"


def test_the_title_falls_back_on_the_file_name(write: Write) -> None:
    assert parts_of(write(pdfs.image_only()))[0].head.title == "report"


def test_pages_without_text_are_figures_and_said_once(write: Write) -> None:
    (part,) = parts_of(write(pdfs.image_only([True, True, False, True])))
    (warning,) = part.warnings
    assert warning.message.startswith("3 of 4 pages (1-2, 4) are pictures without words to search; ")
    assert isinstance(warning.place, PageRegion)
    assert warning.place.page == 1
    figures = elements([part], "figure")
    assert [region(figure).page for figure in figures] == [1, 2, 4]
    assert region(figures[0]).box.right > 0.95
    assert len(part.pages) == 4


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "empty", "0 bytes"),
        (b"<html>no</html>", "damaged", "%PDF"),
        (b"%PDF-1.7\nnothing follows", "damaged", "cannot be opened|no page"),
        (pdfs.encrypted(), "encrypted", "password"),
        (pdfs.no_pages(), "empty", "no pages"),
        (pdfs.many_pages(3), "limit", "3 pages.*limit of 2"),
    ],
)
def test_files_that_cannot_be_taken(write: Write, data: bytes, kind: str, words: str) -> None:
    with pytest.raises(SourceError, match=rf"report\.pdf: .*(?:{words})") as caught:
        parts_of(write(data), max_pages=2)
    assert caught.value.kind == kind
    with pytest.raises(SourceError):
        PDF(max_pages=2).render(write(data), PageRegion(1, WHOLE), 72)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file") as caught:
        parts_of(Source("gone.pdf", "application/pdf", "0" * 64, str(tmp_path / "gone.pdf")))
    assert caught.value.kind == "missing"


def test_a_damaged_page_is_a_notice_and_the_others_go_on(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import pymupdf

    source = write(pdfs.many_pages(3))
    read = pymupdf.Page.get_text

    def failing(page: Any, *args: Any, **options: Any) -> Any:
        if page.number == 1:
            raise RuntimeError("cannot find\nobject")
        return read(page, *args, **options)

    monkeypatch.setattr(pymupdf.Page, "get_text", failing)
    (part,) = parts_of(source)
    assert [w.message for w in part.warnings] == ["page 2 cannot be read (cannot find object); the other pages were"]
    assert isinstance(part.warnings[0].place, PageRegion)
    assert part.warnings[0].place.page == 2
    assert {region(e).page for e in part.elements} == {1, 3}
    assert [page.number for page in part.pages] == [1, 2, 3]


def test_a_file_with_a_broken_page_object(write: Write) -> None:
    (part,) = parts_of(write(pdfs.damaged_page()))
    text = " ".join(e.text for e in part.elements)
    assert "Page number 1." in text
    assert "Page number 3." in text
    assert len(part.pages) == 3


def test_a_repaired_file_says_so(write: Write) -> None:
    data = pdfs.many_pages(3)
    broken = data[: data.rindex(b"startxref")]
    (part,) = parts_of(write(broken))
    assert "repaired" in part.warnings[0].message
    assert len(part.pages) == 3


def test_nothing_is_printed_and_nothing_stays_open(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    data = pdfs.many_pages(3)
    with contextlib.suppress(SourceError):
        parts_of(write(data[: len(data) // 2]))
    source = write(data)
    stream = PDF(part_pages=1).load(source)
    next(stream)
    held = open_files(source)
    stream.close()
    assert (held, open_files(source)) == (1, 0)
    assert capfd.readouterr() == ("", "")


def open_files(source: Source) -> int:
    return sum(file.path == source.path for file in psutil.Process().open_files())


@pytest.mark.parametrize("options", [{"part_pages": 33}, {"part_pages": 0}, {"tables": "some"}, {"max_pages": 0}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        PDF(**options)


def test_it_is_a_renderer_and_light() -> None:
    assert isinstance(PDF(), Renders)
    code = "import sys, rag.loaders.pdf as p; p.PDF(); sys.exit('pymupdf' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_uri_may_differ_from_the_path(write: Write) -> None:
    source = replace(write(pdfs.headings()), uri="https://example.org/a.pdf")
    assert elements(parts_of(source))[0].origin.source.uri == "https://example.org/a.pdf"


def test_a_numbered_formula_is_an_equation_and_a_headings_second_line_part_of_it(tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=612, height=792)
    page.insert_text((72, 90), "2.5 How to Correct the Model", fontsize=12, fontname="hebo")
    page.insert_text((92, 104), "with feedback of people", fontsize=12, fontname="hebo")
    y = pdfs.lines(page, pdfs.wrapped(pdfs.SENTENCE * 4, 80), 72, 130)
    page.insert_text((200, y + 10), "E = m c + x", fontsize=10)
    page.insert_text((400, y + 10), "(2)", fontsize=10)
    pdfs.lines(page, pdfs.wrapped(pdfs.SENTENCE * 4, 80), 72, y + 40)
    path = tmp_path / "a.pdf"
    path.write_bytes(document.tobytes())
    (part,) = PDF().load(Source("a.pdf", "application/pdf", "0" * 64, str(path)))
    assert [one.text for one in part.elements if one.role == "equation"] == ["E = m c + x (2)"]
    assert [one.text for one in part.elements if one.role == "heading"] == [
        "2.5 How to Correct the Model with feedback of people"
    ]
