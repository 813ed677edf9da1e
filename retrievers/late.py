"""Late interaction: a query and a chunk are many vectors each, and every pair of them is compared.

Khattab, Zaharia 2020, "ColBERT" (and Faysse et al. 2024, "ColPali"): sum of max, equation 3. Yao et
al. 2021, "FILIP", equations 4-5: mean of max, from either side. Cheng et al. 2023, "CiCo": the largest
is smoothed into a softmax-weighted mean. Vectors are compared by inner product: give unit vectors for
cosines. Departure from the released CiCo: its softmax also runs over padding; here there is none, since
each array holds real tokens alone (leave masked rows out).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Ragged

Name = Literal["colbert", "filip", "cico"]


@dataclass(frozen=True, slots=True)
class LateInteraction:
    """score(q, c) = scale * reduce over tokens a of one side, of op over tokens b of the other, of <a, b>.

    `direction` is the side that is reduced over: "query" (text to image in FILIP), "chunk" (image to
    text), or "both", the mean of the two. `temperature` is that of the softmax.
    """

    op: Literal["max", "softmax"] = "max"
    reduce: Literal["sum", "mean"] = "sum"
    direction: Literal["query", "chunk", "both"] = "query"
    temperature: float = 0.07
    scale: float = 1.0

    def __post_init__(self) -> None:
        given = (self.op, self.reduce, self.direction)
        for value, known in zip(given, (("max", "softmax"), ("sum", "mean"), ("query", "chunk", "both")), strict=True):
            if value not in known:
                raise ValueError(f"expected one of {', '.join(known)}, got {value!r}")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")

    @classmethod
    def named(cls, name: Name) -> LateInteraction:
        """That of ColBERT and ColPali, of FILIP (both directions), or of CiCo (from the query's tokens)."""
        known = {
            "colbert": cls(),
            "filip": cls(reduce="mean", direction="both"),
            "cico": cls(op="softmax", reduce="mean"),
        }
        if name not in known:
            raise ValueError(f"no late interaction is called {name!r}; there are: {', '.join(known)}")
        return known[name]

    def score(self, query: NDArray[np.floating], chunks: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """(chunks,) of one query (tokens, dim), in float64; ValueError for an array without tokens."""
        import numpy as np

        wide = _tokens(query).astype(np.float64)
        return np.array([self._of(wide @ _tokens(chunk).astype(np.float64).T) for chunk in chunks], np.float64)

    def matrix(self, queries: Ragged, chunks: Ragged) -> NDArray[np.float64]:
        """(queries, chunks)."""
        import numpy as np

        rows = [self.score(query, chunks) for query in queries]
        return np.stack(rows) if rows else np.zeros((0, len(chunks)))

    def _of(self, similar: NDArray[np.float64]) -> float:
        """The score out of similarities (query tokens, chunk tokens)."""
        import numpy as np

        sides = {"query": [similar], "chunk": [similar.T], "both": [similar, similar.T]}[self.direction]
        total = np.sum if self.reduce == "sum" else np.mean
        return self.scale * float(np.mean([total(self._strongest(side)) for side in sides]))

    def _strongest(self, similar: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each row its largest value, or the mean of its values weighted by their softmax."""
        import numpy as np

        largest: NDArray[np.float64] = similar.max(axis=1)
        if self.op == "max":
            return largest
        weights = np.exp((similar - largest[:, None]) / self.temperature)
        found: NDArray[np.float64] = (weights * similar).sum(axis=1) / weights.sum(axis=1)
        return found


def aligned(query: NDArray[np.floating], chunk: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(tokens,) position of the chunk's token nearest to each query token, and their inner product.

    With the patches of a page this is the map of where each word was seen. Of equals the first counts.
    """
    import numpy as np

    similar = _tokens(query).astype(np.float64) @ _tokens(chunk).astype(np.float64).T
    return similar.argmax(axis=1), similar.max(axis=1)


def _tokens(array: NDArray[np.floating]) -> NDArray[np.floating]:
    if array.ndim != 2 or not len(array):
        raise ValueError(f"expected an array of shape (tokens, dim) with at least one token, got {array.shape}")
    return array
