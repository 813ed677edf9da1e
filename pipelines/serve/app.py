"""An OpenAI-compatible endpoint over a corpus, as an ASGI application (Starlette).

    GET  /v1/models                 the one model, "argus"
    POST /v1/chat/completions       an answer with its evidence; streamed as server-sent events
    GET  /v1/chunks/ID              a piece of evidence, as `rag search --json` prints a hit
    GET  /v1/chunks/ID/image        its place, framed, as PNG
    GET  /health                    alive

Every route but /health asks for the key, where there is one; what is served is one restricted view.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from rag import contract
from rag.answer import Answer, Done, Event, Query, Settings, TextPiece
from rag.errors import GenerationError, RagError
from rag.extras import extra

from ..ask import closed
from .chat import MODEL, Asked, BadRequest, Completion, Plain, asked, sources, spoken

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

BODY_BYTES = 2**21
LOG = logging.getLogger("rag.serve")


class Served(Protocol):
    """What is served: a `rag.Corpus`, or a restricted view of one."""

    def ask(self, question: Query, *, settings: Settings) -> Any: ...

    def stream(self, question: Query, *, settings: Settings) -> AsyncIterator[Event]: ...

    def show(self, id: str) -> Any: ...


def application(
    corpus: Served, *, key: str = "", hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
    seconds: float = 120.0, at_once: int = 4,
) -> Starlette:  # fmt: skip
    """The application. `key` is asked of every caller where it is set; `hosts` are the names that callers may use.

    An answer has `seconds`; `at_once` are worked on together, and the others wait.
    """
    with extra("serve"):
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route

    routes = _Routes(corpus, key, seconds, asyncio.Semaphore(at_once))
    return Starlette(
        routes=[
            Route("/health", routes.health),
            Route("/v1/models", routes.guarded(routes.models)),
            Route("/v1/models/{name:path}", routes.guarded(routes.model)),
            Route("/v1/chat/completions", routes.guarded(routes.completions), methods=["POST"]),
            Route("/v1/chunks/{id}", routes.guarded(routes.chunk)),
            Route("/v1/chunks/{id}/image", routes.guarded(routes.image)),
        ],
        # A page in somebody's browser may name this server by a host of its own (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
    )


Handler = Callable[["Request"], Awaitable["Response"]]


class _Routes:
    def __init__(self, corpus: Served, key: str, seconds: float, turn: asyncio.Semaphore) -> None:
        self._corpus = corpus
        self._key = key.encode()
        self._seconds = seconds
        self._turn = turn

    def guarded(self, handler: Handler) -> Handler:
        """With the key checked, and errors as OpenAI's clients expect them."""

        async def answer(request: Request) -> Response:
            try:
                self._admit(request)
                return await handler(request)
            except BadRequest as bad:
                return _json(bad.body(), bad.status)
            except Exception as error:
                return _json(failure(error).body(), failure(error).status)

        return answer

    def _admit(self, request: Request) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if self._key and not (kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._key)):
            raise BadRequest("the key is wrong or missing", status=401, code="invalid_api_key")

    async def health(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def models(self, _: Request) -> Response:
        return _json({"object": "list", "data": [_MODEL]})

    async def model(self, request: Request) -> Response:
        if request.path_params["name"] != MODEL:
            raise BadRequest("there is no such model", "model", 404, "model_not_found")
        return _json(_MODEL)

    async def completions(self, request: Request) -> Response:
        one = asked(await _body(request), self._seconds)
        if one.stream:
            from starlette.responses import StreamingResponse

            return StreamingResponse(self._events(one), media_type="text/event-stream")
        async with self._turn:
            shown = await asyncio.to_thread(self._corpus.ask, one.query, settings=one.settings)
        return _json(Completion.begun().whole(one.query.text, shown.answer))

    async def _events(self, one: Asked) -> AsyncIterator[str]:
        completion = Completion.begun()
        try:
            async with self._turn:
                yield _event(completion.chunk({"role": "assistant", "content": ""}))
                async with aclosing(_texts(self._corpus.stream(one.query, settings=one.settings))) as texts:
                    async for told in texts:
                        if isinstance(told, str):
                            yield _event(completion.chunk({"content": told}))
                        else:
                            listed = contract.answer(one.query.text, told)
                            yield _event(completion.chunk({}, "stop", argus=listed))
                            if one.usage:
                                yield _event(completion.counted(told))
        except Exception as error:
            yield _event(failure(error).body())
        yield "data: [DONE]\n\n"

    async def chunk(self, request: Request) -> Response:
        return _json((await self._found(request)).to_json())

    async def image(self, request: Request) -> Response:
        from starlette.responses import Response as Plain

        found = await self._found(request)
        async with self._turn:
            png = await asyncio.to_thread(found.image)
        return Plain(png, media_type="image/png", headers={"X-Content-Type-Options": "nosniff"})

    async def _found(self, request: Request) -> Any:
        try:
            return await asyncio.to_thread(self._corpus.show, request.path_params["id"])
        except ValueError as error:
            raise BadRequest(str(error), "id", 404, "not_found") from None


async def _texts(events: AsyncIterator[Event]) -> AsyncGenerator[str | Answer, None]:
    """The texts of a stream, what stands below them, then the answer."""
    said = False
    async with closed(events):
        async for event in events:
            match event:
                case TextPiece(text):
                    said = True
                    yield text
                case Done(answer):
                    if not said or answer.refusal:
                        yield ("\n\n" if said else "") + spoken(answer)
                    if below := sources(answer):
                        yield below
                    yield answer


def failure(error: Exception) -> BadRequest:
    """What a caller may know of an error: ours in words, others as a number alone."""
    if isinstance(error, GenerationError):
        return BadRequest(str(error), status=502, code="upstream_error")
    if isinstance(error, RagError):
        return BadRequest(str(error), status=500)
    LOG.exception("a request failed", exc_info=error)
    return BadRequest("the server failed; its log says why", status=500)


async def _body(request: Request) -> object:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # Also what keeps a foreign page from posting here without the browser asking first.
        raise BadRequest("send application/json", status=415)
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > BODY_BYTES:
            raise BadRequest(f"the request is larger than {BODY_BYTES} bytes", status=413)
    try:
        told: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"not JSON: {error}") from None
    return told


_MODEL: Plain = {"id": MODEL, "object": "model", "created": 0, "owned_by": "argus-rag"}


def _json(value: Plain, status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(value, status)


def _event(value: Plain) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
