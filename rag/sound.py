"""Vectors that hold numbers which are none: found before they are kept or asked with.

One such vector would spoil an index for good, or rank everything alike, and nobody would be told.
"""

from __future__ import annotations

from typing import Any

from rag.errors import ConfigError


def unsound(vectors: Any) -> list[int]:
    """The rows of (n, dim) or Ragged vectors in which a number is infinite or none (NaN)."""
    import numpy as np

    if isinstance(vectors, np.ndarray) and vectors.ndim == 2 and vectors.dtype.kind == "f":
        return [int(row) for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1))]
    return [row for row, one in enumerate(vectors) if not np.isfinite(np.asarray(one)).all()]


def spoilt(encoder: Any, what: str) -> ConfigError:
    """The error for an encoder that makes such vectors of `what`."""
    model = getattr(encoder, "model", "")
    made = f"the encoder {encoder.name}{f' over {model}' if model else ''}"
    return ConfigError(
        f"{made} makes vectors of {what} that hold no numbers (NaN or infinite): its weights are damaged, or its "
        'dtype is too short for them. Fetch the model again, or set dtype = "float32"',
        key="model",
    )
