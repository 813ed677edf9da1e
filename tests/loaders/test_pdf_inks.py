"""Pages that are pictures: the colours of the words that were read from them."""

from __future__ import annotations

import io
from pathlib import Path

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from rag.loaders.pdf import PDF
from rag.loaders.pdf.inks import inked, usual
from rag.loaders.pdf.text import Line

from rag.colours import name_of
from rag.document import Box, Element, PageRegion, Source
from rag.protocols import Recognised
from tests.golden.pdfs import _bytes
from tests.golden.recognisers import png

WIDTH, HEIGHT = 1000, 700
BLACK, WHITE, RED, BLUE, GREEN = (0, 0, 0), (255, 255, 255), (200, 0, 0), (20, 60, 200), (0, 120, 40)
Ink = tuple[int, int, int]
Said = list[tuple[str, Ink]]


def slide(
    rows: list[tuple[Said, Ink | None]], ground: Ink = WHITE, size: int = 30
) -> tuple[Image.Image, list[Recognised]]:
    """Words in colours, a row each, some on a bar; and what an engine reads of it."""
    image = Image.new("RGB", (WIDTH, HEIGHT), ground)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    found = []
    for at, (words, bar) in enumerate(rows):
        top = 40 + 70 * at
        if bar:
            pen.rectangle((20, top - 10, WIDTH - 20, top + size + 16), bar)
        x, boxes = 40.0, []
        for text, ink in words:
            pen.text((x, top), text, ink, font)
            left, up, right, down = pen.textbbox((x, top), text, font)
            boxes.append(Box(left / WIDTH, up / HEIGHT, right / WIDTH, down / HEIGHT))
            x = right + 0.3 * size
        whole = Box(boxes[0].left, min(box.top for box in boxes), boxes[-1].right, max(box.bottom for box in boxes))
        found.append(Recognised(" ".join(text for text, _ in words), whole, 0.95, tuple(boxes), size / HEIGHT))
    return image, found


class Known:
    fingerprint = "known-1"

    def __init__(self, found: list[Recognised]) -> None:
        self.found = found

    def recognise(self, images: list[bytes]) -> list[list[Recognised]]:
        return [self.found for _ in images]


def read(folder: Path, image: Image.Image, found: list[Recognised]) -> list[Element]:
    document = pymupdf.open()
    page = document.new_page(width=WIDTH / 2, height=HEIGHT / 2)
    page.insert_image(page.rect, stream=png(image))
    path = folder / "scan.pdf"
    path.write_bytes(_bytes(document))
    loader = PDF(engine="pdfium", recogniser=Known(found))
    return [
        element
        for part in loader.load(Source("scan.pdf", "application/pdf", "0" * 64, str(path)))
        for element in part.elements
    ]


def told(elements: list[Element]) -> list[tuple[str, str, str]]:
    return [
        (element.text[run.start : run.end], run.letters, run.ground) for element in elements for run in element.coloured
    ]


def words(text: str, ink: Ink = BLACK) -> Said:
    return [(word, ink) for word in text.split()]


def test_words_of_a_scan_have_the_colours_that_are_seen(tmp_path: Path) -> None:
    rows: list[tuple[Said, Ink | None]] = [
        (words("Safety at the pump", GREEN), None),
        ([*words("Check the gauge now."), *words("Never open the valve", RED), *words("today.")], None),
        (words("Call the control room", WHITE), BLUE),
        (words("The oil is kept in the shed of the station."), None),
    ]
    elements = read(tmp_path, *slide(rows))
    assert told(elements) == [
        ("Safety at the pump", "green", ""),
        ("Never open the valve", "red", ""),
        ("Call the control room", "white", "blue"),
    ]
    (place,) = next(run for element in elements for run in element.coloured if run.letters == "red").places
    assert isinstance(place, PageRegion)
    assert 0.3 < place.box.left < place.box.right < 0.8


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_a_noisy_picture_gives_the_same_names(tmp_path: Path, quality: int) -> None:
    rows: list[tuple[Said, Ink | None]] = [
        ([*words("Black words and"), *words("red ones too", RED)], None),
        (words("White words stand here", WHITE), (180, 20, 30)),
        (words("All of the rest is black again."), None),
    ]
    image, found = slide(rows)
    noisy = io.BytesIO()
    image.save(noisy, "JPEG", quality=quality)
    assert told(read(tmp_path, Image.open(noisy).convert("RGB"), found)) == [
        ("red ones too", "red", ""),
        ("White words stand here", "white", "red"),
    ]


def test_a_dark_slide_with_white_words_has_none_that_stand_out(tmp_path: Path) -> None:
    rows: list[tuple[Said, Ink | None]] = [(words("One white line", WHITE), None), (words("And another", WHITE), None)]
    rows.append((words("Yellow it is", (255, 220, 0)), None))
    assert told(read(tmp_path, *slide(rows, ground=(20, 30, 60)))) == [("Yellow it is", "yellow", "")]


def test_a_line_without_ink_or_room_is_left_as_it_is() -> None:
    image = png(Image.new("RGB", (100, 100), "white"))
    lines = [Line((10, 10, 50, 20), "nothing", 8, 18), Line((99.9, 99.9, 100, 100), "edge", 8, 100)]
    inked(image, lines, 100, 100)
    assert [(line.colour, line.ground, line.inks) for line in lines] == [(0, -1, ()), (0, -1, ())]
    assert usual(lines) == "grey"
    assert usual([]) == "grey"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([BLACK, RED, BLUE, GREEN]), min_size=1, max_size=7))
def test_each_word_of_a_line_has_its_own_colour(inks: list[Ink]) -> None:
    image, found = slide([([(f"word{at}", ink) for at, ink in enumerate(inks)], None)])
    (one,) = found
    boxes = tuple((box.left * WIDTH, box.top * HEIGHT, box.right * WIDTH, box.bottom * HEIGHT) for box in one.words)
    line = Line((boxes[0][0], boxes[0][1], boxes[-1][2], boxes[-1][3]), one.text, 30, 60, pieces=boxes)
    inked(png(image), [line], WIDTH, HEIGHT)
    seen = line.inks or ((line.text, line.colour, line.box),)
    names = [name_of(colour) for text, colour, _ in seen for _ in text.split()]
    assert names == [name_of(red << 16 | green << 8 | blue) for red, green, blue in inks]
