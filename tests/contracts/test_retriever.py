"""What holds for every retriever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.retrievers.dense import Dense
from rag.retrievers.diverse import Diverse
from rag.retrievers.expanded import Expanded
from rag.retrievers.fused import Fused
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.tantivy import Tantivy
from rag.retrievers.lexical import Lexical
from rag.retrievers.neighbours import Neighbours
from rag.retrievers.paged import Paged
from rag.retrievers.photos import Photos
from rag.retrievers.pointed import Pointed
from rag.retrievers.shared import Shared
from rag.retrievers.stores import Stores

from rag.answer import Query, query
from rag.document import Media
from rag.filters import Eq
from rag.protocols import Retriever
from tests.golden.catalogs import MemoryCatalog, document
from tests.golden.encoders import HashEncoder

CHUNKS = [
    *document("mars.txt", [f"Mars has two moons, note {number}" for number in range(12)], year=2019),
    *document("venus.txt", [f"Venus has no moons, note {number}" for number in range(12)], year=2020),
    *document("twins.txt", ["Mars has two moons, note 3", "Mars has two moons, note 3"], year=2021),
]


class Shelf:
    """A catalog with both indexes over all chunks."""

    def __init__(self, folder: Path) -> None:
        self.catalog = MemoryCatalog(CHUNKS)
        self.encoder = HashEncoder()
        self.exact = Exact(folder / "vectors", self.encoder.dim, self.catalog)
        self.exact.add([chunk.id for chunk in CHUNKS], self.encoder.encode_chunks(CHUNKS))
        self.exact.commit(1)
        self.text = Tantivy(folder / "text", self.catalog)
        self.text.add([chunk.id for chunk in CHUNKS], [chunk.text for chunk in CHUNKS])
        self.text.commit(1)
        self.dense = Dense(self.encoder, self.exact, self.catalog)
        self.lexical = Lexical(self.text, self.catalog)
        self.fused = Fused({"dense": self.dense, "lexical": self.lexical})


RETRIEVERS: dict[str, Callable[[Shelf], Retriever]] = {
    "dense": lambda shelf: shelf.dense,
    "lexical": lambda shelf: shelf.lexical,
    "rrf": lambda shelf: shelf.fused,
    "weighted": lambda shelf: Fused({"dense": shelf.dense, "lexical": shelf.lexical}, "weighted"),
    "shared": lambda shelf: Shared({"words": shelf.dense, "again": shelf.dense}),
    "stores": lambda shelf: Stores({"dense": shelf.dense, "lexical": shelf.lexical}),
    "diverse": lambda shelf: Diverse(shelf.fused, per_document=2),
    "paged": lambda shelf: Paged(shelf.fused, shelf.text, shelf.catalog),
    "photos": lambda shelf: Photos(shelf.fused),
    "expanded": lambda shelf: Expanded(shelf.fused),
    "pointed": lambda shelf: Pointed(shelf.fused, shelf.text, shelf.catalog),
    "neighbours": lambda shelf: Neighbours(shelf.dense, shelf.catalog, before=0, after=0),
}
SORTED = {"dense", "lexical", "rrf", "weighted", "paged", "photos", "expanded", "pointed", "neighbours"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("whole"))


@pytest.fixture(params=RETRIEVERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def retriever(name: str, whole: Shelf) -> Retriever:
    return RETRIEVERS[name](whole)


ASKED = [query("How many moons has Mars?"), query("Venus moons"), query("note 3")]


def test_n_in_n_out_in_order(retriever: Retriever) -> None:
    together = retriever.retrieve(ASKED, 5)
    assert together == [retriever.retrieve([one], 5)[0] for one in ASKED]
    assert together[::-1] == retriever.retrieve(ASKED[::-1], 5)
    assert [len(hits) for hits in together] == [5, 5, 5]
    assert retriever.retrieve([], 5) == []


def test_no_k_no_hits(retriever: Retriever) -> None:
    assert retriever.retrieve(ASKED, 0) == [[], [], []]
    assert retriever.retrieve(ASKED, -3) == [[], [], []]


def test_k_beyond_all_gives_all(retriever: Retriever) -> None:
    for hits in retriever.retrieve([query("moons note")], 1000):
        assert {hit.chunk.id for hit in hits} == {chunk.id for chunk in CHUNKS}
        assert len(hits) == len(CHUNKS)


def test_fewer_hits_are_the_beginning_of_more(retriever: Retriever) -> None:
    for few, many in zip(retriever.retrieve(ASKED, 3), retriever.retrieve(ASKED, 9), strict=True):
        assert [hit.chunk.id for hit in few] == [hit.chunk.id for hit in many[:3]]


def test_best_first_and_ties_by_id(name: str, retriever: Retriever) -> None:
    for hits in retriever.retrieve(ASKED, 1000):
        assert all(hit.by for hit in hits)
        if name in SORTED:
            pairs = [(-hit.score, hit.chunk.id) for hit in hits]
            assert pairs == sorted(pairs)


def test_a_filter_holds_for_its_query_alone(retriever: Retriever) -> None:
    asked = [query("Mars moons", Eq("label.year", 2020)), query("Mars moons"), query("moons", Eq("page", 4))]
    first, second, third = retriever.retrieve(asked, 8)
    assert len(first) == 8
    assert {hit.chunk.origin.source.uri for hit in first} == {"venus.txt"}
    assert any(hit.chunk.origin.source.uri == "mars.txt" for hit in second)
    assert {hit.chunk.text for hit in third} == {"Mars has two moons, note 3", "Venus has no moons, note 3"}


def test_what_is_gone_from_the_catalog_is_not_found_and_others_fill_up(name: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    retriever = RETRIEVERS[name](shelf)
    before = retriever.retrieve([query("Mars moons note")], 5)[0]
    gone = {hit.chunk.id for hit in before}
    shelf.catalog.remove(gone)
    after = retriever.retrieve([query("Mars moons note")], 5)[0]
    assert len(after) == 5
    assert not gone & {hit.chunk.id for hit in after}
    assert len(retriever.retrieve([query("Mars moons note")], 1000)[0]) == len(CHUNKS) - 5


def test_every_string_is_a_legal_query(retriever: Retriever) -> None:
    hostile = ["", " ", '"', "a AND (", "body:x^2 *", "\x00", "\ud800", "🙈" * 50, "word " * 3000, "OR NOT +-"]
    assert len(retriever.retrieve([query(text) for text in hostile], 3)) == len(hostile)


def test_a_query_of_a_picture_alone_finds_nothing(retriever: Retriever) -> None:
    assert retriever.retrieve([Query((Media("image/png", "0" * 64, 1),))], 3) == [[]]


def test_every_hit_says_where_it_came_from(whole: Shelf) -> None:
    for retriever, channels in (
        (whole.dense, {"dense"}),
        (whole.lexical, {"lexical"}),
        (whole.fused, {"dense", "lexical"}),
    ):
        hits: Any = retriever.retrieve([query("Mars moons")], 4)[0]
        for hit in hits:
            assert set(hit.parts) == channels
            assert all(part.rank >= 1 for part in hit.parts.values())
