"""Writing the catalog: every change is one transaction, and each is a step of the journal.

A document is built part by part in state `building` and becomes `live`, with its outbox entry, in
one transaction at its end; the version that it replaces goes in the same one. A kill between two
steps leaves the state after the first: the same command resumes at the next part.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.document import Head, LabelValue, Notice, Part, Source
from rag.errors import CorpusError
from rag.report import warned
from rag.serialise import from_plain, loads
from rag.store import schema
from rag.store.rows import ChunkRow, PartRows, add_views, element_from, page_from
from rag.store.summaries import Summaries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

on_step: Callable[[str], None] = lambda step: None  # noqa: E731
"""Called after each durable step with its name; the crash tests put a SIGKILL here."""

Vectors = Mapping[str, "NDArray[np.float32]"]
"""View digest -> vector (dim,)."""


@dataclass(frozen=True, slots=True)
class Building:
    """A document in the making: its row, and how many parts of it are already stored."""

    row: int
    parts: int


class Writer(Summaries):
    """The one connection that writes; the caller holds the write lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = schema.connect(path, write=True)
        try:
            schema.prepare(self._connection, path)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection, folding the write-ahead log into the file."""
        try:
            self._connection.execute("PRAGMA optimize")
            # SQLite folds by itself only where no reader, such as this process' own, has the file open.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:  # a full disk, a reader in the middle: the log stays, and is as good
            pass
        finally:
            self._connection.close()

    # --- what is known ------------------------------------------------------------------------------

    def source(self, key: str) -> tuple[str, str, dict[str, LabelValue]] | None:
        """(digest, uri, labels) of a known source."""
        row = self._one("SELECT digest, uri, labels FROM sources WHERE key = ?", [key])
        return (row[0], row[1], json.loads(row[2])) if row else None

    def derivation(self, digest: str) -> str | None:
        """The derivation key of the live document with these bytes."""
        row = self._one("SELECT derivation FROM documents WHERE digest = ? AND state = 'live'", [digest])
        return row[0] if row else None

    def size(self, digest: str) -> tuple[int, int]:
        """(pages, chunks) of the live document with these bytes."""
        row = self._one(
            "SELECT (SELECT count(*) FROM pages WHERE document = d.row), "
            "(SELECT count(*) FROM chunks WHERE document = d.row) "
            "FROM documents d WHERE digest = ? AND state = 'live'",
            [digest],
        )
        return (row[0], row[1]) if row else (0, 0)

    def keys(self, digest: str = "") -> dict[str, tuple[str, str]]:
        """key -> (digest, uri) of all sources, or of those of one document."""
        only, values = ("WHERE digest = ?", [digest]) if digest else ("", [])
        sql = f"SELECT key, digest, uri FROM sources {only} ORDER BY row"
        return {key: (found, uri) for key, found, uri in self._connection.execute(sql, values)}

    # --- building a document ---------------------------------------------------------------------------

    def begin(self, key: str, source: Source, derivation: str) -> Building:
        """Start or resume a document; parts of another derivation or older bytes are thrown away."""
        row = self._one(
            "SELECT d.row, d.derivation, j.parts FROM documents d JOIN journal j ON j.document = d.row "
            "WHERE d.digest = ? AND d.state = 'building'",
            [source.digest],
        )
        if row and row[1] == derivation:
            return Building(row[0], row[2])
        with self._transaction():
            self._connection.execute(
                "DELETE FROM documents WHERE state = 'building' AND (digest = ? OR row IN "
                "(SELECT document FROM journal WHERE key = ?))",
                [source.digest, key],
            )
            cursor = self._connection.execute(
                "INSERT INTO documents (digest, media_type, derivation, state) VALUES (?, ?, ?, 'building')",
                [source.digest, source.media_type, derivation],
            )
            number = cursor.lastrowid or 0
            self._connection.execute("INSERT INTO journal (document, key) VALUES (?, ?)", [number, key])
        on_step("begin")
        return Building(number, 0)

    def stored_parts(self, row: int, source: Source) -> Iterator[Part]:
        """The parts of an unfinished document as they were loaded, for the chunker to replay."""
        head_row = self._one("SELECT head FROM documents WHERE row = ?", [row])
        head = loads(Head, head_row[0]) if head_row else Head()
        for number, warnings in self._connection.execute(
            "SELECT number, warnings FROM parts WHERE document = ? ORDER BY number", [row]
        ).fetchall():
            pages = self._connection.execute(
                "SELECT body FROM pages WHERE document = ? AND part = ? ORDER BY row", [row, number]
            )
            elements = self._connection.execute(
                "SELECT body FROM elements WHERE document = ? AND part = ? ORDER BY row", [row, number]
            )
            yield Part(
                number, head,
                elements=tuple(element_from(body, source) for (body,) in elements),
                pages=tuple(page_from(body) for (body,) in pages),
                warnings=tuple(from_plain(Notice, one) for one in json.loads(warnings)),
            )  # fmt: skip

    def add_part(self, row: int, part: PartRows, vectors: Mapping[int, Vectors]) -> None:
        """Store one part, its chunks and their vectors: one transaction, one step."""
        with self._transaction():
            run = self._connection.execute
            run("UPDATE documents SET head = ? WHERE row = ?", [part.head, row])
            run(
                "INSERT INTO parts (document, number, chunks, warnings) VALUES (?, ?, ?, ?)",
                [row, part.number, len(part.chunks), part.warnings],
            )
            self._connection.executemany(
                "INSERT INTO pages (document, part, number, body) VALUES (?, ?, ?, ?)",
                [(row, part.number, number, body) for number, body in part.pages],
            )
            self._connection.executemany(
                "INSERT INTO elements (document, part, id, role, page, media, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(row, part.number, e.id, e.role, e.page, e.media, e.body) for e in part.elements],
            )
            self._add_chunks(row, part)
            for encoder, made in vectors.items():
                self._add_vectors(encoder, made)
            run("UPDATE journal SET parts = parts + 1 WHERE document = ?", [row])
        on_step("part")

    def _add_chunks(self, row: int, part: PartRows) -> None:
        count = self._one("SELECT count(*) FROM chunks WHERE document = ?", [row])
        number = count[0] if count else 0
        for offset, chunk in enumerate(part.chunks):
            cursor = self._connection.execute(
                "INSERT INTO chunks (document, part, number, id, modality, role, first_page, last_page, media, "
                "body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    row, part.number, number + offset, chunk.id, chunk.modality, chunk.role,
                    chunk.first_page, chunk.last_page, chunk.media, chunk.body,
                ],
            )  # fmt: skip
            self._connection.executemany(
                "INSERT INTO views (chunk, name, digest) VALUES (?, ?, ?)",
                [(cursor.lastrowid, name, digest) for name, digest in chunk.views],
            )

    def finish(
        self, building: int, key: str, source: Source, given: Mapping[str, LabelValue], *,
        title: str, language: str, kept: bool,
    ) -> None:  # fmt: skip
        """Make a built document live, and with it retire what its source was before."""
        with self._transaction():
            removed = self._drop("digest = ? AND state = 'live'", [source.digest])
            self._connection.execute(
                "UPDATE documents SET state = 'live', title = ?, language = ?, kept = ? WHERE row = ?",
                [title, language, int(kept), building],
            )
            self._connection.execute("DELETE FROM journal WHERE document = ?", [building])
            removed += self._point(key, source, given)
            self._outbox(building, removed)
        on_step("finish")

    def told(self, row: int) -> tuple[int, int, list[str]]:
        """(pages, chunks, warnings) of a document, finished or not."""
        pages = self._one("SELECT count(*) FROM pages WHERE document = ?", [row])
        chunks = self._one("SELECT count(*) FROM chunks WHERE document = ?", [row])
        notices = self._connection.execute("SELECT warnings FROM parts WHERE document = ? ORDER BY number", [row])
        warnings = [warned(from_plain(Notice, notice)) for (text,) in notices for notice in json.loads(text)]
        return (pages[0] if pages else 0), (chunks[0] if chunks else 0), warnings

    def abandon(self, building: int) -> None:
        """Forget an unfinished document."""
        with self._transaction():
            self._connection.execute("DELETE FROM documents WHERE row = ? AND state = 'building'", [building])

    # --- sources -----------------------------------------------------------------------------------

    def add_source(self, key: str, source: Source, given: Mapping[str, LabelValue]) -> None:
        """Point a source at a live document with the same bytes, nothing derived again."""
        with self._transaction():
            removed = self._point(key, source, given)
            if removed:
                self._outbox(None, removed)
        on_step("source")

    def rename(self, old: str, key: str, source: Source) -> None:
        """A source moved: same bytes, another path; its labels stay."""
        with self._transaction():
            self._connection.execute(
                "UPDATE sources SET key = ?, uri = ?, path = ? WHERE key = ?",
                [key, source.uri, source.path, old],
            )
        on_step("source")

    def set_labels(self, key: str, given: Mapping[str, LabelValue]) -> None:
        """Replace the labels of a source."""
        with self._transaction():
            self._connection.execute("UPDATE sources SET labels = ? WHERE key = ?", [_json(given), key])

    def remove(self, key: str) -> int:
        """Forget a source; its document goes with its last source. Returns chunks removed."""
        with self._transaction():
            row = self._one("SELECT digest FROM sources WHERE key = ?", [key])
            self._connection.execute("DELETE FROM sources WHERE key = ?", [key])
            unfinished = "state = 'building' AND row IN (SELECT document FROM journal WHERE key = ?)"
            self._connection.execute(f"DELETE FROM documents WHERE {unfinished}", [key])
            removed = self._drop_unnamed(row[0]) if row else []
            if removed:
                self._outbox(None, removed)
        on_step("source")
        return len(removed)

    def _point(self, key: str, source: Source, given: Mapping[str, LabelValue]) -> list[str]:
        """Let a source name these bytes; returns the chunks of a document that nothing names now."""
        before = self._one("SELECT digest FROM sources WHERE key = ?", [key])
        self._connection.execute(
            "INSERT INTO sources (key, uri, path, digest, labels) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) "
            "DO UPDATE SET uri = excluded.uri, path = excluded.path, digest = excluded.digest, "
            "labels = excluded.labels",
            [key, source.uri, source.path, source.digest, _json(given)],
        )
        return self._drop_unnamed(before[0]) if before and before[0] != source.digest else []

    def _drop_unnamed(self, digest: str) -> list[str]:
        # One in the making stays: the source that it is made for names it at its end.
        unnamed = "NOT EXISTS (SELECT 1 FROM sources s WHERE s.digest = documents.digest)"
        return self._drop(f"state = 'live' AND digest = ? AND {unnamed}", [digest])

    def _drop(self, condition: str, values: Sequence[object]) -> list[str]:
        """Delete documents; returns the ids of their chunks."""
        gone = self._connection.execute(
            f"SELECT c.id FROM chunks c WHERE c.document IN (SELECT row FROM documents WHERE {condition})",
            values,
        ).fetchall()
        self._connection.execute(f"DELETE FROM documents WHERE {condition}", values)
        return [id for (id,) in gone]

    def _outbox(self, added: int | None, removed: Sequence[str]) -> None:
        self._connection.execute("INSERT INTO outbox (added, removed) VALUES (?, ?)", [added, _json(removed)])

    # --- encoders, vectors, meta -----------------------------------------------------------------------

    def encoder(self, fingerprint: str, name: str, dim: int) -> int:
        """The row of an encoder, made if it is new."""
        row = self._one("SELECT row FROM encoders WHERE fingerprint = ?", [fingerprint])
        if row:
            return int(row[0])
        cursor = self._connection.execute(
            "INSERT INTO encoders (fingerprint, name, dim) VALUES (?, ?, ?)", [fingerprint, name, dim]
        )
        return cursor.lastrowid or 0

    def known_vectors(self, encoder: int, digests: Sequence[str]) -> set[str]:
        """Which of these view digests have a vector already."""
        found: set[str] = set()
        for start in range(0, len(digests), 500):
            batch = list(digests[start : start + 500])
            marks = ",".join("?" * len(batch))
            sql = f"SELECT digest FROM vectors WHERE encoder = ? AND digest IN ({marks})"
            found.update(digest for (digest,) in self._connection.execute(sql, [encoder, *batch]))
        return found

    def add_encoded(self, encoder: int, vectors: Vectors, views: Sequence[tuple[str, str, str]] = ()) -> None:
        """Store vectors of chunks that are there already, for the indexes to take: one transaction, one step.

        `views` (chunk id, name, digest) are new ones of these chunks.
        """
        digests = list(dict.fromkeys([*vectors, *(digest for _, _, digest in views)]))
        with self._transaction():
            add_views(self._connection, views)
            self._add_vectors(encoder, vectors)
            for start in range(0, len(digests), 500):
                batch = digests[start : start + 500]
                self._connection.execute(
                    "INSERT INTO outbox (added) SELECT DISTINCT d.row FROM views w JOIN chunks c ON c.row = w.chunk "
                    "JOIN documents d ON d.row = c.document AND d.state = 'live' "
                    f"WHERE w.digest IN ({','.join('?' * len(batch))})",
                    batch,
                )
        on_step("encoded")

    def _add_vectors(self, encoder: int, vectors: Vectors) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO vectors (encoder, digest, vector) VALUES (?, ?, ?)",
            [(encoder, digest, vector.astype("<f4").tobytes()) for digest, vector in vectors.items()],
        )

    def unencoded(self, view: str, fingerprint: str, modalities: Sequence[str]) -> list[int]:
        """Rows of live chunks whose view has no vector of that encoder yet."""
        marks = ",".join("?" * len(modalities))
        sql = (
            "SELECT c.row FROM chunks c JOIN documents d ON d.row = c.document AND d.state = 'live' "
            f"JOIN views w ON w.chunk = c.row AND w.name = ? WHERE c.modality IN ({marks}) AND NOT EXISTS "
            "(SELECT 1 FROM vectors v JOIN encoders e ON e.row = v.encoder WHERE v.digest = w.digest "
            "AND e.fingerprint = ?) ORDER BY c.row"
        )
        return [row for (row,) in self._connection.execute(sql, [view, *modalities, fingerprint])]

    def chunk_rows(self, rows: Sequence[int]) -> list[ChunkRow]:
        """The chunks of these rows, as `add_part` took them."""
        found = []
        for row in rows:
            views = self._connection.execute("SELECT name, digest FROM views WHERE chunk = ? ORDER BY row", [row])
            columns = self._connection.execute(
                "SELECT id, modality, role, first_page, last_page, media, body FROM chunks WHERE row = ?", [row]
            ).fetchone()
            id, modality, role, first, last, media, body = columns
            named = tuple((name, digest) for name, digest in views)
            found.append(ChunkRow(id, modality, role, first, last, media, body, named))
        return found

    def sweep_unfinished(self) -> int:
        """Delete unfinished documents; how many there were."""
        with self._transaction():
            return self._connection.execute("DELETE FROM documents WHERE state = 'building'").rowcount

    def sweep(self) -> dict[str, int]:
        """Delete unfinished documents and vectors that no document names; counts by table."""
        unfinished = self.sweep_unfinished()
        with self._transaction():
            run = self._connection.execute
            return {
                "unfinished": unfinished,
                "vectors": run(
                    "DELETE FROM vectors WHERE NOT EXISTS (SELECT 1 FROM views w WHERE w.digest = vectors.digest) "
                    "OR encoder NOT IN (SELECT e.row FROM encoders e JOIN meta m ON m.value = e.fingerprint)"
                ).rowcount,
            }

    def set_meta(self, key: str, value: str) -> None:
        """Remember a value."""
        self._connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [key, value],
        )

    def set_new_meta(self, key: str, value: str) -> None:
        """Remember a value unless there is one."""
        self._connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", [key, value])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                raise CorpusError(f"the catalog cannot be written: {error}") from error
            raise

    def _one(self, sql: str, values: Sequence[object]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row


def _json(value: object) -> str:
    # SQLite reads labels as JSON, which knows no NaN: one such label would spoil every filter.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
