"""Nested lists, footnotes, code and columns, with both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.notes import mark_of

from rag.document import Element, Source
from tests.golden import pdf_prose

both = pytest.mark.parametrize("engine", ["mupdf", "pdfium"])


def read(data: bytes, engine: Any, folder: Path) -> tuple[Element, ...]:
    path = folder / "a.pdf"
    path.write_bytes(data)
    (part,) = PDF(engine=engine).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)))
    return part.elements


@both
def test_items_of_items_are_indented(engine: Any, tmp_path: Path) -> None:
    (one,) = [one for one in read(pdf_prose.nested_list(), engine, tmp_path) if one.role == "list"]
    assert one.text.replace("·", "•").split("\n") == [  # the made page has no bullet of its own
        "• Rotor",
        "  • Blades of fibre, each of which is taken off and weighed",
        "  • Bearings",
        "    o Front bearing",
        "    o Rear bearing",
        "• Tower",
        "  • Ladder",
    ]


@both
def test_marks_lead_to_their_notes(engine: Any, tmp_path: Path) -> None:
    elements = read(pdf_prose.footnotes(), engine, tmp_path)
    notes = [one for one in elements if one.role == "footnote"]
    assert [one.text.lstrip("123 ") for one in notes] == [
        "See the manual of 2019, page 12.",
        "Act 14 of 2003.",
        "By the union.",
    ]
    links = {link.target: (one, link) for one in elements for link in one.links}
    assert sorted(links) == sorted(f"#{one.id}" for one in notes)
    for note, before in zip(notes, ("by the maker", "in the law.", "was proposed"), strict=True):
        one, link = links[f"#{note.id}"]
        assert one.text[link.start : link.end] == mark_of(note.text)
        assert one.text[: link.start].rstrip().endswith(before)
        assert [before in said.text for said in note.mentions] == [True]


@both
def test_code_is_one_element_with_its_spaces(engine: Any, tmp_path: Path) -> None:
    (one,) = [one for one in read(pdf_prose.code(), engine, tmp_path) if one.role == "code"]
    assert one.text == "\n".join(pdf_prose.CODE)


@both
def test_a_table_of_numbers_does_not_join_columns(engine: Any, tmp_path: Path) -> None:
    elements = read(pdf_prose.columns_with_numbers(), engine, tmp_path)
    assert [one.text.split(" ")[0] for one in elements if one.role == "paragraph"] == ["LEFT", "LEFT", "RIGHT"]
    (table,) = [one for one in elements if one.role == "table"]
    assert table.text.count("| Blade") == 14
    assert elements.index(table) == 1


@both
def test_a_name_parted_in_capitals_is_whole(engine: Any, tmp_path: Path) -> None:
    text = " ".join(one.text for one in read(pdf_prose.parted_name(), engine, tmp_path))
    assert "where GNUPLOT finds it; an X-Ray is not." in text


@both
def test_a_bold_reference_ends_its_paragraph(engine: Any, tmp_path: Path) -> None:
    elements = read(pdf_prose.bold_reference(), engine, tmp_path)
    assert [one.role for one in elements] == ["paragraph", "paragraph", "heading", "paragraph"]
    assert elements[0].text.endswith("see the table of marks (p. 58).")


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("5That could be", "5"), ("(1) Included in", "1"), ("12https://a.org", "12"), ("* At the end", "*"),
        ("1. Smith", "1"), ("2022. Learning to", ""), ("1,581,801", ""), ("202.419.4372", ""), ("484", ""),
        ("3.5 km", ""),
    ],
)  # fmt: skip
def test_marks(text: str, mark: str) -> None:
    assert mark_of(text) == mark
