"""A server on this machine that behaves like a chat API: it follows a script, and echoes once that is done."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.sentences import sentences

BLOCK = re.compile(r'<evidence number="(\d+)"[^>]*>\n(.*?)\n</evidence>', re.DOTALL)
TOKEN = re.compile(r"\w+|[^\w\s]")
ODD = 7
"""Bytes of one write: events, lines and letters are all torn apart."""


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], gone: threading.Event) -> None:
        self.body = body
        self._handler = handler
        self._gone = gone

    def head(self, status: int, media_type: str, headers: Mapping[str, str] = {}) -> None:
        self._handler.send_response(status)
        for name, value in {"Content-Type": media_type, **headers}.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def json(self, body: object, status: int = 200, headers: Mapping[str, str] = {}) -> None:
        data = json.dumps(body).encode()
        self.head(status, "application/json", {"Content-Length": str(len(data)), **headers})
        self._handler.wfile.write(data)

    def bytes(self, data: bytes) -> None:
        """A chunk of a chunked body; `gone` is set where nobody reads it any more."""
        try:
            self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self._handler.wfile.flush()
        except OSError:
            self._gone.set()
            raise

    def end(self) -> None:
        self.bytes(b"")

    def cut(self) -> None:
        """Close without the end that was promised."""
        with suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)
        self._handler.close_connection = True

    def wait(self, seconds: float) -> None:
        """Say nothing; `gone` is set as soon as the client closes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ready, _, _ = select.select([self._handler.connection], [], [], 0.02)
            if ready and not self._handler.connection.recv(1, socket.MSG_PEEK):
                self._gone.set()
                return


Behaviour = Callable[[Exchange], None]


class API:
    """The server: `script` holds what it does next, `bodies` and `headers` what it was sent."""

    def __init__(self) -> None:
        self.script: list[Behaviour] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.gone = threading.Event()
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with suppress(OSError):
                    api._answer(self, body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.bodies.append(body)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.times.append(time.monotonic())
            behave = self.script.pop(0) if self.script else echo
        try:
            if handler.path not in ("/v1/chat/completions", "/v1/rerank"):
                behave = fails(404, f"no such path: {handler.path}")
            behave(Exchange(handler, body, self.gone))
        finally:
            with self._lock:
                self._now -= 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(*script: Behaviour) -> Iterator[API]:
    api = API()
    api.script = list(script)
    try:
        yield api
    finally:
        api.close()


@cache
def echoing() -> API:
    """One server for a whole run, which only echoes."""
    return API()


# --- what it does -----------------------------------------------------------------------------------


def says(text: str, finish: str = "stop", *, usage: bool = True, delay: float = 0.0) -> Behaviour:
    """A reply, as a stream where one is asked for."""

    def behave(exchange: Exchange) -> None:
        pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
        counts = {"prompt_tokens": 11, "completion_tokens": len(TOKEN.findall(text)), "total_tokens": 0}
        if not exchange.body.get("stream"):
            several = [choice(text, finish, index) for index in range(exchange.body.get("n", 1))]
            exchange.json(completion(several, counts if usage else None))
            return
        exchange.head(200, "text/event-stream; charset=utf-8", {"Transfer-Encoding": "chunked"})
        told = [delta({"role": "assistant", "content": ""}), *(delta({"content": piece}) for piece in pieces)]
        told.append(delta({}, finish))
        if usage and (exchange.body.get("stream_options") or {}).get("include_usage"):
            told.append({"object": "chat.completion.chunk", "choices": [], "usage": counts})
        send_events(exchange, [*map(json.dumps, told), "[DONE]"], delay)
        exchange.end()

    return behave


def send_events(exchange: Exchange, payloads: list[str], delay: float = 0.0) -> None:
    """Server-sent events in writes of a few bytes, with a comment between, as some servers send."""
    data = b": keep-alive\n\n" + b"".join(f"data: {payload}\n\n".encode() for payload in payloads)
    for at in range(0, len(data), ODD if len(data) < 20_000 else 65_536):
        exchange.bytes(data[at : at + (ODD if len(data) < 20_000 else 65_536)])
        time.sleep(delay)


def streams(*payloads: str, then: Behaviour = Exchange.end) -> Behaviour:
    """Events word for word, whatever they are."""

    def behave(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        send_events(exchange, list(payloads))
        then(exchange)

    return behave


def fails(status: int, message: str = "no", headers: Mapping[str, str] = {}) -> Behaviour:
    """An error as OpenAI tells it."""

    def behave(exchange: Exchange) -> None:
        exchange.json({"error": {"message": message, "type": "x", "code": None}}, status, headers)

    return behave


def answers(body: object, status: int = 200) -> Behaviour:
    """A JSON body word for word."""
    return lambda exchange: exchange.json(body, status)


def sends(data: bytes, media_type: str = "application/json") -> Behaviour:
    """Bytes word for word."""

    def behave(exchange: Exchange) -> None:
        exchange.head(200, media_type, {"Content-Length": str(len(data))})
        exchange._handler.wfile.write(data)

    return behave


def echo(exchange: Exchange) -> None:
    """The evidence, sentence by sentence, each cited: a model that keeps to the rules."""
    told = []
    for number, text in BLOCK.findall(asked_text(exchange.body)):
        folded = " ".join(re.sub(r"[`*#]", " ", text).split())
        told += [f"{folded[a:b]} [{number}]" for a, b in sentences(folded) if re.search(r"[^\W_]", folded[a:b])]
    whole = "\n\n".join(told) or "The evidence does not answer this question."
    limit = exchange.body.get("max_tokens", 10**6)
    cuts = [match.end() for match in TOKEN.finditer(whole)]
    cut = len(cuts) > limit
    says(whole[: cuts[limit - 1]] if cut else whole, "length" if cut else "stop")(exchange)


def asked_text(body: Mapping[str, Any]) -> str:
    """The words of the last message."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def completion(choices: list[dict[str, Any]], usage: object = None) -> dict[str, Any]:
    body: dict[str, Any] = {"id": "x", "object": "chat.completion", "model": "m", "choices": choices}
    return {**body, "usage": usage} if usage else body


def choice(text: str | None, finish: str = "stop", index: int = 0, **more: object) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": text, **more}, "finish_reason": finish}


def delta(content: Mapping[str, object], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "x", "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": content, "finish_reason": finish}],
    }  # fmt: skip
