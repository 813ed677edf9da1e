"""The frontier of a crawl on disk: what is known of a site, what was asked for, what is still to come.

It lies beside the catalog, in `crawl.sqlite`; each step is one transaction, so a killed crawl goes on
with the address it had in hand. An address passes through `waiting`, `fetched` (its bytes are kept) and
`done` (the catalog has it); `failed` ones are tried again by the next run; `barred` ones are not asked for,
`other` ones gave nothing to take, and an `alias` is where another address led. A finished crawl is forgotten:
the next one asks for everything again, with the tags that the server gave.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.addresses import parsed

from .rules import Site, family

if TYPE_CHECKING:
    from collections.abc import Iterator

State = Literal["waiting", "fetched", "done", "failed", "barred", "other", "alias"]
FILE = "crawl.sqlite"
MOST = 200_000
"""Addresses that one crawl remembers."""

_TABLES = """
CREATE TABLE IF NOT EXISTS crawls (
    row INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, site TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS addresses (
    row INTEGER PRIMARY KEY, crawl INTEGER NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL, depth INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', told TEXT NOT NULL DEFAULT '{}', UNIQUE (crawl, url)
);
CREATE INDEX IF NOT EXISTS addresses_state ON addresses (crawl, state, kind);
CREATE TABLE IF NOT EXISTS moved (url TEXT PRIMARY KEY, final TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An address that is known: a `page`, a `pdf` or a `sitemap`, so many links from the start."""

    row: int
    url: str
    kind: str
    depth: int
    state: State = "waiting"
    told: Mapping[str, object] | None = None


class Frontier:
    """The addresses of one crawl; `name` tells crawls apart whose settings differ."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(folder / FILE, timeout=30, isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = WAL")
        self._rows.execute("PRAGMA synchronous = NORMAL")
        self._rows.executescript(_TABLES)
        found = self._rows.execute("SELECT row FROM crawls WHERE name = ?", [name]).fetchone()
        self.resumed = found is not None
        """Whether an earlier run of this crawl did not come to its end."""
        added = found or self._rows.execute("INSERT INTO crawls (name) VALUES (?) RETURNING row", [name]).fetchone()
        self._crawl: int = added[0]
        self._rows.execute("UPDATE addresses SET state = 'waiting' WHERE crawl = ? AND state = 'failed'", [self._crawl])
        self._families: Counter[str] = Counter(
            name for (url,) in self._rows.execute("SELECT url FROM addresses WHERE crawl = ?", [self._crawl])
            if (name := family(parsed(url))[0])
        )  # fmt: skip
        self._known = self.count()
        self.full = 0
        """Addresses that were not noted since there are too many of their kind, or in all."""

    def close(self) -> None:
        self._rows.close()

    def forget(self) -> None:
        """The crawl came to its end."""
        with self.step():
            self._rows.execute("DELETE FROM addresses WHERE crawl = ?", [self._crawl])
            self._rows.execute("DELETE FROM crawls WHERE row = ?", [self._crawl])

    @contextmanager
    def step(self) -> Iterator[None]:
        """All that happens inside is one transaction."""
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    # --- the site ----------------------------------------------------------------------------------------

    @property
    def site(self) -> Site | None:
        """The site of this crawl; None until its first address was asked for."""
        (told,) = self._rows.execute("SELECT site FROM crawls WHERE row = ?", [self._crawl]).fetchone()
        return Site(**json.loads(told)) if told else None

    @site.setter
    def site(self, site: Site) -> None:
        told = json.dumps(asdict(site))
        self._rows.execute("UPDATE crawls SET site = ? WHERE row = ?", [told, self._crawl])

    @property
    def bytes(self) -> int:
        """Bytes that this crawl has fetched so far."""
        (count,) = self._rows.execute("SELECT bytes FROM crawls WHERE row = ?", [self._crawl]).fetchone()
        return int(count)

    def weighed(self, size: int) -> None:
        """Count bytes that were fetched."""
        self._rows.execute("UPDATE crawls SET bytes = bytes + ? WHERE row = ?", [size, self._crawl])

    # --- addresses -----------------------------------------------------------------------------------------

    def note(self, urls: Iterable[str], kind: str, depth: int) -> None:
        """Remember addresses that are new, in order."""
        for url in urls:
            if self.state(url) is not None:
                continue
            name, most = family(parsed(url))
            if (name and self._families[name] >= most) or self._known >= MOST:
                self.full += 1
                continue
            self._families[name] += bool(name)
            self._known += 1
            self._rows.execute(
                "INSERT INTO addresses (crawl, url, kind, depth) VALUES (?, ?, ?, ?)", [self._crawl, url, kind, depth]
            )

    def next(self) -> Entry | None:
        """The next address to take: what was fetched before a kill, then sitemaps, then pages as they were found."""
        row = self._rows.execute(
            "SELECT row, url, kind, depth, state, told FROM addresses WHERE crawl = ? AND state = 'waiting' "
            "ORDER BY kind = 'sitemap' DESC, row LIMIT 1",
            [self._crawl],
        ).fetchone()
        return _entry(row) if row else None

    def kept(self) -> list[Entry]:
        """What was fetched and is not in the catalog yet."""
        rows = self._rows.execute(
            "SELECT row, url, kind, depth, state, told FROM addresses WHERE crawl = ? AND state = 'fetched' "
            "ORDER BY row",
            [self._crawl],
        )
        return [_entry(row) for row in rows.fetchall()]

    def mark(self, entry: Entry, state: State, told: Mapping[str, object] | None = None) -> None:
        """Say what became of an address."""
        sql = "UPDATE addresses SET state = ?, told = ? WHERE row = ?"
        self._rows.execute(sql, [state, json.dumps(told or {}), entry.row])

    def led(self, entry: Entry, final: str) -> None:
        """An address led to another one, which counts as asked for with it."""
        self._rows.execute("INSERT OR REPLACE INTO moved (url, final) VALUES (?, ?)", [entry.url, final])
        self._rows.execute(
            "INSERT OR IGNORE INTO addresses (crawl, url, kind, depth, state) VALUES (?, ?, ?, ?, 'alias')",
            [self._crawl, final, entry.kind, entry.depth],
        )

    def again(self, entry: Entry, final: str) -> None:
        """The bytes of an address are gone, so it is asked for once more."""
        self._rows.execute(
            "DELETE FROM addresses WHERE crawl = ? AND url = ? AND state = 'alias'", [self._crawl, final]
        )
        self.mark(entry, "waiting")

    def state(self, url: str) -> State | None:
        """What became of an address; None where it is not known."""
        sql = "SELECT state FROM addresses WHERE crawl = ? AND url = ?"
        row = self._rows.execute(sql, [self._crawl, url]).fetchone()
        return row[0] if row else None

    def moved(self, url: str) -> str:
        """Where an address led when it was asked for last; itself where that is not known."""
        row = self._rows.execute("SELECT final FROM moved WHERE url = ?", [url]).fetchone()
        return str(row[0]) if row else url

    def settled(self, url: str) -> None:
        """The catalog has what this address gave."""
        self._rows.execute(
            "UPDATE addresses SET state = 'done', told = '{}' WHERE crawl = ? AND state = 'fetched' AND "
            "(url = ? OR url IN (SELECT url FROM moved WHERE final = ?))",
            [self._crawl, url, url],
        )

    def count(self, *states: State, pages: bool = False) -> int:
        """Addresses in these states, or in all of them; of pages and PDFs only on request."""
        marks = ",".join("?" * len(states))
        sql = f"SELECT count(*) FROM addresses WHERE crawl = ?{f' AND state IN ({marks})' if states else ''}"
        sql += " AND kind != 'sitemap'" if pages else ""
        (count,) = self._rows.execute(sql, [self._crawl, *states]).fetchone()
        return int(count)


def _entry(row: tuple[int, str, str, int, State, str]) -> Entry:
    number, url, kind, depth, state, told = row
    return Entry(number, url, kind, depth, state, json.loads(told))
