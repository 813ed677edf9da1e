"""Qdrant's own client: in this process, or on a server, through the door of `rag/net`.

The server is the one that the environment variable QDRANT_URL names (key: QDRANT_API_KEY; port 6333 where it
names none): never an address that a corpus names. No redirect is followed, no proxy used, and what the server
answers is bounded. The client sends no telemetry and does not ask the server for its version.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag import net
from rag.errors import ConfigError, CorpusError
from rag.extras import extra
from rag.net import EndpointError

from . import qdrant_local

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from rag.endpoints import Endpoint

TIMEOUT = 60.0
ATTEMPTS = 4
_PORT = 6333
_sleep = time.sleep


@dataclass(frozen=True, slots=True)
class _Reply:
    """What Qdrant's client reads of an answer."""

    content: bytes
    status_code: int = 200
    reason_phrase: str = "OK"
    headers: Mapping[str, str] = field(default_factory=dict)


class Clients:
    """One client for each server and key, and one for each folder, with the commit that it holds."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._servers: dict[tuple[str, str], QdrantClient] = {}
        self._folders: dict[Path, tuple[str, QdrantClient]] = {}

    def served(self) -> QdrantClient:
        """That of the server which the environment names; ConfigError where it names none."""
        url, key = (os.environ.get(name, "") for name in ("QDRANT_URL", "QDRANT_API_KEY"))
        if not url:
            raise ConfigError("the Qdrant index has `server = true`: set QDRANT_URL (and QDRANT_API_KEY if it has one)")
        with self.lock:
            if (url, key) not in self._servers:
                self._servers[url, key] = _served(url, key)
            return self._servers[url, key]

    def local(self, folder: Path, number: str, dim: int, multi: bool) -> QdrantClient:
        """That of a folder, at a commit; the caller holds the lock."""
        found = self._folders.get(folder.resolve())
        if found is None or found[0] != number:
            found = number, qdrant_local.load(folder, number, dim, multi)
            self._folders[folder.resolve()] = found
        return found[1]

    def saved(self, folder: Path, number: str) -> None:
        """What the client of a folder holds is now that commit."""
        self._folders[folder.resolve()] = number, self._folders[folder.resolve()][1]

    def close(self) -> None:
        """Close all; they are opened again when they are asked for."""
        with self.lock:
            for client in (*self._servers.values(), *(client for _, client in self._folders.values())):
                client.close()
            self._servers.clear()
            self._folders.clear()


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """What fails, as CorpusError."""
    with extra("qdrant"):
        from qdrant_client.http.exceptions import ApiException
    try:
        yield
    except EndpointError as error:
        raise CorpusError(f"the Qdrant index of {folder} failed: {_why(error)}") from error
    except (ApiException, OSError, RuntimeError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise CorpusError(
            f"the Qdrant index of {folder} failed ({error}); build it anew with: rag check --repair"
        ) from error


def _served(url: str, key: str) -> QdrantClient:
    from qdrant_client import QdrantClient

    try:
        told = urlsplit(url)
        authority = told.netloc if told.port else f"{told.netloc}:{_PORT}"
    except ValueError as error:
        raise ConfigError(f"QDRANT_URL: {error}", key="QDRANT_URL") from None
    origin = f"{told.scheme}://{authority}"
    door = net.endpoint(origin, headers={"api-key": key} if key else {}, timeout=TIMEOUT)
    client = QdrantClient(url=origin + told.path, check_compatibility=False)
    client.http.client.add_middleware(_through(door))
    return client


def _through(door: Endpoint) -> Callable[[Any, Any], Any]:
    """Sends what the client would send by itself."""

    def send(request: Any, _: object) -> _Reply:
        path, content = request.url.raw_path.decode("ascii"), request.read()
        attempt = 1
        while True:
            try:
                return _Reply(door.send(request.method, path, content))
            except EndpointError as error:
                # Every request of ours may be sent twice. A conflict is told: what was to be made is there.
                if attempt == ATTEMPTS or not error.may_retry or error.status == 409:
                    raise
                # Full jitter (Brooker 2015), and never sooner than the server asks for.
                _sleep(max(random.uniform(0, min(20.0, 0.25 * 2**attempt)), error.retry_after or 0.0))
            attempt += 1

    return send


def _why(error: EndpointError) -> str:
    """What the server said, and what to do."""
    hint = {
        401: "; set QDRANT_API_KEY to a key that the server takes",
        403: "; the key QDRANT_API_KEY may not do this",
        404: "; its collection is not on the server (any more): build it anew with: rag check --repair",
    }.get(error.status, "; is the server of QDRANT_URL up? Then run the same command again" if not error.status else "")
    return f"{error}{hint}"
