"""Tables, figures and captions of PDFs, and regions drawn from their pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.tables import markdown

from rag.document import WHOLE, Box, Cell, CharSpan, Element, Media, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import pdfs

Write = Callable[[bytes], Source]


class Kept:
    """Assets in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        self.kept[name] = data
        return Media(media_type, name or digest(data), len(data))

    def open(self, media: Media) -> bytes:
        return self.kept[media.digest]

    def crop(self, source: Source, place: object, dpi: int = 144) -> bytes:
        raise NotImplementedError


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes) -> Source:
        path = tmp_path / "report.pdf"
        path.write_bytes(data)
        return Source("report.pdf", "application/pdf", digest(data), str(path))

    return written


def only(parts: list[Part], role: str) -> Element:
    (found,) = [e for part in parts for e in part.elements if e.role == role]
    return found


def everything(parts: list[Part]) -> str:
    return " ".join(f"{e.text} {e.caption}" for part in parts for e in part.elements)


def box(element: Element, at: int = 0) -> Box:
    place = element.origin.places[at]
    assert isinstance(place, PageRegion)
    return place.box


def test_a_ruled_table_has_cells_and_its_caption(write: Write) -> None:
    parts = list(PDF().load(write(pdfs.ruled_table())))
    table = only(parts, "table")
    assert table.modality == "table"
    assert [[c.text for c in table.cells if c.row == row] for row in range(4)] == pdfs.ROWS
    assert {c.row for c in table.cells if c.header} == {0}
    assert table.text.split("\n")[:3] == [
        "| Part | Hours | Price |",
        "| --- | --- | --- |",
        "| Bearing | 9000 | 120.50 |",
    ]
    assert table.caption == "Table 1: Service life of parts"
    assert len(table.origin.places) == 2
    assert box(table).left == pytest.approx(72 / 612, abs=0.003)
    assert box(table).bottom == pytest.approx(260 / 792, abs=0.003)
    assert box(table, 1).bottom < box(table).top + 0.01
    assert [e.role for part in parts for e in part.elements] == ["paragraph", "table", "paragraph"]
    assert everything(parts).count("Gearbox") == 1
    assert everything(parts).count("Service life") == 1


def test_a_financial_statement_without_lines_is_a_table(write: Write) -> None:
    parts = list(PDF().load(write(pdfs.borderless_table())))
    table = only(parts, "table")
    assert table.text.split("\n") == [
        "|  | 2021 | 2020 |",
        "| --- | --- | --- |",
        "| Revenues | $44,538 | $37,403 |",
        "| Cost of sales | 24,576 | 21,162 |",
        "| Gross profit | 19,962 | 16,241 |",
        "| Other (income) expense, net | (78) | 139 |",
        "| NET INCOME | $5,727 | $2,539 |",
    ]
    assert [e.role for part in parts for e in part.elements] == ["paragraph", "table", "paragraph"]
    assert Cell(1, 1, "$44,538") in table.cells


def test_tables_can_be_left_as_text(write: Write) -> None:
    parts = list(PDF(tables="off").load(write(pdfs.ruled_table())))
    assert not [e for e in parts[0].elements if e.role == "table"]
    assert "Gearbox" in everything(parts)


