"""Embedding endpoints, against a server on this machine that speaks the four styles."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.remote import KEY, URL, Remote

from rag.answer import Query, query
from rag.document import Media
from rag.errors import ConfigError
from rag.net import EndpointError, endpoint
from rag.store.assets import FolderAssets
from tests.golden.catalogs import document
from tests.golden.checkpoints import kept_pictures, pictures

DIM = 8
PHOTOS = pictures()
TEXTS = document("moons", ["Mars has two moons.", "The sea.", "Red.", "x", "Five chunks in all."])


def vector_of(said: str) -> list[float]:
    """What the model of the server gives for words or a picture: a function of them alone, not of length 1."""
    random = np.random.default_rng(sum(said.encode()) + len(said))
    return [float(one) for one in 3 * random.standard_normal(DIM)]


class Embeddings:
    """`script` holds (status, headers, body) to answer first; `seen` what came: path, body, headers."""

    def __init__(self) -> None:
        self.script: list[tuple[int, dict[str, str], Any]] = []
        self.seen: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.seen.append((self.path, body, {k.lower(): v for k, v in self.headers.items()}))
                status, headers, answer = api.script.pop(0) if api.script else (200, {}, answered(self.path, body))
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


def answered(path: str, body: dict[str, Any]) -> dict[str, Any]:
    if path == "/v1/embed":
        return {"embeddings": {"float": [vector_of(json.dumps(one)) for one in body["inputs"]]}}
    if path == "/v1/multimodalembeddings":
        given = [json.dumps(one) for one in body["inputs"]]
    elif "messages" in body:
        given = [json.dumps(body["messages"])]
    else:
        given = [one if isinstance(one, str) else json.dumps(one) for one in body["input"]]
    listed = [{"index": number, "embedding": vector_of(one)} for number, one in enumerate(given)]
    return {"data": listed[::-1]}


@pytest.fixture
def api() -> Iterator[Embeddings]:
    made = Embeddings()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> FolderAssets:
    return kept_pictures(tmp_path_factory.mktemp("assets"))


def remote(api: Embeddings, **options: Any) -> Remote:
    made = Remote("m", DIM, net=endpoint(api.url, key="a-secret-key"), **options)
    made._sleep = lambda _: None
    return made


def media(number: int) -> Media:
    found = PHOTOS[number].media
    assert found is not None
    return found


@pytest.mark.parametrize("style", ["openai", "jina", "voyage", "cohere"])
def test_alone_is_as_in_a_batch_and_in_order(style: Any, api: Embeddings, assets: FolderAssets) -> None:
    words = [remote(api, style=style, batch=size) for size in (1, 3)]
    looks = [remote(api, style=style, view="pixels", batch=size, assets=assets) for size in (1, 3)]
    asked = [query("red"), Query(("what", media(0))), Query((media(1),)), query(""), Query(("a",), minus=("b",))]
    for alone, together in (
        [one.encode_chunks(TEXTS) for one in words],
        [one.encode_chunks(PHOTOS) for one in looks],
        [one.encode_queries(asked) for one in looks],
    ):
        assert alone.dtype == np.float32
        assert np.abs(alone - together).max() <= 1e-6
        assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)
        assert len({tuple(one) for one in alone.round(4).tolist()}) == len(alone)


def test_a_vector_is_the_servers_of_that_text_made_unit(api: Embeddings) -> None:
    made = remote(api, batch=2).encode_queries([query(one) for one in ("a", "bb", "ccc")])
    wanted = np.array([vector_of(one) for one in ("a", "bb", "ccc")])
    assert np.abs(made - wanted / np.linalg.norm(wanted, axis=1, keepdims=True)).max() < 1e-6
    assert [body["input"] for _, body, _ in api.seen] == [["a", "bb"], ["ccc"]]


def test_requests_are_as_each_maker_documents_them(api: Embeddings, assets: FolderAssets) -> None:
    both = Query((media(0), "red"))
    for style in ("openai", "jina", "voyage", "cohere"):
        encoder = remote(api, style=style, view="pixels", assets=assets)
        encoder.encode_queries([both])
        encoder.encode_chunks(PHOTOS[:1])
    paths = [path for path, _, _ in api.seen]
    bodies = [body for _, body, _ in api.seen]
    assert paths == ["/v1/embeddings"] * 4 + ["/v1/multimodalembeddings"] * 2 + ["/v1/embed"] * 2
    content = bodies[0]["messages"][0]["content"]
    assert [one["type"] for one in content] == ["image_url", "text"]
    kind, _, data = content[0]["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert b64decode(data).startswith(b"\x89PNG")
    assert [bodies[2]["task"], bodies[3]["task"]] == ["retrieval.query", "retrieval.passage"]
    assert [list(one) for one in bodies[2]["input"]] == [["image"], ["text"]]
    assert b64decode(bodies[2]["input"][0]["image"]).startswith(b"\x89PNG")
    assert [bodies[4]["input_type"], bodies[5]["input_type"]] == ["query", "document"]
    assert [one["type"] for one in bodies[4]["inputs"][0]["content"]] == ["image_base64", "text"]
    assert [bodies[6]["input_type"], bodies[7]["input_type"]] == ["search_query", "search_document"]
    assert bodies[6]["embedding_types"] == ["float"]
    assert all(headers["authorization"] == "Bearer a-secret-key" for _, _, headers in api.seen)


def test_pictures_go_one_a_request_where_the_server_takes_one(api: Embeddings, assets: FolderAssets) -> None:
    remote(api, view="pixels", assets=assets, batch=8).encode_chunks(PHOTOS)
    assert len(api.seen) == 4
    api.seen.clear()
    remote(api, view="pixels", style="cohere", assets=assets, batch=3).encode_chunks(PHOTOS)
    assert [len(body["inputs"]) for _, body, _ in api.seen] == [3, 1]


def test_requests_are_of_bounded_size_and_pictures_drawn_as_they_are_sent(
    api: Embeddings, assets: FolderAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = remote(api, view="pixels", style="voyage", assets=assets, batch=3)
    whole = encoder.encode_chunks(PHOTOS)
    sizes = [len(one["content"][0]["image_base64"]) for _, body, _ in api.seen for one in body["inputs"]]
    monkeypatch.setattr("rag.retrievers.encoders.remote.MOST_BYTES", sizes[0] + sizes[1])
    api.seen.clear()
    drawn: list[int] = []
    stored = encoder._stored
    monkeypatch.setattr(encoder, "_stored", lambda chunk: (drawn.append(len(api.seen)), stored(chunk))[1])
    assert np.array_equal(encoder.encode_chunks(PHOTOS), whole)
    assert len(api.seen) > 2, "more requests than batches"
    assert len(api.seen[0][1]["inputs"]) == 2
    assert drawn[:3] == [0, 0, 0]
    assert drawn[3] > 0, "the fourth picture is drawn when three are sent"


def test_what_may_pass_is_tried_again_and_what_may_not_is_told(api: Embeddings) -> None:
    waited: list[float] = []
    encoder = remote(api, attempts=3)
    encoder._sleep = waited.append
    api.script = [(503, {}, {"error": "busy"}), (429, {"Retry-After": "7"}, {"error": "slow down"})]
    assert encoder.encode_queries([query("a")]).shape == (1, DIM)
    assert len(waited) == 2
    assert waited[1] >= 7
    api.script = [(500, {}, {})] * 3
    with pytest.raises(EndpointError):
        encoder.encode_queries([query("a")])
    assert len(waited) == 4
    api.script = [(401, {}, {"error": {"message": "wrong key a-secret-key"}})]
    with pytest.raises(EndpointError) as caught:
        encoder.encode_queries([query("a")])
    assert len(waited) == 4
    assert "a-secret-key" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [{}, {"data": []}, {"data": [{"index": 0, "embedding": [1.0]}]}, {"data": [{"index": 0, "embedding": "x"}]},
     {"data": [{"index": 0, "embedding": [float("nan")] * DIM}]}, {"data": 3}],
)  # fmt: skip
def test_an_answer_without_its_vectors_is_an_error(answer: Any, api: Embeddings) -> None:
    api.script = [(200, {}, answer)]
    with pytest.raises(ConfigError, match="answered with"):
        remote(api).encode_queries([query("a")])


def test_the_address_is_the_users_own(api: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    encoder = Remote("m", DIM)
    assert encoder.encode_chunks([]).shape == (0, DIM), "opening and naming ask nobody"
    assert encoder.fingerprint
    with pytest.raises(ConfigError, match=URL):
        encoder.encode_queries([query("a")])
    monkeypatch.setenv(URL, api.url)
    monkeypatch.setenv(KEY, "another-key")
    assert Remote("m", DIM).encode_queries([query("a")]).shape == (1, DIM)
    assert api.seen[0][2]["authorization"] == "Bearer another-key"


def test_the_fingerprint_follows_the_model_and_not_the_address(api: Embeddings) -> None:
    prints = [Remote("m", DIM), Remote("n", DIM), Remote("m", 9), Remote("m", DIM, style="jina"),
              Remote("m", DIM, view="pixels")]  # fmt: skip
    assert len({one.fingerprint for one in prints}) == len(prints)
    assert remote(api, batch=3).fingerprint == prints[0].fingerprint
    for options in ({"style": "x"}, {"view": "x"}, {"attempts": 0}, {"batch": 0}):
        with pytest.raises(ValueError):
            Remote("m", DIM, **options)
