"""Reading the catalog: the truth about what exists."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.document import Chunk, Element, Head, Labels, LabelValue, Page, Source, labels
from rag.errors import CorpusError
from rag.filters import And, Filter, condition
from rag.serialise import loads
from rag.store import schema
from rag.store.conditions import compiled
from rag.store.rows import chunk_from, element_from, page_from, source_from

_BATCH = 500
_LIVE = "FROM chunks c JOIN documents d ON d.row = c.document AND d.state = 'live'"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the catalog holds it; `sources` are all that share its bytes, oldest first."""

    digest: str
    media_type: str
    title: str
    language: str
    head: Head
    sources: tuple[Source, ...]
    labels: Labels
    pages: int
    chunks: int
    elements: int
    derivation: str
    warnings: tuple[str, ...] = ()


class Catalog:
    """`rag.protocols.Catalog` over SQLite; a `restriction` is ANDed below every read."""

    def __init__(self, path: Path, restriction: Filter | None = None, *, write: bool = False) -> None:
        self.path = path
        self.restriction = restriction
        self._lock = threading.RLock()
        self._connection = schema.connect(path, write=write)
        if not write and schema.found(self._connection, path) < schema.VERSION:
            raise CorpusError(f"{path} has an older schema; any writing command (rag check --repair) migrates it")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # --- rag.protocols.Catalog -------------------------------------------------------------------

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The chunks that exist, by id; ids that are gone are left out. One transaction."""
        found: dict[str, Chunk] = {}
        with self._transaction():
            for start in range(0, len(ids), _BATCH):
                batch = list(ids[start : start + _BATCH])
                marks = ",".join("?" * len(batch))
                for chunk in self._chunks(f"c.id IN ({marks})", batch):
                    found[chunk.id] = chunk
        return found

    def matching(self, where: Filter) -> set[str]:
        """Ids of the chunks that a filter admits."""
        text, values = self._condition(where)
        return {row[0] for row in self._rows(f"SELECT c.id {_LIVE} WHERE {text}", values)}

    def neighbours(self, id: str, before: int, after: int) -> list[Chunk]:
        """The chunks around one in its document's reading order, pages' pictures and itself left out."""
        with self._transaction():
            row = self._one(f"SELECT c.document, c.number {_LIVE} WHERE c.id = ?", [id])
            if row is None:
                return []
            document, number = row
            sides = [("<", "DESC", before), (">", "ASC", after)]
            found: list[Chunk] = []
            for sign, order, limit in sides:
                condition = f"c.document = ? AND c.role != 'page' AND c.number {sign} ?"
                side = list(self._chunks(condition, [document, number], f"c.number {order} LIMIT {int(limit)}"))
                found.extend(reversed(side) if sign == "<" else side)
        return found

    # --- what the facade and the pipelines ask ------------------------------------------------------

    def live_ids(self, after: int = 0, limit: int = -1) -> list[tuple[int, str]]:
        """(row, id) of live chunks in row order, from after a row on."""
        text, values = self._condition(None)
        sql = f"SELECT c.row, c.id {_LIVE} WHERE c.row > ? AND {text} ORDER BY c.row LIMIT ?"
        return [(row[0], row[1]) for row in self._rows(sql, [after, *values, limit])]

    def resolve(self, prefix: str) -> Chunk:
        """The one chunk whose id starts so; ValueError if none or several do."""
        if not prefix or not all(letter in "0123456789abcdef" for letter in prefix):
            raise ValueError(f"an id is hexadecimal digits, got {prefix!r}")
        found = list(self._chunks("c.id >= ? AND c.id < ?", [prefix, prefix + "g"], "c.id LIMIT 2"))
        if len(found) != 1:
            raise ValueError(f"{'no' if not found else 'more than one'} chunk has an id that starts with {prefix}")
        return found[0]

    def documents(self, where: Filter | None = None) -> Iterator[Document]:
        """The live documents in the order they were added, those with a chunk that `where` admits."""
        text, values = self._condition(where)
        only = "" if text == "1" else f"AND EXISTS (SELECT 1 FROM chunks c WHERE c.document = d.row AND {text})"
        sql = (
            "SELECT d.row, d.digest, d.media_type, d.title, d.language, d.head, d.derivation, "
            "(SELECT count(*) FROM chunks c WHERE c.document = d.row), "
            "(SELECT count(*) FROM elements e WHERE e.document = d.row), "
            "(SELECT count(*) FROM pages p WHERE p.document = d.row) "
            f"FROM documents d WHERE d.state = 'live' {only} ORDER BY d.row"
        )
        for row in self._rows(sql, values if only else []):
            number, digest, media_type, title, language, head, derivation, chunks, elements, pages = row
            warnings = [
                notice["message"]
                for (text,) in self._rows("SELECT warnings FROM parts WHERE document = ? ORDER BY number", [number])
                for notice in json.loads(text)
            ]
            yield Document(
                digest, media_type, title, language, loads(Head, head), tuple(self.sources(digest)),
                self._labels(digest), pages, chunks, elements, derivation, tuple(warnings),
            )  # fmt: skip

    def named(self, name: str) -> dict[str, str]:
        """key -> uri of the sources that a path, a file's name or a glob means."""
        return self._sources(condition("source", name))

    def _sources(self, where: Filter) -> dict[str, str]:
        text, values = compiled(where)
        sql = (
            "SELECT DISTINCT o.key, o.uri FROM sources o JOIN documents d ON d.digest = o.digest AND d.state = 'live' "
            f"WHERE {text.replace('s.digest = d.digest', 's.row = o.row')} ORDER BY o.row"
        )
        return dict(self._rows(sql, values))

    def sources(self, digest: str) -> list[Source]:
        """The sources of a document, oldest first."""
        sql = (
            "SELECT s.uri, d.media_type, s.digest, s.path FROM sources s "
            "JOIN documents d ON d.digest = s.digest AND d.state = 'live' WHERE s.digest = ? ORDER BY s.row"
        )
        return [source_from(row) for row in self._rows(sql, [digest])]

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        """The elements of a document in reading order, of one page if asked."""
        sources = self.sources(digest)
        if not sources:
            return []
        sql = (
            "SELECT e.body FROM elements e JOIN documents d ON d.row = e.document "
            "WHERE d.digest = ? AND d.state = 'live' AND (? IS NULL OR e.page = ?) ORDER BY e.row"
        )
        return [element_from(body, sources[0]) for (body,) in self._rows(sql, [digest, page, page])]

    def pages(self, digest: str) -> list[Page]:
        """The pages of a document."""
        sql = (
            "SELECT p.body FROM pages p JOIN documents d ON d.row = p.document "
            "WHERE d.digest = ? AND d.state = 'live' ORDER BY p.number"
        )
        return [page_from(body) for (body,) in self._rows(sql, [digest])]

    def counts(self) -> dict[str, int]:
        """How many documents, sources, pages, elements, chunks and vectors there are."""
        told = {}
        for table in ("documents", "pages", "elements", "chunks"):
            join = "" if table == "documents" else "JOIN documents d ON d.row = t.document"
            state = "t.state" if table == "documents" else "d.state"
            told[table] = self._one(f"SELECT count(*) FROM {table} t {join} WHERE {state} = 'live'", [])[0]
        for table in ("sources", "vectors"):
            told[table] = self._one(f"SELECT count(*) FROM {table}", [])[0]
        return told

    def meta(self, key: str) -> str | None:
        """A remembered value, such as the fingerprint of the encoder that built the vectors."""
        row = self._one("SELECT value FROM meta WHERE key = ?", [key])
        return row[0] if row else None

    def sequence(self) -> int:
        """The number of the newest change that derived indexes must hold."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", [])
        return int(row[0]) if row else 0

    def verify(self) -> None:
        """CorpusError if SQLite finds the file damaged."""
        told = self._one("PRAGMA quick_check", [])[0]
        if told != "ok":
            raise CorpusError(f"{self.path} is damaged ({told}); restore it from a backup, or ingest again")

    def unfinished(self) -> list[str]:
        """Keys of the sources whose documents were not read to their end."""
        return [key for (key,) in self._rows("SELECT key FROM journal ORDER BY row", [])]

    def media(self) -> set[str]:
        """Names of all assets that documents hold, unfinished ones included."""
        sql = (
            "SELECT media FROM chunks WHERE media IS NOT NULL UNION SELECT media FROM elements WHERE media IS NOT NULL"
        )
        return {name for (name,) in self._rows(sql, [])}

    def digests(self) -> set[str]:
        """Digests of the bytes that sources name."""
        return {digest for (digest,) in self._rows("SELECT DISTINCT digest FROM sources", [])}

    def textual(self) -> int:
        """How many live chunks have words."""
        return int(self._one(f"SELECT count(*) {_LIVE} WHERE json_extract(c.body, '$.text') IS NOT NULL", [])[0])

    def encoded(self, view: str, fingerprint: str) -> int:
        """How many live chunks have a vector of an encoder."""
        sql = (
            f"SELECT count(*) {_LIVE} JOIN views w ON w.chunk = c.row AND w.name = ? JOIN encoders e "
            "ON e.fingerprint = ? JOIN vectors v ON v.digest = w.digest AND v.encoder = e.row"
        )
        return int(self._one(sql, [view, fingerprint])[0])

    # --- reading rows -------------------------------------------------------------------------------

    def _chunks(self, condition: str, values: Sequence[object], order: str = "c.row") -> Iterator[Chunk]:
        allowed, extra = self._condition(None)
        sql = f"SELECT c.body, d.digest {_LIVE} WHERE {condition} AND {allowed} ORDER BY {order}"
        heads: dict[str, tuple[Source, Labels]] = {}
        for body, digest in self._rows(sql, [*values, *extra]):
            if digest not in heads:
                heads[digest] = (self.sources(digest)[0], self._labels(digest))
            source, given = heads[digest]
            yield chunk_from(body, source, given)

    def _labels(self, digest: str) -> Labels:
        """The labels of all sources of a document; the oldest source wins."""
        merged: dict[str, LabelValue] = {}
        for (text,) in self._rows("SELECT labels FROM sources WHERE digest = ? ORDER BY row DESC", [digest]):
            merged.update(json.loads(text))
        return labels(merged)

    def _condition(self, where: Filter | None) -> tuple[str, list[object]]:
        given = tuple(one for one in (self.restriction, where) if one is not None)
        return compiled(And(given)) if given else ("1", [])

    def _rows(self, sql: str, values: Sequence[object]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise CorpusError(f"{self.path}: {error}; try: rag check --repair") from error

    def _one(self, sql: str, values: Sequence[object]) -> Any:
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    def _transaction(self) -> _Reading:
        return _Reading(self._connection, self._lock)


class _Reading:
    """A read transaction: everything inside sees one state of the catalog."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self._connection = connection
        self._lock = lock
        self._own = False

    def __enter__(self) -> None:
        self._lock.acquire()
        self._own = not self._connection.in_transaction
        if self._own:
            self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        if self._own:
            self._connection.execute("COMMIT")
        self._lock.release()