def test_mupdfs_own_finder_may_be_asked_too(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    assert only(list(PDF(tables="all").load(write(pdfs.ruled_table()))), "table").caption
    assert capfd.readouterr() == ("", "")


def test_running_text_in_columns_is_no_table(write: Write) -> None:
    parts = list(PDF().load(write(pdfs.two_columns())))
    assert not [e for e in parts[0].elements if e.role in ("table", "figure")]


def test_markdown_escapes_and_fills() -> None:
    cells = [Cell(0, 0, "a|b", columns=2, header=True), Cell(1, 0, "x"), Cell(2, 1, "y")]
    assert markdown(cells) == "| a\\|b | a\\|b |\n| --- | --- |\n| x |  |\n|  | y |"
    assert markdown([]) == ""


@pytest.mark.parametrize(
    ("made", "media_type"),
    [
        (pdfs.raster_figure(), "image/png"),
        (pdfs.raster_figure(jpeg=True), "image/jpeg"),
        (pdfs.raster_figure(mask=True), "image/png"),
    ],
)
def test_a_picture_keeps_its_caption_and_its_pixels(write: Write, made: bytes, media_type: str) -> None:
    from PIL import Image

    assets = Kept()
    source = write(made)
    parts = list(PDF(assets=assets).load(source))
    figure = only(parts, "figure")
    assert figure.modality == "image"
    assert figure.caption == "Figure 3: The rotor seen from below, with the worn bearing on the left."
    assert len(figure.origin.places) == 2
    assert box(figure) == Box(72 / 612, 150 / 792, 312 / 612, 330 / 792)
    assert box(figure, 1).top > box(figure).bottom - 0.02
    assert everything(parts).count("Figure 3") == 1
    assert figure.media is not None
    assert figure.media.media_type == media_type
    image = Image.open(io.BytesIO(assets.open(figure.media)))
    assert image.mode == "RGB"
    assert image.width / image.height == pytest.approx(240 / 180, rel=0.02)
    assert min(image.size) >= 90
    again = Kept()
    assert only(list(PDF(assets=again).load(source)), "figure").media == figure.media
    assert only(list(PDF().load(source)), "figure").media is None


def test_asset_names_do_not_follow_from_the_renderers_bytes(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(pdfs.vector_figure())
    before, after = Kept(), Kept()
    list(PDF(assets=before).load(source))
    monkeypatch.setattr("rag.loaders.pdf.figures.drawn", lambda *_: b"other bytes")
    list(PDF(assets=after).load(source))
    assert list(before.kept) == list(after.kept)
    assert list(before.kept.values()) != list(after.kept.values())


def test_a_drawing_is_a_figure_with_its_labels(write: Write) -> None:
    assets = Kept()
    parts = list(PDF(assets=assets).load(write(pdfs.vector_figure())))
    figure = only(parts, "figure")
    assert set(figure.text.split()) == {"hours", "wear"}
    assert figure.caption == "Fig. 2. Wear of the bearing over time."
    assert everything(parts).count("hours") == 1
    assert box(figure).left < 100 / 612 < 280 / 612 < box(figure).right
    assert figure.media is not None
    assert [e.role for part in parts for e in part.elements] == ["paragraph", "figure", "paragraph"]


def test_ornaments_are_left_out(write: Write) -> None:
    source = write(pdfs.raster_figure())
    assert not [e for e in next(PDF(min_image_side=100).load(source)).elements if e.role == "figure"]


def shade(png: bytes, at: Box) -> float:
    """Mean grey of a region of a picture, 0 black to 255 white."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float)
    high, wide = pixels.shape
    part = pixels[int(at.top * high) : int(at.bottom * high) + 1, int(at.left * wide) : int(at.right * wide) + 1]
    return float(part.mean())


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
def test_boxes_fit_the_page_as_it_is_shown(write: Write, angle: int, crop: bool) -> None:
    """The heading's box cut from the rendered page holds the dark letters, and the rest is white."""
    source = write(pdfs.rotated(angle, crop))
    loader = PDF()
    part = next(loader.load(source))
    found = next(e for e in part.elements if "Turned heading of the page" in e.text)
    page = loader.render(source, PageRegion(1, WHOLE), 72)
    place = found.origin.places[0]
    assert isinstance(place, PageRegion)
    assert shade(page, place.box) < 250
    cut = loader.render(source, place, 72)
    assert shade(cut, WHOLE) == pytest.approx(shade(page, place.box), abs=25)


def test_a_region_is_cut_at_its_resolution(write: Write) -> None:
    from PIL import Image

    source = write(pdfs.rotated(90, crop=True))
    whole = Image.open(io.BytesIO(PDF().render(source, PageRegion(1, WHOLE), 144)))
    assert whole.size == (1000, 800)
    half = Image.open(io.BytesIO(PDF().render(source, PageRegion(1, Box(0, 0, 0.5, 0.5)), 72)))
    assert half.size == (250, 200)
    assert half.mode == "RGB"


@pytest.mark.parametrize("dpi", [72, 1200, 10**6])
def test_pixels_are_limited(write: Write, dpi: int) -> None:
    from PIL import Image

    source = write(pdfs.huge_page())
    image = Image.open(io.BytesIO(PDF(max_render_pixels=200_000).render(source, PageRegion(1, WHOLE), dpi)))
    assert image.width * image.height <= 200_000
    assert image.width > 300


@pytest.mark.parametrize("empty", [Box(0.5, 0.5, 0.5, 0.5), Box(1, 1, 1, 1), Box(0, 0.2, 1, 0.2)])
def test_an_empty_box_still_gives_pixels(write: Write, empty: Box) -> None:
    assert PDF().render(write(pdfs.headings()), PageRegion(1, empty), 72).startswith(b"\x89PNG")


def test_places_that_cannot_be_drawn(write: Write) -> None:
    source = write(pdfs.headings())
    with pytest.raises(SourceError, match="no such page; the file has 1") as caught:
        PDF().render(source, PageRegion(2, WHOLE), 72)
    assert caught.value.place == "page 2"
    with pytest.raises(ValueError, match="page regions"):
        PDF().render(source, CharSpan(0, 1), 72)
    with pytest.raises(ValueError, match="dpi"):
        PDF().render(source, PageRegion(1, WHOLE), 0)
