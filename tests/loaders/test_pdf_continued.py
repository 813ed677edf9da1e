"""Tables over the foot of a page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.pdf import PDF
from rag.loaders.pdf.continued import joined
from rag.loaders.pdf.tables import markdown

from rag.document import Box, Cell, CharSpan, Element, Origin, PageRegion, Part, Source
from tests.golden.pdfs import LETTER, SENTENCE, _bytes, lines, wrapped

SOURCE = Source("a.pdf", "application/pdf", "0" * 64)
HEAD = ("Part", "Hours", "Price")


def grid(rows: list[tuple[str, ...]], header: bool = True) -> tuple[Cell, ...]:
    return tuple(Cell(r, c, text, header=header and r == 0) for r, row in enumerate(rows) for c, text in enumerate(row))


def table(page: int, top: float, bottom: float, cells: tuple[Cell, ...], caption: str = "") -> Element:
    origin = Origin(SOURCE, (PageRegion(page, Box(0.1, top, 0.9, bottom)),))
    return Element(f"t{page}", "table", "table", origin, "", caption, cells=cells)


def continued(header: bool = True) -> bytes:
    """A ruled table over two pages, the header repeated or not, with a foot on each page."""
    document = pymupdf.open()
    for number in range(2):
        page = document.new_page(width=LETTER[0], height=LETTER[1])
        y = 90.0
        rows = [(f"Part {number * 30 + n}", str(100 + number * 30 + n), "12.50") for n in range(24 if number else 26)]
        if number == 0:
            y = lines(page, wrapped(SENTENCE * 2, 80), 72, 90) + 30
            page.insert_text((72, y - 10), "Table 1: Service life of parts", fontsize=9)
        if header or number == 0:
            rows.insert(0, HEAD)
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                page.draw_rect((72 + 150 * c, y + 21 * r, 222 + 150 * c, y + 21 * r + 21), width=0.7)
                page.insert_text((78 + 150 * c, y + 21 * r + 14), text, fontsize=10)
        page.insert_text((300, 775), f"{number + 1}", fontsize=9)
    lines(page, wrapped(SENTENCE * 3, 80), 72, y + 21 * len(rows) + 30)
    return _bytes(document)


@pytest.mark.parametrize("header", [True, False])
def test_a_table_over_two_pages_is_one_element(header: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(continued(header))
    parts = list(PDF().load(Source("a.pdf", "application/pdf", "0" * 64, str(path))))
    (one,) = [one for one in parts[0].elements if one.role == "table"]
    assert [place.page for place in one.origin.places if isinstance(place, PageRegion)] == [1, 1, 2]
    assert one.text.count("Hours") == 1
    assert len(one.text.splitlines()) == 2 + 26 + 24
    assert "| Part 53 | 153 | 12.50 |" in one.text
    assert "| Part 25 | 125 | 12.50 |" in one.text, "a number at the foot of a page is no page number in a row"
    assert one.caption.startswith("Table 1")
    assert {cell.row for cell in one.cells if cell.header} == {0}
    assert all("Part" in chunk.text for chunk in Structure()(parts) if chunk.role == "table")


def loaded(data: bytes, tmp_path: Path, **options: Any) -> list[Part]:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    start = options.pop("start", 0)
    return list(PDF(**options).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)), start=start))


@pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
@pytest.mark.parametrize("header", [True, False])
def test_a_table_over_two_parts_is_as_one_within_a_part(header: bool, engine: Any, tmp_path: Path) -> None:
    data = continued(header)
    whole = loaded(data, tmp_path, engine=engine)[0].elements
    first, second = loaded(data, tmp_path, engine=engine, part_pages=1)
    apart = [*first.elements, *second.elements]
    (one,) = [element for element in whole if element.role == "table"]
    (other,) = [element for element in apart if element.role == "table"]
    assert (other.text, other.cells, other.origin, other.caption) == (one.text, one.cells, one.origin, one.caption)
    assert {element.text for element in whole} == {element.text for element in apart}
    assert len(whole) == len(apart)
    assert [page.number for page in first.pages + second.pages] == [1, 2]
    assert loaded(data, tmp_path, engine=engine, part_pages=1, start=1) == [second]


@pytest.mark.parametrize("part", [1, 32])
@pytest.mark.parametrize("header", [True, False])
def test_rows_are_shown_on_their_own_page(header: bool, part: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(continued(header))
    source = Source("a.pdf", "application/pdf", "0" * 64, str(path))
    parts = PDF(part_pages=part).load(source)
    chunks = [one for one in Structure(maximum=32)(parts) if one.role == "table"]
    assert len(chunks) > 4
    for chunk in chunks:
        pages = {place.page for place in chunk.origin.places if isinstance(place, PageRegion)}
        there = {2 if int(number) >= 30 else 1 for number in re.findall(r"Part (\d+)", chunk.text)}
        assert pages == there


def test_characters_of_a_table_over_three_pages_stand_where_its_rows_do() -> None:
    def page(number: int, top: float, bottom: float) -> Element:
        cells = grid([HEAD, *((f"Part {number}{n}", "1", "2") for n in range(3))])
        return replace(table(number, top, bottom, cells), text=markdown(cells))

    pages = [page(1, 0.5, 0.9), page(2, 0.1, 0.9), page(3, 0.1, 0.5)]
    for (one,) in (joined(pages), joined([pages[0], *joined(pages[1:])])):
        regions, spans = one.origin.places[::2], one.origin.places[1::2]
        for region, span in zip(regions, spans, strict=True):
            assert isinstance(region, PageRegion)
            assert isinstance(span, CharSpan)
            rows = re.findall(r"Part \d+", one.text[span.start : span.end])
            assert rows == [f"Part {region.page}{n}" for n in range(3)]


def test_a_table_over_three_parts_ends_where_it_ends(tmp_path: Path) -> None:
    document = pymupdf.open()
    for number in range(4):
        page = document.new_page(width=LETTER[0], height=LETTER[1])
        for r in range(32 if number < 3 else 4):
            name = "".join(chr(97 + (number * 32 + r) // 26**at % 26) for at in (0, 1, 0))
            texts = (f"Part {name}", str(100 + r), "12.50") if r or number else HEAD
            for c, text in enumerate(texts):
                page.draw_rect((72 + 150 * c, 60 + 21 * r, 222 + 150 * c, 81 + 21 * r), width=0.7)
                page.insert_text((78 + 150 * c, 74 + 21 * r), text, fontsize=10)
    lines(page, wrapped(SENTENCE * 3, 80), 72, 300)
    data = _bytes(document)
    parts = loaded(data, tmp_path, part_pages=2)
    tables = [element for part in parts for element in part.elements if element.role == "table"]
    assert not [element for part in parts for element in part.elements if element.role in ("header", "footer")]
    (one,) = tables
    assert [place.page for place in one.origin.places if isinstance(place, PageRegion)] == [1, 2, 3, 4]
    assert len(tables[0].text.splitlines()) == 2 + 31 + 32 + 32 + 4
    assert [element.role for element in parts[1].elements] == ["paragraph"]
    assert loaded(data, tmp_path, part_pages=2, pages="1-3")[0].elements[0].text.count("Part") == 1 + 31 + 32 + 32


ONE = grid([HEAD, ("Bearing", "9000", "120")])
TWO = grid([HEAD, ("Blade", "80000", "9800")])
OTHER = grid([("A", "B", "C"), ("1", "2", "3")])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, TWO), 1),
        (table(1, 0.5, 0.6, ONE), table(2, 0.1, 0.3, TWO), 2),
        (table(1, 0.5, 0.9, ONE), table(3, 0.1, 0.3, TWO), 2),
        (table(1, 0.5, 0.9, ONE), table(2, 0.5, 0.8, TWO), 2),
        (table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, TWO, "Table 2: Other parts"), 2),
        (table(1, 0.5, 0.6, ONE), table(2, 0.1, 0.3, TWO, "Table 1 (continued)"), 1),
        (table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, grid([("A", "B")])), 2),
        (table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, OTHER), 2),
        (table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, grid([("Blade", "80000", "9")], header=False)), 1),
    ],
)
def test_what_goes_on_and_what_does_not(before: Element, after: Element, expected: int) -> None:
    assert len(joined([before, after])) == expected


def test_running_lines_stand_between_and_text_parts() -> None:
    foot = Element("f", "text", "footer", Origin(SOURCE, (PageRegion(1, Box(0, 0.95, 1, 1)),)), "7")
    text = Element("p", "text", "paragraph", foot.origin, "Another thing.")
    before, after = table(1, 0.5, 0.9, ONE), table(2, 0.1, 0.3, TWO)
    assert [one.id for one in joined([before, foot, after])] == ["t1", "f"]
    assert [one.id for one in joined([before, text, after])] == ["t1", "p", "t2"]
    rows = joined([before, foot, after, table(3, 0.1, 0.3, TWO)])
    assert [one.id for one in rows] == ["t1", "f", "t3"], "the second piece ends high on its page"


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1), st.sampled_from([ONE, TWO, OTHER, ()])), max_size=6))
def test_no_row_is_lost_or_made_up(given_tables: list[tuple[int, float, tuple[Cell, ...]]]) -> None:
    found = [table(page, top / 2, (1 + top) / 2, cells) for page, top, cells in given_tables]
    body = [cell.text for one in found for cell in one.cells if not cell.header]
    after = [cell.text for one in joined(found) for cell in one.cells if not cell.header]
    assert after == body
