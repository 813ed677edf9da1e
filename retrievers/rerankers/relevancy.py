"""The Relevancy Score: a scalar head over what a frozen encoder, or a frozen VLM, makes of a pair.

Mortaheb et al. 2025 (arXiv 2501.04695 and 2501.03995): RS(query, context) in 0..1 by a model trained on
triples (context, matching statement, other statement) with
BCE(sigmoid(z(context, matching)), 1) + BCE(sigmoid(z(context, other)), 0). There a fine-tuned LLaVA. Here by
default the head alone is trained, on the embeddings of the corpus' encoder, which takes minutes without a graphics
card: plain numbers in a JSON file. A head on the states of a model of words and pictures, with low-rank adapters
or without, is in `states.py`. Threshold and calibration that were fitted for a head lie beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer import Hit, Query
from rag.errors import ConfigError
from rag.identity import combined
from rag.protocols import Assets, Encoder, Index
from rag.vlm import has_pixels

from . import lora, states
from .ordering import by_score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
HEAD = "head.json"
CALIBRATION = "calibration.json"


def read(path: Path) -> dict[str, Any]:
    """A head from its file; ConfigError where it is none."""
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != FORMAT or len(told["weights"]) != 2 * int(told["dim"]) + 1:
            raise ValueError(f"expected format {FORMAT} and 2 x dim + 1 weights")
        float(told["bias"])
        told["weights"] = [float(one) for one in told["weights"]]
        told["encoder"] = str(told["encoder"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"no relevancy head ({error}); make one with: rag train relevancy", path=str(path)) from error
    return told


def head_name(head: Mapping[str, Any], encoder: str) -> str:
    """The name of a head over an encoder."""
    return f"relevancy-{combined(head['weights'], head['bias'], encoder)[:16]}"


def pair_features(query: NDArray[np.float32], contexts: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2 dim + 1): the product and the absolute difference by dimension, and the cosine."""
    import numpy as np

    product = contexts.astype(np.float64) * query.astype(np.float64)
    difference = np.abs(contexts.astype(np.float64) - query.astype(np.float64))
    return np.column_stack([product, difference, product.sum(1)])


def scored(head: Mapping[str, Any], query: NDArray[np.float32], contexts: NDArray[np.float32]) -> list[float]:
    """The head's score 0..1 for each context, to six digits."""
    import numpy as np

    logits = pair_features(query, contexts) @ np.array(head["weights"]) + head["bias"]
    return [round(float(one), 6) for one in 1 / (1 + np.exp(-np.clip(logits, -30, 30)))]


def trained(
    features: NDArray[np.float64], right: NDArray[np.float64], ridge: float = 10.0
) -> tuple[list[float], float]:
    """(weights, bias) of the least regularised BCE, by Newton's method; the same for the same numbers.

    The loss of the papers over balanced triples is this BCE over their pairs.
    """
    import numpy as np

    scale = features.std(0) + 1e-9
    mean = features.mean(0)
    z = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    beta = np.zeros(z.shape[1])
    penalty = np.full(z.shape[1], ridge)
    penalty[0] = 1e-6
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(z @ beta, -30, 30)))
        hessian = (z.T * (p * (1 - p))) @ z
        hessian[np.diag_indices_from(hessian)] += penalty
        step = np.linalg.solve(hessian, z.T @ (right - p) - penalty * beta)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    weights = beta[1:] / scale
    return [round(float(one), 5) for one in weights], round(float(beta[0] - weights @ mean), 5)


class Relevancy:
    """A Scorer and a Reranker by a head that `rag train relevancy` wrote into the folder `model`.

    A head over an encoder's vectors is refused over another encoder than the one it was trained on; vectors of
    chunks are read from `index` ("@vectors", which saves encoding them) where it is given, else they are encoded.
    A head over a model's states (`rag train relevancy --model`) opens that model on `device`, and shows it
    pictures from `assets`. Scores are 0..1; queries without words score 0, and so do hits without text or picture.
    """

    # What training needs of the head; `pipelines/train.py` and `train_states.py` get it from here.
    features = staticmethod(pair_features)
    fitted = staticmethod(trained)
    named = staticmethod(head_name)
    pairs = states.Pairs
    states_head = states.StatesHead
    write_states = staticmethod(states.write)
    states_fingerprint = staticmethod(states.name_of)
    course = lora.Course
    adapted = staticmethod(lora.trained)

    def __init__(
        self, model: str, *, encoder: Encoder[NDArray[np.float32]] | None = None,
        index: Index[NDArray[np.float32]] | None = None, device: str = "auto", dtype: str = "auto",
        assets: Assets | None = None,
    ) -> None:  # fmt: skip
        if not model:
            raise ValueError("model is not given: the folder that rag train relevancy wrote")
        self.model, self.device, self.dtype = model, device, dtype
        self._encoder, self._index, self._assets = encoder, index, assets

    @property
    def fingerprint(self) -> str:
        """Names the head and the encoder, or model, under it."""
        if self._seen:
            return states.name_of(self._seen[0])
        return head_name(self._head, self._under.fingerprint)

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """The relevancy score 0..1 of each hit."""
        if self._seen:
            return [
                [self._state_score(query, hit) for hit in found] for query, found in zip(queries, hits, strict=True)
            ]
        asked = [at for at, query in enumerate(queries) if query.text and hits[at]]
        scores = [[0.0] * len(found) for found in hits]
        if not asked:
            return scores
        vectors = self._under.encode_queries([queries[at] for at in asked])
        for at, vector in zip(asked, vectors, strict=True):
            usable = [row for row, hit in enumerate(hits[at]) if hit.chunk.text.strip()]
            if usable:
                values = scored(self._head, vector, self._vectors([hits[at][row] for row in usable]))
                for row, value in zip(usable, values, strict=True):
                    scores[at][row] = value
        return scores

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "relevancy")

    def _state_score(self, query: Query, hit: Hit) -> float:
        if not query.text or not (hit.chunk.text.strip() or has_pixels(hit.chunk)) or self._seen is None:
            return 0.0
        head, pairs = self._seen
        return head.score(pairs.states([(query.text, hit.chunk)])[0])

    def _vectors(self, hits: Sequence[Hit]) -> NDArray[np.float32]:
        if self._index is None:
            return self._under.encode_chunks([hit.chunk for hit in hits])
        try:
            return self._index.vectors([hit.chunk.id for hit in hits])
        except (KeyError, LookupError):  # a chunk came that is not embedded yet
            return self._under.encode_chunks([hit.chunk for hit in hits])

    @property
    def _folder(self) -> Path:
        return Path(self.model).expanduser()

    @property
    def _under(self) -> Encoder[NDArray[np.float32]]:
        if self._encoder is None:
            raise ConfigError("the head stands on an encoder of words, and this corpus has none", path=self.model)
        return self._encoder

    @cached_property
    def _seen(self) -> tuple[states.StatesHead, states.Pairs] | None:
        """The head and the model under it; None for a head over an encoder."""
        try:
            told = json.loads((self._folder / HEAD).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None  # `read` says what is wrong with it
        if not isinstance(told, dict) or told.get("format") != states.FORMAT:
            return None
        return states.opened(self._folder, told, self._assets, self.device, self.dtype)

    @cached_property
    def _head(self) -> dict[str, Any]:
        path = self._folder / HEAD
        head = read(path)
        if head["encoder"] != self._under.fingerprint:
            raise ConfigError(
                f"the head was trained on the encoder {head['encoder']}, the corpus has {self._under.fingerprint}: "
                "train one for it with: rag train relevancy",
                path=str(path),
            )
        return head
