"""Words in photos and screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from rag.loaders.image import Image

from rag.document import WHOLE, PageRegion, Part, Source
from rag.identity import digest
from tests.golden.images import saved
from tests.golden.recognisers import Shaded, column, line, shade

LONG = [
    "The pump starts at dawn and runs until the tank is full.",
    "It stops when the float has reached the upper mark.",
]


def read(folder: Path, data: bytes, recogniser: Shaded, name: str = "white-stove.png", start: int = 0) -> list[Part]:
    path = folder / name
    path.write_bytes(data)
    source = Source(str(path), "image/png", digest(data), str(path))
    return list(Image(recogniser=recogniser).load(source, start=start))


def test_a_few_words_stand_with_the_picture(tmp_path: Path) -> None:
    (part,) = read(tmp_path, shade(4), Shaded({4: [line("STOP HERE", 0.4, 0.4, 0.6, 0.5)]}))
    (photo,) = part.elements
    assert (photo.role, photo.text) == ("photo", "white stove\nSTOP HERE")
    assert [photo.text[word.start : word.end] for word in photo.words] == ["STOP", "HERE"]
    whole, words = photo.origin.places
    assert whole == PageRegion(1, WHOLE)
    assert isinstance(words, PageRegion)
    assert words.box.left == pytest.approx(0.4)


def test_many_words_are_paragraphs_with_boxes_inside_the_picture(tmp_path: Path) -> None:
    found = [line("Pump", 0.1, 0.02, 0.3, 0.07), *column(LONG)]
    (part,) = read(tmp_path, shade(4), Shaded({4: found}))
    photo, heading, paragraph = part.elements
    assert (photo.text, photo.words) == ("white stove", ())
    assert (heading.role, heading.text) == ("heading", "Pump")
    assert paragraph.text == " ".join(LONG)
    assert paragraph.headings == ("Pump",)
    assert len({element.id for element in part.elements}) == 3
    (place,) = paragraph.origin.places
    assert isinstance(place, PageRegion)
    assert 0.09 < place.box.left < place.box.right < 0.95


def test_no_words_change_nothing(tmp_path: Path) -> None:
    silent = Shaded({})
    (part,) = read(tmp_path, shade(4), silent)
    absent = Shaded({})
    absent.fingerprint = ""
    assert [part] == read(tmp_path, shade(4), absent)
    assert (silent.asked, absent.asked) == ([4], [])


def test_a_picture_that_fails_is_a_notice(tmp_path: Path) -> None:
    texts: Any = {4: RuntimeError("tesseract failed")}
    (part,) = read(tmp_path, shade(4), Shaded(texts))
    assert [notice.message for notice in part.warnings] == ["its words could not be recognised (tesseract failed)"]
    assert part.elements[0].text == "white stove"


def test_pages_of_a_fax_come_four_a_part(tmp_path: Path) -> None:
    pages = [Pillow.new("RGB", (60, 60), (20 * number,) * 3) for number in range(1, 7)]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    texts = {number: [line(f"Page {number}", 0.1, 0.1, 0.5, 0.2)] for number in range(1, 7)}
    parts = read(tmp_path, data, Shaded(texts), "0001.tif")
    assert [[element.text for element in part.elements] for part in parts] == [
        ["Page 1", "Page 2", "Page 3", "Page 4"], ["Page 5", "Page 6"],
    ]  # fmt: skip
    later = Shaded(texts)
    assert read(tmp_path, data, later, "0001.tif", start=1) == parts[1:]
    assert later.asked == [5, 6]
