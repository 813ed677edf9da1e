"""Answers by any OpenAI-compatible chat endpoint: a server of one's own, or a paid one.

The API: https://platform.openai.com/docs/api-reference/chat. What servers leave out of it is left out
of the request when they say so (`openai_retry.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from rag.answer import (
    Answer,
    Checked,
    Done,
    Event,
    Evidenced,
    Query,
    Refusal,
    Selection,
    Settings,
    TextPiece,
)
from rag.protocols import Assets

from .openai_call import NOTHING_TO_SEND, Call, check_limits, server
from .openai_messages import Asked, Eyes, asked
from .openai_reply import Choice, Malformed, Spoken
from .openai_retry import Attempts


class OpenAI:
    """A Generator (and Streams) by `POST {base_url}/chat/completions`, each sentence cited and checked.

    `base_url` usually ends in `/v1`. It and `model` may come from OPENAI_BASE_URL and OPENAI_MODEL; there
    is no default, so that nothing is sent to an address that nobody named. The key is `key`, else the
    environment variable `key_env`, else none is sent.

    `images` is False for a model that reads no pictures; each is made smaller to `max_pixels`, pages are
    drawn at `dpi`. A request is sent at most `attempts` times, `concurrency` questions go at once;
    `timeout` is the most seconds of silence, `Settings.deadline` those of the whole call. `instructions`
    follow our own rules, `body` goes into each request, `headers` with it. With `n` above 1 the choice
    whose claims are best supported is the answer (a stream has one choice).

    Evidence is escaped in the prompt, so that no document can forge a citation or a turn. Numbers that
    were not given are taken out of the reply; claims are checked by words and numbers alone
    (`generators/verify.py`). Tools are never called. Raises GenerationError.
    """

    def __init__(
        self,
        model: str = "",
        base_url: str = "",
        *,
        key: str = "",
        key_env: str = "OPENAI_API_KEY",
        images: bool = True,
        max_pixels: int = 1_048_576,
        dpi: int = 144,
        attempts: int = 4,
        timeout: float = 60.0,
        concurrency: int = 4,
        instructions: str = "",
        headers: Mapping[str, str] = {},
        body: Mapping[str, Any] = {},
        assets: Assets | None = None,
    ) -> None:
        # Neither the key nor the headers stay here: `describe` prints what an object knows of its arguments.
        self._server = server(model, base_url, key, key_env, timeout, headers, body)
        check_limits(attempts, concurrency, timeout)
        if max_pixels < 1024 or not 36 <= dpi <= 600:
            raise ValueError(f"max_pixels is at least 1024 and dpi 36 to 600, got {max_pixels} and {dpi}")
        self.model = self._server.model
        self.base_url = self._server.base_url
        self.key_env = key_env
        self.images = images
        self.max_pixels = max_pixels
        self.dpi = dpi
        self.attempts = attempts
        self.timeout = timeout
        self.concurrency = concurrency
        self.instructions = instructions
        self.body = dict(body)
        self._assets = assets

    def generate(self, queries: Sequence[Query], selections: Sequence[Selection], settings: Settings) -> list[Answer]:
        """For each query its answer, a few at a time; the first that fails ends the batch."""
        from rag.net import run

        pairs = list(zip(queries, selections, strict=True))
        if not any(one.evidence for one in selections):
            return [_nothing_selected(one) for one in selections]
        return run(self._all(pairs, settings, _until(settings)))

    async def stream(self, query: Query, selection: Selection, settings: Settings) -> AsyncGenerator[Event, None]:
        """The evidence, the text as it comes, its claims, the answer; closing the iterator closes the connection."""
        yield Evidenced(selection)
        if not selection.evidence:
            yield Done(_nothing_selected(selection))
            return
        call = self._call(query, selection, settings, _until(settings))
        await call.prepare()
        if not call.known:
            yield Done(call.refused(NOTHING_TO_SEND))
            return
        spoken, last = Spoken(call.known), Choice()
        async with aclosing(call.pieces()) as pieces:
            async for one in pieces:
                last = Choice("", one.finish or last.finish, last.refusal + one.refusal)
                if text := _fed(spoken, one.text, call):
                    yield TextPiece(text)
        if text := spoken.end(cut_off=last.finish == "length"):
            yield TextPiece(text)
        answer = await asyncio.to_thread(call.answer, spoken, last)
        for claim in answer.claims:
            yield Checked(claim)
        yield Done(answer)

    async def _all(
        self, pairs: Sequence[tuple[Query, Selection]], settings: Settings, until: float | None
    ) -> list[Answer]:
        room = asyncio.Semaphore(self.concurrency)

        async def one(query: Query, selection: Selection) -> Answer:
            async with room:
                return await self._answer(query, selection, settings, until)

        # The loop that this runs in ends with it, and with the loop what a failure leaves undone.
        return list(await asyncio.gather(*(one(query, selection) for query, selection in pairs)))

    async def _answer(self, query: Query, selection: Selection, settings: Settings, until: float | None) -> Answer:
        if not selection.evidence:
            return _nothing_selected(selection)
        call = self._call(query, selection, settings, until)
        await call.prepare()
        if not call.known:
            return call.refused(NOTHING_TO_SEND)
        found = await call.whole()
        return await asyncio.to_thread(call.best, found)

    def _call(self, query: Query, selection: Selection, settings: Settings, until: float | None) -> Call:
        def asking(pictures: bool) -> Asked:
            eyes = Eyes(self._assets, self.dpi, self.max_pixels) if self.images and pictures else None
            return asked(query, selection, settings, eyes, self.instructions)

        attempts = Attempts(self.model, self.attempts, until, settings.deadline)
        return Call(self._server, query, selection, settings, asking, attempts)


def _fed(spoken: Spoken, text: str, call: Call) -> str:
    try:
        return spoken.feed(text)
    except Malformed as error:
        raise call.attempts.error(str(error)) from None


def _until(settings: Settings) -> float | None:
    return None if settings.deadline is None else time.monotonic() + settings.deadline


def _nothing_selected(selection: Selection) -> Answer:
    reason = selection.reason or "no evidence was selected"
    return Answer("", (), refusal=Refusal(reason, selection.expected_risk, selection.near_misses))
