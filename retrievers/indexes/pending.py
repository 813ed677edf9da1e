"""What waits for the next commit of a vector index: added, removed, or everything cleared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.protocols import Dense


class Pending:
    """Vectors of `dim` numbers to be added, ids to be removed; its owner holds the lock."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.forget()

    def forget(self) -> None:
        """Nothing waits: it was committed."""
        self.added: dict[str, Dense] = {}
        self.removed: set[str] = set()
        self.cleared = False

    def add(self, ids: Sequence[str], vectors: Dense) -> None:
        """Vectors (n, dim) as `checked`, copied: the caller's may change."""
        self.added.update(zip(ids, vectors.copy(), strict=True))

    def remove(self, ids: Sequence[str]) -> None:
        """Ids to be removed; what waits of them is not added."""
        for id in ids:
            self.added.pop(id, None)
            self.removed.add(id)

    def clear(self) -> None:
        """Begin anew: the next commit holds only what is added from here on."""
        self.forget()
        self.cleared = True

    def checked_with(self, ids: Sequence[str], vectors: Dense) -> Dense:
        """The vectors, one an id; ValueError for bad ones and for ids that no index takes."""
        vectors = self.checked(vectors, "vectors")
        if len(ids) != len(vectors):
            raise ValueError(f"{len(ids)} ids were given for {len(vectors)} vectors")
        for id in ids:
            if not id or "\0" in id:
                raise ValueError(f"an id is a text without NUL, got {id!r}")
        return vectors

    def checked(self, vectors: Dense, what: str) -> Dense:
        """As float32 (n, dim) in one piece; ValueError for another shape or what is not finite."""
        import numpy as np

        array = np.ascontiguousarray(vectors, np.float32)
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise ValueError(f"{what} must have shape (n, {self.dim}), got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{what} must be finite")
        return array
