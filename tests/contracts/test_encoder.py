"""What holds for every encoder of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.minilm import MiniLM

from rag.answer import query
from tests.golden.catalogs import document
from tests.golden.encoders import HashEncoder

# name -> (how to make one, another whose vectors or chunks may differ)
ENCODERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "hash": (HashEncoder, lambda: HashEncoder(dim=32)),
    "minilm": (MiniLM, lambda: MiniLM(max_tokens=128)),
}
CHUNKS = document(
    "moons",
    [
        "Mars has two moons, Phobos and Deimos.",
        "x",
        "The complete elliptic integral of the first kind. " * 40,
        "表 ∑ ½ ﬁ",
        "Mars has two moons, Phobos and Deimos!",
    ],
)


@pytest.fixture(params=ENCODERS, scope="module")
def encoder(request: pytest.FixtureRequest) -> Any:
    return ENCODERS[request.param][0]()


def test_shape_type_and_length(encoder: Any) -> None:
    for vectors in (encoder.encode_chunks(CHUNKS), encoder.encode_queries([query("moons"), query("x \ud800")])):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == encoder.dim
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_alone_is_as_in_a_batch_in_any_order(encoder: Any) -> None:
    together = encoder.encode_chunks(CHUNKS)
    for row, chunk in enumerate(CHUNKS):
        assert np.abs(encoder.encode_chunks([chunk])[0] - together[row]).max() <= 1e-5
    assert np.abs(encoder.encode_chunks(CHUNKS[::-1])[::-1] - together).max() <= 1e-5
    asked = [query("How many moons has Mars?"), query("elliptic"), query("a")]
    many = encoder.encode_queries(asked)
    assert np.abs(np.concatenate([encoder.encode_queries([one]) for one in asked]) - many).max() <= 1e-5


def test_a_query_that_is_the_text_of_a_chunk_has_its_vector(encoder: Any) -> None:
    chunk = CHUNKS[0]
    assert np.abs(encoder.encode_queries([query(chunk.text)]) - encoder.encode_chunks([chunk])).max() <= 1e-5


def test_meaning_is_nearer_than_none(encoder: Any) -> None:
    vectors = encoder.encode_chunks(CHUNKS)
    scores = encoder.encode_queries([query("Which moons does Mars have?")])[0] @ vectors.T
    assert scores[0] > scores[2]
    assert scores[0] > scores[3]


@pytest.mark.parametrize("name", ENCODERS)
def test_nothing_to_encode_loads_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ENCODERS[name][0]()
    monkeypatch.setattr("rag.retrievers.encoders.runtime.compiled", _fail)
    assert encoder.encode_queries([]).shape == (0, encoder.dim)
    assert encoder.encode_chunks([]).shape == (0, encoder.dim)
    assert encoder.count([]) == []


def _fail(*_: object) -> None:
    raise AssertionError("a model was loaded")


@pytest.mark.parametrize("name", ENCODERS)
def test_fingerprint_is_stable_and_follows_the_options(name: str) -> None:
    make, other = ENCODERS[name]
    assert make().fingerprint == make().fingerprint
    assert make().fingerprint != other().fingerprint


def test_what_it_says_of_itself(encoder: Any) -> None:
    assert encoder.name
    assert encoder.dim > 0
    assert encoder.modalities <= {"text", "table", "image", "audio", "video"}
    assert encoder.view in ("text", "contextual", "summary", "pixels")


def test_counts_tokens(encoder: Any) -> None:
    counts = encoder.count(["", "moon", "two moons of Mars"])
    assert counts[0] == 0
    assert counts[1] >= 1
    assert counts[2] > counts[1]
    assert encoder.limit > 0
