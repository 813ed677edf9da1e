"""Servers that do not keep to the protocol, or keep to it for ever: each fetch ends, in time, with what is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from rag.errors import SourceError
from rag.fetching import Door, Limits
from rag.pages import in_utf8, text_of
from tests.golden.servers import LOCAL, Reply, Server, site

Write = Callable[[bytes], object]
QUICK = Limits(size=1_000_000, seconds=1.0, silence=0.5)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(site({})).serving() as started:
        yield started


def door(server: Server) -> Door:
    def resolver(host: str, port: int) -> Sequence[str]:
        return [LOCAL]

    return Door(resolver=resolver, admitted=lambda address, port: (address, port) == (LOCAL, server.port))


def fetch(server: Server, raw: Callable[[Write], object], limits: Limits = QUICK) -> Any:
    """What a fetch gives where the server writes these bytes."""

    def reply(to: BaseHTTPRequestHandler, told: Reply) -> None:
        def write(data: bytes) -> None:
            to.wfile.write(data)
            to.wfile.flush()

        to.close_connection = True
        try:
            raw(write)
        except OSError:
            server.left.release()

    server.reply = reply  # type: ignore[method-assign]
    return door(server).fetch(f"http://pages.example:{server.port}/", limits=limits)


def failed(server: Server, raw: Callable[[Write], object], *kinds: str, limits: Limits = QUICK) -> SourceError:
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch(server, raw, limits)
    assert caught.value.kind in kinds, caught.value
    assert time.monotonic() - started < 5
    return caught.value


def forever(write: Write, piece: bytes, pause: float = 0.0, most: int = 200_000) -> None:
    """Until the other side hangs up."""
    for _ in range(most):
        write(piece)
        if pause:
            time.sleep(pause)


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1")


# --- what is right, if old --------------------------------------------------------------------------------------


def test_http_1_0(server: Server) -> None:
    old = head("Content-Type: text/html", status="HTTP/1.0 200 OK")
    assert fetch(server, lambda write: write(old + b"<p>old")).data == b"<p>old", "the end of the connection ends it"


@pytest.mark.parametrize("status", ["HTTP/1.1 200", "HTTP/1.1 200 \xe9t\xe9 " + "x" * 300])
def test_a_reason_that_is_strange(server: Server, status: str) -> None:
    assert fetch(server, lambda write: write(head("Content-Length: 2", status=status) + b"ok")).data == b"ok"


def test_more_than_was_said_is_left_out(server: Server) -> None:
    got = fetch(server, lambda write: write(head("Content-Length: 2") + b"okHTTP/1.1 200 OK\r\n\r\nmore"))
    assert got.data == b"ok"


# --- lengths that lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [(["Content-Length: 5000000000"], ["limit"]), (["Content-Length: 100"], ["unreadable"]),
     (["Content-Length: -1"], ["unreadable"]), (["Content-Length: 1e3"], ["unreadable"]),
     (["Content-Length: " + "9" * 5000], ["unreadable", "limit"]),
     (["Content-Length: 2", "Content-Length: 4"], ["unreadable"]),
     (["Content-Length: 4", "Content-Encoding: gzip"], ["damaged"]),
     (["Transfer-Encoding: gzip"], ["unreadable"]), (["Transfer-Encoding: chunked"], ["unreadable"])],
)  # fmt: skip
def test_lengths(server: Server, lines: list[str], kinds: list[str]) -> None:
    failed(server, lambda write: write(head(*lines) + b"body"), *kinds)


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\nx\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\r\nhel",
     b"ffffffffffffffffffff\r\nx", b"5;" + b"x" * 200_000,
     b"5\r\nhelloXX0\r\n\r\n"],
)  # fmt: skip
def test_chunks(server: Server, chunks: bytes) -> None:
    failed(server, lambda write: write(head("Transfer-Encoding: chunked") + chunks), "unreadable")


def test_chunks_of_one_byte(server: Server) -> None:
    """A million tiny chunks are a slow body: its limits hold."""
    start = head("Transfer-Encoding: chunked")
    failed(server, lambda write: (write(start), forever(write, b"1\r\nx\r\n" * 100)), "limit")


# --- without end ------------------------------------------------------------------------------------------------------


def test_a_header_that_drips(server: Server) -> None:
    """Until the last header has come the server has said nothing: that is silence."""
    error = failed(server, lambda write: (write(b"HTTP/1.1 200 OK\r\n"), forever(write, b"X", 0.05)), "limit")
    assert "0.5 s" in str(error)
    assert server.left.acquire(timeout=5), "the connection was closed"


def test_a_body_that_drips(server: Server) -> None:
    failed(server, lambda write: (write(head("Content-Length: 5000")), forever(write, b"x", 0.05)), "limit")


@pytest.mark.parametrize(
    "line", [b"X-Y: z\r\n" * 1000, b"X" * 10_000, b" folded\r\n" * 1000, b"Set-Cookie: a=b\r\n" * 1000]
)
def test_headers_without_end(server: Server, line: bytes) -> None:
    failed(server, lambda write: (write(b"HTTP/1.1 200 OK\r\nA: b\r\n"), forever(write, line)), "unreadable", "limit")


@pytest.mark.parametrize("status", ["100 Continue", "103 Early Hints", "102 Processing"])
def test_interim_answers_without_end(server: Server, status: str) -> None:
    interim = head(status=f"HTTP/1.1 {status}")
    failed(server, lambda write: forever(write, interim * 100), "limit", "unreadable")


def test_a_redirect_with_an_endless_body(server: Server) -> None:
    """Its body is not read; the next request goes to where it leads."""
    seen: list[int] = []

    def raw(write: Write) -> None:
        seen.append(1)
        if len(seen) > 1:
            write(head("Content-Length: 2") + b"ok")
        else:
            write(head("Location: /there", status="HTTP/1.1 302 Found"))
            forever(write, b"x" * 10_000)

    assert fetch(server, raw).data == b"ok"


def test_an_error_page_without_end_is_not_read(server: Server) -> None:
    sent = [0]

    def raw(write: Write) -> None:
        write(head(status="HTTP/1.1 404 Not Found"))
        for sent[0] in range(100_000):
            write(b"x" * 10_000)

    failed(server, raw, "missing")
    assert server.left.acquire(timeout=5)
    assert sent[0] < 99_999


def test_redirects_that_grow(server: Server) -> None:
    """Each leads to a longer address: a loop that no comparison sees."""
    server.answer = lambda one: Reply(status=302, headers={"Location": one.path + "x"})
    with pytest.raises(SourceError) as caught:
        door(server).fetch(f"http://pages.example:{server.port}/")
    assert caught.value.kind == "limit"
    assert len(server.asked) == Limits().redirects + 1


@pytest.mark.parametrize("target", ["x" * 9000, "http://[::1", "\0/", "http://pages.example:99999/", "//", "///",
                                    "http://user:w0rd@pages.example/", "javascript:alert(1)",
                                    "data:text/html,x"])  # fmt: skip
def test_redirects_to_nowhere(server: Server, target: str) -> None:
    answer = head(f"Location: {target}", status="HTTP/1.1 302 Found")
    error = failed(server, lambda write: write(answer), "refused", "unreadable", "missing", "limit")
    assert "w0rd" not in str(error)


# --- bombs --------------------------------------------------------------------------------------------------


def test_a_bomb_in_a_bomb(server: Server) -> None:
    import gzip

    inner = gzip.compress(gzip.compress(bytes(50_000_000), mtime=0), mtime=0)
    got = fetch(server, lambda write: write(head("Content-Encoding: gzip", f"Content-Length: {len(inner)}") + inner))
    assert len(got.data) < 100_000, "one layer is unpacked, as was asked for"
    twice = head("Content-Encoding: gzip, gzip", f"Content-Length: {len(inner)}")
    failed(server, lambda write: write(twice + inner), "damaged")


def test_packed_rubbish_without_end(server: Server) -> None:
    import zlib

    stream = zlib.compressobj(wbits=31)
    start = stream.compress(b"x") + stream.flush(zlib.Z_SYNC_FLUSH)
    piece = stream.compress(bytes(10_000_000)) + stream.flush(zlib.Z_SYNC_FLUSH)
    failed(
        server, lambda write: (write(head("Content-Encoding: gzip") + start), forever(write, piece)), "limit", "damaged"
    )


# --- words that lie -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["utf-7", "base64", "rot13", "zlib", "bz2", "hex", "idna", "punycode",
                                  "unicode_escape",
                                     "raw_unicode_escape", "undefined", "mbcs", "x" * 40, "utf-16", "utf-32",
                                     ""])  # fmt: skip
def test_charsets_that_lie(charset: str) -> None:
    """A name that is no charset of pages is passed over; the words stay what they are, and nothing is run."""
    page = "<html><body><p>Wörter, слова +ADw-script+AD4- \\x3cb\\x3e</p></body></html>".encode()
    text = text_of(page, charset)
    assert "<script>" not in text
    assert "<b>" not in text
    kept = in_utf8(page, charset, markup=True)
    assert len(kept) < 10 * len(page)
    if charset not in ("utf-16", "utf-32"):
        assert "Wörter, слова" in text


def test_a_charset_header_that_is_code(server: Server) -> None:
    start = head('Content-Type: text/html; charset="../../x;import os"', "Content-Length: 5")
    got = fetch(server, lambda write: write(start + b"<p>ok"))
    assert "/" not in got.charset


@pytest.mark.parametrize(("host", "seen"), [("аррle.example", "xn--le-6kc8da.example"), ("pages。example",
                                  "pages.example"),
                                            ("ＰＡＧＥＳ.example", "pages.example"), ("faß.example",
                                            "xn--fa-hia.example")])  # fmt: skip
def test_names_that_look_alike_are_told_apart(server: Server, host: str, seen: str) -> None:
    """A name of other letters is shown by its code, in the address that a document is known by."""
    server.answer = lambda one: Reply(b"ok")
    assert door(server).fetch(f"http://{host}:{server.port}/").final_url == f"http://{seen}:{server.port}/"
    assert server.asked[0].headers["host"] == f"{seen}:{server.port}"


@pytest.mark.parametrize("host", ["pages\u200b.example", "pages\u202e.example", "xn--a.example", "a\u0338.example",
                                  "\u2024.example", "pages.exa\u00admple\u0000"])  # fmt: skip
def test_names_that_hide_something(server: Server, host: str) -> None:
    """Refused, or known by a name of plain letters; never connected to as something that cannot be seen."""
    server.answer = lambda one: Reply(b"ok")
    try:
        final = door(server).fetch(f"http://{host}:{server.port}/").final_url
    except SourceError as error:
        final = error.kind
    assert final in ("refused", "unreadable") or final.isascii()
