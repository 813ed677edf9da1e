"""Passwords of encrypted PDFs: read from a file of the user's when one is needed, and kept nowhere.

The environment variable `RAG_PASSWORD_FILE` names the file (`rag add --password-file` sets it for its own
run). Each line is a password to try on every file, or a name with `*` and `?`, a tab, and a password for the
files so called. No password is ever part of a corpus, a message or a log.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

from rag.document import Source
from rag.errors import SourceError

VARIABLE = "RAG_PASSWORD_FILE"
LARGEST = 1_000_000
MOST = 1000
"""Lines that are tried: a list of guesses is not what this is for."""


def candidates(source: Source) -> Iterator[str]:
    """The passwords to try, those for this file by name first. SourceError where the file cannot be read."""
    path = os.environ.get(VARIABLE, "")
    if not path:
        return
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        lines = data.decode().splitlines()[:MOST]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text of at most a megabyte"
        raise SourceError(
            f"the password file cannot be read ({why})", source=source.uri, kind="unreadable"
        ) from None  # the error of a decoder holds what it read
    named = [line.split("\t", 1) for line in lines if "\t" in line]
    name = PurePath(source.uri).name or Path(source.path).name
    yield from (password for pattern, password in named if fnmatch(name, pattern) or pattern == source.uri)
    yield from (line for line in lines if line and "\t" not in line)
