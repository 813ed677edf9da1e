"""Moments: the clip around a hit decides among the hits that have a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.retrievers.clips import XPool, cosine
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.moments import Moments

from rag.answer import Query, query
from rag.document import Chunk, TimeSpan
from tests.golden.catalogs import MemoryCatalog, document
from tests.retrievers.lists import Listed

DIM = 4
AXES = np.eye(DIM, dtype=np.float32)


class Asked:
    """Encodes each question as the first axis."""

    def encode_queries(self, queries: Sequence[Query]) -> Any:
        return np.repeat(AXES[:1], len(queries), axis=0)


def recording(name: str, spans: Sequence[tuple[float, float]], kinds: str) -> list[Chunk]:
    """Chunks of a recording: i for a frame, t for speech."""
    made = document(name, [f"{name} {number}" for number in range(len(spans))])
    return [
        replace(one, modality="image" if kind == "i" else "text", origin=replace(one.origin, places=(TimeSpan(*span),)))
        for one, span, kind in zip(made, spans, kinds, strict=True)
    ]


FILM = recording("film", [(0, 1), (2, 5), (60, 61), (62, 65), (200, 201)], "ititi")
PAGES = document("page", ["page 0", "page 1"])


def moments(tmp_path: Path, listed: Sequence[tuple[Chunk, float]], vectors: dict[str, Any], **options: Any) -> Moments:
    index = Exact(tmp_path, DIM)
    index.add(list(vectors), np.stack(list(vectors.values())))
    index.commit(1)
    return Moments(Listed(listed), Asked(), index, MemoryCatalog([*FILM, *PAGES]), **options)  # type: ignore[arg-type]


def texts(retriever: Moments, k: int = 9) -> list[str]:
    return [str(hit.chunk.text) for hit in retriever.retrieve([query("x")], k)[0]]


def test_what_is_said_nearby_lifts_a_frame(tmp_path: Path) -> None:
    """Frames 0 and 2 look alike; what is said beside frame 2 answers. Pages keep their ranks."""
    vectors = {FILM[0].id: AXES[1], FILM[1].id: AXES[2], FILM[2].id: AXES[1], FILM[3].id: AXES[0]}
    listed = [(PAGES[0], 0.9), (FILM[0], 0.8), (PAGES[1], 0.7), (FILM[2], 0.6)]
    found = moments(tmp_path, listed, vectors)
    assert texts(found) == ["page 0", "film 2", "page 1", "film 0"]
    hits = found.retrieve([query("x")], 9)[0]
    assert hits[1].score == 0.6
    assert hits[1].parts["moments"].rank == 1
    assert hits[1].parts["moments"].score == pytest.approx(0.8 * 0.6), "its own frame says nothing"
    (half, *_) = moments(tmp_path, listed, vectors, own=0.5).retrieve([query("x")], 2)[0][1:]
    assert half.parts["moments"].score == pytest.approx(0.5 * 0.6)
    unit = moments(tmp_path, listed, vectors, renormalise=True).retrieve([query("x")], 2)[0][1]
    assert unit.parts["moments"].score == pytest.approx(0.8 * 0.6 / (0.6**2 + 0.4**2) ** 0.5)
    assert texts(moments(tmp_path, listed, vectors, alpha=0.0)) == ["page 0", "film 0", "page 1", "film 2"]


def test_time_bounds_a_clip(tmp_path: Path) -> None:
    vectors = {FILM[0].id: AXES[1], FILM[2].id: AXES[1], FILM[3].id: AXES[0]}
    listed = [(FILM[0], 0.8), (FILM[2], 0.6)]
    assert texts(moments(tmp_path, listed, vectors)) == ["film 2", "film 0"]
    assert texts(moments(tmp_path, listed, vectors, seconds=1000.0)) == ["film 0", "film 2"]
    assert texts(moments(tmp_path, listed, vectors, reach=0)) == ["film 0", "film 2"]


def test_one_frame_of_a_clip_is_enough(tmp_path: Path) -> None:
    """The mean of three frames hides the one that answers; the softmax does not."""
    film = recording("film", [(0, 1), (1, 2), (2, 3), (100, 101)], "iiii")
    half = (0.9 * AXES[0] + AXES[1]) / np.float32((0.81 + 1) ** 0.5)
    index = Exact(tmp_path, DIM)
    index.add([one.id for one in film], np.stack([AXES[0], AXES[1], AXES[2], half]))
    index.commit(1)
    listed = Listed([(film[3], 0.9), (film[1], 0.8)])
    for pooling, first in (("softmax", "film 1"), ("mean", "film 3")):
        found = Moments(listed, Asked(), index, MemoryCatalog(film), pooling=pooling, seconds=5.0)  # type: ignore[arg-type]
        assert texts(found)[0] == first


def spoken(spans: Sequence[tuple[float, float]]) -> list[Chunk]:
    """As ingest makes them: a frame with what is said while it is shown is one chunk."""
    return [replace(one, modality="video", role="speech") for one in recording("film", spans, "t" * len(spans))]


def test_of_two_moments_in_one_clip_the_one_that_answers_is_first(tmp_path: Path) -> None:
    """The last of three has less beside it, so its mean is the nearer one; what it says is something else."""
    film = recording("film", [(0, 5), (5, 10), (10, 15)], "ttt")
    vectors = {film[0].id: AXES[1], film[1].id: AXES[0], film[2].id: AXES[2]}
    index = Exact(tmp_path, DIM)
    index.add(list(vectors), np.stack(list(vectors.values())))
    index.commit(1)
    listed = Listed([(film[2], 0.9), (film[1], 0.8)])
    for own, first in ((0.0, "film 2"), (0.2, "film 1")):
        found = Moments(listed, Asked(), index, MemoryCatalog(film), seconds=0.0, own=own)  # type: ignore[arg-type]
        assert texts(found)[0] == first


def test_frames_and_speech_of_one_chunk_have_a_vector_each(tmp_path: Path) -> None:
    """Both moments look alike; what is said in the second answers, and lies in an index of its own."""
    film = spoken([(0, 5), (60, 65)])
    frames, words = Exact(tmp_path / "frames", DIM), Exact(tmp_path / "words", DIM)
    frames.add([one.id for one in film], np.stack([AXES[1], AXES[1]]))
    words.add([one.id for one in film], np.stack([AXES[2], AXES[0]]))
    for index in (frames, words):
        index.commit(1)
    listed, catalog = Listed([(film[0], 0.9), (film[1], 0.8)]), MemoryCatalog(film)

    def found(**options: Any) -> Any:
        return Moments(listed, Asked(), frames, catalog, **options).retrieve([query("x")], 9)[0]  # type: ignore[arg-type]

    assert [hit.chunk.text for hit in found()] == ["film 0", "film 1"], "a frame alone"
    both = found(words=words)
    assert [hit.chunk.text for hit in both] == ["film 1", "film 0"]
    assert both[0].parts["moments"].score == pytest.approx(0.6), "alpha of speech, none of the frame"
    assert both[0].chunk.origin.places == (TimeSpan(60, 65),), "the moment is the hit"


def test_a_frame_in_which_nothing_is_seen_weighs_nothing(tmp_path: Path) -> None:
    film = recording("film", [(0, 1), (1, 2), (60, 61)], "iii")
    vectors = {film[0].id: 0 * AXES[0], film[1].id: AXES[1] + AXES[0], film[2].id: AXES[1]}
    index = Exact(tmp_path, DIM)
    index.add(list(vectors), np.stack(list(vectors.values())))
    index.commit(1)
    listed = Listed([(film[2], 0.9), (film[0], 0.8)])
    hits = Moments(listed, Asked(), index, MemoryCatalog(film), pooling="mean", own=0.0).retrieve([query("x")], 9)[0]  # type: ignore[arg-type]
    assert hits[0].parts["moments"].score == pytest.approx(0.5**0.5)


def test_attention_with_weights_of_a_file(tmp_path: Path) -> None:
    """X-Pool as it is before training pools as its class does."""
    from safetensors.numpy import save_file

    pool = XPool.identity(DIM)
    save_file({name: one.astype(np.float32) for name, one in pool.weights.items()}, tmp_path / "x.safetensors")
    vectors = {FILM[0].id: AXES[0], FILM[2].id: AXES[1]}
    found = moments(tmp_path / "index", [(FILM[0], 0.8)], vectors, pooling="xpool", seconds=99.0, alpha=0.0, own=0.0,
                    weights=str(tmp_path / "x.safetensors"))  # fmt: skip
    told = found.retrieve([query("x")], 1)[0][0].parts["moments"].score
    assert told == pytest.approx(cosine(AXES[0], pool(AXES[0], AXES[:2])[0]), abs=1e-6)


def test_a_long_clip_is_narrowed_to_frames_that_differ(tmp_path: Path) -> None:
    """Twenty frames of one picture and one that answers: the mean of all hides it, that of two candidates does not."""
    film = recording("film", [(at, at + 1) for at in range(21)], "i" * 21)
    vectors = {one.id: AXES[1] for one in film[:20]} | {film[20].id: AXES[0]}
    scores = {}
    for frames in (0, 2):
        found = moments(tmp_path / str(frames), [(film[20], 0.9)], vectors, pooling="mean", own=0.0, reach=30,
                        seconds=99.0, frames=frames)  # fmt: skip
        object.__setattr__(found, "catalog", MemoryCatalog(film))
        scores[frames] = found.retrieve([query("x")], 1)[0][0].parts["moments"].score
    assert scores[0] == pytest.approx(1 / (1 + 400) ** 0.5, abs=1e-5)
    assert scores[2] == pytest.approx(0.5**0.5, abs=1e-5)


def test_speech_and_frames_weigh_what_alpha_says(tmp_path: Path) -> None:
    """f(V) = alpha speech + (1 - alpha) frames, f_q . f(V): sides that disagree count no more than others."""
    film = spoken([(0, 5), (60, 65)])
    frames, words = Exact(tmp_path / "frames", DIM), Exact(tmp_path / "words", DIM)
    near = (AXES[0] + AXES[1]) / np.float32(2**0.5)
    frames.add([one.id for one in film], np.stack([near, (AXES[0] - AXES[1]) / np.float32(2**0.5)]))
    words.add([one.id for one in film], np.stack([near, near]))
    for index in (frames, words):
        index.commit(1)
    listed = Listed([(film[0], 0.9), (film[1], 0.8)])
    found = Moments(listed, Asked(), frames, MemoryCatalog(film), words=words)  # type: ignore[arg-type]
    scores = [hit.parts["moments"].score for hit in found.retrieve([query("x")], 9)[0]]
    assert scores == pytest.approx([0.5**0.5, 0.5**0.5]), "all four cosines are the same"


def test_a_scorer_of_subsets_sees_frames_in_the_order_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = recording("film", [(0, 1), (1, 2), (2, 3)], "iii")
    vectors = dict(zip((one.id for one in film), AXES, strict=False))
    given: list[Any] = []
    monkeypatch.setattr("rag.retrievers.moments.selected", lambda rows, *_, **__: given.append(rows) or [0])
    found = moments(tmp_path, [(film[2], 0.9)], vectors, frames=2, seconds=99.0)
    object.__setattr__(found, "catalog", MemoryCatalog(film))
    found.retrieve([query("x")], 1)
    assert np.array_equal(given[0], AXES[:3])


def test_without_vectors_or_times_nothing_changes(tmp_path: Path) -> None:
    listed = [(FILM[4], 0.9), (PAGES[0], 0.8), (FILM[0], 0.7)]
    assert texts(moments(tmp_path, listed, {"other": AXES[0]})) == ["film 4", "page 0", "film 0"]
    assert texts(moments(tmp_path, listed, {FILM[0].id: AXES[0]})) == ["film 0", "page 0", "film 4"]
    assert texts(moments(tmp_path, [(PAGES[0], 1.0)], {"other": AXES[0]})) == ["page 0"]
    assert texts(moments(tmp_path, listed, {FILM[0].id: AXES[0]}), 1) == ["film 0"]
    assert moments(tmp_path, listed, {"other": AXES[0]}).retrieve([query("x")], 0) == [[]]


def test_bad_options_are_refused(tmp_path: Path) -> None:
    for options in (
        {"alpha": 2.0},
        {"own": -0.1},
        {"seconds": -1.0},
        {"pooling": "best"},
        {"pooling": "xpool"},
        {"nearest": 0},
    ):
        with pytest.raises(ValueError):
            moments(tmp_path, [], {"other": AXES[0]}, **options)
