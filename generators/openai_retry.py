"""When a request is sent again, and what of it is left out for servers that know a part of the API.

Waits are exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture
Blog, 2015): uniform between 0 and min(cap, base 2^n), never shorter than a server's Retry-After.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rag.errors import GenerationError

BASE = 0.5
CAP = 20.0
LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait; above, the caller is told instead."""
DROPPABLE = ("stream_options", "temperature", "seed", "stop", "n")
PICTURES, SYSTEM_ROLE, TOKENS = "pictures", "system role", "max_tokens"
_REFUSED = re.compile(
    r"unsupported|not support|n't support|does not (?:allow|accept)|not (?:allowed|permitted|recogni[sz]ed|supported)"
    r"|unrecogni[sz]ed|unknown|unexpected|extra|invalid|only the default|no(?:t a)? multimodal"
    r"|cannot (?:read|process)",
    re.IGNORECASE,
)
_PICTURES = re.compile(r"image|vision|multi-?modal|picture|\bcontent\b.{0,40}\bstring\b", re.IGNORECASE)
_SYSTEM_ROLE = re.compile(r"system (?:role|message)|role\W{0,3}system|\bsystem\b.{0,30}\brole", re.IGNORECASE)


class Failure(Protocol):
    """A failed request, as `rag.net` tells it."""

    message: str
    status: int
    retry_after: float | None

    @property
    def may_retry(self) -> bool: ...


def refused_part(failure: Failure, body: Mapping[str, Any], pictures: bool) -> str:
    """The part of the request that the server does not know; "" where that is not what it says."""
    said = failure.message
    if failure.status not in (400, 404, 413, 415, 422, 500, 501):
        return ""
    if "n" in body and re.search(r"['\"`]n['\"`]", said):  # also "'n' must be 1"
        return "n"
    if not _REFUSED.search(said):
        return ""
    if "max_tokens" in body and "max_completion_tokens" in said:
        return TOKENS
    for name in DROPPABLE:
        if name in body and re.search(rf"['\"`]{name}['\"`]" if len(name) < 5 else rf"\b{name}\b", said):
            return name
    if body["messages"][0]["role"] == "system" and _SYSTEM_ROLE.search(said):
        return SYSTEM_ROLE
    return PICTURES if pictures and _PICTURES.search(said) else ""


@dataclass(slots=True)
class Attempts:
    """The attempts at one answer: at most `most`, all before `until` (time.monotonic), `allowed` seconds in all."""

    model: str
    most: int
    until: float | None = None
    allowed: float | None = None
    calls: int = 0
    waited: float = 0.0
    failures: list[str] = field(default_factory=list)

    def begin(self) -> float | None:
        """Counts a call; the seconds until the deadline, GenerationError where it has passed."""
        left = self._left()
        self.calls += 1
        return left

    def _left(self) -> float | None:
        if self.until is None:
            return None
        left = self.until - time.monotonic()
        if left <= 0:
            why = f"; before that: {self.failures[-1]}" if self.failures else ""
            raise self.error(f"the deadline of {self.allowed:g} s has passed{why}", retry=True)
        return left

    @property
    def late(self) -> bool:
        """Whether the deadline has passed, or is about to."""
        return self.until is not None and time.monotonic() >= self.until - 0.001

    def wait(self, failure: Failure) -> float:
        """Seconds to wait before the next attempt; GenerationError where there is none."""
        if self.late:
            raise self.error(f"no answer within {self.allowed:g} s", retry=True)
        self.failures.append(failure.message)
        if not failure.may_retry:
            raise self.error(_advised(failure), retry=False)
        if len(self.failures) >= self.most:
            raise self.error(f"{failure.message} (after {len(self.failures)} attempts)", retry=True)
        asked = failure.retry_after or 0.0
        wait = max(asked, random.uniform(0, min(CAP, BASE * 2 ** (len(self.failures) - 1))))
        if asked > LONGEST_WAIT:
            raise self.error(f"{failure.message}; the server asks to wait {asked:.0f} s", retry=True)
        if self.until is not None and time.monotonic() + wait >= self.until:
            raise self.error(f"{failure.message}; the deadline leaves no time to try again", retry=True)
        self.waited += wait
        return wait

    def error(self, message: str, *, retry: bool = False) -> GenerationError:
        """A GenerationError with the number of the attempt."""
        return GenerationError(message, model=self.model, attempt=max(1, self.calls), retry=retry)


def _advised(failure: Failure) -> str:
    """A failure that no repetition mends, with what to look at."""
    advice = {
        401: "; check the key: set its environment variable, or key_env in the profile",
        403: "; the key may not use this model",
        404: "; check base_url (it usually ends in /v1) and model",
        413: "; lower the token or image budget",
    }.get(failure.status, "")
    return failure.message + advice
