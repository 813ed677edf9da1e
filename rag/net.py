"""The two doors to the network; no other file of the package opens a socket.

`endpoint(base_url)` is for an address that the user wrote in his own configuration: any host, only
that origin, no redirects. `fetch(url)` is for an address that the user named as a source: only the
public internet, every hop checked, and connected to the very address that was checked. Neither goes
through a proxy, whatever the environment says, and neither keeps cookies.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rag.addresses import Address
from rag.bodies import Body
from rag.replies import EndpointError, told

if TYPE_CHECKING:
    import ssl

    import httpcore2

    from rag.endpoints import Endpoint
    from rag.fetching import Fetched

__all__ = ["EndpointError", "endpoint", "fetch"]

T = TypeVar("T")
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses to connect to for a host name and port; ConnectionError where it has none."""


def endpoint(
    base_url: str, *, key: str | None = None, headers: Mapping[str, str] = {}, timeout: float = 60.0
) -> Endpoint:
    """A server of the user's own choice, such as a model's API; opens nothing yet.

    `key` is sent as a bearer token and never shown. `timeout` is the most seconds of silence.
    Raises ConfigError for what cannot be a base address or a header.
    """
    from rag.endpoints import Endpoint

    return Endpoint(base_url, key=key, headers=headers, timeout=timeout)


def fetch(url: str, *, etag: str = "", modified: str = "") -> Fetched:
    """What the public internet has at an address; see `rag.fetching.Door.fetch`. Raises SourceError."""
    from rag.fetching import Door

    return Door().fetch(url, etag=etag, modified=modified)


class Clock:
    """How long a request may take: `silence` seconds without a byte, `total` in all (None: no end)."""

    def __init__(self, silence: float, total: float | None) -> None:
        self._silence, self._total = silence, total
        self._end = None if total is None else time.monotonic() + total

    async def wait(self, step: Awaitable[T]) -> T:
        """The step's result; TimeoutError if it takes too long."""
        left = self._silence if self._end is None else min(self._silence, self._end - time.monotonic())
        async with asyncio.timeout(left):
            return await step

    def why(self) -> str:
        """What a timeout was, in words."""
        if self._end is not None and time.monotonic() >= self._end:
            return f"took longer than the {self._total:g} s that it may take"
        return f"said nothing for {self._silence:g} s"


class Response:
    """An answer whose body is still on its way."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str:
        """The first header of that name (given in lower case), or ""."""
        return next(self.all(name), "")

    def all(self, name: str) -> Iterator[str]:
        """The headers of that name (given in lower case)."""
        wanted = name.encode()
        return (value.decode("latin-1") for key, value in self._response.headers if key.lower() == wanted)

    async def chunks(self, limit: int, clock: Clock) -> AsyncGenerator[bytes, None]:
        """The body, unpacked, in pieces.

        Raises TooLarge above `limit` bytes, ValueError where it is damaged, and as `opened` does.
        """
        body = Body(self.header("content-encoding"), limit)
        async with aclosing(self._response.aiter_stream()) as stream:
            while True:
                try:
                    with _plain_errors():
                        chunk = await clock.wait(anext(stream))
                except StopAsyncIteration:
                    break
                yield body.feed(chunk)
        yield body.end()


@asynccontextmanager
async def opened(
    method: str, address: Address, headers: Mapping[str, str], clock: Clock, *, content: bytes = b"",
    lookup: Lookup | None = None, tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[Response, None]:  # fmt: skip
    """One request on a connection of its own, closed at the end; redirects are the caller's to judge.

    TLS verifies the certificate for the name in `address`, not for the number connected to. Raises
    ConnectionError, TimeoutError, and whatever `lookup` does.
    """
    import httpcore2

    whole = {"Host": address.authority, "Connection": "close", **headers}
    if content:
        whole["Content-Length"] = str(len(content))
    backend = cast("httpcore2.AsyncNetworkBackend", _Pinned(lookup or system_lookup))
    url = httpcore2.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.target)
    request = httpcore2.Request(method, url, headers=list(whole.items()), content=content)
    async with httpcore2.AsyncConnectionPool(ssl_context=tls or _tls(), network_backend=backend) as pool:
        with _plain_errors():
            response = await clock.wait(pool.handle_async_request(request))
        yield Response(response)


class _Pinned:
    """Connects to the addresses that `lookup` gives for a name: there is no second look-up to fool."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        import httpcore2

        failed: Exception = httpcore2.ConnectError("no address")
        for address in await self._lookup(host, port):
            try:
                return await httpcore2.AnyIOBackend().connect_tcp(address, port)
            except httpcore2.ConnectError as error:
                failed = error
        raise failed


@contextmanager
def _plain_errors() -> Iterator[None]:
    """httpcore's errors as TimeoutError and ConnectionError."""
    import httpcore2

    try:
        yield
    except httpcore2.TimeoutException as error:
        raise TimeoutError(str(error)) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        what = "cannot connect" if isinstance(error, httpcore2.ConnectError) else "the connection broke off"
        raise ConnectionError(f"{what}: {told(str(error).encode())}") from None


async def in_thread(host: str, port: int, resolver: Callable[[str, int], Sequence[str]]) -> Sequence[str]:
    """What a resolver knows of a name, in a thread that nobody waits for when time is up."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def tell(found: Sequence[str], error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(found)

    def look() -> None:
        found: Sequence[str] = ()
        failed: Exception | None = None
        try:
            found = resolver(host, port)
        except Exception as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed: time was up
            loop.call_soon_threadsafe(tell, found, failed)

    threading.Thread(target=look, daemon=True).start()
    try:
        return await answer
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConnectionError(f"the name {host} is not known: {why}") from None


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """What the operating system knows of a name."""
    return await in_thread(host, port, system_resolver)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, each once; OSError where the operating system knows none."""
    import socket

    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@cache
def _tls() -> ssl.SSLContext:
    import httpcore2

    return httpcore2.default_ssl_context()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of asynchronous work for a caller that does not await, also inside a running loop."""
    if not _in_loop():
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
