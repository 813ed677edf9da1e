"""The Relevancy Score by a model of words and pictures: a scalar head on the state of a pair's last token.

Mortaheb et al. 2025 (arXiv 2501.04695, 2501.03995): a LLaVA whose head gives RS(query, context). Here any
checkpoint that transformers itself has; what is kept beside its name and digest are the head's numbers and,
where it was trained with them, low-rank adapters (Hu et al. 2021, LoRA, arXiv 2106.09685) of its language model:
safetensors and JSON, no pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.checkpoint import Checkpoint, checkpoint
from rag.document import Chunk
from rag.errors import ConfigError, SourceError
from rag.extras import extra
from rag.identity import combined, contextual
from rag.protocols import Assets
from rag.vlm import has_pixels, picture, pixels

from .models import NextWord, filled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

FORMAT = 2
HEAD = "head.json"
WEIGHTS = "head.safetensors"
TEMPLATE = (
    "{picture}Passage:\n{candidate}\n\nQuestion: {query}\n\nDoes the passage answer the question? "
    'Answer with either "Yes" or "No" and nothing else.'
)
MOST_TEXT = 6000
"""Characters of a passage that are read."""
_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_NOT_IN = r".*(?:vision|visual|image|connector|projector).*"


@dataclass(frozen=True)
class StatesHead:
    """Numbers over states (dim,): z = weights @ ((state - mean) / scale) + bias; `adapters` by parameter name.

    `model`, `revision` and `digest` name the checkpoint, `rank` the adapters (0 for none), `max_pixels` and `dpi`
    how pictures are shown to it.
    """

    model: str
    digest: str
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: float
    revision: str = ""
    rank: int = 0
    max_pixels: int = 448 * 448
    dpi: int = 96
    adapters: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def score(self, state: NDArray[np.float32]) -> float:
        """The relevancy score 0..1 of a pair's state, to six digits."""
        import numpy as np

        z = float(((state - self.mean) / self.scale) @ self.weights) + self.bias
        return round(float(1 / (1 + np.exp(-np.clip(z, -30, 30)))), 6)


