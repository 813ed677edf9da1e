"""A read transaction on a connection that threads share."""

from __future__ import annotations

import sqlite3
import threading

from rag.errors import CorpusError


class Reading:
    """A read transaction: everything inside sees one state of the catalog."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self._connection = connection
        self._lock = lock
        self._own = False

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._own = not self._connection.in_transaction
            if self._own:
                self._connection.execute("BEGIN")
        except sqlite3.Error as error:
            self._lock.release()
            raise CorpusError(f"the catalog cannot be read: {error}") from error

    def __exit__(self, *_: object) -> None:
        try:
            if self._own:
                self._connection.execute("COMMIT")
        finally:
            self._lock.release()
