"""Writing the catalog: one transaction a step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.document import Source
from rag.errors import CorpusError
from rag.store import writer as module
from rag.store.catalog import Catalog
from rag.store.rows import part_rows
from rag.store.writer import Building, Writer
from tests.rag.store.small import Doc, ingested, key, piece

TWO_PARTS = Doc("a.pdf", [piece("one"), piece("two", 2), piece("three", 3), piece("four", 4)], title="T")
OTHER = Doc("b.pdf", [piece("other")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    one = Writer(path)
    yield one
    one.close()


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def texts(path: Path) -> list[str]:
    catalog = Catalog(path)
    found = [chunk.text for chunk in catalog.chunks([id for _, id in catalog.live_ids()]).values()]
    catalog.close()
    return found


def begun(writer: Writer, doc: Doc, derivation: str = "d1", uri: str = "") -> Building:
    source = doc.source(uri)
    return writer.begin(key(source.uri), source, derivation)


def add(writer: Writer, doc: Doc, building: Building, number: int, parts: int = 2) -> None:
    size = -(-len(doc.pieces) // parts)
    writer.add_part(building.row, part_rows(doc.part(number, parts), doc.chunks()[number * size :][:size]), {})


def finish(writer: Writer, doc: Doc, building: Building, uri: str = "") -> None:
    source = doc.source(uri)
    writer.finish(building.row, key(source.uri), source, {}, title=doc.title, language="en", kept=False)


# --- building ----------------------------------------------------------------------------------------


def test_a_document_is_seen_when_it_is_finished(writer: Writer, path: Path) -> None:
    building = begun(writer, TWO_PARTS)
    for number in (0, 1):
        add(writer, TWO_PARTS, building, number)
        assert texts(path) == []
    assert writer.told(building.row) == (4, 4, [])
    finish(writer, TWO_PARTS, building)
    assert texts(path) == ["one", "two", "three", "four"]
    assert writer.derivation(TWO_PARTS.digest) == "d1"
    assert writer.size(TWO_PARTS.digest) == (4, 4)
    assert rows(path, "SELECT count(*) FROM journal") == [(0,)]
    assert rows(path, "SELECT added, removed FROM outbox") == [(building.row, "[]")]


def test_an_unfinished_document_goes_on_at_its_next_part(writer: Writer, path: Path) -> None:
    add(writer, TWO_PARTS, begun(writer, TWO_PARTS), 0)
    writer.close()
    again = Writer(path)
    building = begun(again, TWO_PARTS)
    assert building.parts == 1
    (stored,) = again.stored_parts(building.row, TWO_PARTS.source())
    assert replace(stored, source=TWO_PARTS.source()) == TWO_PARTS.part(0, 2), (
        "what the chunker replays is what was read"
    )
    add(again, TWO_PARTS, building, 1)
    finish(again, TWO_PARTS, building)
    again.close()

    whole = Writer(path.with_name("whole.sqlite"))
    ingested(whole, TWO_PARTS, parts=2)
    whole.close()
    for table in ("documents", "sources", "parts", "pages", "elements", "chunks", "views", "journal", "outbox"):
        sql = f"SELECT * FROM {table} ORDER BY row".replace("row" if table == "outbox" else "nothing", "seq")
        assert rows(path, sql) == rows(path.with_name("whole.sqlite"), sql), table


def test_parts_of_another_derivation_are_thrown_away(writer: Writer, path: Path) -> None:
    add(writer, TWO_PARTS, begun(writer, TWO_PARTS, "d1"), 0)
    building = begun(writer, TWO_PARTS, "d2")
    assert building.parts == 0
    assert rows(path, "SELECT count(*) FROM chunks") == [(0,)]
    assert rows(path, "SELECT count(*) FROM documents") == [(1,)]


def test_parts_of_older_bytes_are_thrown_away(writer: Writer, path: Path) -> None:
    add(writer, TWO_PARTS, begun(writer, TWO_PARTS), 0)
    changed = Doc("a.pdf version 2", [piece("new")], [("a.pdf", {})])
    assert begun(writer, changed).parts == 0
    assert rows(path, "SELECT count(*) FROM documents") == [(1,)]


def test_an_abandoned_document_leaves_nothing(writer: Writer, path: Path) -> None:
    building = begun(writer, TWO_PARTS)
    add(writer, TWO_PARTS, building, 0)
    writer.abandon(building.row)
    for table in ("documents", "parts", "pages", "elements", "chunks", "views", "journal", "outbox"):
        assert rows(path, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_live_document_is_not_abandoned(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    writer.abandon(1)
    assert texts(path) == ["other"]


def test_each_step_is_told(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(module, "on_step", steps.append)
    ingested(writer, TWO_PARTS, parts=2)
    writer.remove(key("a.pdf"))
    assert steps == ["begin", "part", "part", "finish", "source"]


def test_a_step_that_fails_is_undone(writer: Writer, path: Path) -> None:
    building = begun(writer, TWO_PARTS)
    add(writer, TWO_PARTS, building, 0)
    before = rows(path, "SELECT * FROM chunks")
    with pytest.raises(CorpusError, match="cannot be written"):
        add(writer, TWO_PARTS, building, 0)
    assert rows(path, "SELECT * FROM chunks") == before
    add(writer, TWO_PARTS, building, 1)
    assert rows(path, "SELECT count(*) FROM parts") == [(2,)]


# --- replacing and removing --------------------------------------------------------------------------


def test_changed_bytes_replace_the_old_in_one_step(writer: Writer, path: Path) -> None:
    ingested(writer, TWO_PARTS)
    old = {chunk.id for chunk in TWO_PARTS.chunks()}
    changed = Doc("a.pdf version 2", [piece("new")], [("a.pdf", {})])
    building = begun(writer, changed)
    add(writer, changed, building, 0, 1)
    assert texts(path) == ["one", "two", "three", "four"]
    finish(writer, changed, building)
    assert texts(path) == ["new"]
    (_, (added, removed)) = rows(path, "SELECT added, removed FROM outbox ORDER BY seq")
    assert added == building.row
    assert set(listed(removed)) == old


def listed(text: object) -> list[str]:
    import json

    return list(json.loads(str(text)))


def test_the_same_bytes_derived_anew(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER, "d1")
    ingested(writer, OTHER, "d2")
    assert texts(path) == ["other"]
    assert writer.derivation(OTHER.digest) == "d2"
    id = OTHER.chunks()[0].id
    assert [listed(removed) for (removed,) in rows(path, "SELECT removed FROM outbox ORDER BY seq")] == [[], [id]]


def test_a_document_goes_with_its_last_source(writer: Writer, path: Path) -> None:
    ingested(writer, replace(OTHER, sources=[("b.pdf", {}), ("copy.pdf", {})]))
    assert writer.keys(OTHER.digest) == {
        key("b.pdf"): (OTHER.digest, "b.pdf"),
        key("copy.pdf"): (OTHER.digest, "copy.pdf"),
    }
    assert writer.remove(key("b.pdf")) == 0
    assert texts(path) == ["other"]
    assert writer.remove(key("copy.pdf")) == 1
    assert texts(path) == []
    assert writer.keys() == {}
    assert writer.remove(key("copy.pdf")) == 0, "once more is no error"


def test_a_source_that_moves_to_other_bytes_takes_its_document_along(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    ingested(writer, TWO_PARTS)
    writer.add_source(key("b.pdf"), replace(TWO_PARTS.source(), uri="b.pdf"), {})
    assert texts(path) == ["one", "two", "three", "four"]
    assert set(writer.keys(TWO_PARTS.digest)) == {key("a.pdf"), key("b.pdf")}


def test_a_removed_source_takes_what_was_in_the_making(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    changed = Doc("b.pdf version 2", [piece("x")], [("b.pdf", {})])
    add(writer, changed, begun(writer, changed), 0, 1)
    writer.remove(key("b.pdf"))
    assert rows(path, "SELECT count(*) FROM documents") == [(0,)]


def test_what_another_source_is_making_stays(writer: Writer, path: Path) -> None:
    """a.pdf held the bytes that new.pdf is being made of, and changes meanwhile."""
    ingested(writer, TWO_PARTS, "old")
    building = begun(writer, TWO_PARTS, "new", "new.pdf")
    add(writer, TWO_PARTS, building, 0)
    ingested(writer, Doc("version 2", [piece("changed")], [("a.pdf", {})]))
    assert texts(path) == ["changed"]
    add(writer, TWO_PARTS, building, 1)
    finish(writer, TWO_PARTS, building, "new.pdf")
    assert sorted(texts(path)) == ["changed", "four", "one", "three", "two"]


def test_a_moved_file_keeps_its_document_and_labels(writer: Writer, path: Path) -> None:
    ingested(writer, replace(OTHER, sources=[("b.pdf", {"team": "red"})]))
    moved = Source("in/b.pdf", "application/pdf", OTHER.digest, "/data/in/b.pdf")
    writer.rename(key("b.pdf"), key("in/b.pdf"), moved)
    assert writer.source(key("b.pdf")) is None
    assert writer.source(key("in/b.pdf")) == (OTHER.digest, "in/b.pdf", {"team": "red"})
    assert texts(path) == ["other"]
    assert rows(path, "SELECT count(*) FROM outbox") == [(1,)], "no index has anything to do"


def test_labels(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    writer.set_labels(key("b.pdf"), {"year": 2021, "open": True, "name": "é'\""})
    catalog = Catalog(path)
    (document,) = catalog.documents()
    assert document.labels == (("name", "é'\""), ("open", True), ("year", 2021))
    catalog.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_label_that_is_no_number_would_spoil_every_filter(writer: Writer, value: float) -> None:
    ingested(writer, OTHER)
    with pytest.raises(ValueError):
        writer.set_labels(key("b.pdf"), {"year": value})
    assert writer.source(key("b.pdf")) == (OTHER.digest, "b.pdf", {})


# --- vectors -----------------------------------------------------------------------------------------


def vectors(path: Path) -> dict[str, bytes]:
    return {str(digest): bytes(vector) for digest, vector in rows(path, "SELECT digest, vector FROM vectors")}  # type: ignore[call-overload]


def test_vectors_are_kept_by_what_was_encoded_and_shared(writer: Writer, path: Path) -> None:
    encoder = writer.encoder("fake-1", "fake", 2)
    assert writer.encoder("fake-1", "fake", 2) == encoder
    assert writer.encoder("fake-2", "fake", 2) != encoder
    ingested(writer, OTHER, vectors=encoder)
    twin = Doc("c.pdf", [piece("other", 7)])
    view = twin.chunks()[0].views[0]
    assert writer.known_vectors(encoder, [view.digest, "unknown"]) == {view.digest}
    ingested(writer, twin)
    assert set(vectors(path)) == {view.digest}
    assert np.frombuffer(vectors(path)[view.digest], "<f4").tolist() == [5, 1]
    writer.add_encoded(encoder, {view.digest: np.array([9, 9], np.float32)})
    assert np.frombuffer(vectors(path)[view.digest], "<f4").tolist() == [5, 1], "the first stays"


def test_many_digests_at_once(writer: Writer) -> None:
    encoder = writer.encoder("fake-1", "fake", 2)
    many = {f"digest {n}": np.array([n, 1], np.float32) for n in range(1234)}
    writer.add_encoded(encoder, many)
    assert writer.known_vectors(encoder, [*many, "other"]) == set(many)


def test_what_an_encoder_has_not_seen(writer: Writer, path: Path) -> None:
    encoder = writer.encoder("fake-1", "fake", 2)
    ingested(writer, OTHER, vectors=encoder)
    ingested(writer, TWO_PARTS)
    add(writer, Doc("unfinished", [piece("x")]), begun(writer, Doc("unfinished", [piece("x")])), 0, 1)
    missing = writer.unencoded("text", "fake-1", ["text"])
    chunks = writer.chunk_rows(missing)
    assert [chunk.id for chunk in chunks] == [chunk.id for chunk in TWO_PARTS.chunks()]
    assert chunks[0].views[0] == ("text", TWO_PARTS.chunks()[0].views[0].digest)
    assert writer.unencoded("text", "fake-1", ["image"]) == []
    assert writer.unencoded("text", "fake-1", []) == []
    assert len(writer.unencoded("text", "fake-2", ["text"])) == 5


def test_indexes_are_told_of_vectors_that_came_later(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    ingested(writer, TWO_PARTS)
    row = rows(path, f"SELECT row FROM documents WHERE digest = '{TWO_PARTS.digest}'")[0]
    encoder = writer.encoder("fake-1", "fake", 2)
    made = {chunk.views[0].digest: np.array([1, 2], np.float32) for chunk in TWO_PARTS.chunks()}
    writer.add_encoded(encoder, made)
    assert rows(path, "SELECT added, removed FROM outbox WHERE seq > 2") == [(*row, "[]")]


def test_sweeping(writer: Writer, path: Path) -> None:
    writer.set_meta("encoder:fake", "fake-1")
    encoder, old = writer.encoder("fake-1", "fake", 2), writer.encoder("fake-0", "fake", 2)
    ingested(writer, OTHER, vectors=encoder)
    ingested(writer, TWO_PARTS, vectors=encoder)
    writer.add_encoded(old, {OTHER.chunks()[0].views[0].digest: np.array([0, 0], np.float32)})
    begun(writer, Doc("unfinished", [piece("x")]))
    writer.remove(key("a.pdf"))
    assert writer.sweep() == {"unfinished": 1, "vectors": 5}
    assert writer.sweep() == {"unfinished": 0, "vectors": 0}
    assert set(vectors(path)) == {OTHER.chunks()[0].views[0].digest}
    assert texts(path) == ["other"]


def test_meta(writer: Writer, path: Path) -> None:
    writer.set_meta("a", "1")
    writer.set_meta("a", "2")
    writer.set_new_meta("a", "3")
    writer.set_new_meta("b", "4")
    catalog = Catalog(path)
    assert (catalog.meta("a"), catalog.meta("b"), catalog.meta("c")) == ("2", "4", None)
    catalog.close()


def test_a_full_disk_is_a_corpus_error(writer: Writer, path: Path) -> None:
    ingested(writer, OTHER)
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = Doc("big", [piece("x" * 50_000, page) for page in range(1, 40)])
    with pytest.raises(CorpusError, match="cannot be written: database or disk is full"):
        ingested(writer, big)
    assert texts(path) == ["other"]
