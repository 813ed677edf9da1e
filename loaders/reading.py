"""Reading a source's bytes: regular files only, within a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from rag.document import Source
from rag.errors import SourceError


def opened(source: Source, limit: int) -> BinaryIO:
    """The source's file, open for reading.

    Raises SourceError: missing, unreadable, refused (a device, a pipe), empty, limit (bytes).
    """
    path = source.path or source.uri
    try:
        # Not blocking, so that a pipe without a writer cannot hold us.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise SourceError("no such file", source=source.uri, kind="missing") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be opened: {error}", source=source.uri) from error
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise SourceError("not a regular file", source=source.uri, kind="refused")
    file = os.fdopen(handle, "rb")
    try:
        if state.st_size == 0:
            raise SourceError("the file is empty", source=source.uri, kind="empty")
        if state.st_size > limit:
            raise SourceError(
                f"{state.st_size:,} bytes, more than the limit of {limit:,} (max_bytes)",
                source=source.uri,
                kind="limit",
            )
    except BaseException:
        file.close()
        raise
    return file


def read(source: Source, limit: int) -> bytes:
    """The source's bytes. Raises SourceError as `opened` does."""
    with opened(source, limit) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise SourceError(f"cannot be read: {error}", source=source.uri) from error
    if len(data) > limit:
        raise SourceError(f"more than {limit:,} bytes (max_bytes)", source=source.uri, kind="limit")
    return data


def file_name(source: Source) -> str:
    """The last part of what the user gave: a path or an address."""
    name = source.uri.split("?")[0].split("#")[0].rstrip("/").replace("\\", "/")
    return Path(unquote(name) if "://" in name else name).name
