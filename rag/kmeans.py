"""k-means++ (Arthur, Vassilvitskii. SODA 2007): clusters of points, and the member nearest to each mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Features = NDArray[np.float64]

_ROUNDS = 50


def kmeans(points: Sequence[Features], count: int, seed: int) -> tuple[list[int], list[int]]:
    """For each point its cluster, and for each cluster the member nearest to its mean (the first of equals).

    At most `count` clusters, none of them empty; fewer where there are fewer distinct points.
    """
    import numpy as np

    data = np.stack(points)
    rng = np.random.default_rng(seed)
    centres = data[[int(rng.integers(len(data)))]]
    while len(centres) < count:
        nearest = _distances(data, centres).min(axis=1)
        if nearest.max() <= 1e-12:
            break
        centres = np.vstack([centres, data[int(rng.choice(len(data), p=nearest / nearest.sum()))]])
    labels = _distances(data, centres).argmin(axis=1)
    for _ in range(_ROUNDS):
        kept = np.unique(labels)
        centres = np.stack([data[labels == label].mean(axis=0) for label in kept])
        moved = _distances(data, centres).argmin(axis=1)
        same = len(kept) == len(np.unique(moved)) and bool((kept[moved] == labels).all())
        labels = moved
        if same:
            break
    kept, labels = np.unique(labels, return_inverse=True)
    members = []
    for label in range(len(kept)):
        own = np.flatnonzero(labels == label)
        members.append(int(own[_distances(data[own], data[own].mean(axis=0)[None]).argmin()]))
    return [int(label) for label in labels], members


def _distances(data: Features, centres: Features) -> Features:
    """(n, k) squared distances."""
    import numpy as np

    apart: Features = np.square(data[:, None] - centres[None]).sum(axis=2)
    return apart
