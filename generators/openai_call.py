"""One question to a chat endpoint: the request, its repetitions, and the answer made of what came back."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.answer import Answer, Query, Refusal, Selection, Settings, Usage
from rag.replies import EndpointError

from .cited import cited_sentences
from .openai_messages import Asked, without_system
from .openai_reply import Choice, Counted, Malformed, Spoken, choices, counted, event, failure
from .openai_retry import DROPPABLE, PICTURES, SYSTEM_ROLE, TOKENS, Attempts, refused_part
from .verify import Passage, checked

if TYPE_CHECKING:
    from rag.endpoints import Endpoint

PATH = "chat/completions"
OWN = frozenset({"model", "messages", "stream", "stream_options", "n", "tools", "functions"})
"""Fields of a request that no setting may change."""
NOTHING_TO_SEND = "the evidence holds nothing that can be shown to the model"
NOTHING_FOUND = "the model found no answer in the evidence"
UNGROUNDED = "the model's reply rests on none of the evidence"
WITHHELD = "the endpoint's content filter withheld the answer"


@dataclass(slots=True)
class Server:
    """An endpoint and its model; `extra` goes into each request.

    `unknown` are the parts of the API that it turned out not to know, for all questions to come.
    """

    model: str
    endpoint: Endpoint
    extra: Mapping[str, Any]
    unknown: set[str] = field(default_factory=set)
    base_url: str = ""


def server(
    model: str, base_url: str, key: str, key_env: str, timeout: float, headers: Mapping[str, str],
    body: Mapping[str, Any],
) -> Server:  # fmt: skip
    """The endpoint of these settings and of the environment; ValueError where they name no model or address."""
    model = model or os.environ.get("OPENAI_MODEL", "").strip()
    base_url = base_url or os.environ.get("OPENAI_BASE_URL", "").strip()
    if not model or not base_url:
        raise ValueError(
            "model and base_url are not known: set them in the table of the profile, or OPENAI_MODEL and "
            "OPENAI_BASE_URL in the environment, such as http://localhost:8000/v1"
        )
    if taken := OWN & set(body):
        raise ValueError(f"body cannot set {', '.join(sorted(taken))}")
    if not timeout > 0:
        raise ValueError("timeout is above 0 seconds")
    from rag.net import endpoint

    secret = key or os.environ.get(key_env, "").strip() or None
    opened = endpoint(base_url, key=secret, headers=headers, timeout=timeout)
    return Server(model, opened, dict(body), base_url=base_url)


def check_limits(attempts: int, concurrency: int, timeout: float) -> None:
    """ValueError where nothing could be sent."""
    if attempts < 1 or concurrency < 1 or not timeout > 0:
        raise ValueError("attempts and concurrency are at least 1, and timeout is above 0 seconds")


@dataclass(slots=True)
class Call:
    """A question on its way. `asking` makes the messages, with pictures or without."""

    server: Server
    query: Query
    selection: Selection
    settings: Settings
    asking: Callable[[bool], Asked]
    attempts: Attempts
    asked: Asked = field(init=False)
    counted: Counted = field(default_factory=Counted)
    _blind: bool = False
    _notes: list[str] = field(default_factory=list)
    _started: float = field(default_factory=time.perf_counter)

    async def prepare(self) -> None:
        """The messages: pictures are read and made smaller in a thread."""
        self.asked = await asyncio.to_thread(self.asking, not self._blind)

    @property
    def known(self) -> frozenset[int]:
        """The numbers that may be cited."""
        return frozenset(one.number for one in self.asked.evidence)

    async def whole(self) -> list[Choice]:
        """The reply's choices, at least one. GenerationError when there is none to be had."""
        while True:
            body = self._body(stream=False)
            try:
                left = self.attempts.begin()
                answer = await self.server.endpoint.apost(PATH, body, deadline=left)
                if failed := failure(answer):
                    raise failed
                self.counted = counted(answer) or self.counted
                if found := choices(answer):
                    return found
                raise Malformed("the reply holds no choice")
            except EndpointError as error:
                await self._again(error, body)
            except Malformed as error:
                raise self.attempts.error(str(error)) from None

    async def pieces(self) -> AsyncGenerator[Choice, None]:
        """The reply piece by piece; closing it closes the connection.

        Repeated as a whole reply is, until its first words have come.
        """
        while True:
            body = self._body(stream=True)
            begun = False
            try:
                async with aclosing(self._events(body)) as events:
                    async for one in events:
                        begun = begun or bool(one.text.strip())
                        yield one
                return
            except EndpointError as error:
                if begun:
                    why = f"no end within {self.settings.deadline:g} s" if self.attempts.late else error.message
                    message = f"the answer broke off: {why}"
                    raise self.attempts.error(message, retry=error.may_retry) from None
                await self._again(error, body)
            except Malformed as error:
                raise self.attempts.error(str(error)) from None

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[Choice, None]:
        left = self.attempts.begin()
        ended = False
        async with self.server.endpoint.stream(PATH, body, deadline=left) as payloads:
            async for payload in payloads:
                if payload.strip() == "[DONE]":
                    return
                told = event(payload)
                if failed := failure(told):
                    raise failed
                self.counted = counted(told) or self.counted
                for one in choices(told, "delta"):
                    ended = ended or bool(one.finish)
                    yield one
        if not ended:
            raise EndpointError("the stream ended before the answer did", kind="connect")

    async def _again(self, error: EndpointError, body: dict[str, Any]) -> None:
        """Leave out what the server does not know, or wait; GenerationError where neither helps."""
        part = refused_part(error, body, bool(self.asked.images))
        if part == PICTURES:
            self._blind = True
            self._notes.append("the endpoint took no pictures, so it was asked in words alone (images = false)")
            await self.prepare()
        elif part:
            self.server.unknown.add(part)
        else:
            await asyncio.sleep(self.attempts.wait(error))

    def _body(self, *, stream: bool) -> dict[str, Any]:
        settings, unknown = self.settings, self.server.unknown
        limit = "max_completion_tokens" if TOKENS in unknown else TOKENS
        body: dict[str, Any] = {
            "model": self.server.model,
            "messages": without_system(self.asked.messages) if SYSTEM_ROLE in unknown else self.asked.messages,
            "temperature": settings.temperature,
            "seed": settings.seed,
            limit: settings.max_tokens,
            "stream": stream,
        }
        if settings.stop:
            body["stop"] = list(settings.stop)
        if stream:
            body["stream_options"] = {"include_usage": True}
        elif settings.n > 1:
            body["n"] = settings.n
        if "max_completion_tokens" in self.server.extra:
            del body[limit]
        body = {**body, **self.server.extra}
        return {name: value for name, value in body.items() if name not in unknown or name not in DROPPABLE}

    # --- the answer ------------------------------------------------------------------------------

    def best(self, found: Sequence[Choice]) -> Answer:
        """The answer of the choice that is supported best, the first among equals."""
        answers = [self.answer(self._spoken(one), one) for one in found]
        return max(answers, key=_merit)

    def _spoken(self, choice: Choice) -> Spoken:
        spoken = Spoken(self.known)
        try:
            spoken.feed(choice.text)
        except Malformed as error:
            raise self.attempts.error(str(error)) from None
        spoken.end(cut_off=choice.finish == "length")
        return spoken

    def answer(self, spoken: Spoken, last: Choice) -> Answer:
        """The answer of a reply that has ended with `last`; its sentences checked.

        A reply that cites nothing, and of which nothing stands in the evidence, is no answer.
        """
        if last.finish == "content_filter":
            return self.refused(WITHHELD)
        if last.refusal and not spoken.text:
            return self.refused(f"the model refused: {' '.join(last.refusal.split())[:300]}")
        if spoken.refused:
            return self.refused(NOTHING_FOUND)
        if not spoken.text:
            raise self.attempts.error(_empty(last, self.settings))
        spans = cited_sentences(spoken.text, self.known)
        passages = [Passage(one, one.number in self.asked.pictured) for one in self.asked.evidence]
        citations, claims = checked(spoken.text, spans, passages, self.query.text)
        if not citations and not self.asked.images:
            self._notes.append(f"the model said: {' '.join(spoken.text.split())[:300]}")
            return self.refused(UNGROUNDED)
        notes = []
        if spoken.dropped:
            numbers = ", ".join(f"[{number}]" for number in sorted(set(spoken.dropped))[:10])
            notes.append(f"the reply cites {numbers}, which it was not given; taken out")
        if last.finish == "length":
            notes.append(f"the reply was cut off at {self.settings.max_tokens} tokens")
        return Answer(
            spoken.text, self.selection.evidence, tuple(citations), tuple(claims),
            usage=self._usage(), trace=self._trace(), notes=(*self._told(), *notes),
        )  # fmt: skip

    def refused(self, reason: str) -> Answer:
        """A refusal by the model or its server."""
        refusal = Refusal(reason, self.selection.expected_risk, self.selection.evidence[:3])
        return Answer(
            "", self.selection.evidence, refusal=refusal,
            usage=self._usage(), trace=self._trace(), notes=self._told(),
        )  # fmt: skip

    def _usage(self) -> Usage:
        return Usage(self.counted.read, self.counted.written, self.asked.images, self.attempts.calls)

    def _trace(self) -> dict[str, float]:
        whole = time.perf_counter() - self._started
        waited = self.attempts.waited
        return {"model": whole - waited, "waits": waited} if waited else {"model": whole}

    def _told(self) -> tuple[str, ...]:
        failed = len(self.attempts.failures)
        again = [f"answered at attempt {failed + 1}, after: {self.attempts.failures[-1]}"] if failed else []
        uncounted = ["the endpoint counted no tokens"] if self.attempts.calls and self.counted == Counted() else []
        settings, unknown = self.settings, self.server.unknown
        missed = {"temperature", "seed", *(["stop"] if settings.stop else []), *(["n"] if settings.n > 1 else [])}
        plain = [f"the endpoint does not take {name!r}, so it was left out" for name in sorted(missed & unknown)]
        return (*self.asked.notes, *self._notes, *plain, *again, *uncounted)


def _empty(last: Choice, settings: Settings) -> str:
    if last.finish == "length":
        return f"no text within {settings.max_tokens} tokens; raise max_tokens (models that think need more)"
    if last.finish in ("tool_calls", "function_call"):
        return "it asked for a tool instead of answering; tools are never called"
    return f"the reply is empty{f' (it ended with {last.finish!r})' if last.finish else ''}"


def _merit(answer: Answer) -> tuple[bool, float]:
    """How good one of several answers is: an answer before a refusal, then by its supported claims."""
    good = sum(claim.status in ("supported", "computed") for claim in answer.claims)
    return answer.refusal is None, good / len(answer.claims) if answer.claims else 0.0
