"""An index over segment files: its committed state, what waits for the next commit, and its upkeep.

What `exact` and `maxsim` share. After deletes: rows are marked, segments with nothing left are dropped, and
where more than a tenth is marked all that lives is written anew (see `writing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar

from rag.errors import CorpusError
from rag.protocols import Catalog
from rag.store.files import Stamp
from rag.store.files import stamp as stamp_of

from . import segments, writing
from .segments import EMPTY, Snapshot

if TYPE_CHECKING:
    from .changes import Changes

_READS = 20


class Segmented:
    """The Derived half of an index in `folder`; the index itself says what a segment holds, and searches.

    What was added and removed is found after `commit` (and by other processes then, too); until
    then the last committed state is searched. One writer at a time, any number of readers; threads
    may share an instance. `generation` is -1 when there is no state, or a damaged one: `clear`, add
    everything from the catalog, commit.
    """

    kind: ClassVar[str]
    """What it is called in messages."""

    def __init__(self, folder: str | Path, dim: int, catalog: Catalog | None, pending: Changes) -> None:
        self.folder = Path(folder)
        self.dim = dim
        self.catalog = catalog
        self._changes = pending
        self._lock = RLock()
        self._stamp: Stamp | None = None
        self._snapshot = EMPTY
        self._damage = ""

    def _read(self) -> Snapshot:
        """The committed state; errors as `segments.read`."""
        raise NotImplementedError

    def _write(self, number: int, merged: Sequence[Any]) -> tuple[int, float, writing.Sums]:
        """Write what waits, and what is merged, as a `writing.Write`."""
        raise NotImplementedError

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt from the catalog."""
        with self._lock:
            if self._changes.cleared:
                return -1
            self._refresh()
            return -1 if self._damage else self._snapshot.generation

    def __len__(self) -> int:
        """Rows in the committed state; 0 of a damaged one."""
        with self._lock:
            self._refresh()
            return self._snapshot.living

    def damaged(self) -> list[str]:
        """Names of files whose checksums are wrong: reads all that is stored."""
        return writing.damaged(self.folder) if (self.folder / segments.MANIFEST).exists() else []

    def remove(self, ids: Sequence[str]) -> None:
        """Remove ids, from the next commit on; those that are not there are left out."""
        with self._lock:
            self._changes.remove(ids)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        with self._lock:
            self._changes.clear()

    def commit(self, generation: int) -> None:
        """Make it durable at that generation: all of it, or (after a kill) none.

        CorpusError when the state is damaged and was not cleared.
        """
        with self._lock:
            self._refresh()
            waits = self._changes
            if self._damage and not waits.cleared:
                raise self._damaged()
            old = replace(self._snapshot, segments=(), largest=0.0) if waits.cleared else self._snapshot
            removed = frozenset[str]() if waits.cleared else frozenset(waits.removed)
            writing.commit(self.folder, self.dim, old, waits.added, removed, generation, self._write)
            waits.forget()

    def _sound(self) -> Snapshot:
        with self._lock:
            self._refresh()
            if self._damage:
                raise self._damaged()
            return self._snapshot

    def _damaged(self) -> CorpusError:
        return CorpusError(f"the {self.kind} index is damaged ({self._damage}); rebuild it with: rag check --repair")

    def _refresh(self) -> None:
        """Take up what was committed since; one `stat` when nothing was."""
        for _ in range(_READS):
            stamp = stamp_of(self.folder / segments.MANIFEST)
            if stamp == self._stamp:
                return
            try:
                snapshot, damage = (self._read() if stamp else EMPTY), ""
            except (OSError, ValueError) as error:
                if stamp_of(self.folder / segments.MANIFEST) != stamp:
                    continue  # a writer swapped the manifest and swept while we read
                snapshot, damage = EMPTY, str(error)
            self._snapshot, self._damage, self._stamp = snapshot, damage, stamp
            return
        raise CorpusError(f"{self.folder}: the {self.kind} index changes faster than it can be read; try again")
