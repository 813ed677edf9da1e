"""Derived indexes follow the catalog through the outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import registry
from rag.store import derived
from rag.store import writer as writing
from rag.store.derived import TextSink, VectorSink, rebuild_all, replay
from rag.store.resolving import lasting
from rag.store.writer import Writer
from tests.rag.store.small import Doc, ingested, key, piece

if TYPE_CHECKING:
    from rag.store.derived import Sink

A = Doc("a.pdf", [piece("rain in march", 1), piece("", 1, "page", "image"), piece("sun", 2)], title="Weather")
B = Doc("b.pdf", [piece("snow")], title="Cold")
FINGERPRINT = "fake-1"


class Fake:
    """An index in memory that knows its generation and counts its work."""

    def __init__(self) -> None:
        self.generation = -1
        self.held: dict[str, Any] = {}
        self.waiting: dict[str, Any] = {}
        self.cleared = 0
        self.added: list[str] = []
        self.told: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.held)

    def add(self, ids: Sequence[str], values: Sequence[Any], labels: Sequence[Any] = ()) -> None:
        assert len(ids) == len(values)
        self.told.update(zip(ids, labels, strict=False))
        self.added += ids
        self.waiting.update(zip(ids, values, strict=True))

    def remove(self, ids: Sequence[str]) -> None:
        for id in ids:
            self.waiting[id] = None

    def clear(self) -> None:
        self.cleared += 1
        self.held, self.waiting = {}, {}
        self.generation = -1

    def commit(self, generation: int) -> None:
        self.held.update(self.waiting)
        self.held = {id: value for id, value in self.held.items() if value is not None}
        self.waiting, self.generation = {}, generation
        self.added = []


class Corpus:
    """A writer with two fake indexes over its catalog."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "catalog.sqlite"
        self.writer = Writer(self.path)
        self.encoder = self.writer.encoder(FINGERPRINT, "fake", 2)
        self.text, self.vectors = Fake(), Fake()

    @property
    def sinks(self) -> list[Sink]:
        return [
            TextSink(cast(Any, self.text)),
            VectorSink("fake", cast(Any, self.vectors), "text", FINGERPRINT, 2),
        ]

    def replay(self) -> None:
        replay(self.path, self.sinks)

    def add(self, doc: Doc, derivation: str = "d1") -> None:
        ingested(self.writer, doc, derivation, vectors=self.encoder)

    def outbox(self) -> int:
        with closing(sqlite3.connect(self.path)) as rows:
            return int(rows.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def matches(self, *docs: Doc) -> bool:
        expected = {
            chunk.id: (chunk.text, " ".join([*chunk.headings, doc.title]))
            for doc in docs for chunk in doc.chunks() if chunk.text
        }  # fmt: skip
        assert self.text.held == expected
        assert {id: vector.tolist() for id, vector in self.vectors.held.items()} == {
            id: [len(text), 1] for id, (text, _) in expected.items()
        }
        return True


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    one = Corpus(tmp_path)
    yield one
    one.writer.close()


def test_what_is_new_is_added(corpus: Corpus) -> None:
    corpus.replay()
    assert corpus.text.generation == corpus.vectors.generation == 0
    corpus.add(A)
    corpus.add(B)
    corpus.replay()
    assert corpus.matches(A, B)
    assert corpus.text.generation == 2
    assert corpus.outbox() == 0
    assert corpus.text.cleared == 1, "built anew once, at the beginning"


def test_a_vector_index_is_told_what_never_changes(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.replay()
    first, _, second = A.chunks()
    assert corpus.vectors.told[first.id] == lasting(A.digest, "text", "paragraph", 1, 1)
    assert corpus.vectors.told[second.id] == lasting(A.digest, "text", "paragraph", 2, 2)
    assert corpus.text.told == {}


def test_a_long_build_tells_how_far_it_is(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "_TOLD_EVERY", 2)
    monkeypatch.setattr(derived, "BATCH", 1)
    for number in range(5):
        corpus.add(Doc(f"{number}.txt", [piece(f"text {number}")]))
    told: list[Any] = []
    rebuild_all(corpus.path, corpus.sinks, told.append)
    assert [(one["stage"], one["done"], one["total"]) for one in told] == [
        ("index text", 2, 5), ("index text", 4, 5), ("index fake", 2, 5), ("index fake", 4, 5),
    ]  # fmt: skip


def test_an_index_that_is_up_to_date_is_left_alone(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.replay()
    corpus.text.held["mark"] = "mine"
    corpus.replay()
    assert corpus.text.held["mark"] == "mine"


def test_what_is_gone_is_removed(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.add(B)
    corpus.replay()
    corpus.writer.remove(key("a.pdf"))
    corpus.replay()
    assert corpus.matches(B)
    assert corpus.text.cleared == 1


def test_removed_and_added_again_before_a_replay(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.replay()
    corpus.writer.remove(key("a.pdf"))
    corpus.add(A)
    corpus.add(A, "d2")
    corpus.replay()
    assert corpus.matches(A)
    corpus.add(A, "d3")
    corpus.writer.remove(key("a.pdf"))
    corpus.replay()
    assert corpus.matches()


def test_rows_of_documents_are_used_again(corpus: Corpus) -> None:
    """SQLite gives the row of a removed document to the next one: the outbox names it twice."""
    corpus.replay()
    corpus.add(A)
    corpus.writer.remove(key("a.pdf"))
    corpus.add(B)
    corpus.replay()
    assert corpus.matches(B)


def test_the_same_work_is_not_done_twice(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.replay()
    corpus.add(A)
    made = {chunk.views[0].digest: np.array([1, 1], np.float32) for chunk in A.chunks() if chunk.text}
    for _ in range(20):
        corpus.writer.add_encoded(corpus.encoder, made)
    calls: list[int] = []
    fill = TextSink.fill

    def counted(sink: TextSink, rows: sqlite3.Connection, documents: Sequence[int] | None) -> None:
        calls.append(len(documents or ()))
        fill(sink, rows, documents)

    monkeypatch.setattr(TextSink, "fill", counted)
    corpus.replay()
    assert calls == [1]
    assert corpus.matches(A)


def test_vectors_that_came_later_reach_the_index(corpus: Corpus) -> None:
    ingested(corpus.writer, A)
    corpus.replay()
    assert len(corpus.vectors) == 0
    made = {chunk.views[0].digest: np.array([len(chunk.text), 1], np.float32) for chunk in A.chunks() if chunk.text}
    corpus.writer.add_encoded(corpus.encoder, made)
    corpus.replay()
    assert corpus.matches(A)


@pytest.mark.parametrize("generation", [-1, 99])
def test_an_index_that_says_so_or_is_ahead_is_built_anew(corpus: Corpus, generation: int) -> None:
    corpus.add(A)
    corpus.replay()
    corpus.text.held, corpus.text.generation = {"stale": "x"}, generation
    corpus.add(B)
    corpus.replay()
    assert corpus.matches(A, B)
    assert corpus.text.cleared == 2
    assert corpus.vectors.cleared == 1


def test_an_index_that_missed_too_much_is_built_anew(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.replay()
    corpus.add(B)
    replay(corpus.path, corpus.sinks[:1])
    assert corpus.outbox() == 0, "the vector index was away, and what it needed is forgotten"
    corpus.add(Doc("c.pdf", [piece("late")], title="C"))
    corpus.replay()
    assert corpus.matches(A, B, Doc("c.pdf", [piece("late")], title="C"))
    assert corpus.vectors.cleared == 2


def test_an_index_that_asks_for_it_afterwards_is_built_anew(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.add(B)
    corpus.replay()
    commit, asked = corpus.text.commit, []

    def drifting(generation: int) -> None:
        commit(generation)
        if not asked:
            asked.append(generation)
            corpus.text.generation = -1

    corpus.text.commit = drifting  # type: ignore[method-assign]
    corpus.writer.remove(key("a.pdf"))
    corpus.replay()
    assert corpus.text.generation == 3
    assert corpus.text.cleared == 2
    assert corpus.matches(B)


def test_everything_anew(corpus: Corpus) -> None:
    corpus.add(A)
    corpus.text.held["stale"] = "x"
    rebuild_all(corpus.path, corpus.sinks)
    assert corpus.matches(A)
    assert corpus.text.generation == corpus.vectors.generation == 1


def test_a_stop_between_two_indexes_is_made_good(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.add(A)

    def stopped(step: str) -> None:
        assert step == "index:text"
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "on_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        corpus.replay()
    assert corpus.vectors.generation == -1
    assert corpus.outbox() == 1, "what an index still needs is kept"
    monkeypatch.undo()
    corpus.replay()
    assert corpus.matches(A)


DOCS = [replace(A, name=f"d{n}", sources=[(f"d{n}", {})], title=f"T{n}") for n in range(3)]
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 2)),
        st.tuples(st.sampled_from(["replay", "lose text", "lose vectors", "only text"]), st.just(0)),
    ),
    max_size=15,
)


@settings(max_examples=30, deadline=None)
@given(todo=steps)
def test_whatever_happens_a_replay_makes_it_right(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[str, int]]
) -> None:
    corpus = Corpus(tmp_path_factory.mktemp("corpus"))
    live: dict[int, int] = {}
    for number, (step, doc) in enumerate(todo):
        if step == "add":
            corpus.add(DOCS[doc], f"derivation {number}")
            live[doc] = number
        elif step == "remove":
            corpus.writer.remove(key(DOCS[doc].name))
            live.pop(doc, None)
        elif step == "only text":
            replay(corpus.path, corpus.sinks[:1])
        elif step == "replay":
            corpus.replay()
        else:
            setattr(corpus, step.split()[1], Fake())
    corpus.replay()
    assert corpus.matches(*(DOCS[doc] for doc in live))
    corpus.replay()
    assert corpus.matches(*(DOCS[doc] for doc in live))
    corpus.writer.close()


def test_the_real_indexes(corpus: Corpus, tmp_path: Path) -> None:
    def opened() -> tuple[Any, Any, list[Sink]]:
        text = registry.load("retrievers/indexes/tantivy")(tmp_path / "text")
        vectors = registry.load("retrievers/indexes/exact")(tmp_path / "vectors", 2)
        return text, vectors, [TextSink(text), VectorSink("fake", vectors, "text", FINGERPRINT, 2)]

    corpus.add(A)
    corpus.add(B)
    text, vectors, sinks = opened()
    replay(corpus.path, sinks)
    assert [id for id, _ in text.search([["rain"]], 9)[0]] == [A.chunks()[0].id]
    assert [id for id, _ in text.search([["weather"]], 9)[0]] == [
        chunk.id for chunk in sorted(A.chunks(), key=lambda c: c.id) if chunk.text
    ]
    assert len(vectors) == len(text) == 3

    corpus.writer.remove(key("a.pdf"))
    replay(corpus.path, sinks)
    assert text.search([["rain"]], 9) == [[]]
    assert len(vectors) == len(text) == 1
    assert text.generation == vectors.generation == 3

    corpus.add(A)
    text, vectors, sinks = opened()
    assert text.generation == vectors.generation == 3, "as another process finds them"
    replay(corpus.path, sinks)
    assert [id for id, _ in text.search([["rain"]], 9)[0]] == [A.chunks()[0].id]
    longest = vectors.search(np.array([[1, 0]], np.float32), 1)[0][0]
    assert longest == (A.chunks()[0].id, 13.0)
    assert vectors.vectors([A.chunks()[2].id]).tolist() == [[3, 1]]
