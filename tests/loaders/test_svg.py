"""Drawings: what is seen of them, and nothing from elsewhere."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from rag.loaders.svg import SVG
from rag.loaders.svg.drawn import named

from rag.document import WHOLE, Box, CharSpan, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from rag.protocols import Recognised
from tests.golden import drawings, images, recognisers
from tests.golden.drawings import svg
from tests.loaders.test_image import KeptAssets


def source(folder: Path, data: bytes) -> Source:
    path = folder / "0001.svg"
    path.write_bytes(data)
    return Source(str(path), "image/svg+xml", digest(data), str(path))


def load(folder: Path, data: bytes, **options: object) -> Part:
    (part,) = SVG(**options).load(source(folder, data))  # type: ignore[arg-type]
    return part


class Reads:
    """A recogniser that sees one word."""

    fingerprint = "reads"

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        return [[recognisers.line("Pump", 0.1, 0.1, 0.4, 0.3)] for _ in images]


def texts(part: Part) -> list[str]:
    return [text for element in part.elements for text in element.text.splitlines()]


def notices(part: Part) -> list[str]:
    return [one.message for one in part.warnings]


def test_words_with_their_boxes(tmp_path: Path) -> None:
    part = load(tmp_path, drawings.plant())
    assert texts(part) == ["The plant", "Pump house", "Valve A", "Tank 2 full"]
    assert part.head.title == "The plant"
    assert (part.pages[0].width, part.pages[0].height) == (400, 200)
    (photo,) = part.elements
    boxes = {photo.text[word.start : word.end]: word.box for word in photo.words}
    assert boxes["Pump house"].left == pytest.approx(30 / 400, abs=0.01)
    assert boxes["Pump house"].bottom == pytest.approx(134 / 200, abs=0.01)
    turned = boxes["Valve A"]  # it runs down from (300, 60)
    assert turned.top == pytest.approx(60 / 200, abs=0.01)
    assert (turned.bottom - turned.top) * 200 > 2 * (turned.right - turned.left) * 400
    assert [place.box for place in photo.origin.places if isinstance(place, PageRegion)] == [WHOLE, *boxes.values()]


def test_what_cannot_be_seen_is_left_out(tmp_path: Path) -> None:
    part = load(tmp_path, drawings.unseen())
    assert texts(part) == ["Seen"]
    assert notices(part) == ["6 texts that cannot be seen in it are left out"]


def test_many_words_are_paragraphs(tmp_path: Path) -> None:
    lines = "".join(f'<text x="5" y="{10 + 9 * at}" font-size="8">Line {at} of the text</text>' for at in range(40))
    part = load(tmp_path, svg(lines, 'width="200" height="400"'))
    assert [one.role for one in part.elements] == ["photo", *["paragraph"] * 40]
    tops = [one.origin.places[0].box.top for one in part.elements[1:]]  # type: ignore[union-attr]
    assert tops == sorted(tops)


def test_pixels_are_kept_and_rendered(tmp_path: Path) -> None:
    assets = KeptAssets()
    load(tmp_path, drawings.plant(), assets=assets)
    (kept,) = assets.kept.values()
    image = Pillow.open(io.BytesIO(kept))
    assert (image.size, image.getpixel((240, 150))) == ((1200, 600), (51, 102, 153))
    loader, drawing = SVG(), source(tmp_path, drawings.plant())
    shown = Pillow.open(io.BytesIO(loader.render(drawing, PageRegion(1, WHOLE), 192)))
    assert shown.size == (800, 400)
    corner = Pillow.open(io.BytesIO(loader.render(drawing, PageRegion(1, Box(0.05, 0.1, 0.3, 0.3)), 96)))
    assert corner.size == (100, 40)
    for place in (PageRegion(2, WHOLE), CharSpan(0, 1)):
        with pytest.raises(SourceError, match="no place like"):
            loader.render(drawing, place, 96)


def test_words_drawn_as_curves_are_recognised(tmp_path: Path) -> None:
    reads = Reads()
    data = svg('<path d="M0 0L90 90L40 10Z"/>')
    assert texts(load(tmp_path, data, recogniser=reads)) == ["Pump"]
    assert texts(load(tmp_path, drawings.plant(), recogniser=reads))[1] == "Pump house"


@pytest.mark.parametrize(
    ("size", "shown"),
    [('width="10cm" height="50mm"', (377.95, 188.98)), ('width="100%" viewBox="0 0 80 40"', (80, 40)),
     ('height="20" viewBox="0,0,80,40"', (40, 20)), ("", (300, 150)), ('width="1e99" height="-5"', (300, 150)),
     ('width="999999" height="1"', (999999, 1)), ('viewBox="0 0 nan 1"', (300, 150))],
)  # fmt: skip
def test_sizes(size: str, shown: tuple[float, float], tmp_path: Path) -> None:
    part = load(tmp_path, svg("<rect width='9' height='9'/>", size), assets=KeptAssets())
    assert (part.pages[0].width, part.pages[0].height) == shown


SECRET = "data:image/png;base64," + b64encode(images.png()).decode()
BOMB = "data:image/png;base64," + b64encode(images.claims(50_000, 50_000)).decode()


@pytest.mark.parametrize(
    "body",
    ['<image xlink:href="file:///SECRET" width="400" height="200"/>', '<image href="SECRET" width="400" height="200"/>',
     '<image href="http://127.0.0.1:9/x.png" width="9" height="9"/>', '<use href="SECRET#a"/>',
     '<style>@import url("http://127.0.0.1:9/x.css");</style>', '<rect fill="url(http://127.0.0.1:9/#a)" width="9"/>',
     '<filter id="f"><feImage xlink:href="SECRET"/></filter><rect filter="url(#f)" width="400" height="200"/>',
     f'<image href="{BOMB}" width="9" height="9"/>', '<image href="data:image/svg+xml,%3Csvg/%3E" width="9"/>'],
)  # fmt: skip
def test_references_to_elsewhere_are_left_out(body: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(images.png())
    assets = KeptAssets()
    part = load(tmp_path, svg(body.replace("SECRET", str(secret))), assets=assets)
    assert notices(part) == ["references to elsewhere left out"]
    (kept,) = assets.kept.values()
    assert {colour for _, colour in Pillow.open(io.BytesIO(kept)).getcolors() or ()} <= {(255, 255, 255), (0, 0, 0)}


def test_a_picture_inside_is_kept(tmp_path: Path) -> None:
    assets = KeptAssets()
    part = load(tmp_path, svg(f'<image href="{SECRET}" width="400" height="200"/>'), assets=assets)
    (kept,) = assets.kept.values()
    assert notices(part) == []
    assert len(set(Pillow.open(io.BytesIO(kept)).resize((4, 4)).get_flattened_data())) > 3


def test_scripts_and_foreign_markup_are_left_out(tmp_path: Path) -> None:
    part = load(
        tmp_path,
        svg('<script>alert(1)</script><foreignObject width="400" height="99"><p xmlns="http://www.w3.org/1999/xhtml">No'
            '</p></foreignObject><text x="9" y="50" onclick="alert(2)">Yes</text>'),
    )  # fmt: skip
    assert texts(part) == ["Yes"]
    assert notices(part) == ["foreign markup left out", "scripts left out"]


LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + svg("<text>&b;</text>")
OUTSIDE = b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text>&x;</text>")


@pytest.mark.parametrize("data", [LAUGHS, OUTSIDE, LAUGHS.decode().encode("utf-16")])
def test_entities_are_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data)
    assert caught.value.kind == "refused"


def uses(levels: int, each: int = 10) -> bytes:
    body = '<g id="a0"><rect width="1" height="1"/></g>'
    body += "".join(f'<g id="a{at + 1}">' + f'<use href="#a{at}"/>' * each + "</g>" for at in range(levels))
    return svg(f'<defs>{body}</defs><use href="#a{levels}"/>')


@pytest.mark.parametrize(
    ("data", "kinds"),
    [(uses(9), {"damaged", "limit"}), (svg("<g>" * 100_000 + "</g>" * 100_000), {"damaged"}),
     (svg("<g/>" * 200_001), {"limit"}), (b"<svg", {"damaged"}), (b"<html/>", {"damaged"}), (b"", {"empty"}),
     (svg('<use id="a" href="#a"/>' * 2), set()), (drawings.plant()[:-40], {"damaged"})],
    ids=["uses", "deep", "many", "cut", "other", "empty", "itself", "truncated"],
)  # fmt: skip
def test_hostile(data: bytes, kinds: set[str], tmp_path: Path) -> None:
    told = set()
    try:
        load(tmp_path, data)
    except SourceError as error:
        told.add(error.kind)
    assert told <= kinds
    assert told or not kinds


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2000), noise=st.binary(max_size=20), which=st.booleans())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, at: int, noise: bytes, which: bool) -> None:
    data = drawings.plant() if which else drawings.unseen()
    at %= len(data)
    try:
        part = load(tmp_path_factory.getbasetemp(), data[:at] + noise + data[at + len(noise) :])
    except SourceError:
        return
    assert part.number == 0


def test_a_font_needs_names() -> None:
    with pytest.raises(ValueError, match="names"):
        named(b"\0\1\0\0" + bytes(8), "Any")
