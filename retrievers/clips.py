"""A clip is many frame vectors; one vector of it depends on the question, or on what is said in it.

Gorti et al. 2022, "X-Pool" (text-conditioned attention, and the poolings that it compares with); Zhang et
al. 2024, "GLSCL" (its global interaction, GIM); Jeong et al. 2025, "VideoRAG" (frames and transcript in
one vector; subsets of frames are in `frames`). Departures: GIM divides frames by their length before the
product where `unit` is set, since its temperature of 3 is for CLIP's raw features and is a plain mean on
unit vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import SourceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["mean", "topk", "softmax", "gim"]


@dataclass(frozen=True, slots=True)
class Pooling:
    """Frames (n, dim) and a question (dim,) to one vector: calling it gives vector and weights (n,).

    "mean"; "topk": the sum of the `k` frames nearest to the question; "softmax": their mean weighted by
    softmax(<q, f> / temperature), 0.01 for unit vectors; "gim": the same of features that are not scaled
    (temperature 3 with CLIP's raw ones), a mask taken after the softmax. The weights say which frames
    answer: the heaviest one is the moment.
    """

    kind: Kind = "softmax"
    temperature: float = 0.01
    k: int = 3
    unit: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("mean", "topk", "softmax", "gim"):
            raise ValueError(f"expected mean, topk, softmax or gim, got {self.kind!r}")
        if not self.temperature > 0 or self.k < 1:
            raise ValueError("temperature must be above 0 and k at least 1")

    def __call__(
        self, question: NDArray[np.floating], frames: NDArray[np.floating], mask: Sequence[bool] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Vector (dim,), not scaled, and weights (n,); frames that `mask` leaves out weigh nothing."""
        import numpy as np

        q, f, kept = _checked(question, frames, mask)
        if self.kind == "mean":
            weights = kept / kept.sum()
        elif self.kind == "topk":
            near = np.argsort(-np.where(kept, f @ q, -np.inf), kind="stable")[: self.k]
            weights = np.zeros(len(f))
            weights[near] = kept[near]
        elif self.kind == "softmax":
            weights = softmax(np.where(kept, f @ q, -np.inf) / self.temperature)
        else:
            lengths = np.maximum(np.linalg.norm(f, axis=1), 1e-12) if self.unit else 1.0
            weights = softmax((f @ q) / lengths / self.temperature) * kept
        pooled: NDArray[np.float64] = weights @ f
        return pooled, weights

    def score(self, question: NDArray[np.floating], clips: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """(clips,) cosine of the question and each clip pooled for it."""
        import numpy as np

        return np.array([cosine(question, self(question, frames)[0]) for frames in clips], np.float64)


@dataclass(frozen=True)
class XPool:
    """Attention of one head from a question over frames, with weights of the released module.

    q = Wq LN1(t), k = Wk LN1(v), o = LN2(Wo sum softmax(<q, k> / sqrt(dim)) Wv LN1(v)), z = LN3(o + Wl o);
    dropout is of training alone. `weights` are named as in the release (`cross_attn.q_proj.weight`, ...).
    """

    weights: dict[str, NDArray[np.float64]]

    @classmethod
    def identity(cls, dim: int) -> XPool:
        """As the module is before training: identity maps, no shift."""
        import numpy as np

        made: dict[str, NDArray[np.float64]] = {}
        for name in _MAPS:
            made[f"{name}.weight"], made[f"{name}.bias"] = np.eye(dim), np.zeros(dim)
        for name in _NORMS:
            made[f"{name}.weight"], made[f"{name}.bias"] = np.ones(dim), np.zeros(dim)
        return cls(made)

    @classmethod
    def load(cls, file: str | Path, prefix: str = "") -> XPool:
        """From a safetensors file; SourceError naming tensors that are missing or of another shape.

        Names may begin with `prefix`; that which they have in a whole model is found without being given.
        """
        import numpy as np

        from rag.extras import extra

        with extra("vision"):
            from safetensors.numpy import load_file
        try:
            told = load_file(str(file))
        except Exception as error:  # the library has an error class of its own for damaged files
            raise SourceError(f"no safetensors file ({error})", source=str(file)) from error
        prefix = prefix or next((name[: -len(_FIRST)] for name in sorted(told) if name.endswith(_FIRST)), "")
        found = {
            f"{name}.{part}": told[f"{prefix}{name}.{part}"].astype(np.float64)
            for name in (*_MAPS, *_NORMS) for part in ("weight", "bias") if f"{prefix}{name}.{part}" in told
        }  # fmt: skip
        dim = len(found.get("layer_norm1.weight", ()))
        wrong = [
            f"{name}.{part}" for name in (*_MAPS, *_NORMS) for part in ("weight", "bias")
            if found.get(f"{name}.{part}", np.zeros(0)).shape
            != ((dim, dim) if name in _MAPS and part == "weight" else (dim,))
        ]  # fmt: skip
        if wrong or not dim:
            names = ", ".join(wrong or ["layer_norm1.weight"])
            raise SourceError(f"missing, or not of X-Pool's shape: {names}", source=str(file))
        return cls(found)

    def __call__(
        self, question: NDArray[np.floating], frames: NDArray[np.floating], mask: Sequence[bool] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Vector (dim,), not scaled, and the attention (n,) on the frames."""
        import numpy as np

        q, f, kept = _checked(question, frames, mask)
        asked, seen = self._norm(q, "layer_norm1"), self._norm(f, "layer_norm1")
        keys, values = self._map(seen, "cross_attn.k_proj"), self._map(seen, "cross_attn.v_proj")
        similar = keys @ self._map(asked, "cross_attn.q_proj") / len(q) ** 0.5
        weights = softmax(np.where(kept, similar, -np.inf))
        out = self._norm(self._map(weights @ values, "cross_attn.out_proj"), "layer_norm2")
        return self._norm(out + self._map(out, "linear_proj"), "layer_norm3"), weights

    def score(self, question: NDArray[np.floating], clips: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """(clips,) cosine of the question and each clip pooled for it."""
        import numpy as np

        return np.array([cosine(question, self(question, frames)[0]) for frames in clips], np.float64)

    def _map(self, array: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        mapped: NDArray[np.float64] = array @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return mapped

    def _norm(self, array: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        import numpy as np

        centred = array - array.mean(axis=-1, keepdims=True)
        scaled: NDArray[np.float64] = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


_MAPS = ("cross_attn.q_proj", "cross_attn.k_proj", "cross_attn.v_proj", "cross_attn.out_proj", "linear_proj")
_FIRST = "cross_attn.q_proj.weight"
_NORMS = ("layer_norm1", "layer_norm2", "layer_norm3")


def fused(
    visual: NDArray[np.floating] | None, textual: NDArray[np.floating] | None, alpha: float = 0.6,
    renormalise: bool = False,
) -> NDArray[np.float64]:  # fmt: skip
    """VideoRAG's clip vector: alpha * transcript + (1 - alpha) * frames, both of unit length.

    0.5 to 0.7 was best in the paper. A clip without one of the two is the other alone. The paper does not
    bring the sum back to unit length; doing so favours clips whose two sides differ.
    """
    import numpy as np

    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, got {alpha}")
    if visual is None or textual is None:
        only = textual if visual is None else visual
        if only is None:
            raise ValueError("a clip needs frames or a transcript")
        return _unit(np.asarray(only, np.float64))
    made: NDArray[np.float64] = alpha * _unit(np.asarray(textual, np.float64)) + (1 - alpha) * _unit(
        np.asarray(visual, np.float64)
    )
    return _unit(made) if renormalise else made


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over one axis, of which a value at least is above minus infinity."""
    import numpy as np

    raised = np.exp(values - values.max())
    made: NDArray[np.float64] = raised / raised.sum()
    return made


def cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Of two vectors; 0 where one is zero."""
    return float(_unit(one) @ _unit(other))


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    import numpy as np

    wide = vector.astype(np.float64)
    length = float(np.linalg.norm(wide))
    return wide / length if length else wide


def _checked(
    question: NDArray[np.floating], frames: NDArray[np.floating], mask: Sequence[bool] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    import numpy as np

    if frames.ndim != 2 or question.shape != frames.shape[1:]:
        raise ValueError(f"expected a question (dim,) and frames (n, dim), got {question.shape} and {frames.shape}")
    kept = np.ones(len(frames), np.bool_) if mask is None else np.asarray(mask, np.bool_)
    if kept.shape != (len(frames),) or not kept.any():
        raise ValueError("a clip needs a frame at least, and a mask a value for each frame")
    return question.astype(np.float64), frames.astype(np.float64), kept
