"""Names of colours: the basic terms, by ranges in OKLCH."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from rag.colours import NAMES, name_of, oklch, rgb_of

CSS = {
    "red": "red crimson darkred firebrick indianred maroon orangered tomato",
    "orange": "orange darkorange coral sandybrown bisque moccasin navajowhite peachpuff tan",
    "yellow": "yellow gold khaki lemonchiffon lightyellow palegoldenrod cornsilk",
    "green": "green lime limegreen forestgreen darkgreen seagreen springgreen chartreuse lawngreen yellowgreen "
    "olivedrab olive palegreen lightgreen mediumseagreen aquamarine darkolivegreen turquoise",
    "blue": "blue navy darkblue mediumblue royalblue steelblue dodgerblue deepskyblue skyblue lightblue cornflowerblue "
    "midnightblue powderblue cyan teal lightsteelblue",
    "purple": "purple indigo darkviolet blueviolet rebeccapurple mediumpurple darkorchid slateblue lavender "
    "darkmagenta",
    "pink": "pink hotpink deeppink lightpink magenta orchid plum violet palevioletred mistyrose",
    "brown": "brown saddlebrown sienna chocolate darkgoldenrod",
    "grey": "grey gray darkgrey dimgray silver lightgrey gainsboro slategrey lightslategray",
    "white": "white whitesmoke snow ghostwhite mintcream azure aliceblue seashell",
    "black": "black #111111 #222222 #333333 #231f20 #1f2937",
}
OFFICE = {
    "red": "#ff0000 #c00000 #e74c3c", "orange": "#ed7d31 #ff6600 #e46c0a", "yellow": "#ffc000 #ffff00 #fff2cc",
    "green": "#70ad47 #00b050 #92d050 #e2efda", "blue": "#4472c4 #5b9bd5 #0070c0 #002060 #00b0f0 #1f3864 #deebf7",
    "purple": "#7030a0", "brown": "#843c0c #7f6000", "grey": "#595959 #a5a5a5",
}  # fmt: skip
"""Those of the palettes of office programs."""


def number(colour: str) -> int:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red << 16 | green << 8 | blue


@pytest.mark.parametrize(
    ("colour", "name"),
    [(colour, name) for table in (CSS, OFFICE) for name, colours in table.items() for colour in colours.split()],
)
def test_a_colour_is_called_as_people_call_it(colour: str, name: str) -> None:
    assert name_of(number(colour)) == name


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        (0xFFFFFF, (1.0, 0.0, None)),
        (0x000000, (0.0, 0.0, None)),
        (0xFF0000, (0.62796, 0.25768, 29.234)),
        (0x00FF00, (0.86644, 0.29483, 142.495)),
        (0x0000FF, (0.45201, 0.31321, 264.052)),
    ],
)
def test_oklch_is_that_of_the_published_formulas(rgb: int, expected: tuple[float, float, float | None]) -> None:
    light, chroma, hue = oklch(rgb)
    assert (light, chroma) == pytest.approx(expected[:2], abs=2e-4)
    assert expected[2] is None or hue == pytest.approx(expected[2], abs=0.02)


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_has_a_name(rgb: int) -> None:
    assert name_of(rgb) in NAMES


@given(st.integers(0, 255))
def test_what_has_no_hue_is_black_grey_or_white(part: int) -> None:
    assert name_of(part << 16 | part << 8 | part) in ("black", "grey", "white")


def test_parts_become_a_number() -> None:
    assert rgb_of(1.0, 0.5, 0.0) == 0xFF8000
    assert rgb_of(1.2, -0.1, 0.0) == 0xFF0000
