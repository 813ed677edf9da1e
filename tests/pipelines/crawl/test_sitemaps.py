"""Sitemaps, honest and hostile."""

from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.crawl import sitemaps
from rag.pipelines.crawl.sitemaps import sitemap

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def listed(*rows: str, root: str = "urlset") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {SPACE}>{"".join(rows)}</{root}>'.encode()


def test_addresses() -> None:
    found = sitemap(listed(
        "<url><loc> http://a.example/1?x=1&amp;y=2\n</loc><lastmod>2024-01-01</lastmod></url>",
        "<url><loc><![CDATA[http://a.example/2?a&b]]></loc></url>",
        "<url><LOC>http://a.example/1?x=1&amp;y=2</LOC></url>",
        "<!-- <url><loc>http://a.example/comment</loc></url> -->",
        "<url><image:image><image:loc>http://a.example/i.png</image:loc></image:image></url>",
        "<url><loc>ftp://a.example/</loc></url><url><loc>/relative</loc></url><url><loc></loc></url>",
    ))  # fmt: skip
    assert found.addresses == ("http://a.example/1?x=1&y=2", "http://a.example/2?a&b")
    assert not found.index


def test_a_list_of_sitemaps_and_a_prefix() -> None:
    found = sitemap(listed("<sitemap><loc>http://a.example/1.xml</loc></sitemap>", root="sitemapindex"))
    assert found == sitemaps.Sitemap(("http://a.example/1.xml",), index=True)
    prefixed = b'<s:urlset xmlns:s="x"><s:url><s:loc>http://a.example/</s:loc><loc>http://b.example/</loc></s:url>'
    assert sitemap(prefixed).addresses == ("http://a.example/",)


def test_text_and_packed() -> None:
    assert sitemap(b"\xef\xbb\xbfhttp://a.example/1\r\nhttp://a.example/2\nrubbish\n").addresses == (
        "http://a.example/1", "http://a.example/2",
    )  # fmt: skip
    assert sitemap(gzip.compress(listed("<url><loc>http://a.example/</loc></url>"))).addresses == ("http://a.example/",)


def test_a_broken_one_gives_what_it_has() -> None:
    cut = listed("<url><loc>http://a.example/1</loc></url>", "<url><loc>http://a.example/2</loc></url>")[:-40]
    assert sitemap(cut).addresses[0] == "http://a.example/1"


def test_entities_are_not_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    hostile = (
        f'<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY l0 "ha">{laughs}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        f"<urlset {SPACE}><url><loc>http://a.example/&l9;</loc></url><url><loc>http://a.example/?&x;</loc></url></urlset>"
    )
    started = time.monotonic()
    found = sitemap(hostile.encode())
    assert time.monotonic() - started < 1
    assert all(len(one) < 60 and "root" not in one for one in found.addresses)


@pytest.mark.parametrize("data", [b"<html><body>none</body></html>", b"<rss><channel/></rss>", b"<!DOCTYPE x>" * 5000,
                                  gzip.compress(bytes(sitemaps.SIZE + 1), mtime=0),
                                  gzip.compress(b"x" * 100, mtime=0)[:-10]])  # fmt: skip
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        sitemap(data)


def test_no_more_than_the_protocol_allows() -> None:
    rows = (f"<url><loc>http://a.example/{n}</loc></url>" for n in range(sitemaps.MOST + 10))
    assert len(sitemap(listed(*rows)).addresses) == sitemaps.MOST


@pytest.mark.parametrize(
    "piece", [b"<loc>", b"<loc ", b"<loc>http://a.example/", b"<!--", b"<loc><![CDATA[", b"<url><loc>x</loc>"]
)
def test_its_time_is_linear(piece: bytes) -> None:
    data = listed() + piece * (4_000_000 // len(piece))
    started = time.monotonic()
    sitemap(data)
    assert time.monotonic() - started < 10


@given(st.binary(max_size=300), st.booleans())
def test_anything(data: bytes, headed: bool) -> None:
    data = listed().replace(b"</urlset>", b"") + data if headed else data
    try:
        found = sitemap(data)
    except ValueError:
        return
    assert all(one.startswith(("http://", "https://")) for one in found.addresses)
