"""Pages as pictures to vectors, by a vision-language model: no OCR, no parsing.

Yu et al., ICLR 2025, "VisRAG: Vision-based Retrieval-augmented Generation on Multi-modality
Documents" (arXiv 2410.10594), the retriever VisRAG-Ret: one model reads queries and pages, causal
attention kept; the vector is the position-weighted mean of the last hidden states (equation 1),
made a unit vector; the score is the inner product. Defaults of the paper and its code: the words
before a query, a page as the picture and a newline without an instruction, 512 tokens of a query,
200 dpi, 9 slices of 448 x 448 pixels.

Departures. The backbone is any vision-language checkpoint of a class that transformers has. The
published weights (openbmb/VisRAG-Ret) come with code of their own, which is run by the user's word
alone (`code`); it is then called as its authors call it (`published`). A page is made
smaller to at most `max_pixels` and then cut as that checkpoint's processor does, instead of at
2,048 tokens. A query that is a picture is read as a page is; pictures with words go before them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.identity import combined
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS, harmless

from .backbone import Backbone
from .composed import less
from .pooling import WEIGHTS, pooled
from .published import only, page_states, reads_pages
from .seeing import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

    Read = tuple[str, list[Pillow.Image]]

INSTRUCTION = "Represent this query for retrieving relevant documents: "


class VisRAG(Backbone):
    """An Encoder of pictures: PDF pages as drawn, photos, figures. What all encoders take is told in `backbone`."""

    name = "visrag"
    not_native = "openbmb/visrag-ret"
    modalities: frozenset[Modality] = frozenset({"image", "video"})
    view = "pixels"

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        code: str = "",
        pooling: Literal["wmean", "mean", "last", "cls"] = "wmean",
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
        super().__init__(
            model, revision, assets, dpi=dpi, max_pixels=max_pixels, batch=batch, device=device, dtype=dtype,
            max_tokens=max_tokens, code=code,
        )  # fmt: skip
        self.pooling = pooling
        self.instruction = instruction

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, pooling, prompt, limits and number type; also fit for a file name."""
        own = [self.code] if self.code else []
        rest = combined(self.instruction, self.max_tokens, self.dpi, self.max_pixels, *own)
        return ".".join(["visrag", self.checkpoint.digest[:16], self.pooling, rest[:12], self.dtype])

    def interface(self, model: Any) -> bool:
        """Whether it is called as VisRAG-Ret is."""
        return reads_pages(model)

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim): words after the instruction, a picture as a page, both; minus words taken away."""
        return less(self._encode(queries, self._asked), queries, self.encode_queries)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim) of the chunks' pixels. SourceError if one cannot be drawn."""
        return self._encode(chunks, self._stored)

    def _encode(self, items: Sequence[Any], read: Callable[[Any], Read]) -> Dense:
        import numpy as np

        if not items:
            return np.zeros((0, self.dim), np.float32)
        return np.stack(self._batched(map(read, items), lambda one: bool(one[1]), self._vectors))

    def _stored(self, chunk: Chunk) -> Read:
        """What the model reads of a chunk: its picture and a newline."""
        return self._before(1), [self._seen(chunk)]

    def _asked(self, query: Query) -> Read:
        """What the model reads of a query."""
        pictures = self._shown(query)
        before = self._before(len(pictures))
        if pictures and not query.text:
            return before, pictures
        instruction = query.instruction or self.instruction
        return before + self._cut(harmless(instruction + query.text, self._model.processor)), pictures

    def _before(self, pictures: int) -> str:
        """What stands before the words for pictures; the published code writes it itself."""
        return "" if self._published else f"{self._model.placeholder}\n" * pictures

    def _cut(self, text: str) -> str:
        """The text within `max_tokens`."""
        return cut(self._model.tokenizer, text, self.max_tokens)

    def _vectors(self, inputs: Sequence[Read]) -> NDArray[np.float32]:
        """The vectors of a batch, all of its texts with pictures or all without."""
        if self._published:
            shown = [only(pictures, self.model) for _, pictures in inputs]
            return pooled(*page_states(self._model, [text for text, _ in inputs], shown, self.model), self.pooling)
        hidden, mask, _ = self._states([text for text, _ in inputs], [pictures for _, pictures in inputs])
        return pooled(hidden, mask, self.pooling)
