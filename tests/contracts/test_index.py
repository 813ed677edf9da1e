"""What holds for every index of vectors: one a chunk, or many (late interaction). Committed before each look.

Qdrant runs in this process, and as the server that it is on the wire: the stand-in of `tests/golden/qdrants`,
or a real one where ARGUS_TEST_QDRANT is its address.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.indexes import qdrant
from rag.retrievers.indexes.chroma import Chroma
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.maxsim import MaxSim
from rag.retrievers.indexes.qdrant import Qdrant, QdrantTokens
from rag.retrievers.indexes.unhubbed import Unhubbed

from rag.document import Chunk, Labels
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.store.catalog import Catalog
from rag.store.resolving import lasting
from tests.golden.qdrants import QdrantServer
from tests.rag.store.small import Doc, admitted, filled, piece

DIM = 16
DOCS = (
    Doc("one.txt", [piece(f"first {n}", n) for n in range(1, 21)], [("one.txt", {"year": 2019})], title="One"),
    Doc("two.txt", [piece(f"second {n}", n) for n in range(1, 21)], [("two.txt", {"year": 2020})], title="Two"),
    Doc(
        "twin.pdf",
        [piece("a"), piece("b", None, "table", "table"), piece("", 2, "page", "image"), piece("c", 3, "note")],
        [("in/twin.pdf", {"year": 2021, "team": "red"}), ("out/twin.pdf", {"team": "blue", "draft": True})],
        title="Twin",
    ),
    Doc("last.pdf", [piece("d", 7), piece("e", 8, "table", "table")], [("in/last.pdf", {"year": "2020"})]),
)
CHUNKS = [chunk for doc in DOCS for chunk in doc.chunks()]
IDS = [chunk.id for chunk in CHUNKS]


def of(doc: Doc) -> list[str]:
    return [chunk.id for chunk in doc.chunks()]


def told(chunk: Chunk) -> Labels:
    """What an index is told of a chunk."""
    pages = [place.page for place in chunk.origin.places if hasattr(place, "page")] or [None]
    return lasting(chunk.origin.source.digest, chunk.modality, chunk.role, pages[0], pages[-1])


LABELS = {chunk.id: told(chunk) for chunk in CHUNKS}


@dataclass(frozen=True)
class Kind:
    """Vectors of one kind: `make` them (unit length, that many tokens each), `take` rows, `score` two of them."""

    make: Callable[[Sequence[int], int], Any]
    take: Callable[[Any, Sequence[int]], Any]
    score: Callable[[Any, Any], float]
    close: float
    """What rounding may change of a score of four tokens."""
    kept: float
    """What rounding may change of a stored number."""


def units(count: int, seed: int = 0) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ragged(sizes: Sequence[int], seed: int = 0) -> Any:
    vectors = units(sum(sizes), seed)
    return [vectors[end - size : end] for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True)]


def maxsim(query: Any, chunk: Any) -> float:
    return float((query.astype(np.float64) @ chunk.astype(np.float64).T).max(axis=1).sum())


DENSE = Kind(
    lambda sizes, seed: units(len(sizes), seed), lambda vectors, rows: vectors[list(rows)],
    lambda query, chunk: float(query.astype(np.float64) @ chunk.astype(np.float64)), 1e-5, 1e-6,
)  # fmt: skip
RAGGED = Kind(ragged, lambda vectors, rows: [vectors[row] for row in rows], maxsim, 5e-3, 1e-3)

INDEXES: dict[str, tuple[Kind, Callable[[Path, Any], Any]]] = {
    "chroma": (DENSE, lambda folder, catalog: Chroma(folder / "index", DIM, catalog)),
    "exact": (DENSE, lambda folder, catalog: Exact(folder / "index", DIM, catalog)),
    "maxsim": (RAGGED, lambda folder, catalog: MaxSim(folder / "index", DIM, catalog)),
    "qdrant": (DENSE, lambda folder, catalog: Qdrant(folder / "index", DIM, catalog)),
    "qdrant served": (DENSE, lambda folder, catalog: Qdrant(folder / "index", DIM, catalog, True, True)),
    "qdrant tokens": (RAGGED, lambda folder, catalog: QdrantTokens(folder / "index", DIM, catalog)),
    "qdrant tokens served": (RAGGED, lambda folder, catalog: QdrantTokens(folder / "index", DIM, catalog, True, True)),
    "unhubbed": (DENSE, lambda folder, catalog: Unhubbed(folder / "index", DIM, catalog)),
}


@dataclass(frozen=True)
class Case:
    """An index, and vectors of its kind for IDS."""

    kind: Kind
    index: Any
    vectors: Any

    def add(self, rows: Sequence[int], vectors: Any = None) -> None:
        ids = [IDS[row] for row in rows]
        given = self.kind.take(self.vectors, rows) if vectors is None else vectors
        self.index.add(ids, given, [LABELS[id] for id in ids])
        self.index.commit(1)

    def queries(self, sizes: Sequence[int], seed: int) -> Any:
        return self.kind.make(sizes, seed)

    def near(self, row: int) -> Any:
        """A query for what is like one of the vectors."""
        return self.kind.take(self.vectors, [row])

    def expected(self, query: Any, k: int, ids: Sequence[str] = IDS) -> list[str]:
        scores = [self.kind.score(query, self.vectors[IDS.index(id)]) for id in ids]
        return [id for _, id in sorted(zip([-one for one in scores], ids, strict=True))][:k]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    one = Catalog(filled(tmp_path_factory.mktemp("corpus") / "catalog.sqlite", *DOCS))
    yield one
    one.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a Qdrant server."""
    if given := os.environ.get("ARGUS_TEST_QDRANT"):
        yield given
        return
    with QdrantServer().serving() as server:
        yield server.url


