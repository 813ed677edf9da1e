"""`with extra("vision"): import torch` turns a missing library into the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rag.errors import MissingExtra


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Raise `MissingExtra` (its cause kept) when an import inside finds no module.

    A library that is there but fails inside raises its own error: hiding a real bug behind
    "please install" sends people the wrong way.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or str(error), name) from error
