"""What a fetched page names, and the page with its pictures inside."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.charsets import decode
from rag.markup import declared_charset, parse, select
from rag.pages import in_utf8, linked_pdfs, pictures, text_of, with_pictures
from tests.golden import images

BASE = "https://example.org/a/page.html"


@pytest.mark.parametrize(
    ("markup", "address"),
    [
        ('<img src="b.png">', "https://example.org/a/b.png"),
        ("<IMG alt=x SRC='/b.png' />", "https://example.org/b.png"),
        ("<img src=b.png>", "https://example.org/a/b.png"),
        ('<img src="b.png?x=1&amp;y=2">', "https://example.org/a/b.png?x=1&y=2"),
        ('<img src="//cdn.example/b.png">', "https://cdn.example/b.png"),
        ('<img src="http://cdn.example/b.png">', "https://cdn.example/b.png"),
        ('<img src="data:image/gif;base64,AA" data-src="b.png">', "https://example.org/a/b.png"),
        ('<img src="dot.gif" data-original="b.png">', "https://example.org/a/b.png"),
        ('<img srcset="s.png 300w, b.png 900w, m.png 600w">', "https://example.org/a/b.png"),
        ('<img srcset="s.png, b.png 2x">', "https://example.org/a/b.png"),
        ('<base href="/other/"><img src="b.png">', "https://example.org/other/b.png"),
        ('<img width=60 height="60px" src=b.png>', "https://example.org/a/b.png"),
        ('<img title="a > b" src=b.png>', "https://example.org/a/b.png"),
    ],
)
def test_pictures_of_a_page(markup: str, address: str) -> None:
    assert pictures(f"<p>before{markup}after", BASE, 50) == [address]


@pytest.mark.parametrize(
    "markup",
    [
        "<img>",
        '<img src="">',
        '<img src="#a">',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="file:///etc/passwd">',
        '<img src="http://me:pw@example.org/b.png">',
        '<img src="http://127.0.0.1\\@example.org/">',
        '<img src="javascript:alert(1)">',
        '<img width=49 src="b.png">',
        '<img height=1 src="b.png">',
        '<!-- <img src="b.png"> -->',
        '<!-- <img src="b.png">',
        '<script>"<img src=b.png>"</script>',
        '<script>"<img src=b.png>"',
        '<template><img src="b.png"></template>',
        '<image src="b.png">',
        f'<img src="{"b" * 5000}.png">',
    ],
)
def test_what_is_no_picture_to_fetch(markup: str) -> None:
    assert pictures(markup, BASE, 50) == []


def test_each_address_once_and_in_order() -> None:
    assert pictures("<img src=b.png><img src=a.png><img src=./b.png>", BASE, 50) == [
        "https://example.org/a/b.png", "https://example.org/a/a.png",
    ]  # fmt: skip


PAGE = (
    '<html><body><h1>T</h1><p>One <img alt="A gauge" src="b.png" width=120> two</p>'
    "<img src=c.png><p>End</p></body></html>"
)


def test_a_page_with_its_pictures_inside() -> None:
    data = images.png()
    kept = with_pictures(PAGE, BASE, 50, {"https://example.org/a/b.png": ("image/png", data)}, 10**6)
    markup = parse(kept.encode())
    assert markup is not None
    first, second = markup.root.iter("img")
    assert first.get("src", "").startswith("data:image/png;base64,iVBOR")
    assert first.get("data-kept-from") == "https://example.org/a/b.png"
    assert (first.get("alt"), first.get("width")) == ("A gauge", "120")
    assert second.get("src") == "c.png"
    for path in ("/html/body[1]/p[1]", "/html/body[1]/p[2]", "/html/body[1]/h1[1]"):
        assert select(kept.encode(), path) == select(PAGE.encode(), path)


def test_no_more_bytes_than_allowed() -> None:
    small, large = ("image/png", b"x" * 100), ("image/png", b"y" * 200)
    page = "<img src=l.png><img src=s.png><img src=s.png>"
    taken = {"https://example.org/a/l.png": large, "https://example.org/a/s.png": small}
    assert with_pictures(page, BASE, 50, taken, 1000).count("data:") == 3
    assert with_pictures(page, BASE, 50, taken, 300).count("data:") == 2
    assert with_pictures(page, BASE, 50, taken, 150).count("data:") == 1
    assert with_pictures(page, BASE, 50, taken, 50) == page


def test_an_address_cannot_leave_its_attribute() -> None:
    page = '<img src="b.png?&quot;onload=&quot;x">'
    (address,) = pictures(page, BASE, 50)
    kept = with_pictures(page, BASE, 50, {address: ("image/png", b"x")}, 100)
    markup = parse(f"<html><body>{kept}</body></html>".encode())
    assert markup is not None
    assert "onload" not in next(markup.root.iter("img")).attrib


def test_linked_pdfs() -> None:
    page = (
        '<a href="one.pdf">1</a><a href="/b/TWO.PDF?x=1#page=3">2</a><a href="three" type="application/pdf">3</a>'
        '<a href="https://files.example.org/four.pdf">4</a><a href="http://other.example/five.pdf">5</a>'
        '<a href="one.pdf#page=2">1</a><a href="page.html?x=.pdf">6</a><a href="file:///x.pdf">7</a><a>8</a>'
        '<a href="https://notexample.org/x.pdf">9</a>'
    )
    own, others = linked_pdfs(page, "https://www.example.org/a/")
    assert own == [
        "https://www.example.org/a/one.pdf", "https://www.example.org/b/TWO.PDF?x=1",
        "https://www.example.org/a/three", "https://files.example.org/four.pdf",
    ]  # fmt: skip
    assert others == ["https://other.example/five.pdf", "https://notexample.org/x.pdf"]


def test_the_server_s_charset_goes_before_the_page_s() -> None:
    page = "<meta charset=utf-8><p>Über 5 €".encode("cp1252")
    kept = in_utf8(page, "windows-1252", markup=True)
    assert text_of(page, "windows-1252").endswith("Über 5 €")
    assert decode(kept, declared_charset(kept))[0].endswith("Über 5 €")
    cyrillic = "Дождь идёт".encode("koi8-r")
    assert decode(in_utf8(cyrillic, "koi8-r", markup=False))[0] == "Дождь идёт"


@pytest.mark.parametrize("charset", ["", "utf-8", "no-such-charset"])
def test_bytes_that_a_loader_reads_rightly_stay_as_they_are(charset: str) -> None:
    page = "<p>Über 5 €</p>".encode()
    assert in_utf8(page, charset, markup=True) == page


@given(st.text(alphabet="<>imgascript!-='\" /b.pn&;", max_size=200))
def test_any_text(text: str) -> None:
    for address in pictures(text, BASE, 50):
        assert address.startswith("https://")
    linked_pdfs(text, BASE)


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<img ", "<img a", "<img a=", "<img src='", "<script>", "<a href=", "<img srcset='a ", "<base href=x>"],
)
def test_time_grows_with_length_alone(piece: str) -> None:
    text = piece * (3_000_000 // len(piece))
    started = time.perf_counter()
    pictures(text, BASE, 50)
    assert time.perf_counter() - started < 5
