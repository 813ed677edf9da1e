"""A corpus whose vectors lie on a Qdrant server: one a chunk, and tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from rag.pipelines.maintain import check
from rag.retrievers.dense import Dense
from rag.retrievers.indexes import qdrant, qdrant_clients

from rag import registry
from rag.answer import Query
from rag.corpus import Corpus
from rag.errors import CorpusError
from rag.filters import where as parsed
from rag.store.store import Store
from tests.golden.encoders import HashEncoder, WordEncoder
from tests.golden.qdrants import QdrantServer
from tests.golden.servers import Reply
from tests.pipelines.test_ingest import add, statuses
from tests.pipelines.test_tokens import BOTH, TEXTS

SERVED = BOTH.replace('"retrievers/indexes/exact"', '"retrievers/indexes/qdrant"\nserver = true') + (
    '[indexes.tokens]\nuse = "retrievers/indexes/qdrant_tokens"\nserver = true\n'
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[QdrantServer]:
    points = {
        f"retrievers/encoders/{one.name}": SimpleNamespace(dist=None, value="tests", load=lambda one=one: one)
        for one in (HashEncoder, WordEncoder)
    }
    monkeypatch.setattr(registry, "_plugins", lambda: points)
    monkeypatch.setattr(qdrant_clients, "_sleep", lambda seconds: None)
    with QdrantServer().serving() as one:
        monkeypatch.setenv("QDRANT_URL", one.url)
        yield one
    qdrant._OPEN.close()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


def made(folder: Path, settings: str, documents: Path) -> Path:
    folder.mkdir()
    (folder / "corpus.toml").write_text(settings)
    assert set(statuses(add(folder, documents)).values()) == {"done"}
    return folder


@pytest.fixture
def corpus(server: QdrantServer, tmp_path: Path, documents: Path) -> Path:
    return made(tmp_path / "corpus", SERVED, documents)


def found(corpus: Path, where: Mapping[str, object] | None = None) -> list[list[tuple[str, float]]]:
    """What both indexes find, by the names of the sources."""
    store = Store(corpus)
    try:
        told = []
        for name in ("hash", "word"):
            retriever = Dense(store.encoders[name], store.vectors[name], store.catalog)
            (hits,) = retriever.retrieve([Query(("mill on the roof in April",), where=parsed(where))], 5)
            told.append([(Path(hit.chunk.origin.source.uri).name, round(hit.score, 3)) for hit in hits])
        return told
    finally:
        store.close()


def test_it_finds_what_our_own_indexes_find(corpus: Path, tmp_path: Path, documents: Path) -> None:
    ours = made(tmp_path / "ours", BOTH, documents)
    for one in (corpus, ours):
        Corpus(one).label("rain.txt", {"wet": True})
    cases: list[Mapping[str, object] | None] = [
        None, {"source": "*n*.txt"}, {"role": "paragraph"}, {"role": "table"}, {"label.wet": True}, {"page": "1..2"},
    ]  # fmt: skip
    for where in cases:
        for one, two in zip(found(corpus, where), found(ours, where), strict=True):
            assert [name for name, _ in one] == [name for name, _ in two]
            assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-2)
    assert [name for name, _ in found(corpus, {"label.wet": True})[0]] == ["rain.txt"]


def test_no_list_of_chunks_is_sent(corpus: Path, server: QdrantServer) -> None:
    Corpus(corpus).label("rain.txt", {"wet": True})
    server.asked.clear()
    found(corpus, {"label.wet": True, "role": "paragraph"})
    bodies = [json.loads(one.body) for one in server.asked if one.path.endswith("/query")]
    assert len(bodies) == 2
    assert "has_id" not in json.dumps(bodies)


def test_a_label_or_a_new_name_costs_no_point(corpus: Path, server: QdrantServer, documents: Path) -> None:
    server.asked.clear()
    Corpus(corpus).label("rain.txt", {"wet": True})
    (documents / "rain.txt").rename(documents / "drizzle.txt")
    assert statuses(add(corpus, documents, sync=True))["drizzle.txt"] != "done"
    assert [name for name, _ in found(corpus, {"source": "drizzle.txt"})[0]] == ["drizzle.txt"]
    assert not [one for one in server.asked if one.method in ("PUT", "DELETE")]


def test_what_is_removed_is_gone_from_the_server(corpus: Path, server: QdrantServer) -> None:
    Corpus(corpus).remove("wind.txt")
    names = [one.name for one in server.engine.get_collections().collections]
    assert [server.engine.count(name).count for name in names] == [2, 2]
    assert check(Store(corpus)) == []


def test_collections_that_are_gone_are_told_and_mended(corpus: Path, server: QdrantServer) -> None:
    before = found(corpus)
    for one in server.engine.get_collections().collections:
        server.engine.delete_collection(one.name)
    with pytest.raises(CorpusError, match="rag check --repair"):
        found(corpus)
    store = Store(corpus)
    assert ["cannot be asked" in one.what for one in check(store)] == [True, True]
    assert all(one.repaired for one in check(store, repair=True))
    assert check(store) == []
    store.close()
    assert found(corpus) == before


def test_the_next_document_mends_them_too(corpus: Path, server: QdrantServer, documents: Path) -> None:
    for one in server.engine.get_collections().collections:
        server.engine.delete_collection(one.name)
    (documents / "fog.txt").write_text("Fog hid the mill for a week in November.")
    assert statuses(add(corpus, documents))["fog.txt"] == "done"
    assert check(Store(corpus)) == []
    assert len(found(corpus)[0]) == 4


@pytest.mark.parametrize("fault", [Reply(status=0), Reply(b"", 503)])
def test_a_server_that_goes_away_in_the_middle(
    corpus: Path, server: QdrantServer, documents: Path, fault: Reply
) -> None:
    (documents / "fog.txt").write_text("Fog hid the mill for a week in November.")
    server.faults.extend([None] * 2 + [fault] * 40)  # the first index is asked for its collection, and filled
    with pytest.raises(CorpusError):
        add(corpus, documents)
    server.faults.clear()
    puts = len([one for one in server.asked if one.method == "PUT"])
    store = Store(corpus)
    assert any("is at change" in one.what for one in check(store))
    store.close()
    assert statuses(add(corpus, documents))["fog.txt"] == "unchanged"
    assert check(Store(corpus)) == []
    assert len(found(corpus)[1]) == 4
    again = [one for one in server.asked if one.method == "PUT"][puts:]
    assert len(again) <= 2, "what was there stays there"
