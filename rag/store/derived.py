"""Bringing the derived indexes up to the catalog: replaying the outbox, or building anew.

The catalog decides what exists; an index that lags, or was left half written, is only slower to
be right. Replaying is idempotent: an id added again replaces itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, cast

from rag.protocols import Derived, ProgressCallback, TextIndex, TokenIndex, VectorIndex
from rag.store import schema, writer
from rag.store.resolving import lasting

BATCH = 2000
_TOLD_EVERY = 20_000
Told = Callable[[int], None]
"""Called with the chunks or pages that an index was given so far."""


def untold(done: object) -> None:
    """Progress that nobody asks for."""


class Sink(Protocol):
    """One derived index with the way its rows are read from the catalog."""

    name: str

    @property
    def index(self) -> Derived: ...

    def fill(self, rows: sqlite3.Connection, documents: Sequence[int] | None, told: Told = untold) -> None:
        """Add the chunks of these documents; of all live ones for None."""


def replay(path: Path, sinks: Iterable[Sink]) -> None:
    """Bring each index to the newest entry of the outbox, then forget what all have taken."""
    with closing(schema.connect(path, write=True)) as rows:
        row = rows.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        newest = int(row[0]) if row else 0
        oldest = rows.execute("SELECT coalesce(min(seq), ?) FROM outbox", [newest + 1]).fetchone()[0]
        for sink in sinks:
            reached = sink.index.generation
            if reached == newest:
                continue
            if reached > newest or reached < oldest - 1:
                rebuild(rows, sink, newest)
            else:
                _catch_up(rows, sink, reached, newest)
                if sink.index.generation != newest:  # so much was removed that its statistics drift
                    rebuild(rows, sink, newest)
            writer.on_step(f"index:{sink.name}")
        rows.execute("DELETE FROM outbox WHERE seq <= ?", [newest])


def rebuild_all(path: Path, sinks: Iterable[Sink], progress: ProgressCallback = untold) -> None:
    """Build every derived index anew; the caller holds the write lock."""
    with closing(schema.connect(path, write=True)) as rows:
        row = rows.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        for sink in sinks:
            rebuild(rows, sink, int(row[0]) if row else 0, progress)


def rebuild(
    rows: sqlite3.Connection, sink: Sink, newest: int, progress: ProgressCallback = untold
) -> None:  # fmt: skip
    """Build an index anew from the catalog."""
    total = rows.execute("SELECT count(*) FROM chunks").fetchone()[0]
    next_told = _TOLD_EVERY

    def told(done: int) -> None:
        nonlocal next_told
        if done >= next_told:
            next_told = done + _TOLD_EVERY
            progress({"stage": f"index {sink.name}", "done": done, "total": total, "item": ""})

    sink.index.clear()
    sink.fill(rows, None, told)
    sink.index.commit(newest)


def _catch_up(rows: sqlite3.Connection, sink: Sink, reached: int, newest: int) -> None:
    entries = rows.execute("SELECT added, removed FROM outbox WHERE seq > ? ORDER BY seq", [reached]).fetchall()
    # Removals first: an id that came back was added by a document that is live now.
    removed = list(dict.fromkeys(id for _, text in entries for id in json.loads(text)))
    if removed:
        sink.index.remove(removed)
    added = list(dict.fromkeys(document for document, _ in entries if document is not None))
    if added:
        sink.fill(rows, added)
    sink.index.commit(newest)


def live_rows(
    rows: sqlite3.Connection,
    columns: str,
    joins: str,
    documents: Sequence[int] | None,
    values: Sequence[object],
    told: Told,
) -> Iterator[list[tuple[Any, ...]]]:
    """Batches of rows of live chunks, in the order they were added."""
    done = 0
    for batch in _live_rows(rows, columns, joins, documents, values):
        yield batch
        done += len(batch)
        told(done)


def _live_rows(
    rows: sqlite3.Connection, columns: str, joins: str, documents: Sequence[int] | None, values: Sequence[object]
) -> Iterator[list[tuple[Any, ...]]]:  # fmt: skip
    sql = f"SELECT {columns} FROM chunks c JOIN documents d ON d.row = c.document {joins} WHERE d.state = 'live'"
    if documents is None:
        yield from _batches(rows.execute(f"{sql} ORDER BY c.row", values))
        return
    for document in documents:
        yield from _batches(rows.execute(f"{sql} AND d.row = ? ORDER BY c.row", [*values, document]))


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH):
        yield batch


class VectorSink:
    """A vector index and the encoder whose vectors it holds.

    The catalog keeps one blob a view, `dim` float32 numbers or, of a `ragged` encoder, a multiple of that:
    its tokens one after the other.
    """

    def __init__(
        self, name: str, index: VectorIndex | TokenIndex, view: str, fingerprint: str, dim: int, ragged: bool = False
    ) -> None:
        self.name = name
        self.index = index
        self._view = view
        self._fingerprint = fingerprint
        self._dim = dim
        self._ragged = ragged

    def fill(self, rows: sqlite3.Connection, documents: Sequence[int] | None, told: Told = untold) -> None:
        """Add the vectors that the catalog holds for these documents."""
        import numpy as np

        joins = (
            "JOIN views w ON w.chunk = c.row AND w.name = ? JOIN encoders e ON e.fingerprint = ? "
            "JOIN vectors v ON v.digest = w.digest AND v.encoder = e.row"
        )
        values = [self._view, self._fingerprint]
        columns = "c.id, v.vector, d.digest, c.modality, c.role, c.first_page, c.last_page"
        for batch in live_rows(rows, columns, joins, documents, values, told):
            ids: list[str] = [row[0] for row in batch]
            labels = [lasting(*row[2:]) for row in batch]
            if self._ragged:
                arrays = [np.frombuffer(row[1], dtype="<f4").reshape(-1, self._dim) for row in batch]
                cast("TokenIndex", self.index).add(ids, arrays, labels)
                continue
            stacked = np.frombuffer(b"".join(row[1] for row in batch), dtype="<f4")
            cast("VectorIndex", self.index).add(ids, stacked.reshape(len(batch), self._dim), labels)


class TextSink:
    """The full-text index: a chunk's text, and above it headings, title, mentions and summary."""

    name = "text"

    def __init__(self, index: TextIndex) -> None:
        self.index = index

    def fill(self, rows: sqlite3.Connection, documents: Sequence[int] | None, told: Told = untold) -> None:
        """Add the texts of these documents' chunks; a page's picture has none."""
        for batch in live_rows(rows, "c.id, c.body, d.title", "", documents, [], told):
            read = ((id, json.loads(body), title) for id, body, title in batch)
            texts = {
                id: (plain.get("text", ""), title, *plain.get("headings", ()), *_said(plain))
                for id, plain, title in read
                if plain.get("text") or plain.get("summary")
            }
            self.index.add(list(texts), list(texts.values()))


