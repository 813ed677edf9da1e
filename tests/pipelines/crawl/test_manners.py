"""Crawls: robots.txt, pauses, one request at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.golden import images
from tests.golden.crawls import SITE, asked, crawl, page, told
from tests.golden.servers import Answer, Asked, Reply, Server, site


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
