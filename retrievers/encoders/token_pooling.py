"""Fewer vectors of a page: the tokens that look alike become their mean.

Clavié, Chaffin, Adams 2024, "Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance
Impact via Token Pooling" (arXiv 2409.14683): Ward's hierarchical clustering of the token vectors, cut
at n / factor clusters, each replaced by its mean. Ward 1963, by nearest-neighbour chains (Murtagh
1983): O(n^2) time and memory.

Departure: distances are those of the unit vectors themselves, as the paper says; the package
colpali-engine clusters the rows of the matrix of similarities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


def token_pooled(vectors: Vectors, factor: int) -> Vectors:
    """(n, dim) unit vectors to (max(n // factor, 1), dim) of length 1, in the order of their first tokens."""
    import numpy as np

    if factor <= 1 or len(vectors) < 2:
        return vectors
    labels = clusters(vectors, max(len(vectors) // factor, 1))
    means = np.stack([vectors[labels == label].mean(axis=0, dtype=np.float64) for label in dict.fromkeys(labels)])
    unit: Vectors = (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit


def clusters(vectors: Vectors, count: int) -> NDArray[np.int64]:
    """For each of n vectors the number of its cluster, `count` of them by Ward's criterion."""
    import numpy as np

    n = len(vectors)
    merges = sorted(_merges(vectors), key=lambda one: one[0])[: max(n - count, 0)]
    parent = list(range(n))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for _, first, second in merges:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return np.array([root(one) for one in range(n)], np.int64)


def _merges(vectors: Vectors) -> list[tuple[float, int, int]]:
    """The n - 1 merges as (squared distance, a member of one, a member of the other), by chains of neighbours."""
    import numpy as np

    points = vectors.astype(np.float64)
    norms = (points**2).sum(axis=1)
    apart = np.maximum(norms[:, None] + norms[None, :] - 2 * points @ points.T, 0.0)
    np.fill_diagonal(apart, np.inf)
    size = np.ones(len(points))
    alive = np.ones(len(points), bool)
    found: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(found) < len(points) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(alive)[0]))
        top = chain[-1]
        near = int(apart[top].argmin())
        if len(chain) > 1 and apart[top, chain[-2]] <= apart[top, near]:
            near = chain[-2]
        if len(chain) < 2 or near != chain[-2]:
            chain.append(near)
            continue
        del chain[-2:]
        height = float(apart[top, near])
        found.append((height, top, near))
        # Lance and Williams: Ward's distance of the union to each of the others, from those of its halves.
        total = size[top] + size[near] + size
        joined = ((size[top] + size) * apart[top] + (size[near] + size) * apart[near] - size * height) / total
        alive[near] = False
        joined[~alive] = np.inf
        joined[top] = np.inf
        apart[top, :] = apart[:, top] = joined
        apart[near, :] = apart[:, near] = np.inf
        size[top] += size[near]
    return found
