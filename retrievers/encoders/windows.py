"""Texts longer than an encoder reads, in windows: nothing is cut silently.

A text whose tokens do not fit is parted into windows of as many tokens as fit, as even as they can be,
so that no window is a stub; each is encoded as a text of its own, and the vector of the whole is the
mean of theirs, weighted by their tokens, made a unit vector again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def windows(ids: Sequence[int], limit: int) -> list[list[int]]:
    """Token ids in the fewest windows of at most `limit`, their lengths differing by one at most; [[]] for none."""
    if limit < 1:
        raise ValueError(f"a window holds at least one token, got limit={limit}")
    count = max(1, -(-len(ids) // limit))
    ends = [len(ids) * number // count for number in range(count + 1)]
    return [list(ids[start:end]) for start, end in pairwise(ends)]


def averaged(vectors: NDArray[np.float32], weights: Sequence[int]) -> NDArray[np.float32]:
    """(windows, dim) unit vectors to the unit vector of their weighted mean."""
    import numpy as np

    if len(vectors) == 1:
        only: NDArray[np.float32] = vectors[0]
        return only
    mean = np.average(vectors.astype(np.float64), axis=0, weights=np.maximum(weights, 1))
    unit: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit
