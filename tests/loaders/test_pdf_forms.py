"""A page says the same in whatever form its file is written, with both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF

from rag.document import Element, PageRegion, Part, Source
from tests.golden import pdfs
from tests.golden.pdf_forms import FORMS

PAGES: dict[str, Callable[[], bytes]] = {
    "headings": pdfs.headings,
    "ruled_table": pdfs.ruled_table,
    "raster_figure": pdfs.raster_figure,
    "two_columns": pdfs.two_columns,
    "labelled": pdfs.labelled,
    "turned": lambda: pdfs.rotated(270),
}


def read(data: bytes, engine: Any, folder: Path) -> Part:
    path = folder / "a.pdf"
    path.write_bytes(data)
    (part,) = PDF(engine=engine).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)))
    return part


def told(part: Part) -> list[tuple[Any, ...]]:
    return [(one.role, one.level, one.text, one.caption, one.headings, one.cells) for one in part.elements]


def boxes(elements: tuple[Element, ...]) -> list[float]:
    places = [place for one in elements for place in one.origin.places if isinstance(place, PageRegion)]
    return [side for place in places for side in (place.box.left, place.box.top, place.box.right, place.box.bottom)]


@pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("page", PAGES)
def test_the_same_elements_in_the_same_places(page: str, form: str, engine: Any, tmp_path: Path) -> None:
    plain = PAGES[page]()
    changed = FORMS[form](plain)
    assert changed != plain
    before, after = read(plain, engine, tmp_path), read(changed, engine, tmp_path)
    assert told(after) == told(before)
    assert boxes(after.elements) == pytest.approx(boxes(before.elements), abs=0.002)
    assert not after.warnings
    assert [one.label for one in after.pages] == [one.label for one in before.pages]
    points = 2.0 if form == "scaled" and engine == "pdfium" else 1.0  # which does not tell the unit
    assert [one.width * points for one in after.pages] == pytest.approx([one.width for one in before.pages], abs=0.2)
