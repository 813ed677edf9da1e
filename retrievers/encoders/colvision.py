"""Pages as pictures to a vector a patch, compared late: the ColPali family.

Faysse et al., ICLR 2025, "ColPali: Efficient Document Retrieval with Vision Language Models" (arXiv
2407.01449): a page is the unit vectors of its tokens, a question those of its words and of the
augmentation tokens behind them; the score is sum over the question's vectors of the largest inner
product with one of the page's (MaxSim; Khattab and Zaharia, SIGIR 2020, "ColBERT").

The classes are those of transformers: `colpali` (PaliGemma), `colqwen2` (Qwen2-VL, and Qwen2.5-VL as its
inner model) and `colmodernvbert` (ModernVBERT, of the SmolVLM line). ColSmol itself has no class there
yet. Prompts, prefixes and augmentation are the processor's own.

Departures. A picture in a question is read as a page is, and its vectors join those of the words: the
score is then the sum of both. `Query.minus` has no place in a sum of maxima and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.checkpoint import broken
from rag.document import Chunk, Modality
from rag.identity import combined
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS, harmless

from .backbone import Backbone
from .patches import FAMILIES, grid
from .seeing import cut
from .token_pooling import token_pooled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Ragged

    Read = str | Pillow.Image


@dataclass(frozen=True)
class Patches:
    """A picture's vectors (tokens, dim), unpooled, and `grid` (rows, columns): which vector a patch has."""

    vectors: NDArray[np.float32]
    grid: NDArray[np.int64]
    of_picture: NDArray[np.bool_]
    """(tokens,): whether a vector is of the picture; the others are of the prompt around it."""


class ColVision(Backbone):
    """An Encoder of pictures whose vectors are Ragged: PDF pages as drawn, photos, figures.

    `pool_factor` 3 keeps a third of a picture's vectors (those of the prompt are kept as they are);
    questions are never pooled. For the rest see `backbone`.
    """

    name = "colvision"
    head = "late"
    families = FAMILIES
    family = (
        "is no late-interaction model of transformers; expected one of {known}. Weights of colpali-engine (adapters, "
        "or a class of its own) are converted by transformers' convert_*_weights_to_hf scripts; those named ...-hf "
        "or ...-merged-hf are ready"
    )
    modalities: frozenset[Modality] = frozenset({"image", "video"})
    view = "pixels"
    ragged = True
    """Many vectors a chunk: its index is one of late interaction."""

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        pool_factor: int = 1,
        max_tokens: int = 512,
        dpi: int = 200,
        max_pixels: int = PAGE_PIXELS,
        batch: int = 1,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        assets: Assets | None = None,
    ) -> None:
        if pool_factor < 1:
            raise ValueError(f"pool_factor must be at least 1, got {pool_factor}")
        super().__init__(
            model, revision, assets, dpi=dpi, max_pixels=max_pixels, batch=batch, device=device, dtype=dtype,
            max_tokens=max_tokens,
        )  # fmt: skip
        self.pool_factor = pool_factor

    @cached_property
    def dim(self) -> int:
        """Dimensions of each vector."""
        size = self.checkpoint.config.get("embedding_dim", 128)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 < size < 10**6:
            raise broken(self.model, f"its embedding_dim is {size!r}")
        return size

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, pooling, limits and number type; also fit for a file name."""
        rest = combined(self.max_tokens, self.dpi, self.max_pixels)
        return ".".join(["colvision", self.checkpoint.digest[:16], f"pool{self.pool_factor}", rest[:12], self.dtype])

    def encode_queries(self, queries: Sequence[Query]) -> Ragged:
        """n arrays (tokens_i, dim) of unit vectors: those of pictures first, then those of words."""
        import numpy as np

        if any(query.minus for query in queries):
            raise ValueError(
                "late interaction adds up the best match of each vector, so a question cannot be made less like "
                "words (minus=...): use an encoder with one vector a chunk, such as retrievers/encoders/clip"
            )
        with self._lock:  # words are cut before the first run: the model is opened once
            read = [self._asked(query) for query in queries]
            made = iter(self._encoded([one for inputs in read for one in inputs]))
            return [np.concatenate([next(made).vectors for _ in inputs]) for inputs in read]

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Ragged:
        """n arrays (tokens_i, dim) of the chunks' pixels, image tokens pooled. SourceError if one cannot be drawn."""
        return [self._pooled(one) for one in self.patches(chunks)]

    def patches(self, chunks: Sequence[Chunk]) -> list[Patches]:
        """The chunks' vectors with their places on the picture, unpooled: what a heat map is drawn from."""
        return self._encoded(map(self._seen, chunks)) if chunks else []

    def similarity(self, query: Query, chunk: Chunk) -> NDArray[np.float32]:
        """(query tokens, rows, columns): the inner product of each vector of the question with each patch.

        `rag.drawing.heated` draws one of them, or their mean, over the picture; `heat` does both.
        """
        page = self.patches([chunk])[0]
        products = self.encode_queries([query])[0] @ page.vectors.T
        found: NDArray[np.float32] = products[:, page.grid]
        return found

    def heat(self, query: Query, chunk: Chunk) -> bytes:
        """PNG of the picture as the model saw it, each patch as warm as it is near to the question on average."""
        from rag.drawing import heated

        picture = BytesIO()
        self._seen(chunk).save(picture, "PNG")
        return heated(picture.getvalue(), self.similarity(query, chunk).mean(axis=0))

    def _asked(self, query: Query) -> list[Read]:
        """What the model reads of a question: its pictures, and its words where there are any."""
        pictures: list[Read] = list(self._shown(query))
        if pictures and not query.text:
            return pictures
        words = cut(self._model.tokenizer, harmless(query.text, self._model.processor), self.max_tokens)
        return [*pictures, words]

    def _encoded(self, inputs: Any) -> list[Patches]:
        return self._batched(inputs, lambda one: isinstance(one, str), self._run)

    def _run(self, inputs: list[Read]) -> list[Patches]:
        """A batch of words alone or of pictures alone."""
        import torch

        model, words = self._model, isinstance(inputs[0], str)
        processor = model.processor
        processor.tokenizer.padding_side = "right"
        read = processor.process_queries(text=inputs) if words else processor.process_images(images=inputs)
        fed = self._fed(read)
        fed.pop("labels", None)
        with torch.inference_mode():
            vectors = model.model(**fed).embeddings.float().cpu().numpy()
        ids, mask = read["input_ids"].cpu().numpy(), read["attention_mask"].cpu().numpy() > 0
        if vectors.shape[:2] != mask.shape:
            raise broken(self.model, f"it gives {vectors.shape[1]} vectors for {mask.shape[1]} tokens")
        sizes = read["image_grid_thw"].cpu().numpy() if "image_grid_thw" in read else [None] * len(inputs)
        made = []
        for row, size in enumerate(sizes):
            kept = ids[row][mask[row]]
            of_picture = kept == processor.image_token_id if not words else kept != kept
            at = grid(processor, kept, of_picture, size) if not words else of_picture.nonzero()[0][None]
            made.append(Patches(vectors[row][mask[row]], at, of_picture))
        return made

    def _pooled(self, page: Patches) -> NDArray[np.float32]:
        import numpy as np

        if self.pool_factor == 1:
            return page.vectors
        rest = page.vectors[~page.of_picture]
        return np.concatenate([token_pooled(page.vectors[page.of_picture], self.pool_factor), rest])
