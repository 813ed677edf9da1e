"""The chat completions protocol of OpenAI in our nouns: requests to queries, answers to completions.

Messages become one Query: the last user message asks, those before it are its history. System
messages are left out: what a caller writes there cannot change what counts as evidence.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag import contract
from rag.answer import Answer, Query, Settings, Turn

Plain = dict[str, Any]
MODEL = "argus"
MOST_MESSAGES = 200
MOST_CHARACTERS = 100_000
_IGNORED = ("system", "developer", "tool", "function")


class BadRequest(Exception):
    """A request that cannot be served: an HTTP status, a message, and the parameter at fault."""

    def __init__(self, message: str, param: str | None = None, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.code = code

    def body(self) -> Plain:
        """As OpenAI's clients expect an error."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read."""

    query: Query
    settings: Settings
    stream: bool = False
    usage: bool = False
    """Whether a stream ends with the usage."""


def asked(body: object, seconds: float) -> Asked:
    """The request in `body`, to be answered within so many seconds; BadRequest names what is wrong."""
    if not isinstance(body, dict):
        raise BadRequest(f"expected an object, got {type(body).__name__}")
    model = body.get("model")
    if model != MODEL:
        raise BadRequest(
            f"the model {model!r:.80} does not exist here; there is {MODEL!r}", "model", 404, "model_not_found"
        )
    if _number(body, "n", int, 1, 1, 128) != 1:
        raise BadRequest("n must be 1: there is one answer", "n")
    query = _query(body.get("messages"))
    tokens = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    settings = Settings(
        max_tokens=int(_number(body, tokens, int, 512, 1, 100_000)),
        temperature=_number(body, "temperature", float, 0.0, 0.0, 2.0),
        stop=_stop(body.get("stop")),
        seed=int(_number(body, "seed", int, 0, -(2**63), 2**63)),
        deadline=seconds,
    )
    options = body.get("stream_options") or {}
    usage = isinstance(options, dict) and options.get("include_usage") is True
    return Asked(query, settings, body.get("stream") is True, usage)


def _query(messages: object) -> Query:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message", "messages")
    if len(messages) > MOST_MESSAGES:
        raise BadRequest(f"{len(messages)} messages are too many; the most is {MOST_MESSAGES}", "messages")
    turns = [turn for number, one in enumerate(messages) if (turn := _turn(one, f"messages[{number}]"))]
    if not turns or turns[-1].role != "user":
        raise BadRequest("the last message must be the user's: it is the question", "messages")
    text = turns[-1].text.strip()
    if not text:
        raise BadRequest("the question is empty", "messages")
    return Query((text,), history=tuple(turns[:-1]))


def _turn(message: object, where: str) -> Turn | None:
    if not isinstance(message, dict):
        raise BadRequest("a message is an object with role and content", where)
    role, content = message.get("role"), message.get("content")
    if role in _IGNORED:
        return None
    if role not in ("user", "assistant"):
        raise BadRequest(f"unknown role {role!r:.40}", f"{where}.role")
    speaker: Literal["user", "assistant"] = "user" if role == "user" else "assistant"
    return Turn(speaker, _text(content, f"{where}.content"))


def _text(content: object, where: str) -> str:
    if isinstance(content, list):
        return "\n".join(_part(part, f"{where}[{number}]") for number, part in enumerate(content))
    if content is None:
        return ""
    if not isinstance(content, str):
        raise BadRequest("content is text, or a list of parts", where)
    if len(content) > MOST_CHARACTERS:
        raise BadRequest(f"{len(content)} characters are too many; the most is {MOST_CHARACTERS}", where)
    return content


def _part(part: object, where: str) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        return _text(part.get("text"), where)
    # A picture's address is not fetched, ever, and left out silently it would be a question not asked.
    raise BadRequest("only parts of type 'text' are read; pictures in questions are not supported here", where)


def _number(body: Mapping[str, Any], key: str, kind: type, default: float, low: float, high: float) -> float:
    value = body.get(key)
    if value is None:
        return default
    fits = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    if not fits or not low <= value <= high:
        raise BadRequest(f"{key} must be a number from {low:g} to {high:g}, got {value!r:.40}", key)
    return kind(value)  # type: ignore[no-any-return]


def _stop(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if stops is None:
        return ()
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(one, str) and one for one in stops):
        raise BadRequest("stop is a text, or a list of at most 4", "stop")
    return tuple(stops)


# --- answers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Completion:
    """The frame of one reply: an id and a time, the same in all its chunks."""

    id: str
    created: int

    @staticmethod
    def begun() -> Completion:
        return Completion(f"chatcmpl-{secrets.token_hex(12)}", int(time.time()))

    def whole(self, query: str, answer: Answer) -> Plain:
        """The reply that is not streamed. `argus` holds the answer with its evidence, as `rag ask --json`."""
        message = {
            "role": "assistant", "content": spoken(answer) + sources(answer), "refusal": None,
        }  # fmt: skip
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {
            **self._frame("chat.completion"), "choices": [choice], "usage": usage(answer),
            "argus": contract.answer(query, answer),
        }  # fmt: skip

    def chunk(self, delta: Plain, finish: str | None = None, **more: object) -> Plain:
        """A piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._frame("chat.completion.chunk"), "choices": [choice], **more}

    def counted(self, answer: Answer) -> Plain:
        """The last chunk where the usage was asked for."""
        return {**self._frame("chat.completion.chunk"), "choices": [], "usage": usage(answer)}

    def _frame(self, kind: str) -> Plain:
        return {"id": self.id, "object": kind, "created": self.created, "model": MODEL}


def spoken(answer: Answer) -> str:
    """The text; of a refusal the reason, in words for whoever asked."""
    if answer.refusal is None:
        return answer.text
    return f"The documents do not answer this: {answer.refusal.reason}"


def sources(answer: Answer) -> str:
    """The places that the text cites, as lines to stand below it."""
    cited = {number for citation in answer.citations for number in citation.evidence}
    lines = _places([one for one in answer.evidence if one.number in cited])
    if answer.refusal and answer.refusal.near_misses:
        lines = ["Nearest:", *_places(answer.refusal.near_misses)]
    return "\n\n" + "\n".join(lines) if lines else ""


def _places(evidence: Sequence[Any]) -> list[str]:
    return [
        f"[{one.number}] {contract.where(one.hit.chunk.origin.places, one.hit.chunk.origin.source.uri)}"
        for one in evidence
    ]


def usage(answer: Answer) -> Plain:
    """Tokens, as OpenAI counts them."""
    read, written = answer.usage.input_tokens, answer.usage.output_tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
