"""One writer a corpus: an operating-system lock on an open file, so it dies with its process."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import CorpusError


@contextmanager
def write_lock(folder: Path, timeout: float = 0.0) -> Iterator[None]:
    """Hold the corpus' write lock; CorpusError naming the holder if it is taken for `timeout` s."""
    from filelock import FileLock, Timeout

    holder = folder / "writer.json"
    lock = FileLock(folder / "writer.lock")
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise CorpusError(f"{folder} is being written by {_named(holder)}; wait for it to end") from None
    except OSError as error:
        raise CorpusError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": round(time.time())}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _named(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told["since"]))
        return f"process {told['pid']!r} on {str(told['host'])!r:.80} since {since}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "another process"
