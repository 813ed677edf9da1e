"""Hubs: chunks that are near to many queries whatever those ask. Measured, and divided out.

Wang, Jian, Xue 2023, "Balance Act" (DBNorm: dual inverted softmax); Bogolin et al. 2022, "Cross Modal
Retrieval with Querybank Normalisation" (dynamic inverted softmax); Wang et al. 2023, "InvGC" with
LocalAdj. Departures: all is computed in the logarithm, where the inverted softmax is a number taken off
each chunk's score, and with a mean instead of a sum over the bank, which moves all scores alike; in the
dynamic dual form a bank that does not apply to a query leaves exp(b s), not s, in the product; in the
form with neighbours alone a row is not its own neighbour when the bank is the collection (`own`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["none", "is", "dis", "dual_is", "dual_dis"]
METHODS: tuple[Method, ...] = ("none", "is", "dis", "dual_is", "dual_dis")
_BLOCK = 4096
Form = TypeVar("Form")

Memo = dict[tuple[Any, ...], Any]
"""What several forms over the same vectors need, by its name."""


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Which form, and how sharp: the defaults are for cosines (the papers' 1/1.99 and 3 are for CLIP's logits).

    "is" uses a bank of queries, "dual_is" one of chunks as well. The dynamic forms ("dis", "dual_dis")
    correct a query only if its best chunk is among the `activated` best of some member of the bank.
    """

    method: Method = "is"
    beta_query: float = 20.0
    beta_gallery: float = 1.0
    activated: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"no method is called {self.method!r}; there are: {', '.join(METHODS)}")
        if not self.beta_query > 0 or self.beta_gallery < 0 or self.activated < 1:
            raise ValueError("beta_query must be above 0, beta_gallery at least 0, activated at least 1")

    @property
    def dynamic(self) -> bool:
        return self.method in ("dis", "dual_dis")

    @property
    def dual(self) -> bool:
        return self.method in ("dual_is", "dual_dis") and self.beta_gallery > 0

    def biases(
        self, gallery: NDArray[np.floating], queries: NDArray[np.floating], chunks: NDArray[np.floating],
        memo: Memo | None = None,
    ) -> NDArray[np.float64]:  # fmt: skip
        """(n, 2): what the bank of queries and the bank of chunks take off the scores of gallery (n, dim).

        An empty bank takes nothing. Row by row: it does not depend on the rest of the collection. `memo` keeps
        what other forms over the same banks need too.
        """
        import numpy as np

        def near(side: int, bank: NDArray[np.floating], beta: float) -> NDArray[np.float64]:
            found: NDArray[np.float64] = _once(
                memo, ("popularity", side, beta), lambda: popularity(gallery, bank, beta)
            )
            return found

        taken = np.zeros((len(gallery), 2))
        if self.method == "none":
            return taken
        both = self.beta_query + (self.beta_gallery if self.dual and len(chunks) else 0.0)
        if len(queries):
            taken[:, 0] = self.beta_query / both * near(0, queries, self.beta_query)
        if self.dual and len(chunks):
            taken[:, 1] = self.beta_gallery / both * near(1, chunks, self.beta_gallery)
        return taken

    def scores(
        self, queries: NDArray[np.floating], gallery: NDArray[np.floating], bank: NDArray[np.floating],
        chunks: NDArray[np.floating], memo: Memo | None = None,
    ) -> NDArray[np.float64]:  # fmt: skip
        """(queries, n) corrected scores: to be ranked by row. The index form gives the same ranking."""
        import numpy as np

        raw: NDArray[np.float64] = _once(
            memo, ("raw",), lambda: queries.astype(np.float64) @ gallery.astype(np.float64).T
        )
        taken = self.biases(gallery, bank, chunks, memo)
        if not self.dynamic or not len(gallery):
            corrected: NDArray[np.float64] = raw - taken.sum(axis=1)
            return corrected
        best = raw.argmax(axis=1)
        for side, members in enumerate((bank, chunks)):
            key = "active", side, self.activated
            hubs = _once(memo, key, lambda members=members: active(members, gallery, self.activated))  # type: ignore[misc]
            raw = raw - np.where(np.isin(best, hubs)[:, None], taken[:, side], 0.0)
        return raw


