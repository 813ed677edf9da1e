"""Writing what was made about pictures and tables, to find them by, into the catalog.

A summary stands in its chunk's row, with a view of its own beside those of the words and pixels. It is also
kept by its key (what it was made of), so that a document derived again gets it back without a call.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rag.document import Role, Summary
from rag.identity import digest
from rag.serialise import dumps, loads

_KEPT = "summary:"
"""Before a key in the table `meta`."""


class Summaries:
    """The part of a Writer that summaries need."""

    _connection: sqlite3.Connection

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        raise NotImplementedError
        yield

    def meta(self, key: str) -> str | None:
        """A remembered value."""
        found = self._connection.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return found[0] if found else None

    def described(self, roles: Sequence[Role], missing: bool = False) -> list[tuple[int, str]]:
        """(row, id) of the live chunks of these roles, in the order they were added; those without a summary alone.

        Speech over a key frame is one chunk, and is among them with "keyframe".
        """
        without = "AND json_extract(c.body, '$.summary') IS NULL" if missing else ""
        spoken = "OR (c.modality = 'video' AND c.media IS NOT NULL)" if "keyframe" in roles else ""
        sql = (
            "SELECT c.row, c.id FROM chunks c JOIN documents d ON d.row = c.document AND d.state = 'live' "
            f"WHERE (c.role IN ({','.join('?' * len(roles))}) {spoken}) {without} ORDER BY c.row"
        )
        return [(row, id) for row, id in self._connection.execute(sql, list(roles))]

    def summary(self, key: str) -> Summary | None:
        """The summary that is kept under a key."""
        found = self.meta(_KEPT + key)
        return loads(Summary, found) if found else None

    def summarise(self, made: Mapping[int, Summary]) -> None:
        """Give chunks (by row) their summaries, keep these, and tell the indexes: one transaction."""
        with self._transaction():
            run = self._connection.execute
            documents: dict[int, None] = {}
            for row, summary in made.items():
                document, body = run("SELECT document, body FROM chunks WHERE row = ?", [row]).fetchone()
                told = {**json.loads(body), "summary": json.loads(dumps(summary))}
                text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
                run("UPDATE chunks SET body = ? WHERE row = ?", [text, row])
                run("DELETE FROM views WHERE chunk = ? AND name = 'summary'", [row])
                run("INSERT INTO views (chunk, name, digest) VALUES (?, 'summary', ?)", [row, digest(summary.text)])
                if summary.made == "written":  # the others cost nothing to make again
                    kept = [_KEPT + summary.key, dumps(summary)]
                    run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", kept)
                documents[document] = None
            for document in documents:
                run("INSERT INTO outbox (added) VALUES (?)", [document])

    def sweep_summaries(self) -> int:
        """Forget the summaries that no chunk has; how many there were."""
        with self._transaction():
            return self._connection.execute(
                f"DELETE FROM meta WHERE key LIKE '{_KEPT}%' AND key NOT IN (SELECT '{_KEPT}' || "
                "json_extract(body, '$.summary.key') FROM chunks WHERE json_extract(body, '$.summary') IS NOT NULL)"
            ).rowcount
