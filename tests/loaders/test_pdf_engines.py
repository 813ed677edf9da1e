"""Both engines behind the PDF loader read the same page alike, to about a point."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.engine import chosen, open_document

from rag.document import WHOLE, Box, Element, PageRegion, Part, Source
from rag.errors import MissingExtra, SourceError
from rag.identity import digest
from tests.golden import pdfs

Write = Callable[[bytes], Source]
MADE: dict[str, Callable[[], bytes]] = {
    "headings": pdfs.headings,
    "outlined": pdfs.outlined,
    "ruled_table": pdfs.ruled_table,
    "borderless_table": pdfs.borderless_table,
    "raster_figure": pdfs.raster_figure,
    "jpeg": lambda: pdfs.raster_figure(jpeg=True),
    "masked": lambda: pdfs.raster_figure(mask=True),
    "vector_figure": pdfs.vector_figure,
    "two_columns": pdfs.two_columns,
    "hyphens": pdfs.hyphens,
    "image_only": pdfs.image_only,
    "labelled": pdfs.labelled,
    "many": lambda: pdfs.many_pages(40),
    "metadata": lambda: pdfs.with_metadata(title="A Study of Turbines", author="Ada", creationDate="D:20210720081530Z"),
    **{
        f"turned_{angle}{'_cropped' * crop}": lambda angle=angle, crop=crop: pdfs.rotated(angle, crop)  # type: ignore[misc]
        for angle in (0, 90, 180, 270)
        for crop in (False, True)
    },
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes) -> Source:
        path = tmp_path / "report.pdf"
        path.write_bytes(data)
        return Source("report.pdf", "application/pdf", digest(data), str(path))

    return written


def parts_of(source: Source, engine: Any, **options: Any) -> list[Part]:
    return list(PDF(engine=engine, **options).load(source))


def elements(parts: list[Part]) -> list[Element]:
    return [element for part in parts for element in part.elements]


def boxes(element: Element) -> list[Box]:
    return [place.box for place in element.origin.places if isinstance(place, PageRegion)]


@pytest.mark.parametrize("made", MADE)
def test_the_same_elements_in_the_same_places(write: Write, made: str) -> None:
    source = write(MADE[made]())
    one, other = parts_of(source, "mupdf"), parts_of(source, "pdfium")
    assert [part.head for part in one] == [part.head for part in other]
    assert [part.pages for part in one] == [part.pages for part in other]
    assert [part.warnings for part in one] == [part.warnings for part in other]
    for a, b in zip(elements(one), elements(other), strict=True):
        assert (a.role, a.text, a.caption, a.level, a.headings) == (b.role, b.text, b.caption, b.level, b.headings)
        assert (a.cells, a.id) == (b.cells, b.id)
        for at, under in zip(boxes(a), boxes(b), strict=True):
            size = 12 if a.role != "heading" and "turned" not in made else 24  # the letters' own heights differ
            near = [abs(getattr(at, side) - getattr(under, side)) * 800 for side in Box.__slots__]
            assert max(near) < 0.15 * size


@pytest.mark.parametrize("made", ["headings", "two_columns", "turned_90_cropped", "turned_180"])
def test_lines_agree_to_about_a_point(write: Write, made: str) -> None:
    source = write(MADE[made]())
    one, other = (open_document(name, Path(source.path or ""))[0] for name in ("mupdf", "pdfium"))  # type: ignore[arg-type]
    assert (one.width, one.height) == (other.width, other.height)
    assert [line.text for line in one.lines()] == [line.text for line in other.lines()]
    for a, b in zip(one.lines(), other.lines(), strict=True):
        assert a.baseline == pytest.approx(b.baseline, abs=0.05)
        assert a.size == pytest.approx(b.size, abs=0.06)
        assert (a.bold, a.italic, a.mono, a.turned, a.hidden) == (b.bold, b.italic, b.mono, b.turned, b.hidden)
        assert a.box == pytest.approx(b.box, abs=0.14 * a.size)


def pixels(png: bytes) -> Any:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("L").resize((60, 60)), dtype=float)


@pytest.mark.parametrize("made", [name for name in MADE if name.startswith(("turned", "raster"))])
@pytest.mark.parametrize("box", [WHOLE, Box(0.1, 0.1, 0.8, 0.9)])
def test_the_same_region_is_drawn(write: Write, made: str, box: Box) -> None:
    source = write(MADE[made]())
    one, other = (
        pixels(PDF(engine=name).render(source, PageRegion(1, box), 72))  # type: ignore[arg-type]
        for name in ("mupdf", "pdfium")
    )
    assert abs(one - other).mean() < 6
    assert one.std() > 5


def test_form_objects_are_placed_where_they_are_shown(write: Write) -> None:
    """A page of another file, shown at half its size: its lines, pictures and drawings are inside forms."""
    import pymupdf

    inner = pymupdf.open(stream=pdfs.raster_figure(), filetype="pdf")
    outer = pymupdf.open()
    page = outer.new_page(width=612, height=792)
    page.show_pdf_page(pymupdf.Rect(100, 200, 406, 596), inner, 0)
    page.show_pdf_page(pymupdf.Rect(300, 600, 453, 798), pymupdf.open(stream=pdfs.ruled_table(), filetype="pdf"), 0)
    source = write(outer.tobytes(no_new_id=True))
    one, other = (open_document(name, Path(source.path or ""))[0] for name in ("mupdf", "pdfium"))  # type: ignore[arg-type]
    for a, b in zip(one.placed(), other.placed(), strict=True):
        assert a.box == pytest.approx(b.box, abs=0.1)
        assert a.pixels == b.pixels
    ours, theirs = one.drawings(10**9, 10**9), other.drawings(10**9, 10**9)
    assert ours is not None
    assert theirs is not None
    assert len(ours) == len(theirs) == 9
    for drawing, same in zip(ours, theirs, strict=True):
        assert drawing["rect"] == pytest.approx(same["rect"], abs=0.6)
        assert [item[0] for item in drawing["items"]] == [item[0] for item in same["items"]]


def test_too_much_drawing_is_not_looked_at(write: Write) -> None:
    source = write(pdfs.vector_figure())
    for name in ("mupdf", "pdfium"):
        page = open_document(name, Path(source.path or ""))[0]  # type: ignore[arg-type]
        assert page.drawings(10**9, 3) is None
        assert page.drawings(3, 10**9) is None
        assert page.drawings(10**9, 10**9)


@pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
def test_files_that_cannot_be_taken(write: Write, engine: Any) -> None:
    for data, kind in ((pdfs.encrypted(), "encrypted"), (pdfs.no_pages(), None), (b"%PDF-1.7\nnothing", "damaged")):
        with pytest.raises(SourceError) as caught:
            parts_of(write(data), engine)
        assert caught.value.kind == kind or kind is None


@pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
def test_a_password_opens(tmp_path: Path, engine: Any) -> None:
    path = tmp_path / "locked.pdf"
    path.write_bytes(pdfs.encrypted())
    document = open_document(engine, path, "user")
    assert [line.text for line in document[0].lines()] == ["secret"]
    document.close()


def test_the_engine_is_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PDF(engine="mupdf").fingerprint.startswith("mupdf-1.")
    assert PDF(engine="pdfium").fingerprint.startswith("pdfium-5.")
    assert PDF().fingerprint == PDF(engine="mupdf").fingerprint
    with pytest.raises(ValueError, match="engine is auto, mupdf or pdfium"):
        PDF(engine="poppler")  # type: ignore[arg-type]


def test_without_pymupdf_the_other_engine_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pypdfium2"}
    monkeypatch.setattr("rag.loaders.pdf.engine.find_spec", lambda name: name in there)
    assert chosen("auto") == "pdfium"
    with pytest.raises(MissingExtra, match=r"pymupdf is not installed.*pip install 'argus-rag'"):
        chosen("mupdf")
    there.clear()
    with pytest.raises(MissingExtra):
        chosen("auto")


def test_pdfium_needs_no_pymupdf(write: Write) -> None:
    """Loads and draws with `import pymupdf` made to fail."""
    source = write(pdfs.raster_figure())
    code = (
        "import sys; sys.modules['pymupdf'] = None\n"
        "from rag.document import *; from rag.loaders.pdf import PDF\n"
        f"source = Source('a.pdf', 'application/pdf', '0' * 64, {source.path!r})\n"
        "loader = PDF(engine='pdfium'); (part,) = loader.load(source)\n"
        "assert [e.role for e in part.elements] == ['paragraph', 'figure', 'paragraph'], part\n"
        "assert loader.render(source, PageRegion(1, WHOLE), 20)[:4] == b'\\x89PNG'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
