"""Every scorer and reranker, ready to run: what the contract suites go over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rag.retrievers.rerankers.features import Features

SCORERS: dict[str, Callable[[], Any]] = {
    "features": Features,
}
RERANKERS: dict[str, Callable[[], Any]] = {
    "features": Features,
}
