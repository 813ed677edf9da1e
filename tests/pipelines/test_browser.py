"""Pages that JavaScript fills: what a browser may ask for, and what is kept. The browser itself is a stand-in.

By hand, with Debian's Chromium: see docs/loaders-web.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from rag.pipelines import browser
from rag.pipelines.browser import Browser, Rendering

from rag.corpus import Corpus
from rag.errors import ConfigError, SourceError
from rag.fetching import Door
from tests.golden.servers import LOCAL, Reply, Server, site

HTML = {"Content-Type": "text/html"}
SHELL = b"<html><head><title>Gauges</title></head><body><div id=x></div><script src=/app.js></script></body></html>"


@dataclass
class Request:
    url: str
    resource_type: str = "fetch"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Route:
    """One request, and what was answered: a status and a body, or None where it was refused."""

    request: Request
    answer: tuple[int, bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def fulfill(self, *, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.answer, self.headers = (status, body), headers or {}

    async def abort(self) -> None:
        self.answer = None


class Page:
    """A page of a browser: it asks for `wanted` while it loads, and shows what it got."""

    def __init__(self, wanted: Sequence[Request] = (), hang: float = 0.0, ends_at: str = "", shows: str = "") -> None:
        self.context = self
        self.wanted, self.hang, self.ends_at, self.shows = wanted, hang, ends_at, shows
        self.url = ""
        self.routes: list[Route] = []
        self.handler: Callable[[Any], Any] | None = None
        self.closed = False

    def set_default_timeout(self, milliseconds: float) -> None:
        self.timeout = milliseconds

    async def route(self, pattern: str, handler: Callable[[Any], Any]) -> None:
        self.handler = handler

    async def route_web_socket(self, pattern: str, handler: Callable[[Any], Any]) -> None:
        self.sockets = handler

    async def add_init_script(self, script: str) -> None:
        self.script = script

    async def ask(self, request: Request) -> Route:
        route = Route(request)
        assert self.handler is not None
        await self.handler(route)
        self.routes.append(route)
        return route

    async def goto(self, url: str, **_: Any) -> None:
        self.url = url
        await self.ask(Request(url, "document"))
        await asyncio.gather(*(self.ask(one) for one in self.wanted))
        self.url = self.ends_at or url

    async def wait_for_load_state(self, state: str, timeout: float) -> None:
        await asyncio.sleep(self.hang)

    async def content(self) -> str:
        got = b" ".join(one.answer[1] for one in self.routes[1:] if one.answer)
        return self.shows or f"<html><head><title>Gauges</title></head><body><p>{got.decode()}</p></body></html>"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Page]:
        try:
            yield self
        finally:
            self.closed = True


@pytest.fixture
def server() -> Iterator[Server]:
    pages: dict[str, bytes | Reply] = {
        "/": Reply(SHELL, headers={**HTML, "ETag": '"1"'}),
        "/app.js": Reply(b"fill()", headers={"Content-Type": "text/javascript; charset=utf-8"}),
        "/data.json": Reply(b"The copper gauge is read at noon.", headers={"Content-Type": "application/json"}),
        "/r.txt": b"Plain words.",
        "/moved": Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        **{f"/{n}.js": b"x" * 1000 for n in range(10)},
    }
    with Server(site(pages)).serving() as started:
        yield started


def url(server: Server, path: str = "/") -> str:
    return f"http://pages.example:{server.port}{path}"


def door(server: Server) -> Door:
    def resolver(host: str, port: int) -> Sequence[str]:
        return [LOCAL] if host == "pages.example" else ["10.0.0.1"]

    return Door(resolver=resolver, admitted=lambda address, port: (address, port) == (LOCAL, server.port))


def asked(server: Server) -> list[str]:
    paths = [one.path for one in server.asked]
    server.asked.clear()
    return paths


def test_what_a_page_shows_is_taken(server: Server) -> None:
    page = Page([Request(url(server, "/app.js"), "script"), Request(url(server, "/data.json"))])
    got = Browser(door(server), Rendering(), page.opened).fetch(url(server), etag='"1"')
    assert b"The copper gauge is read at noon." in got.data
    assert (got.media_type, got.charset, got.etag, got.unchanged) == ("text/html", "utf-8", "", False)
    assert page.routes[0].answer == (200, SHELL), "the page itself is asked for once, before"
    assert page.routes[1].headers["content-type"] == "text/javascript; charset=utf-8"
    assert asked(server) == ["/", "/app.js", "/data.json"]
    assert page.closed
    assert "RTCPeerConnection" in page.script


@pytest.mark.parametrize(
    "wanted",
    [Request("http://127.0.0.1/"), Request("http://10.0.0.1/", "script"), Request("http://169.254.169.254/latest/"),
     Request("file:///etc/passwd"), Request("http://inner.test/"), Request("ftp://pages.example/"),
     Request("{}/moved"), Request("{}/data.json", method="POST"), Request("{}/data.json", "image"),
     Request("{}/data.json", "font"), Request("{}/data.json", "media"), Request("{}/data.json", "websocket"),
     Request("{}/data.json", "ping"), Request("{}/none.js", "script"), Request("chrome://settings", "script")],
)  # fmt: skip
def test_what_it_does_not_get(server: Server, wanted: Request) -> None:
    wanted = Request(wanted.url.format(url(server)[:-1]), wanted.resource_type, wanted.method)
    page = Page([wanted])
    Browser(door(server), Rendering(), page.opened).fetch(url(server))
    assert page.routes[1].answer is None
    assert "/data.json" not in asked(server)


def test_it_stays_where_it_is(server: Server) -> None:
    page = Page([Request(url(server, "/r.txt"), "document"), Request("http://127.0.0.1/", "document"),
                 Request(url(server), "document")])  # fmt: skip
    Browser(door(server), Rendering(), page.opened).fetch(url(server))
    assert [one.answer for one in page.routes[1:]] == [(204, b"")] * 3
    with pytest.raises(SourceError, match="led elsewhere"):
        Browser(door(server), Rendering(), Page(ends_at="chrome-error://x/").opened).fetch(url(server))


def test_limits(server: Server) -> None:
    wanted = [Request(url(server, f"/{n}.js"), "script") for n in range(10)]

    def given(**rules: Any) -> int:
        page = Page(wanted)
        Browser(door(server), Rendering(**rules), page.opened).fetch(url(server))
        return sum(one.answer is not None for one in page.routes[1:])

    assert given() == 10
    assert given(requests=4) == 4
    assert given(size=2500) == 2
    hanging = Page(hang=5)
    with pytest.raises(SourceError, match=r"longer than 0\.3 s") as caught:
        Browser(door(server), Rendering(seconds=0.3), hanging.opened).fetch(url(server))
    assert caught.value.kind == "limit"
    assert hanging.closed
    big = Page(shows="x" * (browser.MOST_MARKUP + 1))
    with pytest.raises(SourceError, match="renders to"):
        Browser(door(server), Rendering(), big.opened).fetch(url(server))
    with pytest.raises(ValueError, match="above 0"):
        Rendering(seconds=0)


def test_one_request_at_a_time(server: Server) -> None:
    at_once, most = [0], [0]
    inner = server.answer

    def answer(one: Any) -> Reply:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        reply = inner(one)
        Event().wait(0.02)
        at_once[0] -= 1
        return reply

    server.answer = answer
    page = Page([Request(url(server, f"/{n}.js"), "script") for n in range(8)])
    Browser(door(server), Rendering(), page.opened).fetch(url(server))
    assert most[0] == 1


def test_what_is_no_page_is_not_rendered(server: Server) -> None:
    def never() -> Any:
        raise AssertionError

    assert Browser(door(server), Rendering(), never).fetch(url(server, "/r.txt")).data == b"Plain words."


def test_robots_txt_holds_for_what_a_page_asks_for(server: Server) -> None:
    page = Page([Request(url(server, "/app.js"), "script"), Request(url(server, "/data.json"))])
    made = Browser(door(server), Rendering(), page.opened)
    made.may = lambda address: not address.endswith(".json")
    made.fetch(url(server))
    assert [one.answer is None for one in page.routes] == [False, False, True]


def test_in_a_corpus(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page([Request(url(server, "/data.json"))])
    monkeypatch.setattr(browser, "chromium", lambda rules: page.opened())
    adding = Corpus(hashed).adding(workers=0, net=door(server), render=Rendering())
    (outcome,) = adding.run([url(server)]).outcomes
    assert outcome.status == "done"
    assert "copper gauge" in Corpus(hashed).search("read at noon")[0].text
    again = Corpus(hashed).adding(workers=0, net=door(server), render=Rendering())
    page.routes.clear()
    assert again.run([url(server)]).outcomes[0].status == "unchanged"


def test_as_root_it_is_told_that_there_is_no_sandbox(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(browser, "_is_root", lambda: True)
    with pytest.raises(ConfigError, match="--no-browser-sandbox"):
        Browser(door(server), Rendering(program=str(program))).fetch(url(server))
    with pytest.raises(SourceError, match="the browser failed"):
        Browser(door(server), Rendering(program=str(program), sandbox=False)).fetch(url(server))


def test_without_a_browser(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="install Chromium"):
        Browser(door(server), Rendering()).fetch(url(server))
