"""Pictures: upright, on white, within limits, with the words that their files hold."""

from __future__ import annotations

import io
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from rag.loaders.image import Image
from rag.loaders.image_words import humanised

from rag.alike import near
from rag.document import WHOLE, Box, CharSpan, Media, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import images


class KeptAssets:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        self.kept[name] = data
        return Media(media_type, name, len(data))


def source(folder: Path, data: bytes, name: str = "0001.img") -> Source:
    path = folder / name
    path.write_bytes(data)
    return Source(str(path), "image/png", digest(data), str(path))


def load(folder: Path, data: bytes, name: str = "0001.img", **options: object) -> list[Part]:
    return list(Image(**options).load(source(folder, data, name)))  # type: ignore[arg-type]


def stored(folder: Path, data: bytes) -> Pillow.Image:
    assets = KeptAssets()
    load(folder, data, assets=assets)
    (kept,) = assets.kept.values()
    return Pillow.open(io.BytesIO(kept))


def colours(image: Pillow.Image) -> list[str]:
    """The colours at the four quarters, read from left to right and down."""
    names = {(1, 0, 0): "red", (0, 0, 1): "blue", (1, 1, 1): "white", (0, 0, 0): "green"}
    quarters = [(x * image.width // 4, y * image.height // 4) for y in (1, 3) for x in (1, 3)]
    found = []
    for at in quarters:
        pixel = image.convert("RGB").getpixel(at)
        assert isinstance(pixel, tuple)
        found.append(names[tuple(int(value > 180) for value in pixel[:3])])
    return found


FIELDS = ["red", "green", "blue", "white"]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    data = images.jpeg(orientation)
    part = load(tmp_path, data)[0]
    assert (part.pages[0].width, part.pages[0].height) == (120, 80)
    image = stored(tmp_path, data)
    assert image.size == (120, 80)
    assert colours(image) == FIELDS
    assert "exif" not in image.info


def test_transparency_is_flattened_on_white(tmp_path: Path) -> None:
    image = stored(tmp_path, images.see_through())
    assert image.mode == "RGB"
    assert image.getpixel((10, 10)) == (255, 255, 255)
    assert image.getpixel((80, 10)) == (0, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        images.saved(images.drawing().convert("P"), "PNG"),
        images.saved(images.drawing().convert("CMYK"), "TIFF"),
        images.saved(images.drawing(), "WEBP", lossless=True),
        images.saved(images.drawing(), "BMP"),
        images.saved(images.drawing().convert("P"), "PNG", transparency=3),
    ],
)
def test_kinds_of_pixels(tmp_path: Path, data: bytes) -> None:
    image = stored(tmp_path, data)
    assert image.mode == "RGB"
    assert image.size == (120, 80)


@pytest.mark.parametrize("mode", ["uint16", "float32", "int32"])
def test_deep_pixels_keep_their_contrast(tmp_path: Path, mode: str) -> None:
    values = np.tile(np.linspace(0, 65535, 64).astype(mode), (64, 1))
    data = images.saved(Pillow.fromarray(values), "TIFF")
    seen = np.asarray(stored(tmp_path, data))
    assert seen[0, 0, 0] < 5
    assert 100 < seen[0, 32, 0] < 160
    assert seen[0, 63, 0] > 250


def test_equal_files_are_one_asset_of_equal_bytes(tmp_path: Path) -> None:
    one, two = KeptAssets(), KeptAssets()
    load(tmp_path, images.png(), assets=one)
    load(tmp_path, images.png(), "other.png", assets=two)
    assert one.kept == two.kept


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (images.png(), "white-stove_kitchen.jpg", "white stove kitchen"),
        (images.png(), "000000790.jpg", ""),
        (images.png(), "IMG_20240101_1200.jpg", ""),
        (images.png(Description="A gauge  on\na roof"), "x1.png", "A gauge on a roof"),
        (images.png(Title="Roof", Description="A gauge on a roof"), "x.png", "Roof\nA gauge on a roof"),
        (images.jpeg(1, "Ein Messer für Regen"), "9.jpg", "Ein Messer für Regen"),
        (images.jpeg(1, "OLYMPUS DIGITAL CAMERA"), "9.jpg", ""),
        (images.png(Description="x" * 9000), "9.png", "x" * 2000),
    ],
)
def test_words(tmp_path: Path, data: bytes, name: str, text: str) -> None:
    element = load(tmp_path, data, name)[0].elements[0]
    assert (element.text, element.role, element.modality) == (text, "photo", "image")
    assert element.origin.places == (PageRegion(1, WHOLE),)