@pytest.fixture(params=INDEXES)
def case(
    request: pytest.FixtureRequest, tmp_path: Path, catalog: Catalog, address: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Case]:
    monkeypatch.setenv("QDRANT_URL", address)
    kind, build = INDEXES[request.param]
    index = build(tmp_path, catalog)
    yield Case(kind, index, kind.make([1 + n % 19 for n in range(len(IDS))], 0))
    if "served" in request.param and (state := index._state()):  # a real server keeps what it was given
        qdrant._OPEN.served().delete_collection(state["collection"])


EVERY = range(len(IDS))


def test_finds_the_nearest_best_first(case: Case) -> None:
    case.add(EVERY)
    queries = case.queries([4, 1, 3, 2], 1)
    for query, found in zip(queries, case.index.search(queries, 7), strict=True):
        assert [id for id, _ in found] == case.expected(query, 7)
        for id, score in found:
            wanted = case.kind.score(query, case.vectors[IDS.index(id)])
            assert score == pytest.approx(wanted, abs=case.kind.close)


def test_keeps_vectors(case: Case) -> None:
    case.add(EVERY)
    assert len(case.index) == len(IDS)
    for number, found in zip((5, 0, 33), case.index.vectors([IDS[5], IDS[0], IDS[33]]), strict=True):
        assert found.dtype == np.float32
        assert found.shape == case.vectors[number].shape
        assert np.abs(found - case.vectors[number]).max() <= case.kind.kept
    assert len(case.index.vectors([])) == 0
    with pytest.raises(KeyError):
        case.index.vectors(["nobody"])


def test_adding_again_replaces(case: Case) -> None:
    case.add(EVERY)
    case.add([0], case.near(1))
    assert len(case.index) == len(IDS)
    (found,) = case.index.search(case.near(1), 2)
    assert [id for id, _ in found] == sorted(IDS[:2])
    assert case.index.vectors([IDS[0]])[0].shape == case.vectors[1].shape


def test_removed_is_not_found(case: Case) -> None:
    case.add(EVERY)
    case.index.remove([IDS[3], "nobody"])
    case.index.commit(1)
    assert len(case.index) == len(IDS) - 1
    (found,) = case.index.search(case.near(3), len(IDS))
    assert IDS[3] not in dict(found)
    assert len(found) == len(IDS) - 1
    case.add([3])
    assert case.index.search(case.near(3), 1)[0][0][0] == IDS[3]


def test_k_beyond_all_gives_all_and_none_gives_none(case: Case) -> None:
    case.add(EVERY)
    (query,) = queries = case.queries([3], 2)
    for k in (len(IDS), len(IDS) + 1, 10_000):
        assert [id for id, _ in case.index.search(queries, k)[0]] == case.expected(query, k)
    assert case.index.search(queries, 0) == [[]]
    assert case.index.search(queries, -1) == [[]]
    assert case.index.search(case.queries([], 2), 3) == []


