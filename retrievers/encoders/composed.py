"""Questions of several parts in one space: pictures and words, and words that are not wanted.

Jia et al., ICML 2021, "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text
Supervision" (ALIGN, arXiv 2102.05918), section 5.4: unit(picture) + unit(words), and minus the words
not wanted, is itself a question. Made a unit vector again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rag.answer import Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


def composed(plus: Sequence[Vector], minus: Sequence[Vector] = ()) -> Vector:
    """The unit vector of the sum of `plus` without that of `minus`, all (dim,) of length 1.

    Where they cancel out nothing is left to ask for: the sum of `plus` then.
    """
    import numpy as np

    if not plus:
        raise ValueError("a question needs something that is wanted, not minus words alone")
    wanted = np.sum([one.astype(np.float64) for one in plus], axis=0)
    told = wanted - np.sum([one.astype(np.float64) for one in minus], axis=0) if minus else wanted
    if np.linalg.norm(told) < 1e-6:
        told = wanted
    unit: Vector = (told / max(float(np.linalg.norm(told)), 1e-12)).astype(np.float32)
    return unit


def less(made: Vector, queries: Sequence[Query], encode: Callable[[list[Query]], Vector]) -> Vector:
    """(n, dim) vectors of questions, each without the words that it does not want; those are encoded by `encode`."""
    for number, query in enumerate(queries):
        if query.minus:
            made[number] = composed([made[number]], list(encode([Query((words,)) for words in query.minus])))
    return made
