"""Pages laid out by the layout model: its regions name the roles and the order, and no word is lost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf import layout as model
from rag.loaders.pdf.layout import Region

from rag.document import Element, Part, Source
from rag.errors import MissingExtra
from rag.identity import digest
from tests.golden import pdfs, unseen

Write = Callable[[bytes], Source]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes) -> Source:
        path = tmp_path / "report.pdf"
        path.write_bytes(data)
        return Source("report.pdf", "application/pdf", digest(data), str(path))

    return written


def read(source: Source, **options: Any) -> list[Element]:
    return [element for part in parts_of(source, **options) for element in part.elements]


def parts_of(source: Source, **options: Any) -> list[Part]:
    return list(PDF(**options).load(source))


def words(found: list[Element]) -> Counter[str]:
    return Counter(word for one in found for word in f"{one.text} {one.caption}".split() if word.strip("|-"))


MADE = {
    "headings": pdfs.headings, "table": pdfs.ruled_table, "figure": pdfs.raster_figure,
    "columns": pdfs.two_columns, "turned": pdfs.rotated, "scan": pdfs.image_only,
}  # fmt: skip


@pytest.mark.parametrize("made", MADE)
def test_no_word_is_lost_and_none_comes_twice(write: Write, made: str) -> None:
    source = write(MADE[made]())
    found = read(source, layout="model")
    assert words(found) == words(read(source))
    assert found


@pytest.mark.parametrize("make", [unseen.same_as_box, unseen.under_shape], ids=lambda one: one.__name__)
def test_what_no_reader_sees_is_kept_apart(write: Write, make: Callable[[], bytes]) -> None:
    found = read(write(make()), layout="model")
    assert [one.text for one in found if unseen.SECRET in one.text] == [unseen.SECRET]
    assert [one.text for one in found if one.role == "hidden"] == [unseen.SECRET]


def test_the_model_names_headings_tables_and_figures(write: Write) -> None:
    roles = [(one.role, one.level) for one in read(write(pdfs.headings()), layout="model")]
    assert roles[0] == ("heading", 1)
    assert ("heading", 2) in roles
    (table,) = [one for one in read(write(pdfs.ruled_table()), layout="model") if one.role == "table"]
    assert [[c.text for c in table.cells if c.row == row] for row in range(4)] == pdfs.ROWS
    assert table.caption == "Table 1: Service life of parts"
    (figure,) = [one for one in read(write(pdfs.raster_figure()), layout="model") if one.role == "figure"]
    assert figure.caption.startswith("Figure 3: The rotor")


def given(monkeypatch: pytest.MonkeyPatch, *found: Region) -> None:
    monkeypatch.setattr(model, "regions", lambda page: list(found))


def test_regions_decide_role_and_order(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(pdfs.headings())
    top, middle, rest = (72, 60, 540, 100), (72, 110, 540, 140), (72, 140, 540, 800)
    given(monkeypatch, Region(rest, "text"), Region(middle, "page-footer"), Region(top, "formula"))
    found = read(source, layout="model")
    assert [(one.role, one.text) for one in found[-2:]] == [
        ("equation", "Annual Turbine Report"),
        ("footer", "Inspection"),
    ]
    assert {one.role for one in found[:-2]} == {"paragraph", "list", "code"}, "a region of text has no headings"
    assert words(found) == words(read(source))


def test_a_region_that_is_no_table_stays_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(pdfs.headings())
    given(monkeypatch, Region((60, 140, 560, 260), "table"))
    found = read(source, layout="model")
    assert all(one.role != "table" for one in found)
    assert words(found) == words(read(source))


def test_without_the_model_it_says_what_to_install(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(pdfs.headings())
    monkeypatch.setitem(sys.modules, "pymupdf.layout", None)
    with pytest.raises(MissingExtra, match=r"argus-rag\[layout\]"):
        parts_of(source, layout="model")


def test_the_model_is_an_option_of_one_engine() -> None:
    with pytest.raises(ValueError, match="needs engine = mupdf"):
        PDF(layout="model", engine="pdfium")
    with pytest.raises(ValueError, match="fast or model"):
        PDF(layout="slow")  # type: ignore[arg-type]
    assert PDF(layout="model").fingerprint != PDF(engine="mupdf").fingerprint


def test_parts_are_small_enough_for_a_slow_model(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch)
    parts = parts_of(write(pdfs.many_pages(20)), layout="model")
    assert [len(part.pages) for part in parts] == [8, 8, 4]
