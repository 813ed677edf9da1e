"""Summaries into a corpus: stored, encoded and told to the indexes as they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rag.document import Summary
from rag.store.store import Store
from rag.store.writer import Writer

from .encode import Encoding, complete_mark


@dataclass(slots=True)
class Storing:
    """Stores summaries by chunk row. `end` says that all went well.

    While it works, the encoders of summaries count as not complete: a run that is killed between a summary and
    its vector leaves that to the next `rag add`.
    """

    store: Store
    writer: Writer
    warn: Callable[[str], None]
    _encoding: Encoding | None = None
    _complete: list[str] = field(default_factory=list)

    def add(self, made: dict[int, Summary]) -> None:
        """Store these and their vectors."""
        if self._encoding is None:
            self._encoding = Encoding(self.store, self.warn)
            for name, encoder in self._encoders().items():
                if self.writer.meta(complete_mark(name)) == encoder.fingerprint:
                    self._complete.append(name)
                self.writer.set_meta(complete_mark(name), "")
        self.writer.summarise(made)
        for name in self._encoders():
            rows = self.writer.chunk_rows(list(made))
            stored = self.store.catalog.chunks([row.id for row in rows])
            sources = {id: chunk.origin.source for id, chunk in stored.items()}
            encoded = self._encoding.vectors(self.writer, name, rows, sources)
            if encoded is not None:
                self.writer.add_encoded(*encoded)
            elif name in self._complete:
                self._complete.remove(name)

    def end(self) -> None:
        """Whatever was complete before is so again."""
        for name in self._complete:
            self.writer.set_meta(complete_mark(name), self.store.encoders[name].fingerprint)
        self._complete.clear()

    def _encoders(self) -> dict[str, Any]:
        return {name: one for name, one in self.store.encoders.items() if one.view == "summary"}
