"""Summaries of pictures by any OpenAI-compatible chat endpoint whose model sees."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from rag.answer import Query, Selection, Settings, Usage
from rag.errors import GenerationError, SourceError
from rag.identity import combined
from rag.protocols import Captioned

from ..openai_call import Call, Server, check_limits, server
from ..openai_messages import Asked, data_url, image_part, merged, text_part
from ..openai_retry import Attempts
from ..prompts.escaped import escaped
from ..prompts.summary import SUMMARY, asked
from .described import Prices, described, estimated


class OpenAICaptioner:
    """A Captioner by `POST {base_url}/chat/completions`; model, address and key as of `generators/openai`.

    `prompt` replaces ours. A summary has at most `max_tokens`. `input_price` and `output_price` are money for a
    million tokens, for the estimate alone. A server whose model reads no pictures fails each of them: a summary
    from words alone would say what nobody saw.
    """

    def __init__(
        self,
        model: str = "",
        base_url: str = "",
        *,
        key: str = "",
        key_env: str = "OPENAI_API_KEY",
        prompt: str = SUMMARY,
        max_tokens: int = 200,
        max_pixels: int = 1_048_576,
        attempts: int = 4,
        timeout: float = 60.0,
        concurrency: int = 4,
        input_price: float | None = None,
        output_price: float | None = None,
        headers: Mapping[str, str] = {},
        body: Mapping[str, Any] = {},
    ) -> None:
        check_limits(attempts, concurrency, timeout)
        if max_pixels < 1024 or max_tokens < 1:
            raise ValueError(f"max_pixels is at least 1024 and max_tokens 1, got {max_pixels} and {max_tokens}")
        self._prices = Prices(input_price, output_price)
        self._server: Server = server(model, base_url, key, key_env, timeout, headers, body)
        self.model = self._server.model
        self.prompt = prompt
        self.max_tokens = max_tokens
        self.max_pixels = max_pixels
        self.attempts = attempts
        self.together = concurrency

    @property
    def fingerprint(self) -> str:
        """Model, prompt, limits and what the settings put into each request; not the address."""
        rest = combined(self.prompt, self.max_tokens, self.max_pixels, dict(self._server.extra))
        return f"openai.{self.model}.{rest[:16]}"

    def caption(self, images: Sequence[bytes], contexts: Sequence[str]) -> list[Captioned]:
        """For each picture its summary, a few at a time, or why there is none."""
        from rag.net import run

        pairs = list(zip(images, contexts, strict=True))
        return run(self._all(pairs)) if pairs else []

    def estimate(self, images: Sequence[bytes], contexts: Sequence[str]) -> Usage:
        """Tokens, roughly: four bytes a token, 750 pixels a token, and a summary of full length."""
        return estimated(images, contexts, self.prompt, self.max_pixels, self.max_tokens)

    def price(self, usage: Usage) -> float | None:
        """Money by `input_price` and `output_price`; None where neither is set."""
        return self._prices.of(usage)

    async def _all(self, pairs: Sequence[tuple[bytes, str]]) -> list[Captioned]:
        room = asyncio.Semaphore(self.together)

        async def one(image: bytes, context: str) -> Captioned:
            async with room:
                return await self._one(image, context)

        return list(await asyncio.gather(*(one(*pair) for pair in pairs)))

    async def _one(self, image: bytes, context: str) -> Captioned:
        attempts = Attempts(self.model, self.attempts)

        def asking(pictures: bool) -> Asked:
            if image and not pictures:
                raise GenerationError("the endpoint's model reads no pictures", model=self.model)
            return self._asked(image, context)

        call = Call(self._server, Query(()), Selection(), Settings(max_tokens=self.max_tokens), asking, attempts)
        try:
            await call.prepare()
            told = (await call.whole())[0]
        except (GenerationError, SourceError) as error:
            return Captioned(error=str(error), usage=Usage(calls=attempts.calls))
        usage = Usage(call.counted.read, call.counted.written, int(bool(image)), attempts.calls)
        if told.refusal or told.finish == "content_filter":
            why = " ".join((told.refusal or "its content filter withheld the summary").split())
            return Captioned(error=f"the model refused: {why[:300]}", usage=usage)
        return described(told.text, usage, told.finish == "length")

    def _asked(self, image: bytes, context: str) -> Asked:
        content = [text_part(asked(escaped(context), bool(image)))]
        if image:
            url = data_url(image, self.max_pixels, "the picture")
            content.append(image_part(url))
        system = {"role": "system", "content": self.prompt}
        return Asked([system, {"role": "user", "content": merged(content)}], (), images=int(bool(image)))
