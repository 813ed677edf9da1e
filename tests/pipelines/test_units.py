"""Encoders that read a whole document: their vectors come once it is stored, also after a run that was cut off."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rag.pipelines.encode import unit_digest
from rag.pipelines.maintain import check, reindex

from rag import registry
from rag.document import Chunk
from rag.errors import MissingExtra, SourceError
from rag.protocols import EncodesUnits
from rag.sections import sections
from rag.store import writer
from rag.store.store import Store
from tests.golden.encoders import HashEncoder
from tests.pipelines.killed import SETTINGS
from tests.pipelines.test_ingest import add

UNITS = SETTINGS.replace("[indexes.vectors]", '[encoders.whole]\nuse = "retrievers/encoders/whole"\n[indexes.vectors]')


class WholeEncoder(HashEncoder):
    """A unit is a section; its vector is that of its words. Refuses what says "broken"."""

    name = "whole"
    lacking = False
    broken = "This is broken."

    def __init__(self) -> None:
        super().__init__(view="section")

    def units(self, chunks: Sequence[Chunk]) -> list[list[Chunk]]:
        return sections([one for one in chunks if one.text])

    def encode_units(self, units: Sequence[Sequence[Chunk]]) -> Any:
        if WholeEncoder.lacking:
            raise MissingExtra("torch", "vision")
        texts = [" ".join(chunk.text for chunk in unit) for unit in units]
        if any(WholeEncoder.broken in text for text in texts):
            raise SourceError("a picture is gone", source="x", kind="missing")
        return self.encode_texts(texts)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Any:
        raise AssertionError("a chunk by itself is no unit")


def note(title: str, text: str) -> str:
    return f"# {title}\n\n{text * 40}\n\n# More\n\n{'It goes on and on here. ' * 40}"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    points = {
        f"retrievers/encoders/{one.name}": SimpleNamespace(dist=None, value="tests", load=lambda one=one: one)
        for one in (HashEncoder, WholeEncoder)
    }
    monkeypatch.setattr(registry, "_plugins", lambda: points)
    monkeypatch.setattr(WholeEncoder, "lacking", False)
    documents = tmp_path / "documents"
    documents.mkdir()
    for name in ("gauge", "rain", "wind"):
        (documents / f"{name}.md").write_text(note(name, f"What is known of the {name} is told. "))
    return tmp_path


def made(folder: Path, name: str) -> Path:
    corpus = folder / name
    corpus.mkdir(exist_ok=True)
    (corpus / "corpus.toml").write_text(UNITS + '[loaders.markdown]\nuse = "loaders/markdown"\n')
    return corpus


def rows(corpus: Path) -> list[Any]:
    with closing(sqlite3.connect(corpus / "catalog.sqlite")) as found:
        views = found.execute("SELECT row, chunk, name, digest FROM views ORDER BY row").fetchall()
        return [views, found.execute("SELECT encoder, digest, vector FROM vectors ORDER BY 1, 2").fetchall()]


def test_each_section_has_a_vector_kept_with_its_first_chunk(folder: Path) -> None:
    corpus = made(folder, "corpus")
    add(corpus, folder / "documents")
    store = Store(corpus)
    try:
        encoder: Any = store.encoders["whole"]
        assert isinstance(encoder, EncodesUnits)
        units = [unit for one in store.catalog.documents()
                 for unit in encoder.units(store.catalog.document_chunks(one.digest))]  # fmt: skip
        assert len(units) == len(store.vectors["whole"]) == 6
        kept = store.vectors["whole"].vectors([unit[0].id for unit in units])
        assert np.abs(kept - encoder.encode_units(units)).max() < 1e-6
        assert check(store) == []
        first, second = units[:2]
        assert unit_digest("section", first) != unit_digest("section", second)
        assert unit_digest("section", first) != unit_digest("document", first)
    finally:
        store.close()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_run_cut_off_while_it_encodes_goes_on(folder: Path, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each document's vectors; the catalog is then that of a run that nothing stopped."""
    whole, torn = made(folder, "whole"), made(folder, "torn")
    add(whole, folder / "documents")
    steps = []

    def stopped(name: str) -> None:
        steps.append(name)
        if steps.count("encoded") == cut:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(writer, "on_step", stopped)
        with pytest.raises(KeyboardInterrupt):
            add(torn, folder / "documents")
    add(torn, folder / "documents")
    assert rows(torn) == rows(whole)
    store = Store(torn)
    try:
        assert (len(store.vectors["whole"]), check(store)) == (6, [])
    finally:
        store.close()


def test_what_cannot_be_read_is_told_and_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = made(folder, "corpus")
    (folder / "documents" / "bad.md").write_text(note("Bad", "This is broken. "))
    report = add(corpus, folder / "documents")
    assert any("no vector by whole" in one and "gone" in one for one in report.warnings)
    store = Store(corpus)
    try:
        assert len(store.vectors["whole"]) == 7, "its other section has one"
    finally:
        store.close()
    monkeypatch.setattr(WholeEncoder, "broken", "nothing of this")
    store = Store(corpus)
    try:
        assert (reindex(store)["encoded"], len(store.vectors["whole"])) == (1, 8)
        assert check(store) == []
    finally:
        store.close()


def test_without_its_packages_the_others_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = made(folder, "corpus")
    monkeypatch.setattr(WholeEncoder, "lacking", True)
    report = add(corpus, folder / "documents")
    assert any("no vectors of whole are made" in one for one in report.warnings)
    monkeypatch.setattr(WholeEncoder, "lacking", False)
    assert add(corpus, folder / "documents").embedded == 6
