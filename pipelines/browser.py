"""Pages that fill themselves by JavaScript, rendered in Chromium by Playwright (extra `browser`); off by default.

The browser has no network of its own: each request of a page is taken from it and answered by `rag.net`'s
`fetch`, or refused. What could slip past (sockets, WebRTC, prefetching) meets a proxy where nobody listens. A
page is rendered in a browser that is started for it and ended after it, and what it shows then is kept like a
fetched page. Pictures, fonts, media and frames are not asked for: pictures are fetched with the page later.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from rag.errors import ConfigError, SourceError
from rag.extras import extra
from rag.sniff import HEAD, media_type

if TYPE_CHECKING:
    from rag.fetching import Fetched, Limits

    from .webpages import Net

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PAGES = ("text/html", "application/xhtml+xml")
ASKED_FOR = frozenset({"script", "stylesheet", "xhr", "fetch"})
MOST_MARKUP = 30_000_000
_NOBODY = "http://127.0.0.1:9"
"""The port "discard": a proxy that is never there, for whatever the interception does not see."""
_WITHOUT_PEERS = (
    "for (const n of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) delete globalThis[n]"
)
"""What would speak UDP; no interception sees that."""
_ARGUMENTS = (
    "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-blink-features=WebTransport", "--dns-prefetch-disable", "--no-pings", "--disable-domain-reliability",
    "--proxy-bypass-list=<-loopback>", "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--js-flags=--max-old-space-size=512",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendering:
    """How pages are rendered.

    `program` is the Chromium to start (default: the first of `PROGRAMS` on the PATH). A page may take
    `seconds` in all; it is taken once it asked for nothing during half a second, or after `settle` seconds.
    It may ask for `requests` things of `size` bytes together. Without `sandbox` a hole in the browser is a
    hole in the machine: only where Chromium cannot have its own, such as in a container that is one already.
    """

    program: str = ""
    seconds: float = 45.0
    settle: float = 15.0
    requests: int = 200
    size: int = 50_000_000
    sandbox: bool = True

    def __post_init__(self) -> None:
        if min(self.seconds, self.settle, self.requests, self.size) <= 0:
            raise ValueError(f"limits of rendering must be above 0, got {self}")


Opening = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens an empty page of a browser: Playwright's `Page`."""


