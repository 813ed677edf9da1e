"""An installed package that brings a loader, as workers will find it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FAULTY = """
[chunker]
use = "loaders/chunking/structure"
[loaders.faulty]
use = "loaders/faulty"
[indexes.vectors]
use = "retrievers/indexes/exact"
[indexes.text]
use = "retrievers/indexes/tantivy"
"""


@pytest.fixture
def faulty_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A corpus folder whose loader for .csv comes from an entry point of another distribution."""
    from rag import registry

    site = tmp_path / "site"
    info = site / "faulty_loaders-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-loaders\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rag.components]\nloaders/faulty = tests.pipelines.faulty:Faulty\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.setenv("PYTHONPATH", f"{site}:{ROOT}")
    registry._plugins.cache_clear()
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "corpus.toml").write_text(FAULTY)
    yield corpus
    registry._plugins.cache_clear()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A corpus folder whose settings use the small test encoder; documents go beside it."""
    from rag import registry
    from tests.pipelines.killed import SETTINGS, with_hash_encoder

    monkeypatch.setattr(registry, "_plugins", registry._plugins)
    with_hash_encoder()
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    images = '[loaders.image]\nuse = "loaders/image"\n[loaders.markdown]\nuse = "loaders/markdown"\n'
    (corpus / "corpus.toml").write_text(SETTINGS + images)
    return corpus
