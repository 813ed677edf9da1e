"""The door to a server of the user's own choice, against real servers on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rag.endpoints import Endpoint
from rag.errors import ConfigError
from rag.net import EndpointError, endpoint
from rag.replies import seconds_to_wait, told
from tests.golden.servers import Asked, Reply, Server

KEY = "sk-secret-0123456789"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(lambda asked: Reply(b"{}")).serving() as started:
        yield started


def at(server: Server, path: str = "/v1", **options: Any) -> Endpoint:
    return endpoint(f"http://localhost:{server.port}{path}", **{"key": KEY, "timeout": 5.0, **options})


def replies(server: Server, **options: Any) -> None:
    server.answer = lambda asked: Reply(**options)


def stated(value: object, **options: Any) -> Reply:
    return Reply(json.dumps(value).encode(), headers={"Content-Type": "application/json"}, **options)


def events(pieces: Iterator[bytes]) -> Reply:
    return Reply(headers={"Content-Type": "text/event-stream; charset=utf-8"}, pieces=pieces)


def failure(call: Callable[[], object]) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        call()
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    return caught.value


def test_post(server: Server) -> None:
    server.answer = lambda asked: stated({"said": json.loads(asked.body)})
    assert at(server).post("chat/completions", {"text": "é😀"}) == {"said": {"text": "é😀"}}
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["host"] == f"localhost:{server.port}"
    assert asked.headers["content-type"] == "application/json"
    assert "referer" not in asked.headers


def test_other_methods(server: Server) -> None:
    server.answer = lambda asked: Reply(asked.method.encode())
    door = at(server)
    assert [door.send(method, "a?wait=true", b"[1]") for method in ("PUT", "DELETE")] == [b"PUT", b"DELETE"]
    assert door.send("GET", "b") == b"GET"
    assert [(one.path, one.body) for one in server.asked] == [
        ("/v1/a?wait=true", b"[1]"), ("/v1/a?wait=true", b"[1]"), ("/v1/b", b""),
    ]  # fmt: skip
    replies(server, status=404, body=b'{"status": {"error": "Not found: x"}, "time": 0.1}')
    assert "status 404: Not found: x" in str(failure(lambda: door.send("GET", "b")))


def test_headers_and_no_key(server: Server) -> None:
    at(server, key=None, headers={"api-key": "abc"}).post("x", {})
    assert server.asked[0].headers["api-key"] == "abc"
    assert "authorization" not in server.asked[0].headers


def test_post_inside_a_running_loop(server: Server) -> None:
    async def asks() -> dict[str, Any]:
        return at(server).post("x", {})

    assert asyncio.run(asks()) == {}


def test_many_threads_share_one(server: Server) -> None:
    shared = at(server)
    threads = [threading.Thread(target=shared.post, args=("x", {})) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 8


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert at(server).post("x", {}) == {}


def test_nothing_is_followed(server: Server) -> None:
    with Server(lambda asked: Reply(b'{"stolen": 1}')).serving() as other:
        replies(server, status=307, headers={"Location": f"http://localhost:{other.port}/x"})
        error = failure(lambda: at(server).post("x", {}))
        assert (error.status, other.asked) == (307, [])
        assert "not followed" in str(error)
        assert not error.may_retry


@pytest.mark.parametrize("path", ["../admin", "/../x", "x\\y", "x\r\nHost: y", "%2e%2e/%2e%2e/x"])
def test_a_path_stays_under_the_base(server: Server, path: str) -> None:
    with pytest.raises(ValueError):
        at(server).post(path, {})
    assert server.asked == []


@pytest.mark.parametrize("path", ["//evil.example/x", "http://evil.example/x", "@evil.example/x"])
def test_a_path_cannot_name_a_host(server: Server, path: str) -> None:
    at(server).post(path, {})
    assert server.asked[0].path.startswith("/v1/")


@pytest.mark.parametrize(
    ("status", "retry"), [(400, False), (401, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
def test_statuses(server: Server, status: int, retry: bool) -> None:
    replies(server, status=status, body=b'{"error": {"message": "no such model"}}', headers={"Retry-After": "7"})
    error = failure(lambda: at(server).post("x", {}))
    assert (error.status, error.kind, error.retry_after, error.may_retry) == (status, "status", 7.0, retry)
    assert f"status {status}: no such model" in str(error)


def test_a_server_that_repeats_the_key(server: Server) -> None:
    body = json.dumps({"error": {"message": f"wrong key {KEY}\x1b[2J"}}).encode()
    replies(server, status=401, body=body)
    message = str(failure(lambda: at(server).post("x", {})))
    assert "wrong key ***" in message
    assert message.isprintable()
    replies(server, body=f"no json but {KEY}".encode())
    assert "***" in str(failure(lambda: at(server).post("x", {})))


def test_a_header_that_a_server_repeats_is_not_told(server: Server) -> None:
    replies(server, status=400, body=b"wrong: abcdefgh-12345")
    with pytest.raises(EndpointError) as caught:
        at(server, headers={"api-key": "abcdefgh-12345"}).post("x", {})
    assert "abcdefgh" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"null", b"[" * 100_000, b'{"a": 1'])
def test_what_is_no_object(server: Server, body: bytes) -> None:
    replies(server, body=body)
    assert failure(lambda: at(server).post("x", {})).kind == "protocol"


def test_a_response_that_is_too_long(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.endpoints.RESPONSE_BYTES", 10_000)
    replies(server, pieces=iter([b"x" * 5000] * 50))
    assert failure(lambda: at(server).post("x", {})).kind == "limit"


def test_a_long_error_is_cut(server: Server) -> None:
    replies(server, status=500, pieces=iter([b"no " * 5000] * 50))
    error = failure(lambda: at(server).post("x", {}))
    assert error.status == 500
    assert len(str(error)) < 700


def test_nobody_there() -> None:
    error = failure(lambda: endpoint("http://127.0.0.1:9", key=KEY).post("x", {}))
    assert (error.kind, error.status, error.may_retry) == ("connect", 0, True)


def test_hanging_up(server: Server) -> None:
    replies(server, headers={"Content-Length": "100"}, body=b"{")
    assert failure(lambda: at(server).post("x", {})).kind in ("connect", "protocol")


def test_silence_and_deadline(server: Server) -> None:
    stop = threading.Event()

    def slowly(asked: Asked) -> Reply:
        stop.wait(5)
        return Reply(b"{}")

    server.answer = slowly
    started = time.monotonic()
    error = failure(lambda: at(server, timeout=0.2).post("x", {}))
    assert (error.kind, error.may_retry) == ("timeout", True)
    assert "said nothing for 0.2 s" in str(error)
    assert "longer than the 0.3 s" in str(failure(lambda: at(server).post("x", {}, deadline=0.3)))
    assert time.monotonic() - started < 3
    stop.set()


def test_a_trickle_does_not_outlast_the_deadline(server: Server) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    server.answer = lambda asked: Reply(pieces=trickle())
    started = time.monotonic()
    assert failure(lambda: at(server, timeout=1.0).post("x", {}, deadline=0.5)).kind == "timeout"
    assert time.monotonic() - started < 2


# --- streams ------------------------------------------------------------------------------------------


def streamed(server: Server, stop_at: str = "", **options: Any) -> list[str]:
    async def read() -> list[str]:
        found = []
        async with at(server).stream("chat/completions", {"stream": True}, **options) as payloads:
            async for payload in payloads:
                found.append(payload)
                if payload == stop_at:
                    break
        return found

    return asyncio.run(read())


def test_stream(server: Server) -> None:
    server.answer = lambda asked: events(iter([b'data: {"a"', b': "\xc3', b'\xa9"}\n\nda', b"ta: [DONE]\n\n"]))
    assert streamed(server) == ['{"a": "é"}', "[DONE]"]
    assert server.asked[0].headers["accept"] == "text/event-stream"
    assert json.loads(server.asked[0].body) == {"stream": True}


def test_payloads_come_as_they_are_sent(server: Server) -> None:
    """The second piece is sent only when the first was read."""
    told_first = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"data: first\n\n"
        assert told_first.wait(5)
        yield b"data: second\n\n"

    server.answer = lambda asked: events(pieces())

    async def read() -> list[str]:
        found = []
        async with at(server).stream("x", {}) as payloads:
            async for payload in payloads:
                found.append(payload)
                told_first.set()
        return found

    assert asyncio.run(read()) == ["first", "second"]


def endless() -> Iterator[bytes]:
    for number in range(1000):
        yield f"data: {number}\n\n".encode()
        time.sleep(0.01)


def test_leaving_closes_the_connection(server: Server) -> None:
    server.answer = lambda asked: events(endless())
    assert streamed(server, stop_at="3") == ["0", "1", "2", "3"]
    assert server.left.acquire(timeout=5)


def test_cancelling_closes_the_connection(server: Server) -> None:
    server.answer = lambda asked: events(endless())

    async def cancelled() -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async with at(server).stream("x", {}) as payloads:
                async for _ in payloads:
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert server.left.acquire(timeout=5)


def test_the_reader_s_own_errors_stay_his(server: Server) -> None:
    server.answer = lambda asked: events(endless())

    async def read() -> None:
        async with at(server).stream("x", {}) as payloads:
            async for _ in payloads:
                raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(read())
    assert server.left.acquire(timeout=5)


def test_a_stream_that_fails(server: Server) -> None:
    replies(server, status=429, headers={"Retry-After-Ms": "1500"})
    error = failure(lambda: streamed(server))
    assert (error.status, error.retry_after) == (429, 1.5)
    server.answer = lambda asked: stated({"choices": []})
    assert "application/json" in str(failure(lambda: streamed(server)))


def test_a_stream_that_stalls(server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"data: a\n\n"
        time.sleep(2)

    server.answer = lambda asked: events(pieces())
    started = time.monotonic()
    assert failure(lambda: streamed(server, deadline=0.3)).kind == "timeout"
    assert time.monotonic() - started < 1.5


def test_an_event_that_is_too_long(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.endpoints.EVENT_BYTES", 10_000)
    server.answer = lambda asked: events(iter([b"data: ", *[b"x" * 1000] * 50]))
    assert failure(lambda: streamed(server)).kind == "limit"


# --- configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://localhost/", "http://me:pw@localhost/", "http://localhost/v1?key=x", "http://"]
)
def test_base_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url") as caught:
        endpoint(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://vllm_server/v1", "http://192.168.1.7:8000", "http://[::1]:80"]
)
def test_any_host_of_the_user_s_own(url: str) -> None:
    assert endpoint(url).origin.startswith("http://")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"key": "sk-a\nX: y"}, "the key"),
        ({"key": "sk-\u00e9\u00e9\u00e9"}, "the key"),
        ({"headers": {"X": "a\r\nb"}}, "X"),
        ({"headers": {"Host": "other"}}, "Host"),
        ({"headers": {"a b": "c"}}, "a b"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_settings_that_are_wrong(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        endpoint("http://localhost", **options)
    assert "sk-" not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    one = endpoint("https://api.example.org/v1", key=KEY, headers={"api-key": KEY})
    assert repr(one) == "<endpoint https://api.example.org>"
    assert KEY not in str(one)


def test_seconds_to_wait() -> None:
    assert seconds_to_wait("12") == 12.0
    assert seconds_to_wait("0") == 0.0
    assert seconds_to_wait("", "250") == 0.25
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (seconds_to_wait(later) or 0) <= 60
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_to_wait("999999999") == 24 * 3600
    for wrong in ("", "soon", "-3", "1e9", "nan", "inf", "12;x", "\u0662"):
        assert seconds_to_wait(wrong) is None


def test_told() -> None:
    assert told(b'{"detail": "no"}') == "no"
    assert told(b'{"message": "no"}') == "no"
    assert told(b'{"error": "no"}') == "no"
    assert told(b'{"error": {"type": "x"}}').startswith('{"error"')
    assert told(b"") == "(nothing was said)"
    assert told("a\u202eb\u200b\x07".encode()) == "a b"
    assert told(b"[" * 10**5).startswith("[[")
