"""Fetching what the user named on the public internet: `rag.net.fetch`.

What is refused, and why, is in `rag.addresses`. A name is looked up once a hop; each of its addresses
must be allowed, and the connection goes to one of those, so a name that changes its mind in between
changes nothing (DNS rebinding). The same holds anew for each redirect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from rag import __version__
from rag.addresses import Address, joined, parsed, public_name, routable, shown
from rag.bodies import TooLarge
from rag.errors import SourceError
from rag.net import Clock, Response, in_thread, opened, run, system_resolver
from rag.replies import told

AGENT = f"argus-rag/{__version__}"
MOST_ADDRESSES = 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS = {
    304: ("unreadable", "the server says it is unchanged (304), though nothing was known of it; try again later"),
    401: ("refused", "it asks for a login (401); save the page and add the file"),
    403: ("refused", "the server does not give it to programs (403); save the page and add the file"),
    404: ("missing", "the server knows no such page (404); check the address"),
    410: ("missing", "the page is gone for good (410)"),
    429: ("unreadable", "the server asks to come back later (429)"),
    451: ("refused", "the server may not give it for legal reasons (451)"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may cost: bytes once unpacked, seconds in all and of silence, redirects.

    With `cut` a longer body is not refused but ends after `size` bytes: for files whose start is enough.
    """

    size: int = 100 * 2**20
    seconds: float = 120.0
    silence: float = 20.0
    redirects: int = 5
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave. `media_type` and `charset` are what the server says; the bytes may differ.

    `unchanged` is True, and `data` empty, where the server says that nothing changed since `etag` or
    `modified` was given. `robots` is what its X-Robots-Tag headers say.
    """

    url: str
    final_url: str
    media_type: str
    charset: str
    data: bytes = field(repr=False)
    etag: str = ""
    modified: str = ""
    unchanged: bool = False
    robots: str = ""


def anywhere(url: str) -> str:
    """Why a redirect to an address is not followed: "", where the rules of the door alone decide."""
    return ""


class Door:
    """Fetches under rules. Its parameters are for programs; no configuration and no document sets them.

    `resolver` gives the addresses of a name; `admitted` says whether an address may be connected to
    on a port, `public` whether a host name may be looked up at all. `tls` replaces the certificates
    of the operating system (an ssl.SSLContext).
    """

    def __init__(
        self,
        *,
        resolver: Callable[[str, int], Sequence[str]] = system_resolver,
        admitted: Callable[[str, int], bool] = routable,
        public: Callable[[str], bool] = public_name,
        tls: Any = None,
    ) -> None:
        self._resolver = resolver
        self._admitted = admitted
        self._public = public
        self._tls = tls

    def fetch(
        self, url: str, *, etag: str = "", modified: str = "", limits: Limits = Limits(),
        leads: Callable[[str], str] = anywhere,
    ) -> Fetched:  # fmt: skip
        """What is at `url`. With `etag` or `modified` of an earlier fetch the answer may be `unchanged`.

        `leads` is asked of each address that a redirect names, before anything is sent there, and gives
        the reason not to follow it, if there is one. Raises SourceError: refused, missing, limit (bytes,
        time, redirects), empty, unreadable.
        """
        return run(self.afetch(url, etag=etag, modified=modified, limits=limits, leads=leads))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of several `afetch` together, for callers that do not await."""
        return run(work)

    async def afetch(
        self, url: str, *, etag: str = "", modified: str = "", limits: Limits = Limits(),
        leads: Callable[[str], str] = anywhere,
    ) -> Fetched:  # fmt: skip
        """`fetch` for callers that await."""
        headers = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)):
            if value:
                headers[name] = value
        clock = Clock(limits.silence, limits.seconds)
        source = shown(url)
        address = self._address(url, source)
        for _ in range(limits.redirects + 1):
            try:
                async with opened(
                    "GET", address, headers, clock, lookup=self._lookup(source), tls=self._tls
                ) as response:
                    following = self._redirect(source, address, response)
                    if following is None:
                        return await self._taken(url, address, response, clock, limits, asked=bool(etag or modified))
            except TimeoutError:
                raise SourceError(
                    f"{address.origin} {clock.why()}; try again later", source=source, kind="limit"
                ) from None
            except ConnectionError as error:
                raise SourceError(f"{error}; check the address, or try again later", source=source) from None
            except TooLarge as error:
                raise SourceError(str(error), source=source, kind="limit") from None
            except ValueError as error:
                raise SourceError(str(error), source=source, kind="damaged") from None
            if why := leads(following.url):
                raise SourceError(why, source=source, kind="refused")
            address = following
        raise SourceError(
            f"more than {limits.redirects} redirects, the last to {address.url}", source=source, kind="limit"
        )

    def _address(self, url: str, source: str, led: str = "") -> Address:
        try:
            address = parsed(url)
        except ValueError as error:
            raise SourceError(f"{led}{error}", source=source, kind="refused") from None
        if not self._public(address.host):
            why = f"{led}{address.host} is not a name of the public internet, and only that is fetched from"
            raise SourceError(why, source=source, kind="refused")
        return address

    def _lookup(self, source: str) -> Callable[[str, int], Coroutine[Any, Any, Sequence[str]]]:
        """Looks a name up once and gives its addresses if all are allowed."""

        async def look(host: str, port: int) -> Sequence[str]:
            literal = ":" in host or re.fullmatch(r"[0-9.]+", host)
            found = [host] if literal else list(await in_thread(host, port, self._resolver))[:MOST_ADDRESSES]
            for address in found:
                if not self._admitted(address, port):
                    where = told(address.encode()) if literal else f"{host} leads to {told(address.encode())}"
                    raise SourceError(
                        f"{where}, port {port}; only the public internet is fetched from, on ports 80, 443, 8080, 8443",
                        source=source, kind="refused",
                    )  # fmt: skip
            return found

        return look

    def _redirect(self, source: str, address: Address, response: Response) -> Address | None:
        """Where the answer leads; None where it is the answer."""
        target = response.header("location")
        if response.status not in _REDIRECTS or not target:
            return None
        led = "it redirects to an address that is not fetched: "
        try:
            url = joined(address.url, target.encode("latin-1").decode("utf-8", "replace"))
        except ValueError as error:
            raise SourceError(f"{led}{error}", source=source, kind="refused") from None
        following = self._address(url, source, led)
        if address.scheme == "https" and following.scheme == "http":
            why = f"{led}{following.url} is not encrypted, unlike the address before it"
            raise SourceError(why, source=source, kind="refused")
        return following

    async def _taken(
        self, url: str, address: Address, response: Response, clock: Clock, limits: Limits, *, asked: bool
    ) -> Fetched:
        """The answer itself, its status checked and its body read."""
        kind, _, rest = response.header("content-type").partition(";")
        charset = re.search(r"charset\s*=\s*[\"']?([\w.:+-]{1,40})", rest, re.I)
        answer = Fetched(
            shown(url), address.url, kind.strip().lower()[:100], charset[1] if charset else "", b"",
            _kept(response.header("etag")), _kept(response.header("last-modified")),
            robots=", ".join(response.all("x-robots-tag"))[:2000],
        )  # fmt: skip
        if response.status == 304 and asked:
            return replace(answer, unchanged=True)
        if response.status not in (200, 203):
            failing = "failing" if response.status >= 500 else "answering strangely"
            sort = "refused" if 400 <= response.status < 500 else "unreadable"
            what = f"the server is {failing} (status {response.status}); try again later"
            sort, what = _STATUS.get(response.status, (sort, what))
            raise SourceError(what, source=shown(url), kind=sort)
        stated = response.header("content-length")
        if re.fullmatch("[0-9]{1,18}", stated) and int(stated) > limits.size and not limits.cut:
            raise TooLarge(f"it has {int(stated):,} bytes, more than the limit of {limits.size:,}")
        data = bytearray()
        try:
            async with aclosing(response.chunks(limits.size, clock)) as chunks:
                async for chunk in chunks:
                    data += chunk
        except TooLarge:
            if not limits.cut:
                raise
        if not data:
            raise SourceError("the server sent nothing", source=shown(url), kind="empty")
        return replace(answer, data=bytes(data))


def _kept(value: str) -> str:
    """A validator that may be sent back: short, and no control character in it."""
    return value if len(value) <= 500 and value.isascii() and value.isprintable() else ""
