"""Web servers on this machine for tests: they say what a test tells them to, and note what was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOCAL = "127.0.0.1"

# Made for these tests, of use for nothing else: a certificate for pages.example, and its key.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1wYWdlcy5l
eGFtcGxlMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1wYWdlcy5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBlnK
TexXYfnY2o/R/CtaFL/ziwtxaAIgpvwiLGkbcEHqzsg/9XF9u5MB0/pgWKOAvF1l
gtkpfUArjWdIfKGcf6NMMEowGAYDVR0RBBEwD4INcGFnZXMuZXhhbXBsZTAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBRUUV8DAZePRSWPSvoM3JXK1p2GYDAKBggq
hkjOPQQDAgNIADBFAiABzXhxykycindLkOjwF/RqK7Z+MvgmD+hRtuiHZ5V6vAIh
AOl/ddqVLugGsx0cy194bsu3nEzE808bAbKTi7V4ERDR
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7dhw6hTLWRkBvFu9
Ld2AxeX0zq76V/LW0hw9f7cIYT+hRANCAAQGWcpN7Fdh+djaj9H8K1oUv/OLC3Fo
AiCm/CIsaRtwQerOyD/1cX27kwHT+mBYo4C8XWWC2Sl9QCuNZ0h8oZx/
-----END PRIVATE KEY-----
"""


@dataclass
class Reply:
    """What a server answers; with status 0 nothing, the connection is closed."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None
    """A body without a stated length, sent as it comes; the connection is closed at its end."""


@dataclass(frozen=True)
class Asked:
    """A request that a server had."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Asked], Reply]


class Server:
    """A server at `LOCAL` and `port`; `asked` are its requests in order, `left` how many hung up on it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.left = threading.Semaphore(0)
        self.names: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append(Asked(self.command, self.path, headers, body))
                outer.reply(self, outer.answer(outer.asked[-1]))

            do_POST = do_PUT = do_DELETE = do_GET

        self._server = ThreadingHTTPServer((LOCAL, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def reply(self, to: BaseHTTPRequestHandler, told: Reply) -> None:
        if not told.status:
            to.close_connection = True
            return
        to.send_response(told.status)
        for name, value in told.headers.items():
            to.send_header(name, value)
        if told.pieces is None:
            to.send_header("Content-Length", str(len(told.body)))
        else:
            to.send_header("Connection", "close")
        try:
            to.end_headers()
            to.wfile.write(told.body)
            for piece in told.pieces or ():
                to.wfile.write(piece)
                to.wfile.flush()
        except OSError:
            self.left.release()
        to.close_connection = True

    def encrypt(self, folder: Path) -> ssl.SSLContext:
        """Speak TLS from now on; returns what a client needs in order to trust this server."""
        (folder / "key.pem").write_text(KEY + CERTIFICATE)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "key.pem")
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return ssl.create_default_context(cadata=CERTIFICATE)

    @contextmanager
    def serving(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def _serve(self) -> None:
        with suppress(OSError):
            self._server.serve_forever(poll_interval=0.02)


def site(pages: Mapping[str, bytes | Reply]) -> Answer:
    """A site of these paths; 404 for others."""

    def answer(asked: Asked) -> Reply:
        found = pages.get(asked.path)
        if found is None:
            return Reply(b"no such page", 404)
        return found if isinstance(found, Reply) else Reply(found)

    return answer
