"""The tables: made, migrated after a backup, refused when newer or damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag.document import Head
from rag.errors import CorpusError
from rag.store import schema
from rag.store.catalog import Catalog
from rag.store.store import Store
from rag.store.writer import Writer
from tests.rag.store.small import Doc, filled, ingested, piece

FIXTURES = Path(__file__).parents[2] / "fixtures"
DOC = Doc("a.pdf", [piece("one"), piece("two", 2)], title="Title", warnings=["page 3 was empty"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "catalog.sqlite", DOC)


def run(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(sql).fetchall()
        connection.commit()
        return rows


def test_a_new_catalog_has_todays_schema(tmp_path: Path) -> None:
    Writer(tmp_path / "new" / "catalog.sqlite").close()
    assert run(tmp_path / "new" / "catalog.sqlite", "PRAGMA user_version") == [(schema.VERSION,)]
    assert run(tmp_path / "new" / "catalog.sqlite", "PRAGMA journal_mode") == [("wal",)]
    assert schema.current(tmp_path / "new" / "catalog.sqlite")


def test_a_path_with_odd_letters(tmp_path: Path) -> None:
    for name in ("a b", "50%", "a?b=c", "a#b", "é"):
        catalog = Catalog(filled(tmp_path / name / "catalog.sqlite", DOC))
        assert catalog.counts()["chunks"] == 2
        catalog.close()


def test_a_reader_cannot_write(path: Path) -> None:
    with closing(schema.connect(path, write=False)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM chunks")


def test_a_newer_schema_is_refused(path: Path) -> None:
    run(path, f"PRAGMA user_version = {schema.VERSION + 1}")
    for open_it in (Catalog, Writer):
        with pytest.raises(CorpusError, match=rf"has schema {schema.VERSION + 1}.*pip install -U"):
            open_it(path)
    assert run(path, "SELECT count(*) FROM chunks") == [(2,)], "and left as it was"


@pytest.mark.parametrize("data", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 8192])
def test_a_damaged_file_is_a_corpus_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(data)
    for open_it in (Catalog, Writer):
        with pytest.raises(CorpusError, match="not a readable catalog"):
            open_it(path)


def test_a_catalog_damaged_within(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 512):
        data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    with pytest.raises(CorpusError):
        Catalog(path).verify()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="not a readable catalog"):
        Catalog(tmp_path / "catalog.sqlite")
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    run(path, "CREATE TABLE documents (theirs TEXT)")
    with pytest.raises(CorpusError, match="nothing was changed"):
        Writer(path)
    assert run(path, "SELECT name FROM sqlite_master") == [("documents",)]


def test_a_kill_before_the_tables_is_made_good(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"")
    with pytest.raises(CorpusError, match="older schema"):
        Store(tmp_path) if (tmp_path / "corpus.toml").exists() else Catalog(tmp_path / "catalog.sqlite")
    store = Store(tmp_path, create=True)
    assert store.catalog.counts()["documents"] == 0
    store.close()


# --- migrating ---------------------------------------------------------------------------------------


def to_next(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE sources ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def rebuilt(connection: sqlite3.Connection) -> None:
    """A table made anew, as SQLite's own advice has it: its rows' rows must stay."""
    connection.execute("CREATE TABLE fresh AS SELECT * FROM documents")
    connection.execute("DROP TABLE documents")
    connection.execute(
        "CREATE TABLE documents (row INTEGER PRIMARY KEY, digest, media_type, derivation, state, title, language, "
        "head, kept)"
    )
    connection.execute("INSERT INTO documents SELECT * FROM fresh")
    connection.execute("DROP TABLE fresh")


@pytest.fixture
def newer(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This program's successor, two schemas on, over today's catalog."""
    today = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", today + 2)
    monkeypatch.setattr(schema, "MIGRATIONS", {today: to_next, today + 1: rebuilt})
    return path


def test_an_older_schema_is_migrated_after_a_backup(newer: Path) -> None:
    before = schema.VERSION - 2
    with pytest.raises(CorpusError, match="older schema; rag add and rag check --repair"):
        Catalog(newer)
    Writer(newer).close()
    assert run(newer, "PRAGMA user_version") == [(schema.VERSION,)]
    assert run(newer, "SELECT uri, note FROM sources") == [("a.pdf", "")]
    assert run(newer, "SELECT count(*) FROM chunks") == [(2,)]
    backup = newer.with_name(f"catalog.v{before}.sqlite")
    assert run(backup, "PRAGMA user_version") == [(before,)]
    assert run(backup, "SELECT count(*) FROM chunks") == [(2,)]
    catalog = Catalog(newer)
    assert [document.title for document in catalog.documents()] == ["Title"]
    catalog.close()


def test_adding_to_an_older_corpus_migrates_it(newer: Path) -> None:
    with pytest.raises(CorpusError, match="older schema"):
        Store(newer.parent, create=False) if (newer.parent / "corpus.toml").exists() else Catalog(newer)
    store = Store(newer.parent, create=True)
    assert store.catalog.counts()["chunks"] == 2
    store.close()


