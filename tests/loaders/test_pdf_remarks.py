"""Annotations, form fields, links and attachments of a PDF."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.pdf import PDF, attachments
from rag.loaders.pdf.engine import Name, open_document
from rag.loaders.pdf.links import _joined, covered
from rag.loaders.pdf.text import Line

from rag.document import Link, PageRegion, Part, Source
from rag.errors import SourceError
from tests.golden.pdfs import LETTER
from tests.golden.remarks import PHRASE, remarked


@pytest.fixture(scope="module", params=["mupdf", "pdfium"])
def engine(request: pytest.FixtureRequest) -> Name:
    one: Name = request.param
    return one


@pytest.fixture(scope="module")
def part(engine: Name, tmp_path_factory: pytest.TempPathFactory) -> Part:
    path = tmp_path_factory.mktemp("pdf") / "a.pdf"
    path.write_bytes(remarked())
    (one,) = PDF(engine=engine).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)))
    return one


def test_remarks_are_notes_with_the_words_they_mark(part: Part) -> None:
    notes = {one.text: one for one in part.elements if one.role == "note"}
    assert f"Highlighted: \u201c{PHRASE}\u201d\ncheck this value (Ann)" in notes
    assert {"A sticky note", "Typed over the page", "Stamp: Approved"} < notes.keys()
    place = notes["A sticky note"].origin.places[0]
    assert isinstance(place, PageRegion)
    assert abs(place.box.left - 500 / LETTER[0]) < 0.01
    assert abs(place.box.top - 300 / LETTER[1]) < 0.01


def test_fields_tell_their_value_and_choices(part: Part) -> None:
    fields = [one.text for one in part.elements if one.role == "field"]
    assert fields == ["Your name: Ada", "agree: checked", "colour: blue (of red, blue)", "empty: (not filled in)"]


def test_what_is_written_upon_a_page_is_told_once(part: Part) -> None:
    told = "\n".join(chunk.text for chunk in Structure()([part]))
    for words in ("Ada", "Typed over the page", "A sticky note"):
        assert told.count(words) == 1
    assert not any("Ada" in one.text for one in part.elements if one.role == "paragraph")


def test_links_are_spans_of_the_text(part: Part) -> None:
    one = next(one for one in part.elements if PHRASE in one.text and one.links)
    assert [(one.text[link.start : link.end], link.target) for link in one.links] == [
        ("chapter two", "#page=2"), ("site", "https://example.org/a"),
    ]  # fmt: skip


def test_attachments_are_listed_and_given_on_request(part: Part, engine: Name, tmp_path: Path) -> None:
    (told,) = [one.message for one in part.warnings if "attached" in one.message]
    assert ("'data.csv' (text/csv, 8 bytes)" if engine == "mupdf" else "'data.csv' (text/csv)") in told
    path = tmp_path / "b.pdf"
    path.write_bytes(remarked())
    document = open_document(engine, path)
    (one,) = attachments.listed(document)
    data = attachments.unpacked(document, one)
    document.close()
    assert (one.name, one.description, data) == ("data.csv", "the numbers", b"a,b\n1,2\n")


def test_a_name_that_leads_elsewhere_and_a_large_file_are_refused(
    engine: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = pymupdf.open()
    document.new_page()
    document.embfile_add("x", b"12345", filename="../../etc/passwd")
    path = tmp_path / "c.pdf"
    path.write_bytes(document.tobytes())
    document = open_document(engine, path)
    assert [one.name for one in attachments.listed(document)] == ["passwd"]
    monkeypatch.setattr(attachments, "LARGEST", 3)
    with pytest.raises(SourceError, match="more than 3"):
        attachments.unpacked(document, attachments.listed(document)[0])


def test_a_damaged_field_costs_no_word_of_its_page(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open("pdf", remarked())
    field = next(document[0].widgets()).xref
    document.xref_set_key(field, "DA", "(/Helv Z Tf 0 g)")
    path = tmp_path / "d.pdf"
    path.write_bytes(document.tobytes())
    (part,) = PDF(engine=engine).load(Source("d.pdf", "application/pdf", "0" * 64, str(path)))
    assert any(PHRASE in one.text for one in part.elements if one.role == "paragraph")
    assert any("Chapter two" in one.text for one in part.elements)
    told = any("remarks or fields that cannot be read" in one.message for one in part.warnings)
    assert told or any(one.role == "field" for one in part.elements)


@given(st.text(max_size=40), st.floats(0, 300), st.floats(0, 300))
def test_a_link_covers_whole_words_within_its_line(text: str, left: float, right: float) -> None:
    start, end = covered(Line((10, 0, 200, 10), text, 10, 8), min(left, right), max(left, right))
    assert 0 <= start <= end <= len(text)
    if start < end:
        assert not (start and text[start - 1].isalnum())
        assert not (end < len(text) and text[end].isalnum())


def test_pieces_of_one_link_are_one() -> None:
    assert _joined([Link(0, 4, "#a"), Link(5, 9, "#a"), Link(6, 9, "#b")]) == [Link(0, 9, "#a")]
