"""The tables of `catalog.sqlite`, and how an older schema becomes today's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rag.errors import CorpusError

VERSION = 1

# Integer row keys throughout: text keys WITHOUT ROWID made inserts 8 times slower.
TABLES = """
CREATE TABLE documents (
    row INTEGER PRIMARY KEY, digest TEXT NOT NULL, media_type TEXT NOT NULL, derivation TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'live')),
    title TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT '', head TEXT NOT NULL DEFAULT '{}',
    kept INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX documents_digest ON documents (digest, state);
CREATE TABLE sources (
    row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, uri TEXT NOT NULL, path TEXT NOT NULL,
    digest TEXT NOT NULL, labels TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX sources_digest ON sources (digest);
CREATE TABLE parts (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    number INTEGER NOT NULL, chunks INTEGER NOT NULL, warnings TEXT NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX parts_document ON parts (document, number);
CREATE TABLE pages (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    part INTEGER NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX pages_document ON pages (document, number);
CREATE TABLE elements (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    part INTEGER NOT NULL, id TEXT NOT NULL, role TEXT NOT NULL, page INTEGER, media TEXT, body TEXT NOT NULL
);
CREATE INDEX elements_document ON elements (document, part);
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    part INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, modality TEXT NOT NULL,
    role TEXT NOT NULL, first_page INTEGER, last_page INTEGER, media TEXT, body TEXT NOT NULL
);
CREATE INDEX chunks_id ON chunks (id);
CREATE UNIQUE INDEX chunks_document ON chunks (document, number);
CREATE TABLE views (
    row INTEGER PRIMARY KEY, chunk INTEGER NOT NULL REFERENCES chunks ON DELETE CASCADE,
    name TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE INDEX views_chunk ON views (chunk);
CREATE INDEX views_digest ON views (digest);
CREATE TABLE encoders (
    row INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, name TEXT NOT NULL, dim INTEGER NOT NULL
);
CREATE TABLE vectors (
    row INTEGER PRIMARY KEY, encoder INTEGER NOT NULL REFERENCES encoders ON DELETE CASCADE,
    digest TEXT NOT NULL, vector BLOB NOT NULL
);
CREATE UNIQUE INDEX vectors_digest ON vectors (digest, encoder);
CREATE TABLE journal (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL UNIQUE REFERENCES documents ON DELETE CASCADE,
    key TEXT NOT NULL, parts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, added INTEGER, removed TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}
"""From a schema version to the next, inside one transaction, so by `execute` alone (`executescript` would
end it); each released schema leaves a fixture corpus in the tests."""


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection to the catalog; a reader's cannot write."""
    try:
        connection = _opened(path, "rwc" if write else "ro")
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            if write:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
            else:
                connection.execute("PRAGMA user_version")  # the first look into the file
        except sqlite3.DatabaseError:
            connection.close()
            if write or not _frozen(path):
                raise
            # Where nothing can be written, not even the index of the log that SQLite keeps beside a
            # catalog in use, nobody writes either.
            connection = _opened(path, "ro&immutable=1")
        return connection
    except sqlite3.DatabaseError as error:
        raise CorpusError(f"{path}: not a readable catalog ({error}); restore it or ingest again") from error


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30, check_same_thread=False,
        isolation_level=None,
    )  # fmt: skip


def _frozen(path: Path) -> bool:
    """Whether a catalog lies, whole and at rest, where this process may not write."""
    log = path.with_name(path.name + "-wal")
    at_rest = not (log.exists() and log.stat().st_size)
    return at_rest and os.access(path, os.R_OK) and not os.access(path.parent, os.W_OK)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables, or bring an older schema to today's after a backup."""
    version = found(connection, path)
    if version == VERSION:
        return
    try:
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version = {VERSION};COMMIT;")
        else:
            _migrate(connection, path, version)
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise CorpusError(f"{path}: no schema {VERSION} out of {version} ({error}); nothing was changed") from error


def _migrate(connection: sqlite3.Connection, path: Path, version: int) -> None:
    steps = range(version, VERSION)
    if unknown := [step for step in steps if step not in MIGRATIONS]:
        raise CorpusError(f"{path} has schema {unknown[0]}, which this version of Argus cannot read; ingest again")
    with closing(sqlite3.connect(path.with_suffix(f".v{version}.sqlite"))) as copy:
        connection.backup(copy)
    connection.execute("PRAGMA foreign_keys = OFF")  # a table made anew must not take its rows' rows along
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps:
            MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise sqlite3.IntegrityError("rows are left without the rows they belong to")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def current(path: Path) -> bool:
    """Whether a catalog has today's schema; CorpusError for a newer one."""
    with closing(connect(path, write=False)) as connection:
        return found(connection, path) == VERSION


def found(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version there; CorpusError if it is newer than this program's."""
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise CorpusError(f"{path}: not a readable catalog ({error}); restore it or ingest again") from error
    if version > VERSION:
        raise CorpusError(
            f"{path} has schema {version}, this version of Argus knows {VERSION}; upgrade with: "
            "pip install -U argus-rag"
        )
    return version
