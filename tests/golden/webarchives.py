"""Saved pages and web archives, made by code."""

from __future__ import annotations

import base64
import gzip
import io
import zlib
from collections.abc import Iterable

from tests.golden import images, pdfs

PAGE = (
    "<html><head><title>Gauges</title></head><body><h1>Gauges</h1><p>The copper gauge is read at noon: 7 °C.</p>"
    '<figure><img src="/img/roof.png"><figcaption>A gauge in the snow</figcaption></figure>'
    '<p><img src="cid:second@mhtml" alt="A gauge by the river"></p><img src="http://far.example/x.png" alt="Not here">'
    "</body></html>"
)
URL = "http://pages.example/a/gauges.html"


def part(kind: str, data: bytes, *headers: str) -> bytes:
    head = [f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", *headers]
    return "\r\n".join([*head, "", base64.encodebytes(data).decode()]).encode()


def mhtml(page: str = PAGE, *more: bytes, url: str = URL) -> bytes:
    """As Chromium saves one: the page, a picture by its address, one by its id, a style, a page in a frame."""
    parts = [
        part(
            "text/html; charset=koi8-r", page.replace("°", "").encode("koi8-r", "replace"), f"Content-Location: {url}"
        ),
        part("image/png", images.png(120, 90), "Content-Location: http://pages.example/img/roof.png"),
        part("image/png", images.png(90, 120), "Content-ID: <second@mhtml>"),
        part("text/css", b"p {}", "Content-Location: http://pages.example/x.css"),
        part("text/html", b"<html><body><p>Words in a frame.</p></body></html>", "Content-Location: cid:frame@mhtml"),
        *more,
    ]
    head = (
        f"From: <Saved by Blink>\r\nSnapshot-Content-Location: {url}\r\nSubject: Gauges\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; type="text/html"; boundary="--b1"\r\n\r\n'
    )
    return head.encode() + b"".join(b"\r\n----b1\r\n" + one for one in parts) + b"\r\n----b1--\r\n"


def record(kind: str, url: str, block: bytes, *headers: str) -> bytes:
    lines = [
        "WARC/1.0", f"WARC-Type: {kind}", f"WARC-Target-URI: {url}", "WARC-Date: 2024-01-01T00:00:00Z",
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>", *headers, f"Content-Length: {len(block)}",
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def http(body: bytes, kind: str = "text/html", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def response(url: str, body: bytes, kind: str = "text/html", status: str = "200 OK", *headers: str) -> bytes:
    return record(
        "response", url, http(body, kind, status, *headers), "Content-Type: application/http; msgtype=response",
        f"WARC-Payload-Digest: sha1:{zlib.crc32(body):032x}",
    )  # fmt: skip


def records() -> list[bytes]:
    """A small crawl: a page in Cyrillic whose server alone says so, a PDF, a picture, and what is no document."""
    russian = "<html><body><h1>Погода</h1><p>Дождь идёт весь день.</p></body></html>".encode("koi8-r")
    page = b"<html><head><title>Gauges</title></head><body><h1>Gauges</h1><p>The copper gauge.</p></body></html>"
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(page), page)
    packed = gzip.compress(page.replace(b"copper", b"silver"), mtime=0)
    return [
        record("warcinfo", "", b"software: made by hand\r\n", "Content-Type: application/warc-fields"),
        record("request", f"{URL}", b"GET / HTTP/1.1\r\n\r\n", "Content-Type: application/http; msgtype=request"),
        response(URL, chunked, "text/html", "200 OK", "Transfer-Encoding: chunked"),
        response("http://pages.example/packed", packed, "text/html", "200 OK", "Content-Encoding: gzip"),
        response("http://pages.example/ru", russian, "text/html; charset=koi8-r"),
        response("http://pages.example/r.pdf", pdfs.many_pages(1), "application/pdf"),
        response("http://pages.example/p.png", images.png(120, 90), "image/png"),
        response("http://pages.example/x.css", b"p { color: red }", "text/css"),
        response("http://pages.example/none", b"<html>no such page", "text/html", "404 Not Found"),
        response("http://pages.example/old", b"<html>moved", "text/html", "301 Moved"),
        response(URL, chunked, "text/html", "200 OK", "Transfer-Encoding: chunked"),
        record("revisit", "http://pages.example/again", http(b""), "Content-Type: application/http; msgtype=response"),
        response("http://pages.example/br", b"xx", "text/html", "200 OK", "Content-Encoding: br"),
        record("resource", "http://pages.example/n.txt", b"Plain words.", "Content-Type: text/plain"),
    ]


def documents() -> list[bytes]:
    """Those of the records that are documents, or are passed over in silence."""
    return records()[:11]


def warc(made: Iterable[bytes] | None = None, *, packed: bool = True) -> bytes:
    out = io.BytesIO()
    for one in records() if made is None else made:
        out.write(gzip.compress(one, mtime=0) if packed else one)
    return out.getvalue()
