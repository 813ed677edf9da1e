"""Summaries of pictures by a vision-language checkpoint on this machine. Extra `vision`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import RLock
from typing import Literal

from rag.answer import Settings, Usage
from rag.checkpoint import Checkpoint, checkpoint
from rag.errors import RagError
from rag.identity import combined
from rag.protocols import Captioned
from rag.vlm import PAGE_PIXELS, Opened, harmless, opened, picture

from ..prompts.escaped import escaped
from ..prompts.summary import SUMMARY, asked
from ..vlm_prompt import spoken_to
from ..vlm_run import Watch, decoded, read_in, run
from .described import described, estimated


class VLMCaptioner:
    """A Captioner by any image-text-to-text checkpoint of a class that transformers has.

    `model` is a folder or a hub name in this machine's cache (nothing is fetched). A summary has at most
    `max_tokens` and is written greedily, so that the same picture gets the same one. The model loads at first use.
    """

    together = 1

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        prompt: str = SUMMARY,
        max_tokens: int = 200,
        max_pixels: int = PAGE_PIXELS,
        device: str = "auto",
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
    ) -> None:
        if dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"dtype must be auto, float32, bfloat16 or float16, got {dtype!r}")
        if max_pixels < 1024 or max_tokens < 1:
            raise ValueError(f"max_pixels is at least 1024 and max_tokens 1, got {max_pixels} and {max_tokens}")
        self.model = model
        self.revision = revision
        self.prompt = prompt
        self.max_tokens = max_tokens
        self.max_pixels = max_pixels
        self.device = device
        self.dtype = dtype
        self._lock = RLock()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint; ConfigError if it is not there or not as it must be."""
        return checkpoint(self.model, self.revision)

    @cached_property
    def fingerprint(self) -> str:
        """Checkpoint, prompt, limits and number type."""
        rest = combined(self.prompt, self.max_tokens, self.max_pixels)
        return ".".join(["vlm", self.checkpoint.digest[:16], rest[:16], self.dtype])

    @cached_property
    def _opened(self) -> Opened:
        return opened(self.checkpoint, "words", self.device, self.dtype)

    def caption(self, images: Sequence[bytes], contexts: Sequence[str]) -> list[Captioned]:
        """For each picture its summary, one after the other, or why there is none."""
        return [self._one(image, context) for image, context in zip(images, contexts, strict=True)]

    def estimate(self, images: Sequence[bytes], contexts: Sequence[str]) -> Usage:
        """Tokens, roughly: four bytes a token, 750 pixels a token, and a summary of full length."""
        return estimated(images, contexts, self.prompt, self.max_pixels, self.max_tokens)

    def price(self, usage: Usage) -> float | None:
        """None: it runs here."""
        return None

    def _one(self, image: bytes, context: str) -> Captioned:
        with self._lock:
            model = self._opened  # a checkpoint that cannot be opened is no matter of this picture
            try:
                pictures = [picture(image, self.max_pixels, "the picture")] if image else []
                words = harmless(f"{self.prompt}\n\n{asked(escaped(context), bool(image))}", model.processor)
                read = read_in(model, spoken_to([*pictures, words], [], model), pictures)
                watch = Watch(lambda ids: decoded(model, ids), read["input_ids"].shape[1])
                run(model, read, Settings(max_tokens=self.max_tokens), watch)
            except (RagError, RuntimeError, ValueError, TypeError, LookupError, MemoryError) as error:
                return Captioned(error=f"{self.model}: {str(error)[:300]}", usage=Usage(calls=1))
        usage = Usage(watch.prompt, watch.tokens, len(pictures), 1)
        return described(watch.text, usage, watch.tokens >= self.max_tokens)
