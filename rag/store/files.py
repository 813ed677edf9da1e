"""Writing files so that a reader, or a kill, sees the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace `path` by `data`: a temporary file beside it, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`, whose files no other reader of a shared corpus could open.
    fresh = path.with_name(f".new-{uuid4().hex}")
    try:
        with open(fresh, "xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def written(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in a folder to write to, and its path; gone at the end unless it was published."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".new-{uuid4().hex}"
    try:
        with open(fresh, "xb") as file:
            yield file, fresh
    finally:
        fresh.unlink(missing_ok=True)


def publish(file: BinaryIO, fresh: Path, path: Path) -> None:
    """Give a file that `written` made its name, once its bytes are on the disk."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(fresh, path)


Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """Changes whenever the file is replaced or written; None without one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
