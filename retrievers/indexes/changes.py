"""What waits for the next commit of an index: ids to be added and removed, or everything cleared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any


class Changes:
    """Rows by id that are to be added, ids to be removed; the owner holds the lock.

    What is too much for the memory waits in a file without a name, which dies with the process. It lies in
    `folder`, where the index has room for it.
    """

    def __init__(self, dim: int, folder: Path) -> None:
        self.dim = dim
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.forget()

    def forget(self) -> None:
        """Nothing waits: it was committed."""
        self._rows: dict[str, Any] = {}
        self.removed: set[str] = set()
        self.cleared = False
        if self._file is not None:
            self._file.close()
        self._file = None

    def __len__(self) -> int:
        """How many are to be added."""
        return len(self._rows)

    @property
    def added(self) -> Sequence[str]:
        """Their ids, in the order in which they will be written."""
        return list(self._rows)

    def remove(self, ids: Sequence[str]) -> None:
        """Ids to be removed; what waits of them is not added."""
        for id in ids:
            self._rows.pop(id, None)
            self.removed.add(id)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        self.forget()
        self.cleared = True

    def _opened(self) -> IO[bytes]:
        """The file, made at first use."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115
        return self._file


def check_ids(ids: Sequence[str], count: int, what: str) -> None:
    """ValueError unless there is an id for each of `count`, and each is one that an index takes."""
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids were given for {count} {what}")
    for id in ids:
        if not id or "\0" in id:
            raise ValueError(f"an id is a text without NUL, got {id!r}")
