"""Pictures and words in one space, by two towers: CLIP, SigLIP, SigLIP 2, OpenCLIP.

Radford et al., ICML 2021, "Learning Transferable Visual Models From Natural Language Supervision" (arXiv
2103.00020); Zhai et al., ICCV 2023, "Sigmoid Loss for Language Image Pre-Training" (arXiv 2303.15343);
Tschannen et al. 2025, "SigLIP 2" (arXiv 2502.14786). Vectors are the projected features of transformers,
made unit vectors; the score is their inner product. A folder with OpenCLIP's own files is read too (`openclip`).

The towers read 77 (CLIP) or 64 (SigLIP) tokens. Longer words are read in windows whose vectors are
averaged (`windows`), so that the end of a long caption counts. Pictures, words and words not wanted of a
question are joined as in `composed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.checkpoint import Checkpoint, broken
from rag.document import Chunk, Modality
from rag.errors import ConfigError
from rag.identity import combined
from rag.protocols import Assets
from rag.vlm import Opened, harmless

from . import openclip
from .backbone import Backbone
from .composed import composed
from .openclip_model import opened
from .windows import averaged, windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

    Vector = NDArray[np.float32]


class CLIP(Backbone):
    """An Encoder of pictures whose questions may be words, pictures, or both.

    `model` is a checkpoint of transformers, or of OpenCLIP where the folder has no such. `template` is what a
    question's words are put into ("a photo of {}"). `max_pixels` bounds a picture before the processor makes it
    as small as the tower wants. For the rest see `backbone`.
    """

    name = "clip"
    families = ("clip", "siglip", "siglip2")
    family = (
        "has no two towers that this encoder knows; expected one of {known}, or OpenCLIP's own files "
        "(open_clip_config.json, open_clip_model.safetensors)"
    )
    modalities: frozenset[Modality] = frozenset({"image", "video"})
    view = "pixels"

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        template: str = "{}",
        dpi: int = 144,
        max_pixels: int = 2_000_000,
        batch: int = 8,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        assets: Assets | None = None,
    ) -> None:
        if "{}" not in template:
            raise ValueError(f"template must hold {{}} where the words go, got {template!r}")
        super().__init__(
            model, revision, assets, dpi=dpi, max_pixels=max_pixels, batch=batch, device=device, dtype=dtype
        )
        self.template = template

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint; ConfigError if it is not there, not as it must be, or of no family that is known."""
        try:
            return super().checkpoint
        except ConfigError:
            if (other := openclip.found(self.model, self.revision)) is None:
                raise
            return other

    @cached_property
    def _open(self) -> openclip.OpenCLIP | None:
        """What the model is, if it is OpenCLIP's."""
        return openclip.described(self.checkpoint) if "model_cfg" in self.checkpoint.config else None

    @cached_property
    def _model(self) -> Opened:
        if self._open is None:
            return super()._model
        return opened(self.checkpoint, self._open, self.device, self.dtype)

    @cached_property
    def dim(self) -> int:
        """Dimensions of the common space."""
        if self._open is not None:
            return self._open.dim
        config = self.checkpoint.config
        table = config.get("text_config")
        words = table if isinstance(table, dict) else {}
        if config["model_type"] == "clip":
            size = config.get("projection_dim", 512)
        else:
            size = words.get("projection_size") or words.get("hidden_size", 768)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size < 10**6:
            raise broken(self.model, f"its config.json gives {size!r} as the dimensions of its space")
        return size

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, template, windows, limits and number type; also fit for a file name."""
        rest = combined(self.template, "windows lower", self.dpi, self.max_pixels)
        return ".".join(["clip", self.checkpoint.digest[:16], rest[:12], self.dtype])

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim): pictures and words added up, minus words taken away."""
        import numpy as np

        if not queries:
            return np.zeros((0, self.dim), np.float32)
        with self._lock:
            pictures = [self._shown(query) for query in queries]
            looked = iter(self._looked(one for many in pictures for one in many))
            texts = [
                [query.text] if query.text or not mine else [] for query, mine in zip(queries, pictures, strict=True)
            ]
            wanted = iter(self._worded([one for many in texts for one in many]))
            unwanted = iter(self._worded([one for query in queries for one in query.minus]))
            return np.stack(
                [
                    composed(
                        [*(next(looked) for _ in mine), *(next(wanted) for _ in words)],
                        [next(unwanted) for _ in query.minus],
                    )
                    for query, mine, words in zip(queries, pictures, texts, strict=True)
                ]
            )

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim) of the chunks' pixels. SourceError if one cannot be drawn."""
        import numpy as np

        if not chunks:
            return np.zeros((0, self.dim), np.float32)
        return np.stack(self._looked(map(self._seen, chunks)))

    @cached_property
    def _limit(self) -> int:
        """Tokens that the tower of words reads, specials included."""
        return int(self._model.model.config.text_config.max_position_embeddings)

    @cached_property
    def _around(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a text."""
        bare = self._model.tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = self._model.tokenizer("a")["input_ids"]
        at = next((n for n in range(len(whole)) if whole[n : n + len(bare)] == bare), 0)
        return whole[:at], whole[at + len(bare) :]

    def _looked(self, pictures: Iterator[Pillow.Image]) -> list[Vector]:
        return self._batched(pictures, lambda _: 0, self._see)

    def _see(self, pictures: list[Pillow.Image]) -> Dense:
        read = self._model.processor.image_processor(images=pictures, return_tensors="pt")
        return self._features(read, "get_image_features")

    def _worded(self, texts: Sequence[str]) -> list[Vector]:
        """The vectors of words, in windows where they are long."""
        import numpy as np

        if not texts:
            return []
        tokenizer = self._model.tokenizer
        before, after = self._around
        room = self._limit - len(before) - len(after)
        parted: list[list[list[int]]] = []
        # Small letters: CLIP's and SigLIP's tokenizers make them, Gemma's, with which SigLIP 2 comes, does not.
        small = self.checkpoint.config.get("model_type") in self.families
        for text in (one.lower() for one in texts) if small else texts:
            words = self.template.replace("{}", harmless(text, self._model.processor))
            words = self._open.cleaned(words) if self._open else words
            parted.append(windows(tokenizer(words, add_special_tokens=False)["input_ids"], room))
        made = iter(self._batched((one for many in parted for one in many), lambda _: 0, self._read))
        return [averaged(np.stack([next(made) for _ in many]), [len(one) for one in many]) for many in parted]

    def _read(self, parts: list[list[int]]) -> Dense:
        tokenizer = self._model.tokenizer
        before, after = self._around
        whole = [[*before, *one, *after] for one in parts]
        # As they were trained: SigLIP saw padding and attends to it, and CLIP's first end of text is its vector.
        read = tokenizer.pad({"input_ids": whole}, padding="max_length", max_length=self._limit, return_tensors="pt")
        if self._model.model.config.model_type != "clip":
            read.pop("attention_mask")
        return self._features(read, "get_text_features")

    def _features(self, read: Any, tower: str) -> Dense:
        import torch
        from torch.nn.functional import normalize

        fed = self._fed(read)
        with torch.inference_mode():
            told = getattr(self._model.model, tower)(**fed)
        features = told if isinstance(told, torch.Tensor) else told.pooler_output
        unit: Dense = normalize(features.float(), dim=-1).cpu().numpy()
        if unit.shape[1] != self.dim:
            raise broken(self.model, f"its {tower} gives {unit.shape[1]} numbers, its config.json says {self.dim}")
        return unit
