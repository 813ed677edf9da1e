"""Web pages and Markdown: what stands out by colours of attributes, tags and the page's own style sheets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.html.painted import MOST, Look, Painted, parted
from rag.loaders.markdown import Markdown

from rag.document import Element, Link, MarkupPath, Source
from rag.identity import digest
from rag.markup import select
from tests.golden import htmls, hues
from tests.golden.pages import elements, links, load


def told(element: Element) -> list[tuple[str, str, str, str]]:
    return [(element.text[run.start : run.end], run.letters, run.ground, run.mark) for run in element.coloured]


def every(folder: Path, markup: str | bytes) -> list[tuple[str, str, str, str]]:
    return [run for element in elements(folder, markup) for run in told(element)]


def test_a_page_with_sheets_attributes_and_tags(tmp_path: Path) -> None:
    found = elements(tmp_path, hues.PAGE.encode())
    assert [run for element in found for run in told(element)] == [
        ("Safety at the pump", "green", "", ""),
        ("Never open the valve while the pump runs.", "red", "", ""),
        ("Keep children away,", "red", "", ""),
        ("from the shed.", "red", "", ""),
        ("Grease the main bearing once a month.", "", "yellow", "highlighted"),
        ("spare key", "", "yellow", "highlighted"),
        ("behind the door", "", "", "underlined"),
        ("not under the mat", "", "", "struck out"),
        ("400", "red", "", ""),
        ("Bearing", "", "blue", ""),
        ("9000", "", "blue", ""),
        ("Call the control room first.", "white", "red", ""),
    ]
    assert [link for element in found for link in links(element)] == [("write down the time", "log.html")]


def test_a_part_is_found_again_by_its_path(tmp_path: Path) -> None:
    data = hues.PAGE.encode()
    checked = 0
    for element in elements(tmp_path, data):
        for run in element.coloured:
            for place in run.places:
                assert isinstance(place, MarkupPath)
                assert " ".join(select(data, place.path).split()) == element.text[run.start : run.end]
                checked += 1
    assert checked >= 7


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>a <font color=red>b</font> c</p>", [("b", "red", "", "")]),
        ("<p>a <span style='color:#0000ff'>b <b>c</b></span> d</p>", [("b c", "blue", "", "")]),
        (
            "<p style='color:green'>a <i style='color:red'>b</i> c</p>",
            [("a", "green", "", ""), ("b", "red", "", ""), ("c", "green", "", "")],
        ),
        ("<p style='color:green'>a <i style='color:black'>b</i></p>", [("a", "green", "", "")]),
        (
            "<div style='color:rgb(200,0,0)'><ul><li>a</li></ul><p>b</p></div>",
            [("- a", "red", "", ""), ("b", "red", "", "")],
        ),
        ("<p>a <mark style='background:pink'>b</mark></p>", [("b", "", "pink", "highlighted")]),
        ("<p style='background:#ffff66'>a</p>", [("a", "", "yellow", "")]),
        ("<p style='background:#eee;color:#444'>a</p>", []),
        ("<p style='background:url(x.png);color:red'>a</p>", [("a", "red", "", "")]),
        ("<p>a <a href=x style='color:red'>b</a></p>", [("b", "red", "", "")]),
        ("<style>a{color:red} code{color:#e83e8c}</style><p>a <a href=x>b</a> <code>c</code></p>", []),
        ("<style>body{color:navy} .r{color:red}</style><p>a <b class=r>b</b></p>", [("b", "red", "", "")]),
        ("<style>.r{color:red} .s .r{color:black}</style><p class=s>a <b class=r>b</b></p>", []),
        ("<style>p:hover{color:red} @media print{p{color:red}}</style><p>a</p>", []),
        ("<p>a <u></u><s>b</s></p>", [("b", "", "", "struck out")]),
        ("<pre style='color:red'>a</pre>", []),
        ("<h2 style='color:#800080'>a\nb</h2>", [("a b", "purple", "", "")]),
    ],
)  # fmt: skip
def test_what_stands_out(tmp_path: Path, markup: str, expected: list[tuple[str, str, str, str]]) -> None:
    assert every(tmp_path, markup) == expected


def test_colours_change_no_text_and_no_links(tmp_path: Path) -> None:
    plain = (
        "<p>One <span>two <a href=x>three</a></span>, four<b> five</b></p><table><tr><th>a<th>b<tr><td>1|<td>2</table>"
    )
    painted = plain.replace("<span", "<span style='color:red'").replace("<b>", "<b style='color:blue'>")
    painted = painted.replace("<td>1|", "<td style='background:yellow'>1|")
    one, other = elements(tmp_path, plain), elements(tmp_path, painted)
    assert [(each.text, links(each)) for each in one] == [(each.text, links(each)) for each in other]
    assert [run for each in other for run in told(each)] == [
        ("two three", "red", "", ""), ("five", "blue", "", ""), ("1\\|", "", "yellow", ""),
    ]  # fmt: skip


def test_a_colour_for_each_letter_is_bounded(tmp_path: Path) -> None:
    markup = "<p>" + "".join(f"<i style='color:{('red', 'blue')[at % 2]}'>x</i>" for at in range(5000))
    (element,) = elements(tmp_path, markup)
    assert len(element.coloured) == MOST
    assert element.text == "x" * 5000


pieces = st.recursive(
    st.sampled_from(["a", "b ", " c", "."]),
    lambda inner: st.tuples(st.sampled_from(["red", "blue", "black", ""]), st.lists(inner, max_size=3)),
    max_leaves=12,
)


def written(piece: str | tuple[str, list[object]]) -> str:
    if isinstance(piece, str):
        return piece
    colour, inside = piece
    style = f" style='color:{colour}'" if colour else ""
    return f"<span{style}>{''.join(map(written, inside))}</span>"  # type: ignore[arg-type]


def colours(piece: str | tuple[str, list[object]], around: str = "") -> list[tuple[str, str]]:
    """Each letter with the colour that a browser gives it."""
    if isinstance(piece, str):
        return [(letter, around) for letter in piece if letter.isalpha()]
    colour, inside = piece
    own = "" if colour == "black" else colour or around
    return [pair for one in inside for pair in colours(one, own)]  # type: ignore[arg-type]


@settings(max_examples=80, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6))
def test_every_letter_has_the_colour_that_a_browser_gives_it(
    tmp_path_factory: pytest.TempPathFactory, given_: list[object]
) -> None:
    markup = "<p>" + "".join(map(written, given_))  # type: ignore[arg-type]
    expected = [pair for one in given_ for pair in colours(one)]  # type: ignore[arg-type]
    found = []
    for element in elements(tmp_path_factory.mktemp("page"), markup):
        looks = [""] * len(element.text)
        for run in element.coloured:
            looks[run.start : run.end] = [run.letters] * (run.end - run.start)
        found += [(letter, look) for letter, look in zip(element.text, looks, strict=True) if letter.isalpha()]
    assert found == expected


def test_inner_spans_go_over_outer_ones() -> None:
    red, blue = Look("red"), Look("blue")
    spans = [Painted(0, 9, "", red), Painted(2, 4, "", blue), Link(1, 3, "x"), Painted(4, 6, "", Look(""))]
    plain, runs = parted("abcdefghi", spans)
    assert plain == (Link(1, 3, "x"),)
    assert [(run.start, run.end, run.letters) for run in runs] == [(0, 2, "red"), (2, 4, "blue"), (6, 9, "red")]


def test_chunks_of_a_page_keep_what_stands_out_in_texts_and_headings(tmp_path: Path) -> None:
    chunks = list(Structure()(load(tmp_path, hues.PAGE.encode())))
    said = [
        (
            (chunk.headings[run.heading] if run.heading >= 0 else chunk.text)[run.start : run.end],
            run.letters or run.ground,
        )
        for chunk in chunks
        for run in chunk.coloured
    ]
    assert ("Safety at the pump", "green") in said
    assert ("Never open the valve while the pump runs.", "red") in said
    assert ("400", "red") in said
    assert all(run.places for chunk in chunks for run in chunk.coloured)


MARKED = """# A <span style="color:red">red</span> title

Some <font color="blue">blue **words**</font>, ~~gone~~ and <mark>marked</mark>.

- item <u>under</u> end

<p style="color:green">green block</p>
"""


def test_markdown_has_the_colours_of_its_markup(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(MARKED)
    parts = list(Markdown().load(Source("a.md", "text/markdown", digest(MARKED), str(path))))
    found = [run for part in parts for element in part.elements for run in told(element)]
    assert found == [
        ("red", "red", "", ""), ("blue words", "blue", "", ""), ("gone", "", "", "struck out"),
        ("marked", "", "yellow", "highlighted"), ("under", "", "", "underlined"), ("green block", "green", "", ""),
    ]  # fmt: skip


def test_a_page_without_colours_carries_none(tmp_path: Path) -> None:
    assert not any(element.coloured for part in load(tmp_path, htmls.long_page(60)) for element in part.elements)
