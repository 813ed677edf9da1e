"""Exact search corrected for hubs: what each chunk is near to anyway is one more coordinate of its vector.

The methods are those of `retrievers/hubness`: inverted softmax in its four forms, LocalAdj, or InvGC (whose
mean similarity is taken with the mean of the bank of chunks, not of the collection: 0 without such a bank).
The catalog keeps the vectors as the encoder made them; here lies what the banks made of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.document import Labels
from rag.errors import ConfigError
from rag.filters import Filter
from rag.protocols import Catalog, Scored
from rag.store.files import write_atomically

from ..hubness import InverseConvolution, Method, Normalizer
from .exact import Exact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Dense

BANK = {"queries": "bank.queries.npy", "chunks": "bank.chunks.npy"}
"""In the folder of the index, (n, dim) each, as `store_bank` writes them."""
STATE = "transform.json"


class Unhubbed:
    """Index[Dense] and Derived, in `folder`: `indexes/exact` over vectors that a stored bank has moved.

    Without a bank it finds what `indexes/exact` finds. A bank that was stored, or options that changed,
    since the last full build make `generation` -1, so that the next write builds anew from the catalog; what
    is added otherwise uses the same bank. Scores are inner products less a bias, so no cosines. The
    dynamic methods find which chunks are activated at each commit. `vectors` gives what is searched,
    without the bias: of LocalAdj and InvGC the moved vectors.
    """

    comfortable = Exact.comfortable

    def __init__(
        self,
        folder: str | Path,
        dim: int,
        catalog: Catalog | None = None,
        method: Literal["none", "is", "dis", "dual_is", "dual_dis", "localadj", "invgc"] = "is",
        beta_query: float = 20.0,
        beta_gallery: float = 1.0,
        activated: int = 1,
        rate_gallery: float = 0.1,
        rate_query: float = 0.1,
        pool: float = 0.01,
    ) -> None:
        self.folder = Path(folder)
        self.dim = dim
        name: Method = "none" if method in ("localadj", "invgc") else method  # type: ignore[assignment]
        self._form = Normalizer(name, beta_query, beta_gallery, activated)
        moved = InverseConvolution(rate_gallery, rate_query, pool, local=method == "localadj")
        self._moves = moved if method in ("localadj", "invgc") else None
        self._options = [method, beta_query, beta_gallery, activated, rate_gallery, rate_query, pool]
        self._index = Exact(self.folder / "moved", dim + 2, catalog)

    @cached_property
    def _bank(self) -> dict[str, NDArray[np.float32]]:
        import numpy as np

        bank = dict.fromkeys(BANK, np.zeros((0, self.dim), np.float32))
        for name in bank:
            file = self.folder / BANK[name]
            if not file.exists():
                continue
            try:  # mapped: a header that promises more than there is cannot fill the memory
                stored = np.load(file, mmap_mode="r", allow_pickle=False)
            except ValueError as error:
                raise ConfigError(f"{file} is no array ({error}); store the bank again") from error
            bank[name] = one = np.asarray(stored, np.float32)
            if one.ndim != 2 or one.shape[1] != self.dim or not np.isfinite(one).all():
                raise ConfigError(f"{file}: {name} must be finite and of shape (n, {self.dim}), got {one.shape}")
        return bank

    @cached_property
    def version(self) -> str:
        """Names bank, method and options: what the moved vectors depend on beside the encoder's."""
        told = sha256(json.dumps(self._options).encode())
        for name in ("queries", "chunks"):
            told.update(f"{name}:{len(self._bank[name])}".encode())
            told.update(self._bank[name].astype("<f4").tobytes())
        return told.hexdigest()

    @property
    def generation(self) -> int:
        """The last outbox entry held; -1 when it must be rebuilt, also by another bank or other options."""
        state, reached = self._state, self._index.generation
        return reached if (state.get("version"), state.get("generation")) == (self.version, reached) else -1

    @property
    def _state(self) -> dict[str, Any]:
        try:
            state = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def __len__(self) -> int:
        return len(self._index)

    def damaged(self) -> list[str]:
        """Names of files whose checksums are wrong: reads all that is stored."""
        return self._index.damaged()

    def vectors(self, ids: Sequence[str]) -> Dense:
        """(n, dim) in the order of the ids; KeyError naming one that is not there."""
        return self._index.vectors(ids)[:, : self.dim]

    def search(self, queries: Dense, k: int, where: Filter | None = None) -> Scored:
        """The k largest corrected scores of each query (n, dim), among the ids that `where` admits."""
        import numpy as np

        queries = self._checked(queries, "queries")
        asked = np.concatenate([queries, np.ones((len(queries), 2), np.float32)], axis=1)
        if self._form.dynamic and k > 0:
            raw = np.concatenate([queries, np.zeros((len(queries), 2), np.float32)], axis=1)
            active = [frozenset(one) for one in self._state.get("active", ([], []))]
            for row, best in enumerate(self._index.search(raw, 1)):
                asked[row, self.dim :] = [bool(best) and best[0][0] in one for one in active]
        return self._index.search(asked, k, where)

    def add(self, ids: Sequence[str], vectors: Dense, labels: Sequence[Labels] = ()) -> None:
        """Add or replace vectors (n, dim), from the next commit on; ValueError for bad ones."""
        import numpy as np

        vectors = self._checked(vectors, "vectors")
        queries, chunks = self._bank["queries"], self._bank["chunks"]
        taken = self._form.biases(vectors, queries, chunks) if len(vectors) else np.zeros((0, 2))
        if self._moves is not None and len(vectors) and (len(queries) or len(chunks)):
            # What an add gives must not depend on what else is in it: the bank of chunks stands for the collection.
            centre = chunks.mean(axis=0) if len(chunks) else np.zeros(self.dim)
            vectors = self._moves(vectors, queries, chunks, centre=centre).astype(np.float32)
        self._index.add(ids, np.concatenate([vectors, -taken.astype(np.float32)], axis=1))

    def remove(self, ids: Sequence[str]) -> None:
        """Remove ids, from the next commit on; those that are not there are left out."""
        self._index.remove(ids)

    def clear(self) -> None:
        """Begin anew, with the bank that lies in the folder now."""
        for name in ("_bank", "version"):
            self.__dict__.pop(name, None)
        self._index.clear()
        (self.folder / STATE).unlink(missing_ok=True)

    def commit(self, generation: int) -> None:
        """Make it durable at that generation: all of it, or (after a kill) nothing that counts."""
        import numpy as np

        # Vectors first: killed before the state is written, the version is missing or that of the same bank.
        self._index.commit(generation)
        active: list[list[str]] = [[], []]
        if self._form.dynamic:
            for side, name in enumerate(("queries", "chunks")):
                bank = self._bank[name]
                raw = np.concatenate([bank, np.zeros((len(bank), 2), np.float32)], axis=1)
                found = self._index.search(raw, self._form.activated)
                active[side] = sorted({id for row in found for id, _ in row})
        state = {"version": self.version, "generation": generation, "active": active}
        write_atomically(self.folder / STATE, json.dumps(state).encode())

    def _checked(self, vectors: Dense, what: str) -> Dense:
        import numpy as np

        array = np.ascontiguousarray(vectors, np.float32)
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise ValueError(f"{what} must have shape (n, {self.dim}), got {array.shape}")
        return array


def store_bank(folder: str | Path, queries: NDArray[np.floating], chunks: NDArray[np.floating] | None = None) -> None:
    """Keep a bank of queries, and one of chunks, for the index in `folder`; its next write builds it anew."""
    import io

    import numpy as np

    told = np.asarray(queries, np.float32)
    other = np.zeros((0, told.shape[1]), np.float32) if chunks is None else np.asarray(chunks, np.float32)
    for name, array in (("queries", told), ("chunks", other)):
        data = io.BytesIO()
        np.save(data, array, allow_pickle=False)
        write_atomically(Path(folder) / BANK[name], data.getvalue())