def _said(plain: Mapping[str, Any]) -> list[str]:
    """The sentences that mention a figure or table, and its summary: they stand above it as headings do."""
    about = [plain["summary"]["text"]] if plain.get("summary") else []
    return [*(one["text"] for one in plain.get("mentions", ())), *about]


class PageSink:
    """The full text of whole pages, under the ids of their pictures."""

    name = "pages"

    def __init__(self, index: TextIndex) -> None:
        self.index = index

    def fill(self, rows: sqlite3.Connection, documents: Sequence[int] | None, told: Told = untold) -> None:
        """Add the pages of these documents: the texts of the chunks on each, with what stands above them."""
        if documents is None:
            sql = (
                "SELECT DISTINCT d.row FROM documents d JOIN chunks c ON c.document = d.row "
                "WHERE d.state = 'live' AND c.first_page IS NOT NULL ORDER BY d.row"
            )
            documents = [row for (row,) in rows.execute(sql).fetchall()]
        done = 0
        for document in documents:
            ids, texts = _paged(rows, document)
            for start in range(0, len(ids), BATCH):
                self.index.add(ids[start : start + BATCH], texts[start : start + BATCH])
            done += len(ids)
            told(done)


def _paged(rows: sqlite3.Connection, document: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """For each page of a document that has words an id, its words and those above them.

    The id is that of the page's picture; where there is none (a photo), that of the first chunk on it.
    """
    sql = (
        "SELECT c.id, c.role, c.body, d.title FROM chunks c JOIN documents d ON d.row = c.document "
        "WHERE c.document = ? AND d.state = 'live' AND c.first_page IS NOT NULL ORDER BY c.number"
    )
    named: dict[int, str] = {}
    bodies: dict[int, list[str]] = {}
    above: dict[int, dict[str, None]] = {}
    for id, role, body, title in rows.execute(sql, [document]):
        plain = json.loads(body)
        numbers = {place["page"] for place in plain["places"] if "page" in place}
        if role == "page":
            named.update(dict.fromkeys(numbers, id))
            continue
        for number in numbers if plain.get("text") else ():
            named.setdefault(number, id)
            bodies.setdefault(number, []).append(plain["text"])
            above.setdefault(number, {title: None}).update(dict.fromkeys(plain.get("headings", ())))
    return [named[number] for number in sorted(bodies)], [("\n".join(bodies[n]), *above[n]) for n in sorted(bodies)]
