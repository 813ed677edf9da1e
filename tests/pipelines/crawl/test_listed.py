"""Crawls: what sitemaps list."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from rag.pipelines.crawl.rules import Crawl

from rag.corpus import Corpus
from tests.golden.crawls import SITE, crawl, door, page, told, url
from tests.golden.servers import Reply, Server, site


def listing(server: Server, *paths: str, root: str = "urlset", each: str = "url") -> bytes:
    rows = "".join(f"<{each}><loc>{url(server, path)}</loc></{each}>" for path in paths)
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</{root}>'.encode()


def test_sitemaps(hashed: Path, server: Server) -> None:
    server.answer = site({
        **SITE,
        "/robots.txt": f"Sitemap: {url(server, '/map.xml')}\nSitemap: http://far.test/map.xml".encode(),
        "/map.xml": listing(server, "/1.xml.gz", "/2.txt", "/gone.xml", root="sitemapindex", each="sitemap"),
        "/1.xml.gz": gzip.compress(listing(server, "/docs/lone.html", "/elsewhere.html", "/docs/a.html")),
        "/2.txt": url(server, "/docs/text.html").encode(),
        "/docs/lone.html": page(words="lone"), "/docs/text.html": page(words="text"),
    })  # fmt: skip
    report = crawl(hashed, server, depth=0, sitemap=True)
    assert told(report) == [
        ("done", "docs/"),
        ("done", "docs/lone.html"),
        ("done", "docs/a.html"),
        ("done", "docs/text.html"),
    ]
    assert any("gone.xml gave nothing" in one for one in report.warnings)


def test_a_sitemap_where_nobody_names_one(hashed: Path, server: Server) -> None:
    server.answer = site({**SITE, "/sitemap.xml": listing(server, "/docs/sub/d.html")})
    assert told(crawl(hashed, server, depth=0, sitemap=True)) == [("done", "docs/"), ("done", "docs/sub/d.html")]


def test_a_sitemap_as_the_address(hashed: Path, server: Server) -> None:
    server.answer = site({**SITE, "/docs/map.xml": Reply(listing(server, "/docs/a.html", "/other/x.html"))})
    report = crawl(hashed, server, url(server, "/docs/map.xml"), depth=0, sitemap=True)
    assert told(report) == [("skipped", "docs/map.xml"), ("done", "docs/a.html")]


def test_a_sitemap_of_a_hundred_megabytes(hashed: Path, server: Server) -> None:
    sent = [0]

    def pieces() -> Iterator[bytes]:
        yield listing(server).partition(b"</urlset>")[0]
        row = f"<url><loc>{url(server, '/docs/none')}</loc></url>".encode() * 2000
        for sent[0] in range(100_000_000 // len(row)):
            yield row

    server.answer = lambda one: Reply(pieces=pieces()) if one.path == "/sitemap.xml" else site(SITE)(one)
    report = crawl(hashed, server, depth=0, sitemap=True)
    assert told(report) == [("done", "docs/")]
    assert "gave nothing" in report.warnings[0]
    assert sent[0] < 700, "it was read to its end"
    bomb = Reply(gzip.compress(bytes(60_000_000)))
    server.answer = site({**SITE, "/sitemap.xml": bomb})
    assert "gave nothing" in crawl(hashed, server, depth=0, sitemap=True).warnings[0]


def test_a_site_may_not_name_sitemaps_elsewhere(hashed: Path, server: Server) -> None:
    other = f"http://other.example:{server.port}/map.xml"
    server.answer = site({
        **SITE, "/robots.txt": f"Sitemap: {other}\nSitemap: {url(server, '/map.xml')}".encode(),
        "/map.xml": listing(server, "/docs/a.html").replace(url(server, "/docs/a.html").encode(), other.encode()),
    })  # fmt: skip
    assert told(crawl(hashed, server, depth=0, sitemap=True)) == [("done", "docs/")]
    assert all(one.headers["host"].startswith("pages.") for one in server.asked)


def test_bytes_that_gc_took_are_fetched_again(hashed: Path, server: Server) -> None:
    """A crawl that was killed between the fetching of a page and its reading, then swept."""
    from rag import registry

    cancel = Event()
    opened = Corpus(hashed)
    adding = opened.adding(crawl=Crawl(delay=0), workers=0, net=door(server.port), cancel=cancel)
    for _ in adding.outcomes([url(server)]):
        cancel.set()
    registry.load("pipelines/sweep")(opened.store)
    opened.close()
    crawl(hashed, server)
    assert len(Corpus(hashed).documents()) == 5
