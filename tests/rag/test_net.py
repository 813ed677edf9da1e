"""The door to the public internet, against servers on this machine with names that resolve as a test says.

Only a test's own `Door` lets an address of this machine in; the rules themselves are those of users.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.addresses import routable
from rag.errors import SourceError
from rag.fetching import Door, Fetched, Limits
from rag.net import fetch
from tests.golden.servers import LOCAL, Reply, Server, site

Names = dict[str, Sequence[str]]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(site({"/": b"hello"})).serving() as started:
        yield started


def door(server: Server, names: Names | None = None, **options: Any) -> Door:
    """A door to `server` alone, as pages.example; other names as given, else unknown."""
    known: Names = {"pages.example": [LOCAL], **(names or {})}

    def resolver(host: str, port: int) -> Sequence[str]:
        if host not in known:
            raise OSError(-2, "Name or service not known")
        return known[host]

    def admitted(address: str, port: int) -> bool:
        return (address, port) == (LOCAL, server.port) or routable(address, port)

    return Door(**{"resolver": resolver, "admitted": admitted, **options})


def url(server: Server, path: str = "/", host: str = "pages.example") -> str:
    return f"http://{host}:{server.port}{path}"


def refused(call: Callable[[], object], kind: str = "refused") -> SourceError:
    with pytest.raises(SourceError) as caught:
        call()
    assert caught.value.kind == kind, caught.value
    return caught.value


def test_fetch(server: Server) -> None:
    headers = {
        "Content-Type": 'Text/HTML; charset="utf-8"',
        "ETag": '"7"',
        "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
    }
    server.answer = site({"/a?b=c": Reply(b"<p>hello", headers=headers)})
    got = door(server).fetch(url(server, "/a?b=c#part"))
    assert got == Fetched(
        url(server, "/a?b=c#part"), url(server, "/a?b=c"), "text/html", "utf-8", b"<p>hello", '"7"',
        "Mon, 01 Jan 2024 00:00:00 GMT",
    )  # fmt: skip
    (asked,) = server.asked
    assert asked.headers["host"] == f"pages.example:{server.port}"
    assert asked.headers["user-agent"].startswith("argus-rag/")
    assert not {"referer", "cookie", "authorization"} & set(asked.headers)


# --- what is not connected to (the table of tests for server-side request forgery) ------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/",
        "http://metadata.google.internal/",
        "http://metadata/",
        "http://localhost/",
        "http://127.0.0.1:6666\\@1.1.1.1/",
        "http://exam\nple.org/",
        "http://example.org/\x00",
        "file:///etc/passwd",
        "gopher://example.org/_x",
        "ftp://example.org/",
        "http://me:secret@example.org/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://\u2460\u2461\u2466.0.0.1/",
        "http://127.0.0.1\uff0f@example.org/",
        "http://10.0.0.1/",
        "http://1.1.1.1:22/",
    ],
)
def test_refused_without_a_look_up(address: str) -> None:
    looked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        return ["1.1.1.1"]

    error = refused(lambda: Door(resolver=resolver).fetch(address))
    assert looked == []
    assert "secret" not in str(error)


def test_the_plain_door_refuses_this_machine(server: Server) -> None:
    refused(lambda: fetch(f"http://127.0.0.1:{server.port}/"))
    refused(lambda: fetch(f"http://localhost:{server.port}/"))
    refused(lambda: fetch(f"http://[::ffff:127.0.0.1]:{server.port}/"))
    assert server.asked == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
     ["fe80::1%lo"], ["0.0.0.0"], ["not an address"], [""], ["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]],
)  # fmt: skip
def test_a_public_name_of_a_private_address(addresses: list[str]) -> None:
    """Each address of a name counts, also where another one is public."""
    refused(lambda: Door(resolver=lambda host, port: addresses).fetch("http://example.org/"))


def test_a_name_is_looked_up_once(server: Server) -> None:
    """DNS rebinding: the second look-up would give another address, and there is none."""
    answers = iter([[LOCAL], ["127.0.0.2"], ["127.0.0.2"]])
    checked: list[str] = []

    def admitted(address: str, port: int) -> bool:
        checked.append(address)
        return address == LOCAL

    got = Door(resolver=lambda host, port: next(answers), admitted=admitted).fetch(url(server))
    assert got.data == b"hello"
    assert checked == [LOCAL]
    assert next(answers) == ["127.0.0.2"], "it was looked up more than once"


def test_the_connection_goes_to_the_checked_address(server: Server) -> None:
    """The name is of a reserved domain, which no resolver of the system knows."""
    assert door(server).fetch(url(server)).data == b"hello"


def test_the_next_address_is_tried(server: Server) -> None:
    names = {"pages.example": ["127.0.0.9", LOCAL]}
    got = door(server, names, admitted=lambda address, port: True).fetch(url(server))
    assert got.data == b"hello"


def test_an_unknown_name(server: Server) -> None:
    error = refused(lambda: door(server).fetch(url(server, host="nowhere.example")), "unreadable")
    assert "nowhere.example is not known" in str(error)


def test_nobody_listens(server: Server) -> None:
    nobody = Door(resolver=lambda host, port: [LOCAL], admitted=lambda address, port: True)
    refused(lambda: nobody.fetch("http://pages.example:9/"), "unreadable")


def test_international_names(server: Server) -> None:
    got = door(server, {"xn--bcher-kva.example": [LOCAL]}).fetch(url(server, host="Bücher.example"))
    assert got.final_url == url(server, host="xn--bcher-kva.example")
    assert server.asked[0].headers["host"] == f"xn--bcher-kva.example:{server.port}"


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert door(server).fetch(url(server)).data == b"hello"


# --- redirects --------------------------------------------------------------------------------------------


def leading(*targets: str, status: int = 302) -> dict[str, bytes | Reply]:
    """/0 leads to the first target, /1 to the second ..."""
    return {f"/{n}": Reply(status=status, headers={"Location": target}) for n, target in enumerate(targets)}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(server: Server, status: int) -> None:
    """A server that sends UTF-8 in a header; the test's one writes Latin-1."""
    server.answer = site({**leading("/end?x=\u00c3\u00a9", status=status), "/end?x=%C3%A9": b"there"})
    got = door(server).fetch(url(server, "/0"))
    assert (got.data, got.final_url) == (b"there", url(server, "/end?x=%C3%A9"))
    assert got.url == url(server, "/0")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "//10.0.0.1/",
        "http://localhost/",
        "http://metadata.google.internal/",
        "http://inner.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:text/html,hello",
        "http://me:pw@pages.example/",
        "http://127.0.0.1\\@1.1.1.1/",
        "http://2130706433/",
        "http://[::1",
        "http://1.1.1.1:6379/",
    ],
)
def test_each_redirect_is_checked(server: Server, target: str) -> None:
    server.answer = site(leading("/1", target))
    error = refused(lambda: door(server, {"inner.example": ["10.0.0.5"]}).fetch(url(server, "/0")))
    assert len(server.asked) == 2
    assert error.source == url(server, "/0")


