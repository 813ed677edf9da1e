"""Web pages: their pictures, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.loaders.html import HTML
from rag.loaders.html.images import ALIGN, ImageRules

from rag.document import Source
from rag.identity import digest
from tests.golden import htmls, images
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
