"""Plots drawn with lines and boxes: with their ticks, the names of their axes, and their captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from rag.loaders.pdf import PDF

from rag.document import Element, PageRegion, Source
from tests.golden.pdfs import LETTER, SENTENCE, _bytes, lines, wrapped

ENGINES = pytest.mark.parametrize("engine", ["mupdf", "pdfium"])


def read(fill: Any, tmp_path: Path, engine: str) -> list[Element]:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    fill(page)
    path = tmp_path / "a.pdf"
    path.write_bytes(_bytes(document))
    loader = PDF(engine=engine)  # type: ignore[arg-type]
    return [
        one for part in loader.load(Source("a.pdf", "application/pdf", "0" * 64, str(path))) for one in part.elements
    ]


def bars(page: Any, left: float, top: float, wide: float, high: float, name: str, of: str = "Frequency") -> None:
    """A histogram as R draws it: boxes and straight lines alone, numbers at both axes, their names behind these."""
    bottom = top + high
    step = wide / 10
    for at in range(10):
        x = left + step * at
        page.draw_rect((x, bottom - high * (0.2 + 0.08 * at), x + step, bottom), width=0.6)
    page.draw_line((left, bottom + 4), (left + wide, bottom + 4), width=0.6)
    for at in range(8):
        x = left + wide * at / 7
        page.draw_line((x, bottom + 4), (x, bottom + 8), width=0.6)
        page.insert_text((x - 5, bottom + 18), str(30 + 10 * at), fontsize=8)
        page.insert_text((left - 12, bottom - high * at / 7), str(at), fontsize=8, rotate=90)
    page.insert_text((left + wide / 2 - 8, bottom + 32), name, fontsize=8)
    page.insert_text((left - 26, top + high / 2 + 20), of, fontsize=8, rotate=90)


@ENGINES
def test_a_plot_of_boxes_has_its_ticks_and_the_names_of_its_axes(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        bars(page, 150, 90, 260, 160, "Age")
        lines(page, wrapped(SENTENCE * 5, 80), 72, 330)

    found = read(fill, tmp_path, engine)
    (figure,) = [one for one in found if one.role == "figure"]
    assert not [one for one in found if one.role == "table"]
    assert {"Age", "Frequency", "100", "3"} <= set(figure.text.split())
    assert [one.text[:11] for one in found if one.role == "paragraph" and len(one.text) > 3] == ["The turbine"]


@ENGINES
def test_a_caption_is_found_under_the_names_of_the_axes(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        bars(page, 150, 90, 260, 160, "Age")
        page.insert_text((160, 318), "Figure 1: Ages of the patients at diagnosis.", fontsize=10)
        lines(page, wrapped(SENTENCE * 5, 80), 72, 370)

    (figure,) = [one for one in read(fill, tmp_path, engine) if one.role == "figure"]
    assert figure.label == "Figure 1"


@ENGINES
def test_plots_in_rows_over_one_caption_are_one_figure(tmp_path: Path, engine: str) -> None:
    names = ["Lung", "Colon", "Kidney", "Liver"]

    def fill(page: Any) -> None:
        for at, name in enumerate(names):
            bars(page, 110 + 200 * (at % 2), 80 + 120 * (at // 2), 150, 70, name, "y")
        page.insert_text((100, 320), "Figure 2: Survival in four data sets, by the age of the patients.", fontsize=10)
        lines(page, wrapped(SENTENCE * 5, 80), 72, 360)

    found = read(fill, tmp_path, engine)
    (figure,) = [one for one in found if one.role == "figure"]
    assert figure.label == "Figure 2"
    assert set(names) <= set(figure.text.split())
    assert not [one for one in found if one.role == "table"]


@ENGINES
def test_running_text_over_a_caption_keeps_a_drawing_away_from_it(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        bars(page, 150, 90, 260, 100, "Age")
        lines(page, wrapped(SENTENCE * 4, 80), 72, 245)
        page.insert_text((160, 312), "Figure 7: A drawing that is not here.", fontsize=10)
        lines(page, wrapped(SENTENCE * 5, 80), 72, 340)

    (figure,) = [one for one in read(fill, tmp_path, engine) if one.role == "figure"]
    assert not figure.label
    place = figure.origin.places[0]
    assert isinstance(place, PageRegion)
    assert place.box.bottom * LETTER[1] < 240


@ENGINES
def test_a_figure_under_a_table_of_its_width_does_not_take_it(tmp_path: Path, engine: str) -> None:
    def fill(page: Any) -> None:
        for row in range(14):
            page.draw_line((110, 76 + 16 * row), (500, 76 + 16 * row), width=0.6)
            for column, text in enumerate((f"Day {row}", f"{row * 3} mm", f"{row * 2} km")):
                page.insert_text((114 + 130 * column, 88 + 16 * row), text, fontsize=9)
        page.draw_line((110, 300), (500, 300), width=0.6)
        page.insert_text((110, 314), "Table 1: Readings of each day of the whole year.", fontsize=10)
        bars(page, 110, 330, 390, 90, "Age")
        page.insert_text((160, 480), "Figure 3: Ages of the patients at diagnosis.", fontsize=10)

    found = read(fill, tmp_path, engine)
    (table,) = [one for one in found if one.role == "table"]
    assert "Day 13" in table.text
    assert table.label == "Table 1"
    assert [one.label for one in found if one.role == "figure"] == ["Figure 3"]