def test_an_empty_index_finds_nothing(case: Case) -> None:
    assert len(case.index) == 0
    assert case.index.search(case.queries([2, 3], 0), 3) == [[], []]
    case.index.commit(1)
    assert case.index.search(case.queries([2, 3], 0), 3) == [[], []]
    assert case.index.search(case.queries([2], 0), 3, Eq("label.year", 2020)) == [[]]


def test_ties_go_by_id(case: Case) -> None:
    case.add(EVERY, case.kind.take(case.vectors, [7] * len(IDS)))
    (found,) = case.index.search(case.near(7), 5)
    assert [id for id, _ in found] == sorted(IDS)[:5]
    assert len({score for _, score in found}) == 1


def test_a_filter_holds(case: Case) -> None:
    case.add(EVERY)
    (query,) = queries = case.queries([4], 3)
    (found,) = case.index.search(queries, 30, Eq("label.year", 2020))
    assert [id for id, _ in found] == case.expected(query, 30, [*of(DOCS[1]), *of(DOCS[3])])
    (found,) = case.index.search(queries, 3, Not(Eq("page", 7)))
    assert [id for id, _ in found] == case.expected(query, 3, [id for id in IDS if ("first", 7) not in LABELS[id]])
    assert case.index.search(queries, 3, Eq("label.year", 1900)) == [[]]


words = st.sampled_from(["one.txt", "two.txt", "twin.pdf", "out/twin.pdf", "Twin", "text", "table", "page", "red"])
numbers = st.integers(1, 22) | st.sampled_from([2019, 2020, 2021])
fields = st.sampled_from(["source", "title", "modality", "role", "label.year", "label.team", "label.draft"])
sides = st.none() | numbers.map(float)
conditions = st.recursive(
    st.one_of(
        st.builds(Eq, field=fields, value=words | numbers | st.booleans()),
        st.builds(Eq, field=st.just("page"), value=st.integers(1, 22)),
        st.builds(In, field=fields, values=st.lists(words, max_size=3).map(tuple)),
        st.builds(In, field=st.just("page"), values=st.lists(st.integers(1, 22), max_size=3).map(tuple)),
        st.builds(Range, field=st.sampled_from(["page", "label.year"]), low=sides, high=sides),
        st.builds(Glob, field=fields, pattern=st.sampled_from(["*", "in/*", "t*", "*.PDF", "?ne*", "20*"])),
    ),
    lambda inner: st.one_of(
        st.builds(And, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, filter=inner),
    ),
    max_leaves=6,
)


def test_every_filter_holds(case: Case) -> None:
    case.add(EVERY)
    (query,) = queries = case.queries([3], 5)

    @settings(max_examples=60, database=None)
    @given(conditions, st.integers(1, 50))
    def holds(where: Filter, k: int) -> None:
        (found,) = case.index.search(queries, k, where)
        assert [id for id, _ in found] == case.expected(query, k, sorted(admitted(where, DOCS)))

    holds()


def test_a_query_alone_is_as_in_a_batch(case: Case) -> None:
    case.add(EVERY)
    queries = case.queries([3, 1, 7, 2], 4)
    alone = [case.index.search(case.kind.take(queries, [row]), 5)[0] for row in range(4)]
    assert case.index.search(queries, 5) == alone


def test_cleared_begins_anew(case: Case) -> None:
    case.add(EVERY)
    case.index.clear()
    assert case.index.generation == -1
    case.index.add(IDS[:3], case.kind.take(case.vectors, range(3)))
    case.index.commit(9)
    assert (len(case.index), case.index.generation) == (3, 9)
    # Not told what the chunks are: filters hold all the same.
    (found,) = case.index.search(case.near(0), 9, And((Eq("label.year", 2019), Range("page", 2, 3))))
    assert {id for id, _ in found} == set(IDS[1:3])


def test_bad_input_is_refused(case: Case) -> None:
    two = case.queries([1, 1], 0)
    with pytest.raises(ValueError):
        case.index.add(["a"], two)
    with pytest.raises(ValueError):
        case.index.add([""], case.queries([1], 0))
    for bad in (np.zeros((1, DIM + 1), np.float32), np.full((1, DIM), np.nan, np.float32)):
        with pytest.raises(ValueError):
            case.index.add(["a"], bad if case.kind is DENSE else [bad])
    if case.kind is RAGGED:
        with pytest.raises(ValueError):
            case.index.add(["a"], [np.zeros((0, DIM), np.float32)])
        with pytest.raises(ValueError):
            case.index.search([np.zeros(DIM, np.float32)], 1)