def test_windows_words(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x9C9B] = "Große Station".encode("utf-16-le") + b"\0\0"
    exif[0x8769] = {0x9286: b"UNICODE\0" + "hinter dem Haus".encode("utf-16-le"), 0x9003: "2024:03:05 10:00:00"}
    data = images.saved(images.drawing(), "JPEG", exif=exif.tobytes())
    part = load(tmp_path, data)[0]
    assert part.elements[0].text == "Große Station\nhinter dem Haus"
    assert dict(part.head.metadata)["created"] == "2024-03-05 10:00:00"


@pytest.mark.parametrize(
    ("name", "words"),
    [("figureThree.png", "figure Three"), ("DSC00012.JPG", ""), ("a1b2c3d4e5.png", ""),
     ("dog at sea.png", "dog at sea"),
     ("image1.png", ""), ("", ""), ("kitchen2.png", "kitchen2")],
)  # fmt: skip
def test_humanised(name: str, words: str) -> None:
    assert humanised(name) == words


def test_heic(tmp_path: Path) -> None:
    data = images.heic("A gauge on a roof")
    part = load(tmp_path, data)[0]
    assert (part.elements[0].text, dict(part.head.metadata)["format"]) == ("A gauge on a roof", "heif")
    image = stored(tmp_path, data)
    assert (image.size, image.format, colours(image)) == ((120, 80), "JPEG", FIELDS)
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data[: len(data) // 2])
    assert caught.value.kind == "damaged"
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data, max_pixels=9000)
    assert caught.value.kind == "limit"


def test_several_pictures_in_a_heic_give_the_main_one(tmp_path: Path) -> None:
    data = images.heic(save_all=True, append_images=[Pillow.new("RGB", (64, 64))], primary_index=1)
    part = load(tmp_path, data)[0]
    assert (part.pages[0].width, part.pages[0].height) == (64, 64)
    assert "main one" in part.warnings[0].message


def test_avif(tmp_path: Path) -> None:
    image = stored(tmp_path, images.saved(images.drawing(), "AVIF", quality=90))
    assert (image.size, colours(image)) == ((120, 80), FIELDS)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_camera_and_place_are_told_on_request_and_never_kept(tmp_path: Path, format: str) -> None:
    images.heic()  # registers its format
    data = images.located(format)
    told = dict(load(tmp_path, data, camera=True, place=True)[0].head.metadata)
    assert (told["camera"], told["created"]) == ("Acme X100", "2024-03-05 10:00:00")
    assert (told["latitude"], told["longitude"]) == (-33.857, 151.21)
    assert not {"camera", "latitude", "longitude"} & set(dict(load(tmp_path, data)[0].head.metadata))
    assets = KeptAssets()
    load(tmp_path, data, assets=assets, camera=True, place=True)
    (kept,) = assets.kept.values()
    assert b"Acme" not in kept
    assert not Pillow.open(io.BytesIO(kept)).getexif()


