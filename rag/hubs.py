"""How uneven nearness is: hubs are near to many others, whatever those are.

Radovanović, Nanopoulos, Ivanović 2010, "Hubs in Space": the skewness of N_k, how often something is among
the k nearest of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def occurrences(found: Sequence[Sequence[str]], ids: Sequence[str]) -> NDArray[np.int64]:
    """(n,) how many result lists have each id: N_k of lists of k."""
    import numpy as np

    counts = dict.fromkeys(ids, 0)
    for one in found:
        for id in one:
            counts[id] += 1
    return np.array(list(counts.values()), np.int64)


def skewness(counts: NDArray[np.integer] | NDArray[np.floating]) -> float:
    """The third standardised moment of N_k: about 0 without hubs, above 1 or so with; 0 where all are equal."""
    import numpy as np

    wide = np.asarray(counts, np.float64)
    deviation = float(wide.std()) if len(wide) else 0.0
    return float((((wide - wide.mean()) / deviation) ** 3).mean()) if deviation else 0.0


def among(vectors: NDArray[np.floating], k: int = 10) -> float:
    """The skewness of N_k among vectors (n, dim), each asking for the others; 0 of fewer than k + 2."""
    import numpy as np

    if len(vectors) < k + 2:
        return 0.0
    similar = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    np.fill_diagonal(similar, -np.inf)
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :k]
    return skewness(np.bincount(nearest.ravel(), minlength=len(vectors)))