def test_a_redirect_to_the_other_machine_behind_the_same_name(server: Server) -> None:
    """Each hop looks its name up again, and checks what it then gets."""
    answers = iter([[LOCAL], ["127.0.0.2"]])
    server.answer = site({**leading("/1"), "/1": b"secret"})
    moving = Door(resolver=lambda host, port: next(answers), admitted=lambda address, port: address == LOCAL)
    refused(lambda: moving.fetch(url(server, "/0")))
    assert len(server.asked) == 1


def test_redirects_end(server: Server) -> None:
    server.answer = site({**leading(*(f"/{n + 1}" for n in range(5))), "/5": b"there"})
    assert door(server).fetch(url(server, "/0")).data == b"there"
    server.answer = site({**leading(*(f"/{n + 1}" for n in range(6))), "/6": b"there"})
    assert "5 redirects" in str(refused(lambda: door(server).fetch(url(server, "/0")), "limit"))
    server.answer = site(leading("/0"))
    refused(lambda: door(server).fetch(url(server, "/0")), "limit")


def test_nothing_private_goes_along_a_redirect(server: Server) -> None:
    reply = Reply(status=302, headers={"Location": "/1", "Set-Cookie": "a=b"})
    server.answer = site({"/0": reply, "/1": b"there"})
    door(server).fetch(url(server, "/0"))
    assert not {"cookie", "referer"} & set(server.asked[1].headers)


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Server, Any]]:
    server = Server(site({"/": b"hello", **leading("http://pages.example/")}))
    trust = server.encrypt(tmp_path)
    with server.serving() as started:
        yield started, trust


def test_tls_is_verified_for_the_name_not_the_number(encrypted: tuple[Server, Any]) -> None:
    server, trust = encrypted
    names = {"other.example": [LOCAL]}
    assert door(server, names, tls=trust).fetch(f"https://pages.example:{server.port}/").data == b"hello"
    assert server.names == ["pages.example"]
    error = refused(lambda: door(server, names, tls=trust).fetch(f"https://other.example:{server.port}/"), "unreadable")
    assert "certificate" in str(error).lower()
    refused(lambda: door(server, names, tls=trust).fetch(f"https://127.0.0.1:{server.port}/"), "unreadable")
    refused(lambda: door(server, names).fetch(f"https://pages.example:{server.port}/"), "unreadable")
    assert len(server.asked) == 1


def test_no_way_from_encrypted_to_plain(encrypted: tuple[Server, Any]) -> None:
    server, trust = encrypted
    error = refused(lambda: door(server, tls=trust).fetch(f"https://pages.example:{server.port}/0"))
    assert "not encrypted" in str(error)


# --- limits -------------------------------------------------------------------------------------------------


