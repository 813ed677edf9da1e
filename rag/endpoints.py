"""A server of the user's own choice that takes JSON, such as a model's API: `rag.net.endpoint`."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Any

from rag.addresses import Address, parsed
from rag.bodies import TooLarge
from rag.errors import ConfigError
from rag.net import Clock, Response, opened, run
from rag.replies import EndpointError, EndpointFault, seconds_to_wait, told
from rag.sse import Payloads

RESPONSE_BYTES = 64 * 2**20
EVENT_BYTES = 4 * 2**20
STREAM_BYTES = 2**30
ERROR_BYTES = 64 * 1024
OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "upgrade"})


class Endpoint:
    """One origin that takes JSON. Thread-safe: each request has a connection of its own."""

    def __init__(
        self, base_url: str, *, key: str | None = None, headers: Mapping[str, str] = {}, timeout: float = 60.0
    ) -> None:
        try:
            self._base = parsed(base_url)
        except ValueError as error:
            raise ConfigError(f"base_url: {error}", key="base_url") from None
        if "?" in self._base.target:
            raise ConfigError("base_url: a base address has no query; leave out what follows '?'", key="base_url")
        if not timeout > 0:
            raise ConfigError(f"timeout is above 0 seconds, got {timeout}", key="timeout")
        self._headers = _checked(headers, key)
        self._secrets = [value for value in (key, *headers.values()) if value and len(value) >= 8]
        self._timeout = timeout

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._base.origin

    def __repr__(self) -> str:
        return f"<endpoint {self.origin}>"

    def post(self, path: str, body: Mapping[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        """`apost` for callers that do not await."""
        return run(self.apost(path, body, deadline=deadline))

    async def apost(self, path: str, body: Mapping[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        """The JSON object that the server answers to `body`; `deadline` is in seconds from the call.

        Raises EndpointError: its `status` is 0 where no whole answer came (`kind` says why).
        """
        data = await self.asend("POST", path, _json(body), deadline=deadline)
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            raise EndpointError(f"no JSON came back: {told(data, self._secrets)}", kind="protocol") from None
        if not isinstance(answer, dict):
            raise EndpointError(f"expected a JSON object, got {type(answer).__name__}", kind="protocol")
        return answer

    def send(self, method: str, path: str, content: bytes = b"", *, deadline: float | None = None) -> bytes:
        """What the server answers to one request with JSON (or nothing) as its body; EndpointError as `apost`."""
        return run(self.asend(method, path, content, deadline=deadline))

    async def asend(self, method: str, path: str, content: bytes, *, deadline: float | None = None) -> bytes:
        """`send` for callers that await."""
        address, clock = self._under(path), Clock(self._timeout, deadline)
        with self._telling(clock):
            async with self._opened(address, content, "application/json", clock, method) as response:
                return b"".join([chunk async for chunk in response.chunks(RESPONSE_BYTES, clock)])

    @asynccontextmanager
    async def stream(
        self, path: str, body: Mapping[str, Any], *, deadline: float | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The `data:` payloads of the events that the server sends, as they come, `[DONE]` among them.

            async with server.stream("chat/completions", body) as payloads:
                async for payload in payloads: ...

        Leaving the block, by cancelling too, closes the connection. Raises EndpointError as `apost`.
        """
        address, content = self._under(path), _json(body)
        clock = Clock(self._timeout, deadline)
        request = self._opened(address, content, "text/event-stream", clock)
        with self._telling(clock):
            response = await request.__aenter__()
        try:
            async with aclosing(self._payloads(response, clock)) as payloads:
                yield payloads
        finally:
            await request.__aexit__(None, None, None)

    async def _payloads(self, response: Response, clock: Clock) -> AsyncGenerator[str, None]:
        payloads = Payloads(EVENT_BYTES)
        with self._telling(clock):
            async for chunk in response.chunks(STREAM_BYTES, clock):
                for payload in payloads.feed(chunk):
                    yield payload
            for payload in payloads.end():
                yield payload

    @asynccontextmanager
    async def _opened(
        self, address: Address, content: bytes, accept: str, clock: Clock, method: str = "POST"
    ) -> AsyncGenerator[Response, None]:
        """The response, its status and type checked."""
        headers = {"Accept": accept, "Accept-Encoding": "identity", "Content-Type": "application/json", **self._headers}
        async with opened(method, address, headers, clock, content=content) as response:
            if not 200 <= response.status < 300:
                raise await self._refused(response, clock)
            kind = response.header("content-type").partition(";")[0].strip().lower()
            if accept == "text/event-stream" and kind != accept:
                raise EndpointError(f"asked for a stream of events, got {told(kind.encode())}", kind="protocol")
            yield response

    def _under(self, path: str) -> Address:
        try:
            address = parsed(self._base.url.rstrip("/") + "/" + path.lstrip("/"))
        except ValueError as error:
            raise ValueError(f"path {path!r}: {error}") from None
        if not address.target.startswith(self._base.target.rstrip("/") + "/"):
            raise ValueError(f"path {path!r} leads out of the base address")
        return address

    async def _refused(self, response: Response, clock: Clock) -> EndpointError:
        data = b""
        with suppress(ValueError, ConnectionError, TimeoutError):  # the status says enough
            async for chunk in response.chunks(ERROR_BYTES, clock):
                data += chunk
        said = told(data, self._secrets)
        if 300 <= response.status < 400:
            to = told(response.header("location").encode(), self._secrets)
            said = f"it redirects to {to}; redirects are not followed, so give the address that is meant"
        wait = seconds_to_wait(response.header("retry-after"), response.header("retry-after-ms"))
        return EndpointError(
            f"{self.origin}: status {response.status}: {said}", status=response.status, retry_after=wait
        )

    @contextmanager
    def _telling(self, clock: Clock) -> Iterator[None]:
        """Failures of the wire as EndpointError."""
        try:
            yield
        except TimeoutError:
            raise EndpointError(f"{self.origin} {clock.why()}", kind="timeout") from None
        except ConnectionError as error:
            raise EndpointError(f"{self.origin}: {error}", kind="connect") from None
        except ValueError as error:
            kind: EndpointFault = "limit" if isinstance(error, TooLarge) else "protocol"
            raise EndpointError(f"{self.origin}: {error}", kind=kind) from None


def _json(body: Mapping[str, Any]) -> bytes:
    """ValueError or TypeError for what JSON cannot hold: that is the caller's mistake."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _checked(headers: Mapping[str, str], key: str | None) -> dict[str, str]:
    """The user's headers and his key; ConfigError names a bad header, never its value."""
    whole = {**headers, **({"Authorization": f"Bearer {key}"} if key else {})}
    for name, value in whole.items():
        if not name.isascii() or not name.replace("-", "").isalnum() or name.lower() in OWN_HEADERS:
            raise ConfigError(f"header {name[:60]!r} cannot be set", key="headers")
        if not value.isascii() or not value.isprintable():
            what = "the key" if name == "Authorization" and key else f"the value of header {name!r}"
            raise ConfigError(f"{what} holds a line break or a letter beyond ASCII", key="key" if key else "headers")
    return whole
