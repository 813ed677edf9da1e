"""Hidden states to one vector a text or page.

Yu et al., ICLR 2025, "VisRAG: Vision-based Retrieval-augmented Generation on Multi-modality
Documents" (arXiv 2410.10594), equation 1: w_i = i / sum_j j, v = sum_i w_i h_i. Their code writes
the position as the running count of real tokens, so that padding, on whichever side, has no weight
and moves none; so does this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


def position_weights(mask: NDArray[np.int64]) -> Floats:
    """(n, tokens) mask of ones and zeros to weights of the same shape; each row's sum is 1.

    m_i cumsum(m)_i, divided by its sum. ValueError for a row without a token.
    """
    return _shares(mask * mask.cumsum(axis=1))


def mean_weights(mask: NDArray[np.int64]) -> Floats:
    """The same share for each token."""
    return _shares(mask)


def last_weights(mask: NDArray[np.int64]) -> Floats:
    """All for the last token."""
    count = mask.cumsum(axis=1)
    return _shares(mask * (count == count[:, -1:]))


def first_weights(mask: NDArray[np.int64]) -> Floats:
    """All for the first token."""
    return _shares(mask * (mask.cumsum(axis=1) == 1))


WEIGHTS: dict[str, Callable[[NDArray[np.int64]], Floats]] = {
    "wmean": position_weights,
    "mean": mean_weights,
    "last": last_weights,
    "cls": first_weights,
}


def pooled(hidden: NDArray[np.float32], mask: NDArray[np.int64], pooling: str) -> NDArray[np.float32]:
    """(n, tokens, dim) hidden states and their (n, tokens) mask to (n, dim) vectors of length 1."""
    return units(weighted(hidden, mask, pooling))


def weighted(hidden: NDArray[np.float32], mask: NDArray[np.int64], pooling: str) -> Floats:
    """The same (n, dim), as long as they come out."""
    import numpy as np

    # What stands at padding is not looked at, also where it is no number.
    real = np.where(mask[:, :, None] > 0, hidden, 0.0).astype(np.float64)
    vectors: Floats = np.einsum("nt,ntd->nd", WEIGHTS[pooling](mask), real)
    return vectors


def units(vectors: Floats) -> NDArray[np.float32]:
    """(n, dim) made of length 1, float32; zeros stay zeros."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def _shares(weights: NDArray[np.int64]) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    if (total <= 0).any():
        raise ValueError("a row without a token has no vector")
    shares: Floats = weights / total
    return shares
