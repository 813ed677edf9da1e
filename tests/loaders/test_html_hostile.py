"""Web pages made to hang, crash or mislead a reader."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.html import HTML

from rag.document import Element, MarkupPath, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from rag.markup import nodes, select
from rag.words import words
from tests.golden import htmls


def load(folder: Path, data: bytes, **options: int) -> list[Part]:
    path = folder / "page.html"
    path.write_bytes(data)
    return list(HTML(**options).load(Source(str(path), "text/html", digest(data), str(path))))


def path(element: Element) -> str:
    place = element.origin.places[0]
    assert isinstance(place, MarkupPath)
    return place.path


@pytest.mark.parametrize("tag", ["div", "font", "ul><li", "table><tr><td", "b", "dl><dt", "blockquote"])
@pytest.mark.parametrize("depth", [300, 100_000])
def test_deep_nesting(tmp_path: Path, tag: str, depth: int) -> None:
    parts = load(tmp_path, htmls.nested(tag, depth))
    text = " ".join(element.text for part in parts for element in part.elements)
    assert "before" in text
    if depth < 1000:
        assert "deep" in text
        assert "after" in text
    else:
        assert "not read to its end" in parts[0].warnings[0].message


@pytest.mark.parametrize(
    "data",
    [
        b"<p " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">x",
        b"<p>x</p>" + b"<a b='" * 300_000,
        b"<" * 3_000_000,
    ],
    ids=["attributes", "quotes", "tags"],
)
def test_too_much_is_refused_quickly(tmp_path: Path, data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data)
    assert caught.value.kind == "limit"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE html [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]><p>&b;&b;&b;</p>' * 1000,
        b"<p>" + b"&amp;" * 1_000_000,
        b"<p title='" + b"x" * 12_000_000 + b"'>kept</p>",
        b"<p>" + b"word " * 2_500_000 + b"</p><p>kept</p>",
        b"<!--" * 200_000,
        b"<p>a" * 20_000,
        b"<table>" * 30_000 + b"x",
        b"<table><tr>" + b"<td rowspan=65534 colspan=1000>x" * 3000,
    ],
    ids=["entities", "references", "attribute", "text", "comments", "siblings", "tables", "spans"],
)
def test_large_pages_end(tmp_path: Path, data: bytes) -> None:
    try:
        parts = load(tmp_path, data)
    except SourceError:
        assert not data.strip(b"<!-")  # nothing but the beginnings of comments
    else:
        assert all(len(part.elements) <= 500 for part in parts)
        if b"kept" in data[-40:]:
            assert parts[-1].elements[-1].text == "kept"


def test_a_page_over_the_limit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="max_bytes"):
        load(tmp_path, htmls.page(), max_bytes=100)


def test_a_page_of_scripts_says_so(tmp_path: Path) -> None:
    part = load(tmp_path, htmls.body("<div id=app></div><script>start()</script>"))[0]
    assert part.elements == ()
    assert "scripts" in part.warnings[0].message


TAGS = ["p", "div", "b", "table", "tr", "td", "th", "ul", "li", "dl", "dt", "dd", "pre", "h1", "h3", "figure", "img",
        "figcaption", "br", "span", "a", "header", "nav", "main", "caption",
        "select", "option", "svg", "x:y"]  # fmt: skip
MARKUP = st.lists(
    st.one_of(
        st.sampled_from(TAGS).map(lambda tag: f"<{tag}>"),
        st.sampled_from(TAGS).map(lambda tag: f"</{tag}>"),
        st.sampled_from(["one", " two ", "&lt;", "&#0;", "\u00a0", "<!-- c -->", "<p hidden>", "<td colspan=3>"]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(MARKUP)
def test_any_tag_soup_gives_paths_that_find_the_text(tmp_path_factory: pytest.TempPathFactory, soup: list[str]) -> None:
    page = htmls.body("".join(soup))
    parts = load(tmp_path_factory.getbasetemp(), page)
    for element in [element for part in parts for element in part.elements]:
        assert nodes(page, path(element)), path(element)
        said = Counter(words(re.sub(r"^\s*(- |\d+\. )", "", element.text)))
        if element.role != "table":
            assert not said - Counter(words(select(page, path(element)).replace("\n", " "))), element


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        parts = load(tmp_path_factory.getbasetemp(), data)
    except SourceError:
        return
    assert parts[0].number == 0


def test_a_bomb_of_entities_is_not_expanded(tmp_path: Path) -> None:
    bomb = "".join(f"<!ENTITY e{at} '{f'&e{at - 1};' * 10}'>" for at in range(1, 12))
    data = f"<!DOCTYPE html [<!ENTITY e0 'lol'>{bomb}]><p>before &e11; after".encode()
    (part,) = load(tmp_path, data)
    text = " ".join(element.text for element in part.elements)
    assert "before" in text
    assert "after" in text
    assert len(text) < len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<meta charset=utf-16><p>kept words",
        b"<meta charset=no-such-thing><p>kept words \xff\xfe",
        "\ufeff<meta charset=latin-1><p>kept words \u00e9".encode(),
        "<p>kept words \u6f22".encode("utf-16"),
        b"<p>kept words \xc3\x28 \xa0\xa1 \xed\xa0\x80 \xf8\x88\x80\x80",
        b"<p>kept\0 words &#xD800; &#1114112; &#0;",
        b"<?xml version='1.0' encoding='utf-7'?><p>kept words +ADw-script+AD4-",
    ],
)
def test_broken_encodings_keep_what_can_be_read(tmp_path: Path, data: bytes) -> None:
    (part,) = load(tmp_path, data)
    text = " ".join(element.text for element in part.elements).replace("\ufffd", "")
    assert text.startswith("kept words")


def test_fifty_megabytes_are_refused_unread_and_ten_are_read(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(SourceError, match="bytes"):
        list(HTML().load(Source(str(path), "text/html", "0" * 64, str(path))))
    began = time.monotonic()
    (part,) = load(tmp_path, b"<p>" + b"some words of a page " * 500_000)
    assert len(part.elements[0].text) > 10_000_000
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "data",
    [
        b"<div class=ad>" * 1500 + b"<b></b>" * 100_000 + b"<pre>x</pre>" + b"</div>" * 1500 + b"<p>words " * 2000,
        b"<p>" + b"<a href=x><b>" * 1000 + b"word " * 100_000,
        b"<math>" + b"<msup><mi>x</mi>" * 2000 + b"y",
        b"<div hidden>" * 1500 + b"word " * 50_000,
        b"".join(b"<p style='%scolor : red ; color%d:red;'>w" % (b" ;" * 300, at) for at in range(3000)),
    ],
    ids=["noise", "links", "formula", "hidden", "styles"],
)
def test_what_is_looked_for_in_pages_takes_time_in_their_size(tmp_path: Path, data: bytes) -> None:
    began = time.monotonic()
    assert load(tmp_path, data)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("sheet", "markup"),
    [
        ("p ~ p ~ p ~ p ~ b{display:none}", "<p>x</p>" * 60_000),
        ("p ~ p{display:none} " + "p ~ p{color:red}" * 3000, "<p>x</p>" * 5000),
        ("* * * * * * * * *{display:none}", "<div>" * 1500 + "<p>x</p>" * 5000),
        ("p:nth-child(3n){display:none}", "<p>x</p>" * 60_000),
        (":not(" * 5000 + "p" + ")" * 5000 + "{display:none}", "<p>x</p>"),
        ("p," * 500_000 + "p{display:none}", "<p>x</p>"),
        ("{" * 500_000, "<p>x</p>"),
        ("a{" * 300_000, "<p>x</p>"),
        ("p{font-size:0}" + ".a{display:none}" * 100_000, "<p>x</p>" * 1000),
        ("@media screen{" * 100_000 + "p{display:none}", "<p>x</p>"),
        ("div{font-size:0}", "<div>" * 1000 + "<p style='font-size:9px'>x</p>" + "</div>" * 1000),
    ],
)
def test_style_sheets_take_bounded_time(tmp_path: Path, sheet: str, markup: str) -> None:
    began = time.process_time()
    load(tmp_path, htmls.body(f"<style>{sheet}</style>{markup}"))
    assert time.process_time() - began < 8
