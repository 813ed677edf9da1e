"""Web pages: their pictures, and what is said of them."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from rag.loaders.html import HTML
from rag.loaders.html.images import ALIGN, ImageRules, candidates

from rag.document import Source
from rag.identity import digest
from rag.markup import parse
from tests.golden import drawings, htmls, images
from tests.golden.pages import KeptAssets, elements, load, shown


def test_the_filters_of_align(tmp_path: Path) -> None:
    rules = ALIGN
    assert rules.shape(201, 400)
    assert not rules.shape(199, 400)
    assert not rules.shape(200, 600)
    assert rules.shape(None, 400)
    assert rules.shape(None, None)
    assert rules.said("a gauge outside")
    assert not rules.said("rain gauge")
    assert rules.said(" ".join(["word"] * 20))
    assert not rules.said(" ".join(["word"] * 21))
    assert not rules.said("the same three words", shared=11)
    assert ImageRules().said("")
    said = "one two three four"
    markup = f"<p><img src=a alt='{said}'>x</p>" * 3
    markup += "<p><img src=b width=900 height=100 alt='a wide banner picture'></p>"
    assert [role for role, _ in shown(tmp_path, markup)].count("figure") == 4
    few = elements(tmp_path, markup, max_shared_alt=2, max_aspect=3.0)
    assert [one.role for one in few].count("figure") == 0
    with pytest.raises(ValueError, match="at least 0"):
        HTML(max_aspect=-1)


def test_a_description_that_is_noise_leaves_a_captioned_picture(tmp_path: Path) -> None:
    markup = "<figure><img src=a alt=img1><figcaption>The gauge on the roof</figcaption></figure>"
    (one,) = elements(tmp_path, markup, min_alt_words=3)
    assert (one.role, one.text, one.caption) == ("figure", "", "The gauge on the roof")


def test_pictures_inside_and_beside_the_page(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "white-stove kitchen.jpg").write_bytes(images.jpeg(6))
    (tmp_path / "dot.gif").write_bytes(images.saved(images.drawing(2, 2), "GIF"))
    (tmp_path / "page.png").write_bytes(b"not a picture")
    markup = (
        f'<img src="{htmls.data_uri(images.png())}" alt="inside">'
        '<img src="figures/white-stove%20kitchen.jpg#x"><img src=dot.gif alt="two words"><img src=page.png>'
        '<img src="https://example.org/a.png" alt="far away picture"><img src="//example.org/b.png">'
    )
    assets = KeptAssets()
    found = elements(tmp_path, markup, assets=assets)
    assert [(e.text, bool(e.media)) for e in found] == [
        ("inside", True),
        ("white stove kitchen", True),
        ("far away picture", False),
    ]
    assert all(e.role == "figure" and e.modality == "image" for e in found)
    turned = found[1].media
    assert turned is not None
    assert set(assets.kept) == {e.media.digest for e in found if e.media}
    assert b"Exif" not in assets.kept[turned.digest]


def test_pictures_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    secret = tmp_path / "secret.png"
    secret.write_bytes(images.png())
    (folder / "link.png").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    references = ["../secret.png", str(secret), f"file://{secret}", "link.png", "linked/secret.png", "loop.png",
                  "..%2fsecret.png", "x/../../secret.png", "\\..\\secret.png", "a\0.png",
                  "/dev/zero", ".", ""]  # fmt: skip
    markup = "".join(f'<img src="{reference}">' for reference in references)
    assets = KeptAssets()
    assert elements(folder, markup, assets=assets) == []
    assert assets.kept == {}


def test_pictures_of_fetched_pages_are_not_looked_for_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(images.png())
    data = htmls.body("<img src=a.png>")
    (tmp_path / "page").write_bytes(data)
    source = Source("https://example.org/page", "text/html", digest(data), str(tmp_path / "page"))
    assert [part.elements for part in HTML().load(source)] == [()]


def test_oversized_pictures_are_told_of(tmp_path: Path) -> None:
    bomb = htmls.data_uri(images.claims(60_000, 60_000))
    parts = load(tmp_path, htmls.body(f"<p>text</p><img src='{bomb}'>"))
    assert len(parts[0].elements) == 1
    assert "left out" in parts[0].warnings[0].message


def test_avif_heic_and_drawings_are_pictures(tmp_path: Path) -> None:
    (tmp_path / "card.avif").write_bytes(images.saved(images.drawing(), "AVIF", quality=90))
    (tmp_path / "card.heic").write_bytes(images.heic())
    (tmp_path / "plant.svg").write_bytes(drawings.plant())
    (tmp_path / "icon.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><path d='M0 0'/></svg>"
    )
    (tmp_path / "bad.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><!ENTITY a 'b'></svg>")
    inside = htmls.data_uri(drawings.plant(), "image/svg+xml")
    markup = (
        f"<p><img src=card.avif alt=one><img src=card.heic alt=two><img src=plant.svg><img src=icon.svg alt=three>"
        f"<img src=bad.svg><img src='{inside}' alt=four>"
    )
    assets = KeptAssets()
    (part,) = load(tmp_path, htmls.body(markup), assets=assets)
    size = images.drawing().size
    assert [(e.text, e.media and e.media.media_type, (e.width, e.height)) for e in part.elements] == [
        ("one", "image/jpeg", size), ("two", "image/jpeg", size), ("The plant", "image/png", (400, 200)),
        ("four", "image/png", (400, 200)),
    ]  # fmt: skip
    assert [one.message.partition(":")[0] for one in part.warnings] == ["picture left out"]
    for one in part.elements:
        assert one.media is not None
        with Image.open(BytesIO(assets.kept[one.media.digest])) as kept:
            assert max(kept.size) == (1200 if one.media.media_type == "image/png" else max(size))


def test_the_size_of_a_picture_is_that_of_its_bytes_or_as_stated(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(images.jpeg(6))
    far = "https://example.org/a.png"
    markup = (
        f"<p><img src=a.jpg width=999 alt=x><img src={far} width=640 height='480px' alt='far away'>"
        f"<img src={far} width=50% alt='of no size'>"
    )
    upright = images.drawing().size
    assert [(e.width, e.height) for e in elements(tmp_path, markup)] == [upright, (640, 480), (0, 0)]


@pytest.mark.parametrize(
    ("markup", "width"),
    [
        ("<img src=s.png srcset='m.png 2x, l.png 3x' alt=x>", 120),
        ("<img src=s.png srcset='l.png 900w,m.png 300w, none.png 1800w' alt=x>", 120),
        ("<img src=s.png srcset='none.png 2x' alt=x>", 60),
        ("<img srcset='m.png' alt=x>", 80),
        ("<img src=data:image/gif;base64,R0lGODlh data-src=m.png alt=x>", 80),
        ("<img src=s.png data-srcset='m.png 1x, l.png 2x' alt=x>", 120),
        ("<picture><source srcset='l.png 2x, m.png'><img src=s.png alt=x></picture>", 120),
        ("<picture><source media='(max-width:9em)' srcset='l.png 2x'><img src=s.png alt=x></picture>", 60),
        ("<picture><source media='(max-width:9em)' srcset='l.png 2x'><img src=none.png alt=x></picture>", 120),
        ("<picture><source type=image/avif srcset='none.avif'><source srcset=m.png><img src=s.png></picture>", 80),
    ],
)
def test_the_best_stored_picture_is_taken(tmp_path: Path, markup: str, width: int) -> None:
    for name, side in (("s", 60), ("m", 80), ("l", 120)):
        (tmp_path / f"{name}.png").write_bytes(images.saved(images.drawing(side, side), "PNG"))
    assets = KeptAssets()
    (one,) = elements(tmp_path, markup, assets=assets)
    assert (one.width, len(assets.kept)) == (width, 1)


def test_a_source_set_takes_time_in_its_size(tmp_path: Path) -> None:
    began = time.process_time()
    for many in (", " * 500_000, "a," * 500_000, "a 1x," * 200_000, "a" * 1_000_000, " 1x" * 300_000):
        candidates(parse(htmls.body(f"<img src=x srcset='{many}'>")).root.find(".//img"))  # type: ignore[union-attr,arg-type]
    assert time.process_time() - began < 5