def write(head: StatesHead, folder: Path) -> None:
    """The head into a folder, as JSON and safetensors."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"mean": head.mean, "scale": head.scale, "weights": head.weights, "bias": np.array([head.bias])}
    arrays = {name: np.ascontiguousarray(one, np.float32) for name, one in (tensors | _named(head.adapters)).items()}
    save_file(arrays, folder / WEIGHTS)
    told = {
        "format": FORMAT, "model": head.model, "revision": head.revision, "checkpoint": head.digest,
        "dim": len(head.weights), "rank": head.rank, "max_pixels": head.max_pixels, "dpi": head.dpi,
        "provenance": dict(head.provenance),
    }  # fmt: skip
    (folder / HEAD).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def read(folder: Path, told: Mapping[str, Any]) -> StatesHead:
    """The head of a folder, `told` its JSON; ConfigError where it is none."""
    with extra("vision"):
        from safetensors.numpy import load_file

    try:
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, expected {FORMAT}")
        tensors = load_file(folder / WEIGHTS)
        dim = int(told["dim"])
        if any(tensors[name].shape != (dim,) for name in ("mean", "scale", "weights")) or tensors["bias"].size != 1:
            raise ValueError(f"expected mean, scale and weights of {dim} numbers, and one of bias")
        adapters = {name.removeprefix("adapter."): one for name, one in tensors.items() if name.startswith("adapter.")}
        return StatesHead(
            str(told["model"]), str(told["checkpoint"]), tensors["mean"], tensors["scale"], tensors["weights"],
            float(tensors["bias"][0]), str(told["revision"]), int(told["rank"]), int(told["max_pixels"]),
            int(told["dpi"]), adapters, dict(told["provenance"]),
        )  # fmt: skip
    except Exception as error:  # safetensors raises its own kinds
        raise ConfigError(
            f"no relevancy head ({error}); make one with: rag train relevancy --model", path=str(folder)
        ) from error


def _named(adapters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"adapter.{name}": one for name, one in adapters.items()}


class Pairs:
    """A checkpoint, and the state that it comes to over (question, context): words, and a picture where it sees."""

    def __init__(
        self, model: str, revision: str = "", *, assets: Assets | None = None, device: str = "auto",
        dtype: str = "auto", max_pixels: int = 448 * 448, dpi: int = 96,
    ) -> None:  # fmt: skip
        self.name, self.revision, self.max_pixels, self.dpi = model, revision, max_pixels, dpi
        self._assets, self._device, self._dtype = assets, device, dtype

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Found and looked over, not opened."""
        return checkpoint(self.name, self.revision)

    @cached_property
    def words(self) -> NextWord:
        """The model, opened."""
        return NextWord(self.checkpoint, self._device, self._dtype, "states")

    def state(self, question: str, chunk: Chunk, *, blank: bool = False) -> Any:
        """A tensor (dim,), with gradients where they are on; `blank` shows no word of a context and a white picture."""
        image = self._image(chunk) if self.words.sees else None
        if blank and image is not None:
            image.paste((255, 255, 255), (0, 0, *image.size))
        said = "" if blank else self.words.harmless(contextual(chunk)[:MOST_TEXT])
        return self.words.state(filled(TEMPLATE, self.words.harmless(question), said), image)

    def states(self, pairs: Sequence[tuple[str, Chunk]], *, blank: bool = False) -> NDArray[np.float32]:
        """(n, dim) of pairs, each read alone."""
        import numpy as np
        import torch

        with torch.inference_mode():
            rows = [self.state(question, chunk, blank=blank).cpu().numpy() for question, chunk in pairs]
        return np.stack(rows).astype(np.float32)

    def adapt(self, rank: int, adapters: Mapping[str, NDArray[np.float32]] | None = None) -> dict[str, Any]:
        """Put low-rank adapters into the language model, new ones or these; returns their parameters by name.

        New ones start at a change of nothing. ConfigError where the model has no layers of the usual names, or
        these do not fit.
        """
        with extra("train"):
            from peft import LoraConfig, inject_adapter_in_model
        import torch

        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=_TARGETS, exclude_modules=_NOT_IN)
        try:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                inject_adapter_in_model(config, self.words.model)
        except ValueError as error:
            raise ConfigError(f"{self.name}: no adapters fit it ({str(error)[:200]})", key="model") from error
        found = {name: one for name, one in self.words.model.named_parameters() if "lora_" in name}
        for one in found.values():
            one.requires_grad_(adapters is None)
        if adapters is not None:
            if adapters.keys() != found.keys() or any(found[name].shape != adapters[name].shape for name in found):
                raise ConfigError(f"{self.name}: the adapters that were trained do not fit it", key="model")
            with torch.no_grad():
                for name, one in found.items():
                    one.copy_(torch.from_numpy(adapters[name]))
        return found

    def _image(self, chunk: Chunk) -> Pillow.Image | None:
        if self._assets is None or not has_pixels(chunk):
            return None
        try:
            return picture(pixels(self._assets, chunk, self.dpi), self.max_pixels, chunk.origin.source.uri)
        except SourceError:
            return None  # its words are still there


def opened(
    folder: Path, told: Mapping[str, Any], assets: Assets | None, device: str, dtype: str
) -> tuple[StatesHead, Pairs]:
    """A head and the checkpoint that it was trained on; ConfigError where that is another now."""
    head = read(folder, told)
    pairs = Pairs(
        head.model, head.revision, assets=assets, device=device, dtype=dtype, max_pixels=head.max_pixels, dpi=head.dpi
    )  # fmt: skip
    if pairs.checkpoint.digest != head.digest:
        raise ConfigError(
            f"the head was trained on other weights than those that {head.model} has now: train one with "
            "rag train relevancy --model",
            path=str(folder),
        )
    if head.adapters:
        pairs.adapt(head.rank, head.adapters)
    return head, pairs


def name_of(head: StatesHead) -> str:
    """The name of a head over a checkpoint."""
    numbers = [head.mean, head.scale, head.weights, *(one for _, one in sorted(head.adapters.items()))]
    hashed = sha256()
    for one in numbers:
        hashed.update(str(one.shape).encode() + one.astype("<f4").tobytes())
    told = [head.digest, hashed.hexdigest(), round(head.bias, 6), TEMPLATE, head.max_pixels, head.dpi]
    return f"relevancy-{combined(told)[:16]}"
