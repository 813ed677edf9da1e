"""The endpoint, driven by the official OpenAI client and by LangChain over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from langchain_openai import ChatOpenAI
from rag.pipelines.serve.app import application

from rag.answer import Done, Event, Evidenced, Query, Selection, Settings, TextPiece
from rag.cli import main
from rag.corpus import Corpus
from rag.errors import GenerationError
from tests.golden import images
from tests.pipelines.conftest import hashed  # noqa: F401

KEY = "a-key-of-callers"
ASKED = [{"role": "user", "content": "Where does the rain gauge stand?"}]


class Running:
    """A server in a thread, at a free port of this machine."""

    def __init__(self, corpus: Any, **options: Any) -> None:
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        app = application(corpus, **options)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],), daemon=True)

    def __enter__(self) -> Running:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listening.close()

    def client(self, key: str = KEY) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.base}/v1", api_key=key, max_retries=0)


@pytest.fixture
def served(hashed: Path) -> Iterator[Running]:  # noqa: F811
    corpus = Corpus(hashed)
    corpus.add([("gauge.txt", b"The rain gauge stands on the roof of the school.")], labels={"team": "open"}, workers=0)
    corpus.add([("photo.png", images.png(90, 90))], labels={"team": "open"}, workers=0)
    corpus.add([("secret.txt", b"The zeppelin leaves at midnight.")], labels={"team": "closed"}, workers=0)
    with Running(corpus.restricted({"label.team": "open"}), key=KEY) as running:
        yield running


def test_the_official_client_lists_the_model(served: Running) -> None:
    client = served.client()
    assert [one.id for one in client.models.list()] == ["argus"]
    assert client.models.retrieve("argus").owned_by == "argus-rag"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt")


def test_an_answer_has_its_sources_and_its_evidence(served: Running) -> None:
    reply = served.client().chat.completions.create(model="argus", messages=ASKED)  # type: ignore[arg-type]
    content = reply.choices[0].message.content or ""
    assert "roof of the school" in content
    assert content.splitlines()[-1].startswith("[1] gauge.txt")
    assert reply.choices[0].finish_reason == "stop"
    told: Any = reply.model_extra
    assert told["argus"]["evidence"][0]["source"] == "gauge.txt"
    assert told["argus"]["abstained"] is False


def test_a_stream_says_the_same(served: Running) -> None:
    client = served.client()
    whole = client.chat.completions.create(model="argus", messages=ASKED)  # type: ignore[arg-type]
    chunks = list(
        client.chat.completions.create(
            model="argus", messages=ASKED, stream=True, stream_options={"include_usage": True}  # type: ignore[arg-type]
        )
    )  # fmt: skip
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == (
        whole.choices[0].message.content
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert len({one.id for one in chunks}) == 1


def test_langchain_chats_with_it(served: Running) -> None:
    model = ChatOpenAI(base_url=f"{served.base}/v1", api_key=KEY, model="argus", max_retries=0)  # type: ignore[arg-type]
    assert "roof of the school" in str(model.invoke("Where does the rain gauge stand?").content)
    pieces = [str(one.content) for one in model.stream("Where does the rain gauge stand?")]
    assert "roof of the school" in "".join(pieces)


def test_what_is_not_there_is_said_and_what_is_hidden_is_not(served: Running) -> None:
    client = served.client()
    for stream in (False, True):
        question = [{"role": "user", "content": "When does the zeppelin leave?"}]
        reply: Any = client.chat.completions.create(model="argus", messages=question, stream=stream)  # type: ignore[call-overload]
        if stream:
            text = "".join(one.choices[0].delta.content or "" for one in reply)
        else:
            text = reply.choices[0].message.content
            assert reply.model_extra["argus"]["abstained"] is True
        assert text.startswith("The documents do not answer this")
        assert "midnight" not in text
        assert "secret" not in text


def test_evidence_can_be_opened_by_its_id(served: Running) -> None:
    reply: Any = served.client().chat.completions.create(model="argus", messages=ASKED)  # type: ignore[arg-type]
    id = reply.model_extra["argus"]["evidence"][0]["chunk_id"]
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=served.base, headers=headers, trust_env=False) as http:
        assert http.get(f"/v1/chunks/{id}").json()["source"] == "gauge.txt"
        assert http.get("/v1/chunks/0123456789abcdef").status_code == 404
        assert http.get("/v1/chunks/..%2f..%2fetc").status_code == 404


def test_a_picture_is_drawn(served: Running, hashed: Path) -> None:  # noqa: F811
    with Corpus(hashed) as corpus:
        chunks = corpus.store.catalog.chunks([id for _, id in corpus.store.catalog.live_ids()])
        ids = {chunk.origin.source.uri: id for id, chunk in chunks.items()}
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=served.base, headers=headers, trust_env=False) as http:
        drawn = http.get(f"/v1/chunks/{ids['photo.png']}/image")
        assert drawn.content.startswith(b"\x89PNG")
        assert http.get(f"/v1/chunks/{ids['secret.txt']}/image").status_code == 404


def test_the_key_the_host_and_the_type_are_checked(served: Running) -> None:
    with pytest.raises(openai.AuthenticationError):
        served.client("wrong").models.list()
    with httpx.Client(base_url=served.base, trust_env=False) as http:
        assert http.get("/health").json() == {"status": "ok"}
        assert http.get("/v1/models").status_code == 401
        assert http.get("/health", headers={"Host": "evil.example"}).status_code == 400
        key = {"Authorization": f"Bearer {KEY}"}
        plain = http.post("/v1/chat/completions", headers={**key, "Content-Type": "text/plain"}, content=b"{}")
        assert plain.status_code == 415
        large = http.post(
            "/v1/chat/completions", headers={**key, "Content-Type": "application/json"}, content=b"1" * 2**22
        )
        assert large.status_code == 413


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "gpt-4", "messages": ASKED}, "model"),
        ({"model": "argus"}, "messages"),
        ({"model": "argus", "messages": []}, "messages"),
        ({"model": "argus", "messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"model": "argus", "messages": [*ASKED, {"role": "assistant", "content": "x"}]}, "messages"),
        ({"model": "argus", "messages": [{"role": "pirate", "content": "x"}]}, "messages[0].role"),
        ({"model": "argus", "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"model": "argus", "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}]}]}, "messages[0].content[0]"),
        ({"model": "argus", "messages": ASKED, "n": 2}, "n"),
        ({"model": "argus", "messages": ASKED, "temperature": 9}, "temperature"),
        ({"model": "argus", "messages": ASKED, "temperature": "hot"}, "temperature"),
        ({"model": "argus", "messages": ASKED, "max_tokens": True}, "max_tokens"),
        ({"model": "argus", "messages": ASKED, "stop": [1]}, "stop"),
        ([], None),
    ],
)  # fmt: skip
def test_a_bad_request_names_what_is_wrong(served: Running, body: object, param: str | None) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    reply = httpx.post(f"{served.base}/v1/chat/completions", headers=headers, content=json.dumps(body), trust_env=False)
    assert reply.status_code in (400, 404)
    error = reply.json()["error"]
    assert error["param"] == param
    assert error["message"]


def test_what_is_no_json_is_said(served: Running) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for content in (b"{", b"\xff\xfe", b"[" * 100_000):
        reply = httpx.post(f"{served.base}/v1/chat/completions", headers=headers, content=content, trust_env=False)
        assert (reply.status_code, "not JSON" in reply.json()["error"]["message"]) == (400, True)


class Slow:
    """A corpus whose stream goes on until it is closed; it remembers what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = threading.Event()
        self.query: Query | None = None
        self.settings: Settings | None = None
        self._error = error

    def ask(self, question: Query, *, settings: Settings) -> Any:
        raise self._error or GenerationError("no answer came", model="m")

    def show(self, id: str) -> Any:
        raise RuntimeError("a secret of the machine")

    async def stream(self, question: Query, *, settings: Settings) -> AsyncIterator[Event]:
        self.query, self.settings = question, settings
        try:
            yield Evidenced(Selection())
            yield TextPiece("one ")
            if self._error:
                raise self._error
            while True:
                await asyncio.sleep(0.02)
                yield TextPiece("more ")
        finally:
            self.closed.set()


