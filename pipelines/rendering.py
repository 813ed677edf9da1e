"""Drawing regions of hostile sources, in a process of their own that is kept while there is work."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping
from typing import Any

from rag.errors import SourceError

from .workers import Limits, Stopped, Worker

IDLE_SECONDS = 20.0
"""How long the process waits for the next region: starting one takes longer than drawing a page."""


class Renderer:
    """Draws one region after another; threads take turns."""

    def __init__(self, limits: Limits = Limits(), idle: float = IDLE_SECONDS) -> None:  # noqa: B008
        self._worker = Worker(limits)
        self._idle = idle
        self._lock = threading.Lock()
        self._ending: threading.Timer | None = None

    def __call__(self, request: Mapping[str, Any]) -> bytes:
        """The region as PNG; SourceError if it cannot be drawn."""
        uri = str(request["source"]["uri"])
        with self._lock:
            if self._ending:
                self._ending.cancel()
            try:
                message = next(self._worker.run(request))
            except Stopped as stopped:
                raise SourceError(stopped.reason, source=uri, kind=stopped.kind) from None
            finally:
                self._ending = threading.Timer(self._idle, self.stop)
                self._ending.daemon = True
                self._ending.start()
        if message["kind"] == "error":
            error = message["error"]
            raise SourceError(error["message"], source=uri, kind=error["type"], place=error["place"] or "")
        return bytes.fromhex(message["png"])

    def stop(self) -> None:
        """End the process; the next request starts another."""
        with self._lock:
            self._worker.stop()


_RENDERER = Renderer()
atexit.register(_RENDERER.stop)


def render(request: Mapping[str, Any]) -> bytes:
    """A region of a source as PNG, by the one process that this program keeps for it."""
    return _RENDERER(request)
