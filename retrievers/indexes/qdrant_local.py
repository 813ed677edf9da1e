"""Qdrant in this process: its client's own engine in memory, and files that hold what a commit left.

The engine's own files are not used: it unpickles them, and a corpus that came from somebody else could then
run what it likes. Here are numbers (`.npy`, mapped, nothing pickled) and JSON, named by the commit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.store.files import write_atomically

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

COLLECTION = "argus"
_BATCH = 1000


def load(folder: Path, number: str, dim: int, multi: bool) -> QdrantClient:
    """The points of a commit; none and no collection for the number "". ValueError for files that are damaged."""
    import numpy as np
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    if not number:
        return client
    create(client, dim, multi)
    points = json.loads((folder / f"{number}.points.json").read_text(encoding="utf-8"))
    counts = np.load(folder / f"{number}.counts.npy", mmap_mode="r", allow_pickle=False)
    rows = np.load(folder / f"{number}.vectors.npy", mmap_mode="r", allow_pickle=False)
    ends = np.concatenate([[0], np.cumsum(counts)]).tolist()
    if counts.shape != (len(points),) or rows.shape != (ends[-1], dim) or rows.dtype != np.float32:
        raise ValueError(f"{folder}: the files of commit {number} do not fit each other")
    taken = []
    for (id, payload), (start, end) in zip(points, pairwise(ends), strict=True):
        vector = rows[start:end].tolist()
        taken.append(models.PointStruct(id=id, vector=vector if multi else vector[0], payload=payload))
        if len(taken) == _BATCH or (len(taken) and end == ends[-1]):
            client.upsert(COLLECTION, taken)
            taken = []
    return client


def create(client: QdrantClient, dim: int, multi: bool, name: str = COLLECTION) -> None:
    """An empty collection."""
    from qdrant_client import models

    many = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM) if multi else None
    shape = models.VectorParams(size=dim, distance=models.Distance.DOT, multivector_config=many)
    client.create_collection(name, vectors_config=shape)


def save(client: QdrantClient, folder: Path, number: str, dim: int) -> None:
    """Write all points under a number that no file has yet."""
    import numpy as np

    points: list[tuple[Any, Any]] = []
    arrays = []
    for one in _all(client):
        points.append((one.id, one.payload))
        arrays.append(np.asarray(one.vector, np.float32).reshape(-1, dim))
    rows = np.concatenate(arrays) if arrays else np.zeros((0, dim), np.float32)
    for kind, array in (("vectors", rows), ("counts", np.array([len(one) for one in arrays], np.int64))):
        with open(folder / f"{number}.{kind}.npy", "wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    write_atomically(folder / f"{number}.points.json", json.dumps(points).encode())


def sweep(folder: Path, number: str) -> None:
    """Remove the files of other commits."""
    for kind in ("vectors.npy", "counts.npy", "points.json"):
        for old in folder.glob(f"*.{kind}"):
            if old.name != f"{number}.{kind}":
                old.unlink(missing_ok=True)


def _all(client: QdrantClient) -> Iterator[Any]:
    """All points. Not by pages of `scroll`, each of which sorts everything that there is."""
    total = client.count(COLLECTION).count
    known, _ = client.scroll(COLLECTION, limit=max(1, total), with_payload=False, with_vectors=False)
    for start in range(0, len(known), _BATCH):
        ids = [one.id for one in known[start : start + _BATCH]]
        yield from client.retrieve(COLLECTION, ids, with_payload=True, with_vectors=True)