def test_a_caller_who_leaves_stops_the_work() -> None:
    slow = Slow()
    with Running(slow) as running:
        stream = running.client().chat.completions.create(model="argus", messages=ASKED, stream=True)  # type: ignore[call-overload]
        for chunk in stream:
            if chunk.choices[0].delta.content == "more ":
                break
        stream.close()
        assert slow.closed.wait(5)


def test_the_conversation_and_the_settings_arrive() -> None:
    slow = Slow(GenerationError("the model is away", model="m"))
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "What is a gauge?"},
        {"role": "assistant", "content": "An instrument."},
        {"role": "user", "content": [{"type": "text", "text": "Where does it stand?"}]},
    ]
    with Running(slow, seconds=7) as running:
        with pytest.raises(openai.APIError, match="the model is away"):
            list(running.client().chat.completions.create(
                model="argus", messages=messages, stream=True, max_tokens=9, temperature=0.5, stop="END", seed=3  # type: ignore[call-overload]
            ))  # fmt: skip
        with pytest.raises(openai.InternalServerError) as failed:
            running.client().chat.completions.create(model="argus", messages=ASKED)  # type: ignore[arg-type]
        assert failed.value.status_code == 502
        hidden = httpx.get(f"{running.base}/v1/chunks/aa", trust_env=False)
    assert slow.query
    assert slow.query.text == "Where does it stand?"
    assert [(turn.role, turn.text) for turn in slow.query.history] == [
        ("user", "What is a gauge?"), ("assistant", "An instrument."),
    ]  # fmt: skip
    assert slow.settings == Settings(max_tokens=9, temperature=0.5, stop=("END",), seed=3, deadline=7)
    assert hidden.status_code == 500
    assert "secret of the machine" not in hidden.text


def test_done_without_pieces_is_told_whole() -> None:
    class Short(Slow):
        async def stream(self, question: Query, *, settings: Settings) -> AsyncIterator[Event]:
            from rag.answer import Answer

            yield Done(Answer("all at once"))

    with Running(Short()) as running:
        chunks = running.client().chat.completions.create(model="argus", messages=ASKED, stream=True)  # type: ignore[call-overload]
        assert "".join(one.choices[0].delta.content or "" for one in chunks) == "all at once"


def test_other_machines_need_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAG_KEY", raising=False)
    assert main(["serve", "--host", "0.0.0.0", "--corpus", str(tmp_path)]) == 2
    assert "set a key in RAG_KEY" in capsys.readouterr().err