@pytest.mark.parametrize("place", [{1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, {1: "N", 2: (1.0, 2.0)}])
def test_a_place_that_makes_no_sense_is_none(tmp_path: Path, place: dict[int, object]) -> None:
    exif = Pillow.Exif()
    exif[0x8825] = place
    data = images.saved(images.drawing(), "JPEG", exif=exif.tobytes())
    assert "latitude" not in dict(load(tmp_path, data, place=True)[0].head.metadata)


def seen(folder: Path, image: Pillow.Image, format: str = "PNG", **options: object) -> str:
    return str(dict(load(folder, images.saved(image, format, **options))[0].head.metadata).get("look", ""))


def test_near_duplicates_have_near_hashes(tmp_path: Path) -> None:
    looks = {}
    for number in range(4):
        picture = images.scenery(number)
        looks[f"{number}"] = seen(tmp_path, picture)
        looks[f"{number} small"] = seen(tmp_path, picture.resize((160, 120)), "JPEG", quality=40)
    alike = near(looks)
    assert {name: others for name, others in alike.items() if " " not in name} == {
        str(number): [f"{number} small"] for number in range(4)
    }
    assert alike["2 small"] == ["2"]


def test_empty_pictures_look_like_nothing(tmp_path: Path) -> None:
    assert seen(tmp_path, Pillow.new("RGB", (300, 200), "white")) == ""
    assert near({"a": "", "b": "zz" * 32, "c": "12"}) == {}


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_profiles_and_texts_that_swell(tmp_path: Path, kind: bytes) -> None:
    """A decoder that unpacked them would need 200 MB."""
    data = images.swollen(kind)
    tracemalloc.start()
    with suppress(SourceError):
        load(tmp_path, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_hundred_thousand_frames(tmp_path: Path) -> None:
    data = images.endless()
    start = time.monotonic()
    part = load(tmp_path, data)[0]
    assert len(part.elements) == 1
    assert "animation" in part.warnings[0].message
    assert time.monotonic() - start < 5


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    parts = load(tmp_path, images.tiff(40))
    assert [len(part.pages) for part in parts] == [32, 8]
    assert parts[0].head.pages == 40
    assert [page.width for page in parts[0].pages[:3]] == [60, 70, 80]
    assert parts[1].elements[0].origin.places == (PageRegion(33, WHOLE),)
    few = load(tmp_path, images.tiff(40), max_pages=5)
    assert few[0].head.pages == 5
    assert "max_pages" in few[0].warnings[0].message


def test_animations_give_their_first_frame(tmp_path: Path) -> None:
    part = load(tmp_path, images.animation())[0]
    assert len(part.elements) == 1
    assert "animation" in part.warnings[0].message


@pytest.mark.parametrize("size", [(50_000, 50_000), (60_000, 60_000), (9_000, 9_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_from_the_header(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, images.claims(*size))
    assert caught.value.kind == "limit"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_truncated_is_damaged(tmp_path: Path, format: str) -> None:
    data = images.saved(images.drawing(400, 300), format)
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data[: len(data) // 2])
    assert caught.value.kind == "damaged"


def test_render(tmp_path: Path) -> None:
    loader = Image()
    turned = source(tmp_path, images.jpeg(6))
    whole = Pillow.open(io.BytesIO(loader.render(turned, PageRegion(1, WHOLE), 144)))
    assert (whole.format, whole.size) == ("PNG", (120, 80))
    assert colours(whole) == FIELDS
    corner = Pillow.open(io.BytesIO(loader.render(turned, PageRegion(1, Box(0, 0, 0.5, 0.5)), 144)))
    assert corner.size == (60, 40)
    assert set(colours(corner)) == {"red"}
    small = Pillow.open(io.BytesIO(loader.render(turned, PageRegion(1, WHOLE), 72)))
    assert small.size == (60, 40)
    point = Pillow.open(io.BytesIO(loader.render(turned, PageRegion(1, Box(1, 1, 1, 1)), 144)))
    assert point.size == (1, 1)


def test_render_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        Image().render(source(tmp_path, images.png()), PageRegion(2, WHOLE), 144)
    with pytest.raises(SourceError):
        Image().render(source(tmp_path, images.png()), CharSpan(0, 1), 144)


FORMATS = [
    images.png(),
    images.jpeg(6, "words"),
    images.tiff(2),
    images.animation(),
    images.saved(images.drawing(), "WEBP"),
    images.saved(images.drawing(), "AVIF"),
    images.heic("words"),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 2000), st.binary(max_size=30), st.booleans())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int, noise: bytes, replace: bool) -> None:
    at %= len(data)
    broken = data[:at] + noise + data[at + len(noise) * replace :]
    try:
        parts = load(tmp_path_factory.getbasetemp(), broken, assets=KeptAssets())
    except SourceError:
        return
    assert parts[0].number == 0
