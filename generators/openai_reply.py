"""What a chat endpoint answered: whole or in pieces, to plain text, a reason to stop, and a count of tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.replies import EndpointError, told

from .cited import Markers
from .prompts.cited import REFUSAL

MOST_TEXT = 1_000_000
"""Characters of one reply; a server that goes on for ever is stopped here."""
_REFUSAL = REFUSAL.rstrip(".").casefold()


class Malformed(ValueError):
    """A reply that is not what the API promises."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens as the endpoint counted them; zeros where it did not."""

    read: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer, or one piece of a stream: its text, why it ended ("" where it did not), a model's own refusal."""

    text: str = ""
    finish: str = ""
    refusal: str = ""


def choices(body: Mapping[str, Any], part: str = "message") -> list[Choice]:
    """The choices of a response (`part` "message") or of an event of a stream ("delta").

    Calls of tools are passed over: none is ever made. Malformed where a choice is none.
    """
    found = body.get("choices")
    if not isinstance(found, list):
        raise Malformed(f"expected a list of choices, got {_shown(body)}")
    return [_choice(one, part) for one in found if not isinstance(one, dict) or part == "message" or _is_first(one)]


def _is_first(choice: Mapping[str, Any]) -> bool:
    return choice.get("index") in (0, None)


def _choice(one: Any, part: str) -> Choice:
    said = one.get(part) if isinstance(one, dict) else None
    if said is None and part == "delta" and isinstance(one, dict):
        said = {}
    if not isinstance(said, dict):
        raise Malformed(f"expected a {part}, got {_shown(one)}")
    finish, refusal = one.get("finish_reason"), said.get("refusal")
    return Choice(_content(said.get("content")), finish if isinstance(finish, str) else "", str(refusal or ""))


def _content(content: Any) -> str:
    """Text, or the texts of a list of parts; a reply without content (a call of a tool) is empty."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [one.get("text") for one in content if isinstance(one, dict) and one.get("type") == "text"]
        return "".join(text for text in texts if isinstance(text, str))
    raise Malformed(f"expected text, got {_shown(content)}")


def counted(body: Mapping[str, Any]) -> Counted | None:
    """What it cost, where the endpoint says so."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    return Counted(_whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens")))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def failure(body: Mapping[str, Any]) -> EndpointError | None:
    """The error that a server sends in place of choices, under status 200 or within a stream."""
    error = body.get("error")
    if not error or body.get("choices"):
        return None
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500 if _is_busy(error) else 400
    return EndpointError(told(json.dumps(body).encode()), status=status)


def _is_busy(error: Any) -> bool:
    return bool(re.search(r"overload|server_error|rate.?limit|timeout|unavailable|capacity", str(error), re.IGNORECASE))


def event(payload: str) -> dict[str, Any]:
    """One event of a stream; Malformed for what is no JSON object."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise Malformed(f"an event is no JSON: {told(payload.encode())[:200]}") from None
    if not isinstance(body, dict):
        raise Malformed(f"an event is no JSON object: {_shown(body)}")
    return body


def _shown(value: object) -> str:
    return told(json.dumps(value, default=str).encode())[:200]


@dataclass(slots=True)
class Spoken:
    """A reply as it comes, made an answer's text: thoughts left out, markers uniform, a refusal held back.

    What `feed` and `end` return is in all the text of the answer, however it was cut; where
    `refused`, it is nothing.
    """

    known: frozenset[int]
    text: str = ""
    refused: bool = False
    _markers: Markers = field(init=False)
    _head: str | None = ""
    _thinking: bool = False
    _space: str = ""

    def __post_init__(self) -> None:
        self._markers = Markers(self.known)

    @property
    def dropped(self) -> list[int]:
        """Numbers that were cited and not given."""
        return self._markers.dropped

    def feed(self, piece: str) -> str:
        """The next text that is settled."""
        if len(self.text) + len(piece) > MOST_TEXT:
            raise Malformed(f"a reply of more than {MOST_TEXT:,} characters")
        if self.refused:
            return ""
        if self._head is None:
            return self._told(self._markers.feed(piece))
        self._head = (self._head + piece).lstrip()
        head = self._opened(final=False)
        if head is None:
            return ""
        self._head = None
        return self._told(self._markers.feed(head))

    def end(self, *, cut_off: bool = False) -> str:
        """What was held back."""
        told = ""
        if self._head is not None:
            head = self._opened(final=True) or ""
            self._head = None
            told = self._told(self._markers.feed(head))
        return "" if self.refused else told + self._told(self._markers.end(cut_off=cut_off))

    def _opened(self, *, final: bool) -> str | None:
        """The reply's beginning without thoughts; None while more of it is needed, or where it refuses."""
        head = self._head or ""
        while self._thinking or head.startswith("<think>"):
            _, ended, head = head.partition("</think>")
            self._thinking = not ended
            # Of a thought only what may be half its closing tag is kept: thoughts are long.
            self._head = head = head.lstrip() if ended else (self._head or "")[-len("</think>") :]
            if not ended:
                return "" if final else None
        if "<think>".startswith(head) and not final:
            return None
        plain = " ".join(head.strip("*_\"'“” \n").split()).casefold()
        if plain.startswith(_REFUSAL):
            self.refused = True
            return None
        return None if _REFUSAL.startswith(plain) and not final else head

    def _told(self, piece: str) -> str:
        """The piece without white space at its end, which may be the end of all."""
        piece = self._space + piece if self.text else (self._space + piece).lstrip()
        settled = piece.rstrip()
        self._space = piece[len(settled) :]
        self.text += settled
        return settled