def test_size(server: Server) -> None:
    server.answer = site({"/": b"x" * 1000})
    assert len(door(server).fetch(url(server), limits=Limits(size=1000)).data) == 1000
    error = refused(lambda: door(server).fetch(url(server), limits=Limits(size=999)), "limit")
    assert "1,000 bytes" in str(error)


def test_size_of_what_has_no_length(server: Server) -> None:
    sent = [0]

    def pieces() -> Iterator[bytes]:
        for sent[0] in range(10_000):
            yield b"x" * 10_000

    server.answer = lambda asked: Reply(pieces=pieces())
    refused(lambda: door(server).fetch(url(server), limits=Limits(size=10**6)), "limit")
    assert server.left.acquire(timeout=5)
    assert sent[0] < 9_999


def test_packed_and_bombs(server: Server) -> None:
    packed = {"Content-Encoding": "gzip"}
    server.answer = site({
        "/": Reply(gzip.compress(b"hello"), headers=packed),
        "/bomb": Reply(gzip.compress(bytes(50_000_000)), headers=packed),
        "/damaged": Reply(b"no gzip", headers=packed),
        "/br": Reply(b"x", headers={"Content-Encoding": "br"}),
    })  # fmt: skip
    assert door(server).fetch(url(server)).data == b"hello"
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"
    refused(lambda: door(server).fetch(url(server, "/bomb")), "limit")
    refused(lambda: door(server).fetch(url(server, "/damaged")), "damaged")
    refused(lambda: door(server).fetch(url(server, "/br")), "damaged")


def test_time_in_all(server: Server) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.05)
            yield b"x"

    server.answer = lambda asked: Reply(pieces=trickle())
    started = time.monotonic()
    error = refused(lambda: door(server).fetch(url(server), limits=Limits(seconds=0.4)), "limit")
    assert time.monotonic() - started < 2
    assert "longer than the 0.4 s" in str(error)


def test_silence(server: Server) -> None:
    stop = threading.Event()

    def answer(asked: object) -> Reply:
        stop.wait(5)
        return Reply(b"late")

    server.answer = answer
    error = refused(lambda: door(server).fetch(url(server), limits=Limits(silence=0.2)), "limit")
    stop.set()
    assert "said nothing for 0.2 s" in str(error)


def test_a_resolver_that_hangs(server: Server) -> None:
    stop = threading.Event()

    def resolver(host: str, port: int) -> Sequence[str]:
        stop.wait(10)
        return [LOCAL]

    started = time.monotonic()
    refused(lambda: door(server, resolver=resolver).fetch(url(server), limits=Limits(seconds=0.3)), "limit")
    assert time.monotonic() - started < 2
    stop.set()


def test_a_header_without_end(server: Server) -> None:
    server.answer = lambda asked: Reply(headers={"X": "x" * 300_000})
    refused(lambda: door(server).fetch(url(server)), "unreadable")


# --- what servers say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, "missing"), (410, "missing"), (401, "refused"), (403, "refused"), (429, "unreadable"), (500, "unreadable"),
     (206, "unreadable"), (304, "unreadable"), (302, "unreadable"), (999, "unreadable")],
)  # fmt: skip
def test_statuses(server: Server, status: int, kind: str) -> None:
    server.answer = lambda asked: Reply(b"no", status)
    error = refused(lambda: door(server).fetch(url(server)), kind)
    assert error.source == url(server)
    assert str(status) in str(error) or status == 302


def test_unchanged(server: Server) -> None:
    def answer(asked: Any) -> Reply:
        same = asked.headers.get("if-none-match") == '"7"' or "if-modified-since" in asked.headers
        return Reply(status=304, headers={"ETag": '"7"'}) if same else Reply(b"new", headers={"ETag": '"7"'})

    server.answer = answer
    got = door(server).fetch(url(server), etag='"7"')
    assert (got.unchanged, got.data, got.etag) == (True, b"", '"7"')
    assert door(server).fetch(url(server), modified="Mon, 01 Jan 2024 00:00:00 GMT").unchanged
    got = door(server).fetch(url(server), etag='"6"')
    assert (got.unchanged, got.data) == (False, b"new")


def test_nothing_sent(server: Server) -> None:
    server.answer = site({"/": b""})
    refused(lambda: door(server).fetch(url(server)), "empty")


@pytest.mark.parametrize("raw", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"\0" * 5000])
def test_no_http(server: Server, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "reply", lambda to, told: (to.wfile.write(raw), setattr(to, "close_connection", True)))
    refused(lambda: door(server).fetch(url(server)), "unreadable")


def test_cut_off(server: Server) -> None:
    server.answer = lambda asked: Reply(pieces=iter([b"half"]), headers={"Content-Length": "100"})
    refused(lambda: door(server).fetch(url(server)), "unreadable")


def test_inside_a_running_loop(server: Server) -> None:
    async def fetches() -> tuple[Fetched, Fetched]:
        return door(server).fetch(url(server)), await door(server).afetch(url(server))

    assert [got.data for got in asyncio.run(fetches())] == [b"hello", b"hello"]
