"""Crawls of servers on this machine: what is asked for, in which order, how often, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rag.pipelines.crawl.rules import Crawl

from rag.corpus import Corpus
from tests.golden import pdfs
from tests.golden.crawls import HTML, SITE, asked, crawl, door, page, told, url
from tests.golden.servers import Asked, Reply, Server, site


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
