"""What a server said that did not do what was asked: as an error for people and for retries."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from rag.errors import RagError

MOST_TOLD = 500
MOST_WAIT = 24 * 3600.0
EndpointFault = Literal["status", "connect", "timeout", "protocol", "limit"]

_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


class EndpointError(RagError):
    """A request to an endpoint failed.

    `status` is the HTTP status, 0 where no whole answer came; `kind` says which failure it was;
    `retry_after` is the seconds that the server asks to wait, None where it does not say.
    """

    def __init__(
        self, message: str, *, status: int = 0, retry_after: float | None = None, kind: EndpointFault = "status"
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.kind = kind

    @property
    def may_retry(self) -> bool:
        """Whether the same request may succeed later: the server was busy, failing, slow or gone."""
        return self.status in (408, 409, 425, 429) or self.status >= 500 or self.kind in ("connect", "timeout")


def told(data: bytes, secrets: Sequence[str] = ()) -> str:
    """What an error's body says, safe to print: its message, secrets and control characters taken out."""
    text = data.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = _message(json.loads(text)) or text
    for secret in secrets:
        text = text.replace(secret, "***")
    text = " ".join(_UNSEEN.sub(" ", text).split())
    return f"{text[:MOST_TOLD]}…" if len(text) > MOST_TOLD else text or "(nothing was said)"


def _message(answer: Any) -> str:
    """The usual places: OpenAI and its like say error.message, FastAPI detail, Qdrant status.error, others
    message or error."""
    if not isinstance(answer, dict):
        return ""
    for name in ("error", "detail", "message", "status"):
        said = answer.get(name)
        if isinstance(said, str) and said:
            return said
        if isinstance(said, dict) and (inner := _message(said)):
            return inner
    return ""


def seconds_to_wait(retry_after: str, retry_after_ms: str = "") -> float | None:
    """A Retry-After header (seconds, or a date: RFC 9110, 10.2.3) in seconds from now, at most a day."""
    for text, scale in ((retry_after_ms, 1000.0), (retry_after, 1.0)):
        if re.fullmatch(r"\s*[0-9]{1,9}(?:\.[0-9]{1,9})?\s*", text):
            return min(float(text) / scale, MOST_WAIT)
    try:
        return min(max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time()), MOST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None
