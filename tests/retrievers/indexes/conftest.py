"""The server of the tests of Qdrant, and how its clients wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rag.retrievers.indexes import qdrant, qdrant_clients

from tests.golden.qdrants import QdrantServer
from tests.retrievers.indexes.served import KEY


@pytest.fixture
def closed() -> Iterator[None]:
    """No client is left open for the next test."""
    yield
    qdrant._OPEN.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited before it tried again."""
    waited: list[float] = []
    monkeypatch.setattr(qdrant_clients, "_sleep", waited.append)
    return waited


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Iterator[QdrantServer]:
    with QdrantServer(KEY).serving() as one:
        monkeypatch.setenv("QDRANT_URL", one.url)
        monkeypatch.setenv("QDRANT_API_KEY", KEY)
        yield one
