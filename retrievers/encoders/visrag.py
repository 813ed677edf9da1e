"""Pages as pictures to vectors, by a vision-language model: no OCR, no parsing.

Yu et al., ICLR 2025, "VisRAG: Vision-based Retrieval-augmented Generation on Multi-modality
Documents" (arXiv 2410.10594), the retriever VisRAG-Ret: one model reads queries and pages, causal
attention kept; the vector is the position-weighted mean of the last hidden states (equation 1),
made a unit vector; the score is the inner product. Defaults of the paper and its code: the words
before a query, a page as the picture and a newline without an instruction, 512 tokens of a query,
200 dpi, 9 slices of 448 x 448 pixels.

Departures. The backbone is any vision-language checkpoint of a class that transformers has; the
published weights (openbmb/VisRAG-Ret) come with code of their own and are refused. A page is made
smaller to at most `max_pixels` and then cut as that checkpoint's processor does, instead of at
2,048 tokens. A query that is a picture is read as a page is; pictures with words go before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.checkpoint import Checkpoint, broken, checkpoint
from rag.document import Chunk, Modality
from rag.identity import combined
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS, Opened, harmless, opened, remote_code

from .composed import less
from .pooling import WEIGHTS, pooled
from .seeing import checked, cut, in_batches, seen, shown, stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

INSTRUCTION = "Represent this query for retrieving relevant documents: "
_NOT_NATIVE = "openbmb/visrag-ret"


class VisRAG:
    """An Encoder of pictures: PDF pages as drawn, photos, figures.

    `model` is a folder or a hub name in this machine's cache (nothing is fetched), pinned by
    `revision`. `dtype` float32 keeps a vector the same alone and in a batch to 1e-5; the two short
    types are for graphics cards. `batch` pictures are read at once, each of at most `max_pixels`.
    Opening a corpus reads a few kilobytes of the checkpoint; the model loads at first use.
    """

    name = "visrag"
    modalities: frozenset[Modality] = frozenset({"image", "video"})
    view = "pixels"

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        pooling: Literal["wmean", "mean", "last"] = "wmean",
        instruction: str = INSTRUCTION,
        max_tokens: int = 512,
        dpi: int = 200,
        max_pixels: int = PAGE_PIXELS,
        batch: int = 1,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        assets: Assets | None = None,
    ) -> None:
        if pooling not in WEIGHTS:
            raise ValueError(f"pooling must be one of {', '.join(WEIGHTS)}, got {pooling!r}")
        checked(dtype=dtype, batch=batch, max_pixels=max_pixels, dpi=dpi, max_tokens=max_tokens)
        if model.lower() == _NOT_NATIVE:
            raise remote_code(model)
        self.model = model
        self.revision = revision
        self.pooling = pooling
        self.instruction = instruction
        self.max_tokens = max_tokens
        self.dpi = dpi
        self.max_pixels = max_pixels
        self.batch = batch
        self.device = device
        self.dtype = dtype
        self._assets = assets
        self._lock = RLock()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint; ConfigError if it is not there or not as it must be."""
        return checkpoint(self.model, self.revision)

    @cached_property
    def dim(self) -> int:
        """Dimensions of a vector: those of the language model."""
        return self.checkpoint.hidden_size

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, pooling, prompt, limits and number type; also fit for a file name."""
        rest = combined(self.instruction, self.max_tokens, self.dpi, self.max_pixels)
        return ".".join(["visrag", self.checkpoint.digest[:16], self.pooling, rest[:12], self.dtype])

    def warm(self) -> None:
        """Load what a query needs, so that the first one does not wait."""
        self.encode_queries([Query(("warm",))])

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim): words after the instruction, a picture as a page, both; minus words taken away."""
        return less(self._encode(queries, self._asked), queries, self.encode_queries)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim) of the chunks' pixels. SourceError if one cannot be drawn."""
        return self._encode(chunks, self._seen)

    def _encode(self, items: Sequence[Any], read: Any) -> Dense:
        import numpy as np

        if not items:
            return np.zeros((0, self.dim), np.float32)
        with self._lock:  # one model, one run at a time: memory stays bounded
            # Processors want pictures in each text of a batch, or in none.
            made: list[NDArray[np.float32]] = in_batches(
                map(read, items), lambda one: bool(one[1]), self._vectors, self.batch
            )
        return np.stack(made)

    @cached_property
    def _model(self) -> Opened:
        return opened(self.checkpoint, "states", self.device, self.dtype)

    def _seen(self, chunk: Chunk) -> tuple[str, list[Pillow.Image]]:
        """What the model reads of a chunk: its picture and a newline."""
        assets = stored(self._assets, self.name)
        return f"{self._model.placeholder}\n", [seen(assets, chunk, self.dpi, self.max_pixels)]

    def _asked(self, query: Query) -> tuple[str, list[Pillow.Image]]:
        """What the model reads of a query."""
        pictures = shown(self._assets, query, self.max_pixels, self.name)
        before = f"{self._model.placeholder}\n" * len(pictures)
        if pictures and not query.text:
            return before, pictures
        instruction = query.instruction or self.instruction
        return before + self._cut(harmless(instruction + query.text, self._model.processor)), pictures

    def _cut(self, text: str) -> str:
        """The text within `max_tokens`."""
        return cut(self._model.tokenizer, text, self.max_tokens)

    def _vectors(self, inputs: Sequence[tuple[str, list[Pillow.Image]]]) -> NDArray[np.float32]:
        """The vectors of a batch, all of its texts with pictures or all without."""
        import torch

        model = self._model
        texts = [text for text, _ in inputs]
        given: dict[str, Any] = {"padding": True, "padding_side": "right", "return_tensors": "pt"}
        if inputs[0][1]:
            read = model.processor(text=texts, images=[pictures for _, pictures in inputs], **given)
        else:
            read = model.tokenizer(texts, **given)
        read = read.to(model.device)
        # A picture's numbers come as float32, whatever the model's are.
        fed = {key: one.to(model.model.dtype) if one.is_floating_point() else one for key, one in read.items()}
        with torch.inference_mode():
            hidden = model.model(**fed, use_cache=False).last_hidden_state
        mask = read["attention_mask"]
        if hidden.shape[:2] != mask.shape:
            raise broken(self.model, f"{type(model.model).__name__} gives states of {tuple(hidden.shape[:2])} tokens "
                         f"for {tuple(mask.shape)} that it read, and cannot be pooled")  # fmt: skip
        return pooled(hidden.float().cpu().numpy(), mask.cpu().numpy(), self.pooling)
