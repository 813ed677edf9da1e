"""Encoding at ingest: together with the documents behind, with the same result."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.pipelines.prefetch import Job

from rag.corpus import Corpus
from rag.document import CharSpan, Chunk, Origin, Source
from rag.errors import ConfigError, CorpusError
from rag.identity import identified
from rag.store.rows import ChunkRow, chunk_row
from tests.pipelines.test_ingest import add

SOURCE = Source("a.txt", "text/plain", "0" * 64)


def test_short_documents_are_encoded_together_and_give_the_same(
    hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors, rows and counts are those of one document after the other; a known text is not encoded again."""
    from rag.pipelines.prefetch import Prefetch

    from tests.golden.encoders import HashEncoder

    documents = tmp_path / "documents"
    documents.mkdir()
    for number in range(30):
        (documents / f"{number:02}.txt").write_text(f"The gauge of mill {number % 25} stands on the roof of {number}.")
    calls: list[list[str]] = []
    encode = HashEncoder.encode_chunks

    def counted(self: HashEncoder, chunks: Sequence[Chunk]) -> object:
        calls.append([chunk.text for chunk in chunks])
        return encode(self, chunks)

    def patient(self: Prefetch, job: Job) -> Iterator[tuple[Sequence[ChunkRow], Source]]:
        for one in self._open[self._open.index(job) + 1 :]:  # the parser is faster than this encoder in real life
            while one.messages.qsize() < 2:
                time.sleep(0.001)
        yield from behind(self, job)

    behind = Prefetch.behind
    monkeypatch.setattr(HashEncoder, "encode_chunks", counted)
    monkeypatch.setattr(Prefetch, "behind", patient)
    apart = hashed.with_name("apart")
    shutil.copytree(hashed, apart)
    first = add(apart, documents)
    assert [len(call) for call in calls] == [1] * 30  # this encoder does not say that it may
    calls.clear()
    monkeypatch.setattr(HashEncoder, "alone", True, raising=False)
    report = add(hashed, documents)
    texts = [text for call in calls for text in call]
    assert len(texts) == len(set(texts)) == report.embedded == first.embedded == 30
    assert 1 < max(map(len, calls)) <= 16
    assert len(calls) <= 10
    assert contents(hashed) == contents(apart)


def test_what_was_encoded_for_a_document_that_fails_is_forgotten(
    hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.pipelines import encode

    from tests.golden.encoders import HashEncoder

    monkeypatch.setattr(HashEncoder, "alone", True, raising=False)
    monkeypatch.setattr(encode, "TOGETHER", 2)
    store = Corpus(hashed).adding(workers=0)._store
    encoding = encode.Encoding(store, lambda _: None)
    with store.writing() as writer:
        for number in range(8):
            rows = [chunk_row(one) for one in made(f"hand {number}")]
            lost = [chunk_row(one) for one in made(f"lost {number}")]
            taken = encoding.vectors(writer, "hash", rows, {rows[0].id: SOURCE}, lambda lost=lost: [(lost, SOURCE)])
            assert taken is not None
            assert list(taken[1]) == [digest for name, digest in rows[0].views if name == "contextual"]
            assert len(encoding._channels[0].early) <= 3
    assert encoding.encoded == 8


def made(text: str) -> list[Chunk]:
    return list(identified([Chunk("", "text", Origin(SOURCE, (CharSpan(0, len(text)),)), text)]))


def contents(corpus: Path) -> list[tuple[object, ...]]:
    """Chunks and vectors of a catalog in their order."""
    sql = (
        "SELECT c.row, c.id, c.body, v.vector FROM chunks c JOIN views w ON w.chunk = c.row "
        "JOIN vectors v ON v.digest = w.digest ORDER BY c.row, w.row"
    )
    with closing(sqlite3.connect(corpus / "catalog.sqlite")) as rows:
        return rows.execute(sql).fetchall()


def test_a_vector_of_no_numbers_is_left_out_and_told_of(
    hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept nowhere, so that it is made anew by the next run of an encoder that can."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.md").write_text("The gauge of the mill.")
    (documents / "b.md").write_text("The roof leaks.")
    with monkeypatch.context() as patch:
        spoil(patch, lambda text: "roof" in text)
        report = add(hashed, documents)
    assert any("1 chunks have no vector by hash" in one and "NaN" in one for one in report.warnings)
    with Corpus(hashed) as corpus:
        assert [hit.score for hit in corpus.search("gauge mill", k=5)]
    with closing(sqlite3.connect(hashed / "catalog.sqlite")) as catalog:
        vectors = [np.frombuffer(row, "<f4") for (row,) in catalog.execute("SELECT vector FROM vectors")]
    assert len(vectors) == 1
    assert np.isfinite(vectors).all()


def test_an_encoder_that_makes_no_numbers_at_all_stops_the_run(
    hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for name in "abc":
        (documents / f"{name}.md").write_text(f"The gauge of mill {name}.")
    spoil(monkeypatch, lambda text: True)
    with pytest.raises(ConfigError, match=r"all that it is given.*weights are damaged"):
        add(hashed, documents)


def test_a_question_without_numbers_is_an_error(hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a ranking by chance, nor the index's complaint."""
    (tmp_path / "a.md").write_text("The gauge of the mill.")
    add(hashed, tmp_path / "a.md")
    spoil(monkeypatch, lambda text: True)
    with Corpus(hashed) as corpus, pytest.raises(ConfigError, match="of a question that hold no numbers"):
        corpus.search("gauge")


def spoil(patch: pytest.MonkeyPatch, which: Callable[[str], bool]) -> None:
    """The hash encoder makes no numbers of some texts."""
    from tests.golden.encoders import HashEncoder

    encode = HashEncoder._encode

    def spoilt(self: HashEncoder, texts: Sequence[str]) -> Any:
        vectors = encode(self, texts)
        vectors[[which(text) for text in texts]] = np.nan
        return vectors

    patch.setattr(HashEncoder, "_encode", spoilt)


def test_another_encoder_can_follow_one_that_made_no_vector(
    hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that could not be opened leaves its name behind; `reindex` puts the one configured now in its place."""
    from rag.pipelines.maintain import reindex

    from rag.store.store import Store
    from tests.golden.encoders import HashEncoder

    (tmp_path / "a.md").write_text("The gauge of the mill.")
    with monkeypatch.context() as patch:
        patch.setattr(HashEncoder, "_encode", lambda *_: _fails())
        with pytest.raises(ConfigError):
            add(hashed, tmp_path / "a.md")
    monkeypatch.setattr(HashEncoder, "fingerprint", "hash.mended")
    with pytest.raises(CorpusError, match="rag reindex"):
        add(hashed, tmp_path / "a.md")
    assert reindex(Store(hashed))["encoded"] == 0
    assert add(hashed, tmp_path / "a.md").embedded == 1


def _fails() -> Any:
    raise ConfigError("the model cannot be opened")
