"""A place in its surroundings, framed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from rag.document import WHOLE, Box, CharSpan, Media, PageRegion, Place, Source
from rag.drawing import COLOUR, COLOURS, MARGIN, framed, numbered

SOURCE = Source("a.pdf", "application/pdf", "0" * 64)
SIZE = 400


class White:
    """Assets of a white page; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Place, int]] = []

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        raise NotImplementedError

    def open(self, media: Media) -> bytes:
        raise NotImplementedError

    def crop(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        assert isinstance(place, PageRegion)
        self.asked.append((place, dpi))
        box = place.box
        size = round((box.right - box.left) * SIZE), round((box.bottom - box.top) * SIZE)
        told = BytesIO()
        Image.new("RGB", size, "white").save(told, "PNG")
        return told.getvalue()


def drawn(*places: Place, whole: bool = False, page: int = 1) -> tuple[Any, White]:
    assets = White()
    return Image.open(BytesIO(framed(assets, SOURCE, places, page, 144, whole=whole))), assets


def coloured(picture: Any) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what is in the frame's colour."""
    spots = [(x, y) for x in range(picture.width) for y in range(picture.height) if picture.getpixel((x, y)) == COLOUR]
    across, down = [x for x, _ in spots], [y for _, y in spots]
    return min(across), min(down), max(across), max(down)


def test_a_frame_stands_around_the_box_on_its_page() -> None:
    picture, assets = drawn(PageRegion(1, Box(0.25, 0.5, 0.75, 0.6)), whole=True)
    assert assets.asked == [(PageRegion(1, WHOLE), 144)]
    assert picture.size == (SIZE, SIZE)
    left, top, right, bottom = coloured(picture)
    assert (left, top, right, bottom) == pytest.approx((98, 198, 302, 242), abs=2)
    assert picture.getpixel((200, 220)) == (255, 255, 255), "nothing is drawn on what the frame shows"


def test_a_region_is_shown_with_a_margin() -> None:
    picture, assets = drawn(PageRegion(1, Box(0.25, 0.5, 0.75, 0.6)))
    assert assets.asked[0][0] == PageRegion(1, Box(0.25 - MARGIN, 0.5 - MARGIN, 0.75 + MARGIN, 0.6 + MARGIN))
    left, top, right, bottom = coloured(picture)
    margin = MARGIN * SIZE
    assert (left, top) == pytest.approx((margin, margin), abs=3)
    assert (picture.width - right, picture.height - bottom) == pytest.approx((margin, margin), abs=4)


def test_places_of_one_page_are_shown_together() -> None:
    places = (
        PageRegion(1, Box(0.1, 0.1, 0.2, 0.2)),
        PageRegion(2, WHOLE),
        CharSpan(1, 2),
        PageRegion(1, Box(0.8, 0.8, 0.9, 0.9)),
    )
    picture, assets = drawn(*places, whole=True)
    left, top, right, bottom = coloured(picture)
    assert (left, top, right, bottom) == pytest.approx((38, 38, 362, 362), abs=3)
    _, assets = drawn(*places)
    assert assets.asked[0][0] == PageRegion(1, Box(0.1 - MARGIN, 0.1 - MARGIN, 0.9 + MARGIN, 0.9 + MARGIN))


@pytest.mark.parametrize("box", [Box(0, 0, 1, 0.5), Box(0, 0, 0.5, 1), Box(0.5, 0.5, 1, 1), Box(0.5, 0.5, 0.5, 0.5)])
def test_a_frame_at_the_edge_is_seen_on_all_sides(box: Box) -> None:
    picture, _ = drawn(PageRegion(1, box), whole=True)
    left, top, right, bottom = coloured(picture)
    wanted = (box.left * SIZE, box.top * SIZE, box.right * SIZE, box.bottom * SIZE)
    assert (left, top, right, bottom) == pytest.approx(wanted, abs=3)


def test_a_whole_page_is_given_as_it_is() -> None:
    assets = White()
    data = framed(assets, SOURCE, (PageRegion(1, WHOLE),), 1, 72, whole=False)
    assert data == White().crop(SOURCE, PageRegion(1, WHOLE))
    assert assets.asked == [(PageRegion(1, WHOLE), 72)]


def test_no_place_on_the_page() -> None:
    with pytest.raises(ValueError, match="none of the places is on page 2"):
        drawn(PageRegion(1, WHOLE), page=2)


def test_elements_are_framed_in_the_colour_of_their_role_and_named_below() -> None:
    page = BytesIO()
    Image.new("RGB", (SIZE, SIZE), "white").save(page, "PNG")
    picture = Image.open(BytesIO(numbered(page.getvalue(), [
        (1, "heading", Box(0.2, 0.1, 0.8, 0.2)), (2, "speech", Box(0, 0.5, 1, 1)),
    ])))  # fmt: skip
    assert picture.width == SIZE
    assert picture.height > SIZE
    assert picture.getpixel((200, 40)) == COLOURS["heading"]
    assert picture.getpixel((200, 201)) == COLOUR, "a role without a colour of its own"
    assert picture.getpixel((200, 100)) == (255, 255, 255)
    assert Image.open(BytesIO(numbered(page.getvalue(), []))).size == (SIZE, SIZE)
    aside = Image.open(BytesIO(numbered(page.getvalue(), [(1, "heading", Box(0, 0.1, 0.8, 0.2))], margin=True)))
    assert aside.width == SIZE + 30
    assert aside.getpixel((30, 60)) == COLOURS["heading"], "the box stands right of the margin"
    assert aside.getpixel((5, 60)) == (255, 255, 255)
