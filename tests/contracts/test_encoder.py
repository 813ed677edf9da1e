"""What holds for every encoder, of words or of pixels."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.clip import CLIP
from rag.retrievers.encoders.interleaved import Interleaved
from rag.retrievers.encoders.minilm import MiniLM

from rag.answer import Query, query
from rag.document import Chunk
from tests.golden.catalogs import document
from tests.golden.checkpoints import kept_pictures, made, page_encoder, pictures
from tests.golden.encoders import HashEncoder
from tests.golden.openclip_checkpoints import Kind, openclip
from tests.golden.tower_checkpoints import towers

LOOKING = ("pixels", "document", "section")


@cache
def towered(**options: Any) -> CLIP:
    """Two towers over a tiny checkpoint, with assets of its own that hold `pictures()`."""
    folder = Path(mkdtemp(prefix="argus-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return CLIP(str(towers(folder / "model", "clip")), assets=kept_pictures(folder / "assets"), **options)


@cache
def openclipped(kind: Kind, **options: Any) -> CLIP:
    """Two towers over a tiny checkpoint of OpenCLIP's, with assets of its own that hold `pictures()`."""
    folder = Path(mkdtemp(prefix="argus-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return CLIP(str(openclip(folder / "model", kind)), assets=kept_pictures(folder / "assets"), **options)


@cache
def interleaved(**options: Any) -> Interleaved:
    """Documents over a tiny checkpoint; the contract gives it chunks one by one."""
    folder = Path(mkdtemp(prefix="argus-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return Interleaved(str(made(folder / "model", "idefics3")), assets=kept_pictures(folder / "assets"), **options)


# name -> (how to make one, another whose vectors or chunks may differ)
ENCODERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "hash": (HashEncoder, lambda: HashEncoder(dim=32)),
    "minilm": (MiniLM, lambda: MiniLM(max_tokens=128)),
    "visrag": (page_encoder, lambda: page_encoder(pooling="mean")),
    "clip": (towered, lambda: towered(template="a photo of {}")),
    "openclip": (lambda: openclipped("clip"), lambda: openclipped("clip", template="a photo of {}")),
    "openclip-siglip": (lambda: openclipped("siglip", batch=3), lambda: openclipped("siglip", dpi=100)),
    "interleaved": (interleaved, lambda: interleaved(unit="section")),
    "visrag-batched": (lambda: page_encoder(batch=3), lambda: page_encoder(batch=3, pooling="last")),
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


PICTURES = pictures()


def chunks_for(encoder: Any) -> list[Chunk]:
    return PICTURES if encoder.view in LOOKING else CHUNKS


def question_of(chunk: Chunk) -> Query:
    """The question that is what the chunk shows."""
    return Query((chunk.media,)) if chunk.media else query(chunk.text)


@pytest.fixture(params=ENCODERS, scope="module")
def encoder(request: pytest.FixtureRequest) -> Any:
    return ENCODERS[request.param][0]()


def test_shape_type_and_length(encoder: Any) -> None:
    for vectors in (
        encoder.encode_chunks(chunks_for(encoder)),
        encoder.encode_queries([query("moons"), query("x \ud800")]),
    ):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == encoder.dim
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_alone_is_as_in_a_batch_in_any_order(encoder: Any) -> None:
    chunks = chunks_for(encoder)
    together = encoder.encode_chunks(chunks)
    for row, chunk in enumerate(chunks):
        assert np.abs(encoder.encode_chunks([chunk])[0] - together[row]).max() <= 1e-5
    assert np.abs(encoder.encode_chunks(chunks[::-1])[::-1] - together).max() <= 1e-5
    asked = [query("How many moons has Mars?"), query("elliptic"), query("a")]
    many = encoder.encode_queries(asked)
    assert np.abs(np.concatenate([encoder.encode_queries([one]) for one in asked]) - many).max() <= 1e-5


def test_a_query_that_is_what_a_chunk_shows_has_its_vector(encoder: Any) -> None:
    chunk = chunks_for(encoder)[0]
    assert np.abs(encoder.encode_queries([question_of(chunk)]) - encoder.encode_chunks([chunk])).max() <= 1e-5


def test_meaning_is_nearer_than_none(encoder: Any) -> None:
    vectors = encoder.encode_chunks(chunks_for(encoder))
    asked = question_of(PICTURES[0]) if encoder.view in LOOKING else query("Which moons does Mars have?")
    scores = encoder.encode_queries([asked])[0] @ vectors.T
    assert scores[0] > scores[2]
    assert scores[0] > scores[3]


@pytest.mark.parametrize("name", ENCODERS)
def test_nothing_to_encode_loads_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ENCODERS[name][0]()
    monkeypatch.setattr("rag.retrievers.encoders.runtime.compiled", _fail)
    monkeypatch.setattr("rag.retrievers.encoders.backbone.opened", _fail)
    assert encoder.encode_queries([]).shape == (0, encoder.dim)
    assert encoder.encode_chunks([]).shape == (0, encoder.dim)
    assert encoder.view in LOOKING or encoder.count([]) == []


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
    assert encoder.view in ("text", "contextual", "summary", *LOOKING)


@pytest.mark.parametrize("name", ["hash", "minilm"])
def test_counts_tokens(name: str) -> None:
    encoder = ENCODERS[name][0]()
    counts = encoder.count(["", "moon", "two moons of Mars"])
    assert counts[0] == 0
    assert counts[1] >= 1
    assert counts[2] > counts[1]
    assert encoder.limit > 0
