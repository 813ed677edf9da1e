"""Small Qdrant indexes over a server that the tests run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rag.retrievers.indexes.qdrant import Qdrant

DIM = 8
KEY = "a-key-of-the-tests"


def units(count: int, seed: int = 0) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def served(folder: Path, count: int = 10, generation: int = 5) -> Qdrant:
    index = Qdrant(folder, DIM, server=True)
    index.add([str(n) for n in range(count)], units(count))
    index.commit(generation)
    return index
