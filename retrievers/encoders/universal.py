"""Words, pictures, and both in one space, under an instruction: MM-Embed style.

Lin et al., ICLR 2025, "MM-Embed: Universal Multimodal Retrieval with Multimodal LLMs" (arXiv 2411.02571),
the retriever: a question is "Instruct: {instruction}" newline "Query: " picture and words; a document is the
picture, a newline and its words; what is missing leaves no mark. The instruction is attended to, and is
left out of the pooling (the mean over the other tokens' last hidden states), so that it steers the vector
and is no part of it. Unit vectors; the score is the inner product.

Departures. The backbone is any vision-language checkpoint of a class that transformers has; it is run as it is,
so attention is causal where the model's is, and there is no latent attention layer before the mean. The published
weights (nvidia/MM-Embed) come with code of their own, which is run by the user's word alone (`code`); it is then
called as its authors call it (`published`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.identity import combined, contextual
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS, harmless

from .backbone import Backbone
from .composed import less
from .pooling import pooled
from .published import Input, embedded, embeds, only, plain
from .seeing import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

    Read = tuple[str, str, list[Pillow.Image]]

_WORDS: frozenset[Modality] = frozenset({"text", "table", "image", "audio", "video"})
_PICTURES: frozenset[Modality] = frozenset({"image", "video"})


class Universal(Backbone):
    """An Encoder of words or pictures; two of it over one checkpoint fill one space with both.

    `view` "pixels" reads pictures, with the words that stand with them where `words` is true;
    "contextual" reads words with the headings above them. A query's own instruction goes before
    `instruction`. For the rest see `backbone`.
    """

    name = "universal"
    not_native = "nvidia/mm-embed"

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        code: str = "",
        view: Literal["pixels", "contextual"] = "pixels",
        words: bool = True,
        instruction: str = "Retrieve what answers the question.",
        max_tokens: int = 512,
        dpi: int = 144,
        max_pixels: int = PAGE_PIXELS,
        batch: int = 1,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        assets: Assets | None = None,
    ) -> None:
        if view not in ("pixels", "contextual"):
            raise ValueError(f"view must be 'pixels' or 'contextual', got {view!r}")
        super().__init__(
            model, revision, assets, dpi=dpi, max_pixels=max_pixels, batch=batch, device=device, dtype=dtype,
            max_tokens=max_tokens, code=code,
        )  # fmt: skip
        self.view = view
        self.modalities = _PICTURES if view == "pixels" else _WORDS
        self.words = words
        self.instruction = instruction

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, view, instruction, limits and number type; also fit for a file name."""
        own = [self.code] if self.code else []
        rest = combined(self.view, self.words, self.instruction, self.max_tokens, self.dpi, self.max_pixels, *own)
        return ".".join(["universal", self.checkpoint.digest[:16], rest[:12], self.dtype])

    def interface(self, model: Any) -> bool:
        """Whether it encodes as MM-Embed does."""
        return embeds(model)

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim) of the questions, their instructions left out; minus words taken away."""
        return less(self._encode(queries, self._asked), queries, self.encode_queries)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim) of the chunks' pictures or words. SourceError if one cannot be drawn."""
        return self._encode(chunks, self._stored)

    def _asked(self, query: Query) -> Read | Input:
        instruction = query.instruction or self.instruction
        if self._published:
            steered = plain(instruction, self._model.processor) or None
            picture = only(self._shown(query), self.model)
            return Input(self._plain(query.text, picture), picture, True, steered)
        before = f"Instruct: {self._safe(instruction)}" if instruction else ""
        pictures = self._shown(query)
        after = f"{before and chr(10)}Query: {self._model.placeholder * len(pictures)}"
        return before, after + self._cut(query.text), pictures

    def _stored(self, chunk: Chunk) -> Read | Input:
        if self._published:
            picture = self._seen(chunk) if self.view == "pixels" else None
            words = (chunk.text if self.words else "") if picture else contextual(chunk)
            return Input(self._plain(words, picture), picture)
        if self.view == "contextual":
            return "", self._cut(contextual(chunk)) or "\n", []
        words = self._cut(chunk.text) if self.words else ""
        return "", f"{self._model.placeholder}\n{words}", [self._seen(chunk)]

    def _safe(self, text: str) -> str:
        return harmless(text, self._model.processor)

    def _cut(self, text: str) -> str:
        return cut(self._model.tokenizer, self._safe(text), self.max_tokens)

    def _plain(self, text: str, picture: Pillow.Image | None) -> str:
        """Words for the published code, within `max_tokens`; a blank where there is nothing else to read."""
        words = cut(self._model.tokenizer, plain(text, self._model.processor), self.max_tokens)
        return words or ("" if picture else " ")

    def _encode(self, items: Sequence[Any], read: Callable[[Any], Any]) -> Dense:
        import numpy as np

        if not items:
            return np.zeros((0, self.dim), np.float32)
        if self._published:
            return np.stack(self._batched(map(read, items), lambda one: one.kind, self._embedded))
        return np.stack(self._batched(map(read, items), lambda one: bool(one[2]), self._vectors))

    def _embedded(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        return embedded(self._model, inputs, self.dim, self.model)

    def _vectors(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        texts = [before + after for before, after, _ in inputs]
        hidden, mask, ids = self._states(texts, [pictures for _, _, pictures in inputs])
        mask = mask.copy()
        for row, (before, _, _) in enumerate(inputs):
            mask[row, : self._instruction_tokens(before, ids[row])] = 0
        return pooled(hidden, mask, "mean")

    def _instruction_tokens(self, before: str, ids: NDArray[np.int64]) -> int:
        """How many of the first tokens are the instruction's (a start token among them); 0 without one."""
        if not before:
            return 0
        own = self._model.tokenizer(before)["input_ids"]
        return next((n for n, (one, other) in enumerate(zip(own, ids, strict=False)) if one != other), len(own))
