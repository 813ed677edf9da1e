"""Tables between rules, as books and LaTeX set them, and whose caption is whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from rag.loaders.pdf import PDF

from rag.document import Element, Source
from tests.golden.pdfs import LETTER, SENTENCE, _bytes, lines, wrapped

LEFT, RIGHT = 100.0, 500.0
WRAPPED = [
    "Accepts a formula, data, and more,",
    "and returns the objects that are",
    "needed to fit a model, a list",
    "of four.",
]


def read(data: bytes, tmp_path: Path, engine: str) -> list[Element]:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    loader = PDF(engine=engine)  # type: ignore[arg-type]
    return [
        one for part in loader.load(Source("a.pdf", "application/pdf", "0" * 64, str(path))) for one in part.elements
    ]


def rule(page: Any, y: float, left: float = LEFT, right: float = RIGHT) -> None:
    page.draw_line((left, y), (right, y), width=0.8)


def rows(page: Any, y: float, cells: list[tuple[str, ...]], at: tuple[float, ...]) -> float:
    """A table with a rule over it, under its head, and under it; returns the baseline after it."""
    rule(page, y - 11)
    for row, texts in enumerate(cells):
        for x, text in zip(at, texts, strict=True):
            page.insert_text((x, y), text, fontsize=10)
        if row == 0:
            rule(page, y + 3)
        y += 13
    rule(page, y - 9)
    return y + 8


def page_of(fill: Any) -> bytes:
    document = pymupdf.open()
    fill(document.new_page(width=LETTER[0], height=LETTER[1]))
    return _bytes(document)


ENGINES = pytest.mark.parametrize("engine", ["mupdf", "pdfium"])


@ENGINES
def test_tables_one_under_the_other_with_captions_below_are_two(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        symbols = [("Symbol", "Size"), ("n", "Length of the vector"), ("p", "Number of columns"), ("k", "Of terms")]
        y = rows(page, 90, symbols, (LEFT, 180))
        page.insert_text((LEFT, y), "Table 3: Dimensions of the models.", fontsize=10)
        more = [("Symbol", "Size", "Description"), ("X", "n x p", "Raw model matrix"), ("J", "n x l", "Indicators")]
        y = rows(page, y + 27, more, (LEFT, 180, 260))
        page.insert_text((LEFT, y), "Table 4: Symbols of the terms.", fontsize=10)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 40)

    tables = [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]
    assert [one.label for one in tables] == ["Table 3", "Table 4"]
    assert [one.caption for one in tables] == ["Table 3: Dimensions of the models.", "Table 4: Symbols of the terms."]
    assert [{cell.column for cell in one.cells} for one in tables] == [{0, 1}, {0, 1, 2}]
    assert "Length of the vector" not in tables[1].text


@ENGINES
def test_captions_above_stay_with_the_tables_below_them(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        y = 80.0
        for number, last in ((1, "one"), (2, "two")):
            page.insert_text((LEFT, y), f"Table {number}: Readings, {last}.", fontsize=10)
            y = rows(page, y + 18, [("Day", "Rain"), ("1", "4 mm"), ("2", "0 mm"), (last, "7 mm")], (LEFT, 180)) + 10

    tables = [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]
    assert [(one.label, last in one.text) for one, last in zip(tables, ("one", "two"), strict=True)] == [
        ("Table 1", True), ("Table 2", True),
    ]  # fmt: skip


@ENGINES
def test_a_cell_of_many_lines_does_not_end_a_table(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        rule(page, 79)
        page.insert_text((LEFT, 90), "Module", fontsize=10)
        page.insert_text((230, 90), "Function", fontsize=10)
        page.insert_text((310, 90), "Description", fontsize=10)
        rule(page, 93)
        y = 104.0
        for name in ("Formula", "Objective", "Output"):
            page.insert_text((LEFT, y), f"{name} module", fontsize=10)
            page.insert_text((230, y), f"make{name}", fontsize=10)
            y = lines(page, WRAPPED, 310, y)
        rule(page, y - 9)
        page.insert_text((LEFT + 60, y + 6), "Table 1: The structure of the modules.", fontsize=10)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 50)

    (table,) = [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]
    assert table.caption == "Table 1: The structure of the modules."
    texts = {(cell.row, cell.column): cell.text for cell in table.cells}
    assert [texts[row, 0] for row in range(4)] == ["Module", "Formula module", "Objective module", "Output module"]
    assert [texts[row, 2] for row in (1, 2, 3)] == [" ".join(WRAPPED)] * 3


@ENGINES
def test_running_text_between_rules_is_no_table(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        page.insert_text((LEFT, 70), "Table 9: See the next page.", fontsize=10)
        rule(page, 80, 60, 560)
        y = lines(page, wrapped(SENTENCE * 6, 85), 72, 95)
        rule(page, y, 60, 560)

    assert not [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]


@ENGINES
def test_what_follows_a_caption_on_its_line_is_no_row_of_a_table(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        y = rows(page, 90, [("", "Points", "Lines"), ("Points", "s", "r"), ("Lines", "r", "r"), ("Grid", "s", "s")],
                 (LEFT, 220, 320))  # fmt: skip
        page.insert_text((LEFT, y), "Table 2:", fontsize=10)
        page.insert_text((LEFT + 60, y), "over methods for x and y", fontname="cour", fontsize=10)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 40)

    (table,) = [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]
    assert "over methods" not in table.text


@ENGINES
def test_cells_that_read_like_captions_are_cells(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        cells = [("Item", "Rate", "Cost"), *((f"Image {n}", f"{n}.5", str(10 * n)) for n in range(1, 7))]
        rows(page, 120, cells, (LEFT, 220, 320))
        lines(page, wrapped(SENTENCE * 4, 80), 72, 300)

    (table,) = [one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]
    assert [cell.text for cell in table.cells if cell.column == 0][1:] == [f"Image {n}" for n in range(1, 7)]


@ENGINES
def test_shorter_rules_within_a_table_make_no_second_one(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        page.insert_text((LEFT, 72), "Table 6: Readings of the stations.", fontsize=10)
        y = rows(page, 92, [("Day", "Rain", "Wind"), *((str(n), f"{n} mm", f"{n} km") for n in range(8))],
                 (LEFT, 220, 320))  # fmt: skip
        for at in (122, 161):
            rule(page, at, LEFT + 5, RIGHT - 5)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 40)

    assert len([one for one in read(page_of(fill), tmp_path, engine) if one.role == "table"]) == 1
