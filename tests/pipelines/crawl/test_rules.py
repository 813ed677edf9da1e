"""What a crawl takes: links and what pages say of them, the site, the traps, robots.txt."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.crawl.links import cleaned, links, may_be_page
from rag.pipelines.crawl.robots import allowed
from rag.pipelines.crawl.rules import Site, family, site_of, trap

from rag.addresses import parsed

URL = "https://a.example/docs/x.html"


def test_links() -> None:
    found = links(
        '<base href="/docs/sub/"><a href="1">1</a><area href=2><a>no</a><a href="#part">p</a><link rel=next href=3>'
        '<link rel="stylesheet" href=s.css><!-- <a href=4> --><script>"<a href=5>"</script><a href="1#again">'
        '<a href="mailto:x@y.example"><a href="javascript:go()"><a rel="UGC nofollow" href=6><a rel=sponsored href=1>',
        URL,
    )
    base = "https://a.example/docs/sub/"
    assert found.follow == (base + "1", base + "2", base + "3")
    assert found.nofollow == (base + "6",)
    assert (found.canonical, found.noindex) == ("", False)


@pytest.mark.parametrize(
    ("head", "header", "noindex", "nofollow"),
    [("", "", False, False), ("<meta name=robots content='noindex, nofollow'>", "", True, True),
     ("<META CONTENT=NONE NAME=ROBOTS>", "", True, True), ("<meta name=googlebot content=noindex>", "", False, False),
     ("<meta name=argus-rag content=noindex>", "", True, False), ("", "noindex", True, False),
     ("", "googlebot: noindex, nofollow", False, False), ("", "googlebot: noindex, argus-rag: nofollow", False, True),
     ("", "unavailable_after: 25 Jun 2010 15:00:00 PST, noindex", True, False), ("", "max-snippet:1, none", True,
     True)],
)  # fmt: skip
def test_what_robots_may_do(head: str, header: str, noindex: bool, nofollow: bool) -> None:
    found = links(f"<head>{head}</head><a href=1>1</a>", URL, header)
    assert (found.noindex, bool(found.nofollow), bool(found.follow)) == (noindex, nofollow, not nofollow)


def test_parameters_of_visits_and_campaigns() -> None:
    assert (
        cleaned("http://a.example/p;jsessionid=AB12?utm_source=x&id=1&PHPSESSID=9&gclid=2") == "http://a.example/p?id=1"
    )
    assert cleaned("http://a.example/p?sid=1") == "http://a.example/p"
    assert cleaned("http://a.example/p?outside=1") == "http://a.example/p?outside=1"
    assert not may_be_page("http://a.example/x.TAR?y")
    assert may_be_page("http://a.example/v1.2/x.php")


def test_the_site() -> None:
    site = site_of("http://a.example/docs/x?y=/", "http://a.example/docs/x?y=/", whole=False)
    assert site == Site("http", "a.example", "/docs/")
    inside = ["http://a.example/docs/z", "https://a.example/docs/z"]
    outside = ["http://a.example/doc", "http://b.example/docs/", "http://a.example:8080/docs/",
    "http://a.example.evil.example/docs/",
               "https://a.example:8443/docs/", "http://www.a.example/docs/"]  # fmt: skip
    assert all(site.holds(parsed(one)) for one in inside)
    assert not any(site.holds(parsed(one)) for one in outside)
    assert not site.holds(parsed("http://a.example/docs/../secret")), "dots are resolved before"
    assert not site_of("https://a.example/", "https://a.example/", whole=True).holds(parsed("http://a.example/"))
    assert site_of("http://a.example/d/", "https://www.a.example/e/f", whole=False) == Site(
        "https", "www.a.example", "/e/"
    )
    assert site_of("http://a.example/d/", "http://a.example/d/en/", whole=False).folder == "/d/"


@pytest.mark.parametrize(
    ("path", "is_trap"),
    [("/docs/a/b/c.html?x=1&y=2", False), ("/2024/05/12/title", False), ("/a" * 17, True), ("/" + "x" * 600, True),
     ("/x/y/x/y/x/y/x/y", True), ("/x/y/x/y", False), ("/?" + "&".join(f"p{n}=1" for n in range(9)), True)],
)  # fmt: skip
def test_traps(path: str, is_trap: bool) -> None:
    assert bool(trap(parsed(f"http://a.example{path}"))) == is_trap


def test_families() -> None:
    def name(path: str) -> str:
        return family(parsed(f"http://a.example{path}"))[0]

    assert name("/cal?m=1") == name("/cal?m=2&x") != name("/other?m=1")
    assert name("/cal/2024/05/") == name("/cal/2025/11/")
    assert name("/a.html") == "" == name("/rfc/12345")


@pytest.mark.parametrize(
    ("text", "closed"),
    [("User-agent: *\nDisallow: /x", True), ("User-agent: argus-rag\nDisallow: /x", True),
     ("User-agent: Argus-RAG/9\nDisallow: /x", False), ("User-agent: other\nDisallow: /", False), ("", False),
     ("User-agent: *\nDisallow: /\nUser-agent: argus-rag\nAllow: /", False), ("Disallow: /", False),
     ("User-agent: *\nDisallow: /*.html$", True), ("User-agent: *\nDisallow: /\nAllow: /x.html", False),
     ("<html>no robots</html>", False), ("\ufeffUser-agent: *\r\nDisallow: /x", True), ("user-agent:*\rdisallow:/x",
     True)],
)  # fmt: skip
def test_robots_txt(text: str, closed: bool) -> None:
    assert allowed(text.encode()).may("http://a.example/x.html") != closed


def test_pauses_and_sitemaps_of_robots_txt() -> None:
    told = allowed(b"User-agent: *\nCrawl-delay: 2.5\nRequest-rate: 1/10\nSitemap: http://a.example/s.xml\n")
    assert (told.delay, told.sitemaps) == (10.0, ("http://a.example/s.xml",))
    assert allowed(b"User-agent: *\nCrawl-delay: -1\n").delay == 0.0
    assert allowed(b"User-agent: *\nCrawl-delay: nan\n").delay == 0.0
    assert len(allowed(b"Sitemap: http://a.example/s.xml\n" * 1000).sitemaps) == 100


@pytest.mark.parametrize("line", [b"Disallow: /*a*a*a*a*a*a*a*a*b\n", b"User-agent: x\n", b"Disallow: /x$\n", b"x",
                                  b"\n", b":",
                                  b"Request-rate: 1/" + b"9" * 4000 + b"\n"])  # fmt: skip
def test_a_hostile_robots_txt_is_quick(line: bytes) -> None:
    data = b"User-agent: *\n" + line * (500_000 // len(line))
    started = time.monotonic()
    rules = allowed(data)
    rules.may("http://a.example/" + "a" * 500)
    assert time.monotonic() - started < 10


@given(st.binary(max_size=300))
def test_any_robots_txt(data: bytes) -> None:
    assert allowed(data).delay >= 0
    allowed(data).may("http://a.example/x")


@given(st.text(alphabet="<a href=\"'>/?#&;:.x1 \n", max_size=80))
def test_any_links(text: str) -> None:
    found = links(f"<a href={text}", URL)
    for one in (*found.follow, *found.nofollow):
        assert parsed(one).url.startswith(("http://", "https://"))