def test_a_migration_that_fails_changes_nothing(newer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM chunks")
        connection.execute("SELECT nonsense FROM nowhere")

    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION - 1, fails)
    with pytest.raises(CorpusError, match=r"no such table.*nothing was changed"):
        Writer(newer)
    assert run(newer, "PRAGMA user_version") == [(schema.VERSION - 2,)]
    assert run(newer, "SELECT count(*) FROM chunks") == [(2,)]
    assert "note" not in str(run(newer, "SELECT sql FROM sqlite_master")), "the first step is undone with the second"


def test_a_migration_that_loses_rows_is_undone(newer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schema.MIGRATIONS, schema.VERSION - 1, lambda c: c.execute("DELETE FROM documents") and None)
    with pytest.raises(CorpusError, match="without the rows they belong to"):
        Writer(newer)
    assert run(newer, "SELECT count(*) FROM documents") == [(1,)]


@pytest.mark.parametrize("version", [-3, -1])
def test_a_schema_that_nobody_knows(path: Path, version: int) -> None:
    run(path, f"PRAGMA user_version = {version}")
    with pytest.raises(CorpusError, match="cannot read"):
        Writer(path)


@pytest.mark.parametrize("version", [1])
def test_a_catalog_of_each_released_schema_opens_and_reads(tmp_path: Path, version: int) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / f"schema-{version}.sql").read_text(encoding="utf-8"))
    Writer(path).close()
    catalog = Catalog(path)
    (document,) = catalog.documents()
    assert (document.title, document.language, document.pages, document.chunks) == ("Title", "en", 2, 2)
    assert document.head == Head(title="Title", pages=2)
    assert document.labels == (("team", "red"), ("year", 2021))
    assert document.warnings == ("page 3 was empty",)
    assert [source.uri for source in document.sources] == ["a.pdf", "copies/a.pdf"]
    assert catalog.counts() == {"documents": 1, "pages": 2, "elements": 2, "chunks": 2, "sources": 2, "vectors": 2}
    chunks = catalog.chunks([id for _, id in catalog.live_ids()])
    assert [chunk.text for chunk in chunks.values()] == ["one", "two"]
    assert [element.text for element in catalog.elements(document.digest)] == ["one", "two"]
    assert [page.number for page in catalog.pages(document.digest)] == [1, 2]
    assert catalog.meta("encoder:fake") == "fake-1"
    assert catalog.sequence() == 1
    assert catalog.encoded("text", "fake-1") == 2
    catalog.close()


def test_there_is_a_fixture_of_each_schema() -> None:
    assert sorted(path.name for path in FIXTURES.glob("schema-*.sql")) == [
        f"schema-{n}.sql" for n in range(1, schema.VERSION + 1)
    ]


# --- readers beside a writer -------------------------------------------------------------------------


def test_a_reader_sees_whole_documents_while_another_thread_writes(path: Path) -> None:
    seen: set[int] = set()
    failed: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            catalog = Catalog(path)
            while not done.is_set():
                live = [id for _, id in catalog.live_ids()]
                seen.add(len(catalog.chunks(live)))
            catalog.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    writer = Writer(path)
    for number in range(25):
        ingested(writer, Doc(f"doc {number}", [piece("x"), piece("y"), piece("z")]))
        if number % 2:
            writer.remove(f"/data/doc {number}")
    done.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert failed == []
    assert all((count - 2) % 3 == 0 for count in seen), "no document is ever seen in part"


def test_a_reader_in_another_process_sees_what_was_removed(path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom rag.store.catalog import Catalog\n"
        "catalog = Catalog(Path(sys.argv[1]))\n"
        "for line in sys.stdin: print(len(catalog.live_ids()), flush=True)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    counts = []
    for change in (None, "remove"):
        if change:
            writer = Writer(path)
            writer.remove("/data/a.pdf")
            writer.close()
        reader.stdin.write("look\n")
        reader.stdin.flush()
        counts.append(reader.stdout.readline().strip())
    reader.stdin.close()
    reader.wait(20)
    reader.stdout.close()
    assert counts == ["2", "0"]


class NoLog(sqlite3.Connection):
    """A connection over a read-only folder, as SQLite has it: its first read fails."""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
        if "user_version" in sql:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return super().execute(sql, *values)  # type: ignore[arg-type]


def test_a_corpus_where_nothing_can_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def without_log(name: str, **given: Any) -> sqlite3.Connection:
        return connect(name, factory=sqlite3.Connection if "immutable" in name else NoLog, **given)

    monkeypatch.setattr(sqlite3, "connect", without_log)
    with pytest.raises(CorpusError, match="readonly"):
        Catalog(path)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    path.with_name("catalog.sqlite-wal").write_bytes(b"what is not in the catalog yet")
    assert not schema._frozen(path)
    path.with_name("catalog.sqlite-wal").unlink()
    catalog = Catalog(path)
    assert catalog.counts()["chunks"] == 2
    catalog.close()
