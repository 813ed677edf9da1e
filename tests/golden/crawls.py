"""A small site on this machine, and crawls of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.pipelines.crawl.rules import Crawl

from rag.addresses import routable
from rag.corpus import Corpus
from rag.fetching import Door
from rag.report import Report
from tests.golden.servers import LOCAL, Reply, Server

HTML = {"Content-Type": "text/html"}
ROOT = Path(__file__).parents[2]


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
