"""Which frames of a clip to keep: k-means++ candidates, and the subset of them that a trained scorer likes best.

Jeong et al. 2025, "VideoRAG" (arXiv 2501.05874), section 3.2 and appendix A.3. For retrieval 8 candidates, and
all C(8, 4) = 70 subsets of 4 scored by f, a perceptron of three layers on their features one after the other,
without the question, so offline; for generation 64 candidates and 40 random subsets of 32, scored with the
question's features behind. Labels of f's training: of the subsets of a clip that a question wants, the three
whose vector is nearest to the question are right and the three farthest wrong; cross-entropy. The released
code has neither weights nor this training: widths, steps and rates are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import SourceError
from rag.extras import extra
from rag.kmeans import kmeans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_SUBSETS = 1000
"""All subsets are tried up to so many; above, 40 are drawn."""
DRAWN = 40
_LAYERS = ("0", "2", "4")
"""As torch numbers the linear layers of a Sequential with an activation behind each but the last."""


def candidates(frames: NDArray[np.floating], count: int = 8, seed: int = 0) -> list[int]:
    """Rows of frames (n, dim), rising: those nearest to each of at most `count` centroids; all where n <= count."""
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if len(frames) <= count:
        return list(range(len(frames)))
    return sorted(kmeans(list(frames.astype("float64")), count, seed)[1])


def subsets(of: Sequence[int], size: int, seed: int = 0) -> list[tuple[int, ...]]:
    """All subsets of a size, or 40 different ones drawn where there are more than 1,000; members keep their order."""
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if len(of) <= size:
        return [tuple(of)]
    if comb(len(of), size) <= MOST_SUBSETS:
        return list(combinations(of, size))
    import numpy as np

    rng, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    while len(found) < DRAWN:
        places = np.sort(rng.choice(len(of), size, replace=False))
        found[tuple(of[place] for place in places.tolist())] = None
    return list(found)


@dataclass(frozen=True)
class SubsetScorer:
    """f: (size, dim) features of frames in the order of their time, and perhaps a question's (dim,), to a number.

    Three linear layers with ReLU between them, `weights` by torch's names ("0.weight", "0.bias", "2.weight", ...).
    """

    weights: dict[str, Floats]

    @classmethod
    def load(cls, file: str | Path) -> SubsetScorer:
        """From a safetensors file; SourceError for another."""
        import numpy as np

        with extra("vision"):
            from safetensors.numpy import load_file
        try:
            told = load_file(str(file))
        except Exception as error:  # the library has an error class of its own for damaged files
            raise SourceError(f"no safetensors file ({error})", source=str(file)) from error
        names = [f"{layer}.{part}" for layer in _LAYERS for part in ("weight", "bias")]
        if lacking := [name for name in names if name not in told]:
            raise SourceError(f"no scorer of subsets: {', '.join(lacking)} missing", source=str(file))
        shapes = [told[f"{layer}.weight"].shape for layer in _LAYERS]
        fits = all(len(one) == 2 for one in shapes) and shapes[2][0] == 1
        fits = fits and all(one[0] == other[1] for one, other in pairwise(shapes))
        if not fits or any(
            told[f"{layer}.bias"].shape != (one[0],) for layer, one in zip(_LAYERS, shapes, strict=True)
        ):
            raise SourceError(f"its layers do not follow each other: {shapes}", source=str(file))
        return cls({name: told[name].astype(np.float64) for name in names})

    def save(self, file: str | Path) -> None:
        """As `load` reads it."""
        import numpy as np

        with extra("vision"):
            from safetensors.numpy import save_file
        save_file({name: one.astype(np.float32) for name, one in self.weights.items()}, str(file))

    def __call__(self, frames: NDArray[np.floating], question: NDArray[np.floating] | None = None) -> float:
        """The score; ValueError where it was trained on another number of features."""
        import numpy as np

        parts = [frames.ravel()] if question is None else [frames.ravel(), question]
        value = np.concatenate(parts).astype(np.float64)
        wanted = self.weights["0.weight"].shape[1]
        if len(value) != wanted:
            raise ValueError(f"this scorer reads {wanted} numbers, got {len(value)}")
        for layer in _LAYERS:
            value = self.weights[f"{layer}.weight"] @ value + self.weights[f"{layer}.bias"]
            value = value if layer == _LAYERS[-1] else np.maximum(value, 0.0)
        return float(value[0])


def selected(
    frames: NDArray[np.floating], scorer: SubsetScorer | None = None, *, size: int = 4, count: int = 8, seed: int = 0,
    question: NDArray[np.floating] | None = None,
) -> list[int]:  # fmt: skip
    """Rows of frames (n, dim), rising: the best subset of the candidates; without a scorer `size` candidates.

    All frames where there are no more than `size`.
    """
    if scorer is None:
        return candidates(frames, size, seed)
    tried = subsets(candidates(frames, count, seed), size, seed)
    if len(tried) == 1:  # fewer frames, or fewer that differ, than the scorer reads
        return list(tried[0])
    return list(max(tried, key=lambda rows: scorer(frames[list(rows)], question)))


# --- training ----------------------------------------------------------------------------------------------


def labelled(
    question: NDArray[np.floating], frames: NDArray[np.floating], *, size: int = 4, count: int = 8, seed: int = 0,
    best: int = 3,
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:  # fmt: skip
    """Subsets of a clip's frames that are right and wrong for a question: the `best` nearest and farthest.

    A subset's vector is the mean of its frames'. ValueError where there are fewer than 2 `best` subsets.
    """
    import numpy as np

    tried = subsets(candidates(frames, count, seed), size, seed)
    if len(tried) < 2 * best:
        raise ValueError(f"{len(frames)} frames have {len(tried)} subsets of {size}, fewer than {2 * best}")
    means = np.stack([frames[list(one)].mean(axis=0) for one in tried]).astype(np.float64)
    near = means @ question.astype(np.float64) / np.maximum(np.linalg.norm(means, axis=1), 1e-12)
    order = np.argsort(-near, kind="stable").tolist()
    return [tried[one] for one in order[:best]], [tried[one] for one in order[-best:]]


def trained(
    pairs: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]], *, size: int = 4, count: int = 8,
    width: int = 256, steps: int = 300, rate: float = 1e-3, seed: int = 0,
) -> SubsetScorer:  # fmt: skip
    """f without the question, from (question (dim,), frames (n, dim)) of clips that are wanted. Extra `vision`."""
    import numpy as np

    with extra("vision"):
        import torch
    features, wanted = [], []
    for question, frames in pairs:
        for target, found in zip(
            (1.0, 0.0), labelled(question, frames, size=size, count=count, seed=seed), strict=True
        ):
            features += [frames[list(rows)].ravel() for rows in found]
            wanted += [target] * len(found)
    if not features:
        raise ValueError("there are no pairs to train on")
    read, told = torch.tensor(np.stack(features), dtype=torch.float32), torch.tensor(wanted)[:, None]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        linear, relu = torch.nn.Linear, torch.nn.ReLU
        model = torch.nn.Sequential(
            linear(read.shape[1], width), relu(), linear(width, width), relu(), linear(width, 1)
        )
        optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
        for _ in range(steps):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(read), told)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    return SubsetScorer({name: one.detach().numpy().astype(np.float64) for name, one in model.state_dict().items()})