class Browser:
    """A `Net` whose pages are what a browser makes of them; other things are given as they were fetched."""

    def __init__(self, net: Net, rules: Rendering, opening: Opening | None = None) -> None:
        self._net = net
        self._rules = rules
        self._opening = opening or (lambda: chromium(rules))
        self.may: Callable[[str], bool] = lambda url: True
        """Whether an address that a page names may be asked for."""

    def fetch(
        self, url: str, *, etag: str = "", modified: str = "", limits: Limits | None = None,
        leads: Callable[[str], str] | None = None,
    ) -> Fetched:  # fmt: skip
        """What is at an address, pages as they look once they are rendered.

        The page's own tag says nothing of what it fills itself with, so it is always fetched anew. Raises
        SourceError as `rag.fetching.Door.fetch`, also where the page cannot be rendered within its limits.
        """
        from rag.fetching import Limits, anywhere

        got = self._net.fetch(url, limits=limits or Limits(), leads=leads or anywhere)
        if media_type("", got.data[:HEAD]) not in PAGES or url.endswith("/robots.txt"):
            return got
        markup = cast(bytes, self._net.run(self._rendered(got)))
        return replace(got, data=markup, media_type="text/html", charset="utf-8", etag="", modified="")

    async def afetch(self, url: str, *, limits: Limits | None = None) -> Fetched:
        """What is at an address, as it is: pictures."""
        from rag.fetching import Limits

        return await self._net.afetch(url, limits=limits or Limits())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of several `afetch` together."""
        return self._net.run(work)

    async def _rendered(self, got: Fetched) -> bytes:
        with failing(got.url, self._rules.seconds):
            async with asyncio.timeout(self._rules.seconds), self._opening() as page:
                return await self._shown(page, got)

    async def _shown(self, page: Any, got: Fetched) -> bytes:
        answers = Answers(self._net, self._rules, got, self.may)
        page.set_default_timeout(self._rules.seconds * 1000)
        await page.context.route("**/*", answers)  # of the context: what the page opens is answered so too
        await page.context.route_web_socket("**/*", lambda socket: socket.close())
        await page.context.add_init_script(_WITHOUT_PEERS)
        await page.goto(got.final_url, wait_until="domcontentloaded")
        with suppress(Exception):  # a page that never rests is taken as it is then
            await page.wait_for_load_state("networkidle", timeout=self._rules.settle * 1000)
        if _origin(page.url) != _origin(got.final_url):
            raise SourceError("it led elsewhere while it was rendered", source=got.url, kind="refused")
        markup = str(await page.content()).encode("utf-8", "replace")
        if len(markup) > MOST_MARKUP:
            why = f"it renders to {len(markup):,} bytes, more than the limit of {MOST_MARKUP:,}"
            raise SourceError(why, source=got.url, kind="limit")
        return markup


@contextmanager
def failing(source: str, seconds: float) -> Iterator[None]:
    """SourceError of a page (limit, crashed) for what goes wrong in the browser that renders it."""
    try:
        yield
    except TimeoutError:
        why = f"rendering took longer than {seconds:g} s; the page may be one without end"
        raise SourceError(why, source=source, kind="limit") from None
    except (SourceError, ConfigError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "playwright":
            raise
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise SourceError(f"the browser failed: {first[:300]}", source=source, kind="crashed") from error


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def rendered(net: Net | None, rules: Rendering | None) -> Net | None:
    """What addresses are fetched with where pages are to be rendered."""
    if rules is None:
        return net
    from rag.fetching import Door

    return Browser(net or Door(), rules)


class Answers:
    """Answers the requests of one page: the page itself from what was fetched, others by `net`, one at a time."""

    def __init__(self, net: Net, rules: Rendering, got: Fetched, may: Callable[[str], bool]) -> None:
        self._net, self._rules, self._got, self._may = net, rules, got, may
        self._turn = asyncio.Lock()
        self._given = False
        self.asked = 0
        self.taken = 0

    async def __call__(self, route: Any) -> None:
        """Fulfil or abort a request (Playwright's `Route`)."""
        request = route.request
        if request.resource_type == "document":
            await self._document(route)
        elif request.method != "GET" or request.resource_type not in ASKED_FOR:
            await route.abort()
        else:
            async with self._turn:
                await self._other(route)

    async def _document(self, route: Any) -> None:
        """The page, once: a frame, or a page that it wants to lead to, is another document."""
        if self._given or route.request.url.partition("#")[0] != self._got.final_url:
            await route.fulfill(status=204)  # stay where you are
            return
        self._given = True
        charset = f"; charset={self._got.charset}" if self._got.charset else ""
        kind = f"{self._got.media_type or 'text/html'}{charset}"
        await route.fulfill(status=200, body=self._got.data, headers={"content-type": kind})

    async def _other(self, route: Any) -> None:
        from rag.fetching import Limits

        url = route.request.url
        left = self._rules.size - self.taken
        self.asked += 1
        if self.asked > self._rules.requests or left <= 0 or not await asyncio.to_thread(self._may, url):
            await route.abort()
            return
        try:
            got = await self._net.afetch(url, limits=Limits(size=left, seconds=self._rules.seconds))
        except SourceError:
            await route.abort()
            return
        self.taken += len(got.data)
        kind = got.media_type or "application/octet-stream"
        charset = f"; charset={got.charset}" if got.charset else ""
        # No page here has a login, so what any page may read is no secret: other origins are open to it.
        origin = route.request.headers.get("origin", "*")
        headers = {"content-type": kind + charset, "access-control-allow-origin": origin}
        if origin != "*":
            headers["access-control-allow-credentials"] = "true"
        await route.fulfill(status=200, body=got.data, headers=headers)


@asynccontextmanager
async def chromium(rules: Rendering, **context: Any) -> AsyncIterator[Any]:
    """An empty page of a Chromium of its own, without profile, downloads or permissions, ended at the end.

    `context` are further options of Playwright's `new_context`.

    Raises ConfigError where there is no Chromium, MissingExtra without Playwright.
    """
    with extra("browser"):
        from playwright.async_api import Error, async_playwright

    program = rules.program or next((found for name in PROGRAMS if (found := shutil.which(name))), "")
    if not program:
        raise ConfigError(f"no browser is on the PATH ({', '.join(PROGRAMS)}); install Chromium, or name it: --browser")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=program, headless=True, chromium_sandbox=rules.sandbox, args=list(_ARGUMENTS),
                proxy={"server": _NOBODY}, timeout=rules.seconds * 1000,
            )  # fmt: skip
        except Error as error:
            if not rules.sandbox or not _is_root():
                raise
            why = f"{program} did not start; as root it has no sandbox: in a container add --no-browser-sandbox"
            raise ConfigError(why) from error
        try:
            opened = await browser.new_context(
                service_workers="block", accept_downloads=False, permissions=[], **context
            )
            yield await opened.new_page()
        finally:
            with suppress(Exception):
                async with asyncio.timeout(10):
                    await browser.close()
