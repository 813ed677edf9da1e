"""Crawls of servers on this machine: what is asked for, in which order, how often, and what becomes of it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rag.pipelines.crawl.rules import Crawl

from rag.addresses import routable
from rag.corpus import Corpus
from rag.fetching import Door
from rag.report import Report
from tests.golden import images, pdfs
from tests.golden.servers import LOCAL, Answer, Asked, Reply, Server, site

HTML = {"Content-Type": "text/html"}
ROOT = Path(__file__).parents[3]


def page(*links: str, head: str = "", words: str = "") -> Reply:
    listed = "".join(f'<li><a href="{one}">{one}</a>' for one in links)
    text = f"<html><head><title>{words}</title>{head}</head><body><h1>{words}</h1><p>Words of {words or links}.</p>"
    return Reply(f"{text}<ul>{listed}</ul></body></html>".encode(), headers=HTML)


SITE: dict[str, bytes | Reply] = {
    "/docs/": page("a.html", "b.html#part", "/other/x.html", "http://far.test/", "a.html?utm_source=x", words="start"),
    "/docs/a.html": page("sub/c.html", "/docs/", words="first"),
    "/docs/b.html": page(
        "sub/c.html", "pic.png", "m.zip", "r.pdf", "mailto:me@x.test", "javascript:x()", words="second"
    ),
    "/docs/sub/c.html": page("d.html", words="third"),
    "/docs/sub/d.html": page(words="fourth"),
    "/other/x.html": page(words="elsewhere"),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(site(SITE)).serving() as started:
        yield started


def door(port: int) -> Door:
    def resolver(host: str, at: int) -> Sequence[str]:
        return [LOCAL] if host.endswith(".example") else ["10.0.0.1"]

    return Door(resolver=resolver, admitted=lambda address, at: (address, at) == (LOCAL, port) or routable(address, at))


def url(server: Server, path: str = "/docs/") -> str:
    return f"http://pages.example:{server.port}{path}"


def crawl(corpus: Path, server: Server, *sources: str, adding: dict[str, Any] | None = None, **rules: Any) -> Report:
    opened = Corpus(corpus)
    options = {"workers": 0, "net": door(server.port), **(adding or {})}
    report: Report = opened.adding(crawl=Crawl(**{"delay": 0, **rules}), **options).run(sources or [url(server)])
    opened.close()
    return report


def told(report: Report) -> list[tuple[str, str]]:
    return [(one.status, one.source.partition("example")[2].partition("/")[2]) for one in report.outcomes]


def asked(server: Server) -> list[str]:
    paths = [one.path for one in server.asked]
    server.asked.clear()
    return paths


def test_the_pages_of_a_folder(hashed: Path, server: Server) -> None:
    report = crawl(hashed, server)
    assert told(report) == [
        ("done", "docs/"), ("done", "docs/a.html"), ("done", "docs/b.html"), ("done", "docs/sub/c.html"),
        ("done", "docs/sub/d.html"),
    ]  # fmt: skip
    assert asked(server) == [
        "/robots.txt", "/docs/", "/docs/a.html", "/docs/b.html", "/docs/sub/c.html", "/docs/sub/d.html",
    ]  # fmt: skip
    corpus = Corpus(hashed)
    assert corpus.search("words of fourth")[0].source == url(server, "/docs/sub/d.html")
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("rules", "last"),
    [({"depth": 0}, ["docs/"]), ({"depth": 1}, ["docs/", "docs/a.html", "docs/b.html"]),
     ({"max_pages": 2}, ["docs/", "docs/a.html"]), ({"max_bytes": 100}, ["docs/"]),
     ({"exclude": ("*/sub/*",)}, ["docs/", "docs/a.html", "docs/b.html"]),
     ({"include": "*/a.html"}, ["docs/", "docs/a.html"]),
     ({"include": "http://*/docs/b.*"}, ["docs/", "docs/b.html"]),
     ({"whole_site": True, "depth": 1}, ["docs/", "docs/a.html", "docs/b.html", "other/x.html"])],
)  # fmt: skip
def test_limits_and_patterns(hashed: Path, server: Server, rules: dict[str, Any], last: list[str]) -> None:
    report = crawl(hashed, server, **rules)
    assert [path for _, path in told(report)] == last
    stopped = any("stopped at its limit" in one for one in report.warnings)
    assert stopped == bool({"max_pages", "max_bytes"} & set(rules))


def test_linked_pdfs_on_request(hashed: Path, server: Server) -> None:
    server.answer = site({**SITE, "/docs/r.pdf": pdfs.many_pages(1)})
    report = crawl(hashed, server, adding={"linked_pdfs": True})
    assert ("done", "docs/r.pdf") in told(report)
    assert not {"/docs/pic.png", "/docs/m.zip"} & set(asked(server))


# --- robots.txt -------------------------------------------------------------------------------------------------


def with_robots(text: str | bytes | Reply) -> Answer:
    said = text if isinstance(text, (bytes, Reply)) else text.encode()
    return site({**SITE, "/robots.txt": said})


def test_robots_txt_is_kept(hashed: Path, server: Server) -> None:
    server.answer = with_robots("User-agent: *\nDisallow: /\n\nUser-agent: argus-rag\nDisallow: /*b.html\n")
    report = crawl(hashed, server)
    assert "docs/b.html" not in [path for _, path in told(report)]
    assert len(report.outcomes) == 4
    assert "/docs/b.html" not in asked(server)
    assert "1 links" in report.warnings[0]
    assert "robots.txt" in report.warnings[0]


def test_a_site_that_allows_nothing(hashed: Path, server: Server) -> None:
    server.answer = with_robots("User-agent: *\nDisallow: /")
    (outcome,) = crawl(hashed, server).outcomes
    assert outcome.error is not None
    assert outcome.error.type == "refused"
    assert asked(server) == ["/robots.txt"]


def test_robots_txt_that_fails_closes_the_site(hashed: Path, server: Server) -> None:
    server.answer = with_robots(Reply(b"", 503))
    (outcome,) = crawl(hashed, server).outcomes
    assert outcome.error is not None
    assert "robots.txt cannot be read" in outcome.error.message
    assert asked(server) == ["/robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_robots_txt_that_is_not_given_allows_all(hashed: Path, server: Server, status: int) -> None:
    server.answer = with_robots(Reply(b"no", status))
    assert len(crawl(hashed, server, depth=0).outcomes) == 1
    assert asked(server) == ["/robots.txt", "/docs/"]


def test_a_robots_txt_without_end(hashed: Path, server: Server) -> None:
    sent = [0]

    def pieces() -> Iterator[bytes]:
        yield b"User-agent: *\nDisallow: /docs/b.html\n"
        for sent[0] in range(1600):
            yield b"Disallow: /x\n" * 5000

    server.answer = lambda one: Reply(pieces=pieces()) if one.path == "/robots.txt" else site(SITE)(one)
    report = crawl(hashed, server, depth=1)
    assert told(report) == [("done", "docs/"), ("done", "docs/a.html")]
    assert sent[0] < 1000


def test_pauses(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Waiting(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    server.answer = with_robots("User-agent: *\nCrawl-delay: 7\n")
    crawl(hashed, server, delay=2.0, depth=1, adding={"cancel": Waiting()})
    assert len(waits) == 2
    assert all(6 < one <= 7 for one in waits), "the site asks for more than the user"
    waits.clear()
    server.answer = with_robots("User-agent: *\nCrawl-delay: 1\n")
    crawl(hashed, server, delay=3.0, depth=1, max_pages=2, adding={"cancel": Waiting()})
    assert [2 < one <= 3 for one in waits] == [True]


def test_a_pause_that_is_too_long(hashed: Path, server: Server) -> None:
    server.answer = with_robots("User-agent: *\nCrawl-delay: 86400\n")
    (outcome,) = crawl(hashed, server).outcomes
    assert outcome.error is not None
    assert "86400 s" in outcome.error.message


def test_one_connection_a_host(hashed: Path, server: Server) -> None:
    at_once, most = [0], [0]
    tags = "".join(f'<img src="/docs/p{n}.png">' for n in range(6))

    def answer(one: Asked) -> Reply:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        Event().wait(0.02)
        at_once[0] -= 1
        if one.path.endswith(".png"):
            return Reply(images.png(60, 60))
        return with_robots("User-agent: *\nDisallow: /docs/p5.png")(one) if one.path != "/docs/" else page(head=tags)

    server.answer = answer
    report = crawl(hashed, server)
    assert most[0] == 1
    paths = asked(server)
    assert "/docs/p4.png" in paths
    assert "/docs/p5.png" not in paths, "robots.txt holds for pictures too"
    assert "1 of 6 pictures" in report.outcomes[0].warnings[0]


# --- tags, canonical addresses, redirects, traps -------------------------------------------------------------------


def test_nofollow_and_noindex(hashed: Path, server: Server) -> None:
    pages: dict[str, bytes | Reply] = {
        "/docs/": page("n", "i", "h", head='<a rel="nofollow" href=l>l</a>', words="s"),
        "/docs/n": page("under-n", head='<meta name=robots content="nofollow">', words="n"),
        "/docs/i": page("under-i", head='<meta name="ROBOTS" content="NoIndex">', words="i"),
        "/docs/h": Reply(page(words="h").body, headers={"X-Robots-Tag": "otherbot: nofollow, argus-rag: noindex"}),
        "/docs/under-i": page(words="ui"), "/docs/under-n": page(words="un"), "/docs/l": page(words="l"),
    }  # fmt: skip
    server.answer = site(pages)
    report = crawl(hashed, server)
    assert told(report) == [
        ("done", "docs/"), ("done", "docs/n"), ("skipped", "docs/i"), ("skipped", "docs/h"), ("done", "docs/under-i"),
    ]  # fmt: skip
    everything = crawl(hashed, server, ignore_tags=True)
    assert {path for _, path in told(everything)} == {path[1:] for path in pages}
    assert all(status != "skipped" for status, _ in told(everything))


def test_canonical_links(hashed: Path, server: Server) -> None:
    canonical = '<link rel="canonical" href="/docs/p">'
    server.answer = site({
        "/docs/": page("p?sort=up", "p", "q?print=1", "lie", "one", "two", words="s"),
        "/docs/p?sort=up": page(head=canonical, words="p"), "/docs/p": page(head=canonical, words="p"),
        "/docs/q?print=1": page(head='<link rel=canonical href="q">', words="q print"), "/docs/q": page(words="q"),
        "/docs/lie": page(head='<link rel=canonical href="/docs/">', words="lie"),
        "/docs/one": page(head='<link rel=canonical href="two">', words="1"),
        "/docs/two": page(head='<link rel=canonical href="one">', words="2"),
    })  # fmt: skip
    assert told(crawl(hashed, server)) == [
        ("done", "docs/"), ("skipped", "docs/p?sort=up"), ("done", "docs/p"), ("skipped", "docs/q?print=1"),
        ("done", "docs/lie"), ("skipped", "docs/one"), ("done", "docs/two"), ("done", "docs/q"),
    ]  # fmt: skip


def test_redirects(hashed: Path, server: Server) -> None:
    def to(target: str) -> Reply:
        return Reply(status=301, headers={"Location": target})

    server.answer = site({
        "/docs/": page("old", "new", "older", "out", "inner", "barred", "loop", words="s"),
        "/docs/old": to("new"), "/docs/older": to("old"), "/docs/new": page(words="new"), "/other": page(words="o"),
        "/docs/out": to("/other"), "/docs/inner": to("http://169.254.169.254/latest/"), "/docs/barred": to("secret"),
        "/docs/loop": to("loop"), "/docs/secret": page(words="secret"),
        "/robots.txt": b"User-agent: *\nDisallow: /docs/secret",
    })  # fmt: skip
    report = crawl(hashed, server)
    assert told(report) == [
        ("done", "docs/"), ("skipped", "docs/old"), ("done", "docs/new"), ("skipped", "docs/older"),
        ("skipped", "docs/out"), ("skipped", "docs/inner"), ("skipped", "docs/barred"), ("failed", "docs/loop"),
    ]  # fmt: skip
    paths = asked(server)
    assert "/other" not in paths, "a redirect out of the site is not followed"
    assert "/docs/secret" not in paths
    assert paths.count("/docs/new") == 1


def test_a_page_is_known_by_where_it_was_found(hashed: Path, server: Server) -> None:
    tag = {**HTML, "ETag": '"7"'}

    def answer(one: Asked) -> Reply:
        if one.path == "/docs/old":
            return Reply(status=302, headers={"Location": "/docs/new"})
        if one.path == "/docs/new":
            same = one.headers.get("if-none-match") == '"7"'
            return Reply(status=304, headers=tag) if same else Reply(page(words="new").body, headers=tag)
        return site({"/docs/": page("old", words="s")})(one)

    server.answer = answer
    assert told(crawl(hashed, server)) == [("done", "docs/"), ("done", "docs/new")]
    assert asked(server) == ["/robots.txt", "/docs/", "/docs/old", "/docs/new"]
    assert told(crawl(hashed, server)) == [("unchanged", "docs/"), ("unchanged", "docs/new")]
    assert asked(server) == ["/robots.txt", "/docs/", "/docs/old", "/docs/new"]


def test_the_site_is_where_the_address_leads(hashed: Path, server: Server) -> None:
    server.answer = site({
        "/start": Reply(status=302, headers={"Location": "/docs/en/"}),
        "/docs/en/": page("a", "/docs/de/", words="s"), "/docs/en/a": page(words="a"), "/docs/de/": page(words="d"),
    })  # fmt: skip
    assert told(crawl(hashed, server, url(server, "/start"))) == [
        ("done", "docs/en/"), ("done", "docs/en/a"), ("done", "docs/de/"),
    ]  # fmt: skip


def test_traps(hashed: Path, server: Server) -> None:
    """A calendar without end, a link that is relative by mistake, session numbers: each comes to an end."""

    def answer(one: Asked) -> Reply:
        path, _, query = one.path.partition("?")
        if path == "/docs/cal":
            month = int(query.partition("=")[2] or 0)
            return page(f"cal?m={month + 1}", f"cal?m={month - 1}", words=f"month {month}")
        if path.startswith("/docs/deep/"):
            return page("deep/x", words=path)
        if path == "/docs/s":
            return page(f"s;jsessionid={len(server.asked)}", f"s?PHPSESSID={len(server.asked)}", words="s")
        return page("cal?m=0", "deep/x", "s", words="start") if path == "/docs/" else Reply(b"", 404)

    server.answer = answer
    report = crawl(hashed, server, depth=1000, max_pages=1000)
    paths = [path for _, path in told(report)]
    assert sum(path.startswith("docs/cal") for path in paths) == 50
    assert sum(path.startswith("docs/deep") for path in paths) == 3
    assert paths.count("docs/s") == 1
    assert len(paths) == 55
    assert any("too many of one kind" in one for one in report.warnings)


# --- failures -----------------------------------------------------------------------------------------------------


def test_a_broken_page_fails_alone(hashed: Path, server: Server) -> None:
    server.answer = site({**SITE, "/docs/a.html": Reply(b"", 500)})
    report = crawl(hashed, server, depth=1)
    assert told(report) == [("done", "docs/"), ("failed", "docs/a.html"), ("done", "docs/b.html")]


def test_a_server_that_fails_is_left_alone(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.pipelines.crawl import crawler

    monkeypatch.setattr(crawler, "MOST_FAILURES", 3)
    monkeypatch.setattr(Event, "wait", lambda self, timeout=None: False)
    names = [f"p{n}" for n in range(8)]
    start = {"/docs/": page(*names, words="s")}
    server.answer = lambda one: Reply(b"", 503) if one.path[-2] == "p" else site(start)(one)
    report = crawl(hashed, server)
    assert [status for status, _ in told(report)] == ["done", "failed", "failed", "failed"]
    assert "left alone" in report.warnings[-1]
    asked(server)
    server.answer = site({**start, **{f"/docs/{name}": page(words=name) for name in names}})
    report = crawl(hashed, server)
    assert [status for status, _ in told(report)] == ["done"] * 8
    assert "/docs/" not in asked(server), "the crawl goes on, it does not begin anew"


# --- again, and going on ----------------------------------------------------------------------------------------------


def tagged(changes: Callable[[str], str] = lambda path: "1") -> Answer:
    def answer(one: Asked) -> Reply:
        found = SITE.get(one.path)
        if not isinstance(found, Reply):
            return Reply(b"", 404)
        tag = f'"{changes(one.path)}"'
        headers = {**HTML, "ETag": tag}
        if one.headers.get("if-none-match") == tag:
            return Reply(status=304, headers=headers)
        return Reply(found.body.replace(b"Words", b"Words " + tag.encode()), headers=headers)

    return answer


def test_unchanged_pages_cost_an_answer_without_a_body(hashed: Path, server: Server) -> None:
    server.answer = tagged()
    crawl(hashed, server)
    first = asked(server)
    answers: list[int] = []
    reply = server.reply
    server.reply = lambda to, said: (answers.append(said.status), reply(to, said))[1]  # type: ignore[method-assign]
    report = crawl(hashed, server)
    assert [status for status, _ in told(report)] == ["unchanged"] * 5
    assert report.embedded == 0
    assert answers == [404, 304, 304, 304, 304, 304]
    assert asked(server) == first
    server.answer = tagged(lambda path: "2" if path == "/docs/sub/c.html" else "1")
    assert [status for status, _ in told(crawl(hashed, server))].count("updated") == 1


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_cancelled_then_the_same_command(hashed: Path, server: Server, at: int, workers: int) -> None:
    """No page is asked for twice, and none is missing."""
    if workers and at != 2:
        return
    cancel = Event()
    opened = Corpus(hashed)
    adding = opened.adding(crawl=Crawl(delay=0), workers=workers, net=door(server.port), cancel=cancel)
    for number, _ in enumerate(adding.outcomes([url(server)]), 1):
        if number == at:
            cancel.set()
    opened.close()
    before = asked(server)
    assert len(before) <= 6
    report = crawl(hashed, server)
    after = [path for path in asked(server) if path != "/robots.txt"]
    assert not set(before) & set(after)
    assert sorted([*before, *after]) == sorted(["/robots.txt", *(path for path in SITE if path != "/other/x.html")])
    assert len(Corpus(hashed).documents()) == 5
    assert "going on" in report.warnings[0]
    assert len(crawl(hashed, server).outcomes) == 5, "a crawl that came to its end is made anew"


KILLED = """
import os, signal, sys
from rag.corpus import Corpus
from rag.store import writer
from rag.pipelines.crawl.rules import Crawl
from tests.pipelines.crawl.test_crawl import door
from tests.pipelines.killed import with_hash_encoder
with_hash_encoder()
left = [int(sys.argv[4])]
def step(name):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
writer.on_step = step
Corpus(sys.argv[1]).adding(crawl=Crawl(delay=0), workers=0, net=door(int(sys.argv[2]))).run([sys.argv[3]])
"""


@pytest.mark.parametrize("step", [4, 9])
def test_killed_then_the_same_command(hashed: Path, server: Server, step: int) -> None:
    command = [sys.executable, "-c", KILLED, str(hashed), str(server.port), url(server), str(step)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == -9, run.stderr
    before = [path for path in asked(server) if path != "/robots.txt"]
    assert before
    crawl(hashed, server)
    after = [path for path in asked(server) if path != "/robots.txt"]
    assert not set(before) & set(after), "a page was asked for twice"
    assert sorted([*before, *after]) == sorted(path for path in SITE if path != "/other/x.html")
    assert len(Corpus(hashed).documents()) == 5


# --- sitemaps ---------------------------------------------------------------------------------------------------------


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


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from rag import cli, fetching

    plain = door(server.port)
    monkeypatch.setattr(fetching, "Door", lambda: plain)
    command = ["add", url(server), "--corpus", str(hashed), "--workers", "0"]
    assert cli.main([*command, "--crawl", "--depth", "1", "--delay", "0", "--exclude", "*b.html"]) == 0
    out = capsys.readouterr().out
    assert f"done       {url(server, '/docs/a.html')}" in out
    assert "2 documents: 2 done" in out
    assert cli.main([*command, "--depth", "1"]) == 1
    assert "add --crawl" in capsys.readouterr().err
    assert cli.main([*command, "--crawl", "--depth", "-1"]) == 1


def test_in_python(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag import fetching

    plain = door(server.port)
    monkeypatch.setattr(fetching, "Door", lambda: plain)
    report = Corpus(hashed).add(url(server), crawl={"depth": 1, "delay": 0}, workers=0)
    assert len(report.outcomes) == 3
    with pytest.raises(TypeError):
        Corpus(hashed).add(url(server), crawl={"deep": 1})
    with pytest.raises(ValueError, match="depth"):
        Crawl(depth=-1)