def popularity(gallery: NDArray[np.floating], bank: NDArray[np.floating], beta: float) -> NDArray[np.float64]:
    """(n,) (1 / beta) log mean over the bank of exp(beta <g, b>)."""
    import numpy as np

    wide, found = bank.astype(np.float64), np.empty(len(gallery))
    for start in range(0, len(gallery), _BLOCK):
        scores = beta * (gallery[start : start + _BLOCK].astype(np.float64) @ wide.T)
        largest = scores.max(axis=1)
        found[start : start + _BLOCK] = (largest + np.log(np.exp(scores - largest[:, None]).mean(axis=1))) / beta
    return found


def _once(memo: Memo | None, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What `make` gives, made once where there is a memo."""
    if memo is None:
        return make()
    if key not in memo:
        memo[key] = make()
    return memo[key]


def active(bank: NDArray[np.floating], gallery: NDArray[np.floating], k: int) -> NDArray[np.intp]:
    """Rows of the gallery that are among the k best of some member of the bank."""
    import numpy as np

    if not len(bank) or not len(gallery):
        return np.zeros(0, np.intp)
    scores = bank.astype(np.float64) @ gallery.astype(np.float64).T
    if k == 1:
        return np.unique(scores.argmax(axis=1))
    return np.unique(np.argsort(-scores, axis=1, kind="stable")[:, :k])


# --- moving vectors apart: InvGC, LocalAdj -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InverseConvolution:
    """Moves each chunk's vector away from the mean of its neighbours in each bank, and takes the mean of both.

    `local` (LocalAdj) looks at the nearest share `pool` of a bank alone; without it all of the bank
    weighs in, around the mean of all similarities, so the result depends on the whole gallery, or on `centre`.
    """

    rate_gallery: float = 0.1
    rate_query: float = 0.1
    pool: float = 0.01
    local: bool = True

    def __call__(
        self, gallery: NDArray[np.floating], queries: NDArray[np.floating], chunks: NDArray[np.floating],
        own: bool = False, centre: NDArray[np.floating] | None = None,
    ) -> NDArray[np.float64]:  # fmt: skip
        """(n, dim) of unit length; `own` says that `chunks` are the gallery itself, row by row.

        `centre` (dim,) stands for the mean of the gallery where that is not known as a whole.
        """
        return self.moved(gallery, self.pulls(gallery, queries, chunks, own, centre))

    def moved(self, gallery: NDArray[np.floating], pulls: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """(n, dim) of unit length, from what `pulls` gave: that costs little beside it, whatever the rates are."""
        import numpy as np

        wide, rates = gallery.astype(np.float64), (self.rate_gallery, self.rate_query)
        parts = [_units(wide - rate * pull) for pull, rate in zip(pulls, rates, strict=True) if len(pull)]
        return _units(np.mean(parts, axis=0) if parts else wide)

    def pulls(
        self, gallery: NDArray[np.floating], queries: NDArray[np.floating], chunks: NDArray[np.floating],
        own: bool = False, centre: NDArray[np.floating] | None = None,
    ) -> list[NDArray[np.float64]]:  # fmt: skip
        """For chunks and queries the mean (n, dim) of each row's neighbours, by nearness; (0, dim) without a bank."""
        import numpy as np

        wide = gallery.astype(np.float64)
        none = np.zeros((0, gallery.shape[1]))
        return [
            self._pull(wide, bank.astype(np.float64), own and which == 0, centre) if len(bank) else none
            for which, bank in enumerate((chunks, queries))
        ]

    def _pull(
        self, gallery: NDArray[np.float64], bank: NDArray[np.float64], own: bool, centre: NDArray[np.floating] | None
    ) -> NDArray[np.float64]:
        """Block by block: memory holds a block of the gallery against the bank."""
        import numpy as np

        about = gallery.mean(axis=0) if centre is None and len(gallery) else centre
        mean = 0.0 if self.local or about is None else float(about.astype(np.float64) @ bank.mean(axis=0))
        if own and not self.local:
            mean -= float((gallery * bank).sum()) / len(bank) ** 2
        near = max(1, int(self.pool * len(bank))) if self.local else len(bank)
        made = np.empty_like(gallery)
        for start in range(0, len(gallery), _BLOCK):
            block = gallery[start : start + _BLOCK]
            weights = block @ bank.T
            if own:
                rows = np.arange(len(block))
                weights[rows, start + rows] = 0.0
            if self.local:
                far = np.argsort(-weights, axis=1, kind="stable")[:, near:]
                np.put_along_axis(weights, far, 0.0, axis=1)
            made[start : start + len(block)] = (weights - mean) @ bank / near
        return made


def _units(array: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    made: NDArray[np.float64] = array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
    return made


# --- choosing ------------------------------------------------------------------------------------------


def auto_tune(
    heldout: NDArray[np.floating], wanted: Sequence[int], gallery: NDArray[np.floating],
    queries: NDArray[np.floating], chunks: NDArray[np.floating], *, z: float = 1.645,
) -> Normalizer:  # fmt: skip
    """The form that ranks `wanted` (a row of the gallery for each held-out query) best; "none" if nothing is gained.

    Chosen by reciprocal rank on every other query, confirmed on the rest: the mean gain there must be
    above 0 by z standard errors. The held-out queries must not be in the bank, and be of the kind that
    will be asked: a bank of another kind of queries does harm, and only they can show it.
    """
    import numpy as np

    target = np.asarray(wanted, np.intp)
    if len(target) != len(heldout):
        raise ValueError(f"{len(heldout)} held-out queries were given with {len(target)} wanted rows")
    none = Normalizer("none")
    if len(target) < 4 or not (len(queries) or len(chunks)):
        return none
    memo: Memo = {}
    before = reciprocal(none.scores(heldout, gallery, queries, chunks, memo), target)
    gains = (
        (form, reciprocal(form.scores(heldout, gallery, queries, chunks, memo), target) - before)
        for form in _grid(len(chunks) > 0)
    )
    return _confirmed(gains, len(target), z) or none


def auto_tune_moves(
    heldout: NDArray[np.floating], wanted: Sequence[int], gallery: NDArray[np.floating],
    queries: NDArray[np.floating], chunks: NDArray[np.floating], *, z: float = 1.645,
    centre: NDArray[np.floating] | None = None,
) -> InverseConvolution:  # fmt: skip
    """The rates and the form of InvGC that rank `wanted` best, chosen and confirmed as `auto_tune` does.

    Rates of 0, which move nothing, where nothing is gained. `centre` is as of `InverseConvolution`.
    """
    import numpy as np

    target, still = np.asarray(wanted, np.intp), InverseConvolution(0.0, 0.0)
    if len(target) != len(heldout):
        raise ValueError(f"{len(heldout)} held-out queries were given with {len(target)} wanted rows")
    if len(target) < 4 or not (len(queries) or len(chunks)):
        return still
    asked = heldout.astype(np.float64)
    before = reciprocal(asked @ gallery.astype(np.float64).T, target)
    rates = (0.1, 0.3, 1.0, 3.0)
    forms = [
        InverseConvolution(one if len(chunks) else 0.0, two if len(queries) else 0.0, local=local)
        for local in (True, False) for one in (rates if len(chunks) else (0.0,))
        for two in (rates if len(queries) else (0.0,))
    ]  # fmt: skip
    pulls = {local: InverseConvolution(local=local).pulls(gallery, queries, chunks, centre=centre)
             for local in (True, False)}  # fmt: skip
    gains = ((form, reciprocal(asked @ form.moved(gallery, pulls[form.local]).T, target) - before) for form in forms)
    return _confirmed(gains, len(target), z) or still


def _confirmed(gains: Iterable[tuple[Form, NDArray[np.float64]]], count: int, z: float) -> Form | None:
    """The form whose gain is largest on every other query, if it is above 0 by z standard errors on the rest."""
    import numpy as np

    best, gain = None, np.zeros(count)
    for form, change in gains:
        if change[::2].mean() > gain[::2].mean() + 1e-12:
            best, gain = form, change
    rest = gain[1::2]
    error = float(rest.std(ddof=1)) / len(rest) ** 0.5
    return best if rest.mean() > z * error and rest.mean() > 0 else None


def _grid(chunks: bool) -> list[Normalizer]:
    sharp = (5.0, 10.0, 20.0, 50.0)
    made = [Normalizer(method, beta, 0.0) for method in ("is", "dis") for beta in sharp]
    other = (1.0, 3.0, 5.0, 10.0) if chunks else ()
    return made + [Normalizer(method, one, two) for method in ("dual_is", "dual_dis") for one in sharp for two in other]


def reciprocal(scores: NDArray[np.float64], target: NDArray[np.intp]) -> NDArray[np.float64]:
    """(queries,) 1 / rank of the wanted row among scores (queries, n); of equals it is the last."""
    import numpy as np

    reached = scores[np.arange(len(target)), target]
    found: NDArray[np.float64] = 1.0 / (scores >= reached[:, None]).sum(axis=1)
    return found
