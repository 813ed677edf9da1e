"""An opened catalog: its connection, and what maintenance asks of the whole of it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import CorpusError
from rag.filters import Filter
from rag.store import schema
from rag.store.reading import Reading

T = TypeVar("T")
LIVE = "FROM chunks c JOIN documents d ON d.row = c.document AND d.state = 'live'"


class Upkeep:
    """A connection for any number of threads. Maintenance is refused where there is a `restriction`."""

    def __init__(self, path: Path, restriction: Filter | None = None, *, write: bool = False) -> None:
        self.path = path
        self.restriction = restriction
        self._lock = threading.RLock()
        self._connection = schema.connect(path, write=write)
        try:
            if schema.found(self._connection, path) < schema.VERSION:
                raise CorpusError(f"{path} has an older schema; rag add and rag check --repair bring it up to date")
        except CorpusError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

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
        self._whole()
        return [key for (key,) in self._rows("SELECT key FROM journal ORDER BY row", [])]

    def media(self) -> set[str]:
        """Names of all assets that documents hold, unfinished ones included."""
        self._whole()
        sql = (
            "SELECT media FROM chunks WHERE media IS NOT NULL UNION SELECT media FROM elements WHERE media IS NOT NULL"
        )
        return {name for (name,) in self._rows(sql, [])}

    def digests(self) -> set[str]:
        """Digests of the bytes that sources name."""
        self._whole()
        return {digest for (digest,) in self._rows("SELECT DISTINCT digest FROM sources", [])}

    def textual(self) -> int:
        """How many live chunks have words, of their own or about them."""
        self._whole()
        worded = "json_extract(c.body, '$.text') IS NOT NULL OR json_extract(c.body, '$.summary') IS NOT NULL"
        return int(self._one(f"SELECT count(*) {LIVE} WHERE {worded}", [])[0])

    def worded_pages(self) -> int:
        """How many live pages have words."""
        self._whole()
        pages = (
            "SELECT DISTINCT c.document, json_extract(p.value, '$.page') AS page FROM chunks c "
            "JOIN documents d ON d.row = c.document AND d.state = 'live' JOIN json_each(c.body, '$.places') p "
            "WHERE c.role != 'page' AND c.first_page IS NOT NULL AND json_extract(c.body, '$.text') IS NOT NULL"
        )
        return int(self._one(f"SELECT count(*) FROM ({pages}) WHERE page IS NOT NULL", [])[0])

    def encoded(self, view: str, fingerprint: str) -> int:
        """How many live chunks have a vector of an encoder."""
        self._whole()
        sql = (
            f"SELECT count(*) {LIVE} JOIN views w ON w.chunk = c.row AND w.name = ? JOIN encoders e "
            "ON e.fingerprint = ? JOIN vectors v ON v.digest = w.digest AND v.encoder = e.row"
        )
        return int(self._one(sql, [view, fingerprint])[0])

    def without_units(self, view: str, fingerprint: str) -> list[str]:
        """Digests of live documents of which no unit has a vector of an encoder that reads units."""
        self._whole()
        sql = (
            "SELECT d.digest FROM documents d WHERE d.state = 'live' AND NOT EXISTS (SELECT 1 FROM chunks c "
            "JOIN views w ON w.chunk = c.row AND w.name = ? JOIN vectors v ON v.digest = w.digest "
            "JOIN encoders e ON e.row = v.encoder AND e.fingerprint = ? WHERE c.document = d.row) ORDER BY d.row"
        )
        return [digest for (digest,) in self._rows(sql, [view, fingerprint])]

    def _whole(self) -> None:
        if self.restriction is not None:
            raise CorpusError("a restricted view cannot be maintained; open the corpus itself")

    def _parsed(self, parse: Callable[..., T], *stored: Any) -> T:
        """What a stored text says; CorpusError if it says nothing that we know."""
        try:
            return parse(*stored)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise CorpusError(f"{self.path} holds a damaged row ({error}); restore it or ingest again") from error

    def _rows(self, sql: str, values: Sequence[object]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise CorpusError(f"{self.path}: {error}; try: rag check --repair") from error

    def _one(self, sql: str, values: Sequence[object]) -> Any:
        rows = self._rows(sql, values)
        return rows[0] if rows else None

    def _transaction(self) -> Reading:
        return Reading(self._connection, self._lock)
