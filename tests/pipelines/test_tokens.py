"""An encoder that gives many vectors a chunk: kept by the catalog, found through the token index."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rag.retrievers.dense import Dense
from rag.retrievers.indexes.maxsim import MaxSim

from rag import registry
from rag.answer import Hit, Query
from rag.corpus import Corpus
from rag.errors import ConfigError
from rag.store.store import Store
from tests.golden.encoders import HashEncoder, WordEncoder
from tests.pipelines.killed import SETTINGS
from tests.pipelines.test_ingest import add

BOTH = SETTINGS.replace("[indexes.vectors]", '[encoders.word]\nuse = "retrievers/encoders/word"\n[indexes.vectors]')
TEXTS = {
    "gauge.txt": "The gauge of the mill stands on the roof beside the mast.",
    "rain.txt": "Rain fell in March and in April, and snow in May.",
    "wind.txt": "Wind turned the wheel of the old mill until the evening.",
}


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    points = {
        f"retrievers/encoders/{one.name}": SimpleNamespace(dist=None, value="tests", load=lambda one=one: one)
        for one in (HashEncoder, WordEncoder)
    }
    monkeypatch.setattr(registry, "_plugins", lambda: points)
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "corpus.toml").write_text(BOTH)
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, text in TEXTS.items():
        (documents / name).write_text(text)
    add(folder, documents)
    return folder


def asked(corpus: Path, text: str, k: int = 3) -> list[Hit]:
    store = Store(corpus)
    try:
        retriever = Dense(store.encoders["word"], store.vectors["word"], store.catalog)
        return retriever.retrieve([Query((text,))], k)[0]
    finally:
        store.close()


def named(hits: list[Hit]) -> list[str]:
    return [Path(hit.chunk.origin.source.uri).name for hit in hits]


def test_words_are_found_one_by_one(corpus: Path) -> None:
    hits = asked(corpus, "gauge mast roof")
    assert named(hits)[0] == "gauge.txt"
    assert hits[0].score == pytest.approx(3, abs=1e-2)
    assert named(asked(corpus, "snow in April"))[0] == "rain.txt"


def test_the_catalog_keeps_all_tokens(corpus: Path) -> None:
    with closing(sqlite3.connect(corpus / "catalog.sqlite")) as rows:
        sql = "SELECT v.vector FROM vectors v JOIN encoders e ON e.row = v.encoder WHERE e.name = 'word'"
        sizes = sorted(len(vector) // (32 * 4) for (vector,) in rows.execute(sql))
    assert len(sizes) == 3
    assert sizes[0] > 1


def test_removed_and_rebuilt(corpus: Path) -> None:
    before = asked(corpus, "mill evening")
    assert named(before)[0] == "wind.txt"
    shutil.rmtree(corpus / "vectors")
    with (store := Store(corpus)).writing():
        store.close()
    assert [(hit.chunk.id, hit.score) for hit in asked(corpus, "mill evening")] == [
        (hit.chunk.id, hit.score) for hit in before
    ]
    Corpus(corpus).remove("wind.txt")
    assert "wind.txt" not in named(asked(corpus, "mill evening"))


def test_settings_of_the_token_index(corpus: Path) -> None:
    settings = corpus / "corpus.toml"
    settings.write_text(BOTH + '[indexes.tokens]\nuse = "retrievers/indexes/maxsim"\ninteraction = "filip"\n')
    store = Store(corpus)
    assert isinstance(store.vectors["word"], MaxSim)
    store.close()
    hits = asked(corpus, "gauge mast roof")
    assert named(hits)[0] == "gauge.txt"
    assert hits[0].score < 1.01
    settings.write_text(BOTH + '[indexes.tokens]\nuse = "retrievers/indexes/maxsim"\nby_bit = 3\n')
    with pytest.raises(ConfigError, match=r"indexes\.tokens"):
        Store(corpus)


def test_vectors_are_those_of_the_encoder(corpus: Path) -> None:
    store = Store(corpus)
    (first,) = asked(corpus, "gauge mast roof", 1)
    (stored,), (made,) = (
        store.vectors["word"].vectors([first.chunk.id]),
        store.encoders["word"].encode_chunks([first.chunk]),
    )
    store.close()
    assert np.abs(stored - made).max() < 1e-3


def test_a_damaged_file_is_found_and_mended(corpus: Path) -> None:
    from rag.pipelines.maintain import check

    (file,) = corpus.glob("vectors/word-*/*.tokens.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    store = Store(corpus)
    assert [one.what for one in check(store) if "damaged" in one.what] == [
        f"files of the index 'word' are damaged: {file.name}"
    ]
    assert all(one.repaired for one in check(store, repair=True))
    assert check(store) == []
    store.close()


def test_hubs_are_told_of_many_vectors(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rag.cli import main

    assert main(["check", "--corpus", str(corpus)]) == 0
    assert "hubs" not in capsys.readouterr().out
    for number in range(120):
        (tmp_path / "documents" / f"{number}.txt").write_text(f"Mill {number} has a wheel of {number * 7} spokes.")
    add(corpus, tmp_path / "documents")
    assert main(["check", "--corpus", str(corpus)]) == 0
    told = capsys.readouterr().out
    assert "hubs among the vectors of hash: skewness" in told
    assert "word:" not in told
