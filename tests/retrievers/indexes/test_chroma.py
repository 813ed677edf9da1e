"""Chroma: what a commit promises, and how near approximate comes to exact."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rag.pipelines.maintain import reindex
from rag.retrievers.indexes.chroma import Chroma

from rag.corpus import Corpus
from rag.errors import CorpusError
from rag.filters import Eq
from tests.pipelines.conftest import hashed  # noqa: F401

if TYPE_CHECKING:
    from rag.protocols import Dense

DIM = 32
NAMES = [f"{number * 2654435761 % 2**32:032x}" for number in range(3000)]


def units(count: int, seed: int = 0) -> Dense:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS = units(len(NAMES))


class Some:
    def __init__(self, admitted: frozenset[str]) -> None:
        self.admitted = admitted

    def matching(self, where: object) -> frozenset[str]:
        return self.admitted


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chroma")
    index = Chroma(folder, DIM)
    index.add(NAMES, VECTORS)
    index.commit(7)
    return folder


def exact(query: Dense, k: int, admitted: frozenset[str] | None = None) -> list[str]:
    scores = VECTORS.astype(np.float64) @ query.astype(np.float64)
    ranked = sorted(zip((-scores).tolist(), NAMES, strict=True))
    return [id for _, id in ranked if admitted is None or id in admitted][:k]


def test_nearly_all_of_the_nearest_are_found(filled: Path) -> None:
    queries = units(50, seed=1)
    found = Chroma(filled, DIM).search(queries, 10)
    recalls = [len({id for id, _ in one} & set(exact(q, 10))) / 10 for q, one in zip(queries, found, strict=True)]
    assert np.mean(recalls) > 0.95


@pytest.mark.parametrize("share", [2, 40])
def test_a_filter_finds_k_whether_it_admits_many_or_few(filled: Path, share: int) -> None:
    admitted = frozenset(NAMES[::share])
    catalog: Any = Some(admitted)
    (found,) = Chroma(filled, DIM, catalog).search(units(1, seed=2), 10, Eq("page", 1))
    assert len({id for id, _ in found} & set(exact(units(1, seed=2)[0], 10, admitted))) >= 9
    assert len(found) == 10


def test_ties_are_looked_for_beyond_k(tmp_path: Path) -> None:
    index = Chroma(tmp_path, DIM)
    index.add(NAMES[:200], np.repeat(VECTORS[:1], 200, axis=0))
    index.commit(1)
    assert [id for id, _ in index.search(VECTORS[:1], 5)[0]] == sorted(NAMES[:200])[:5]


def test_without_a_commit_it_must_be_rebuilt(tmp_path: Path) -> None:
    index = Chroma(tmp_path, DIM)
    index.add(NAMES[:10], VECTORS[:10])
    index.commit(1)
    assert Chroma(tmp_path, DIM).generation == 1
    many = 5000
    index.add([f"{number:032x}" for number in range(many)], units(many, seed=3))  # as a kill would leave it
    again = Chroma(tmp_path, DIM)
    assert again.generation == -1
    again.clear()
    again.add(NAMES[:3], VECTORS[:3])
    again.commit(2)
    assert (again.generation, len(again)) == (2, 3)
    assert Chroma(tmp_path, DIM + 1).generation == -1


def test_a_reader_in_another_process_sees_the_next_commit(tmp_path: Path) -> None:
    index = Chroma(tmp_path, DIM)
    index.add(NAMES[:50], VECTORS[:50])
    index.commit(1)
    code = f"""
import sys, numpy as np
from rag.retrievers.indexes.chroma import Chroma
index = Chroma({str(tmp_path)!r}, {DIM})
for line in sys.stdin:
    print(index.search(np.array([[float(x) for x in line.split()]], "f4"), 1)[0][0][0], flush=True)
"""
    reader = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdin
    assert reader.stdout

    def nearest(vector: Dense) -> str:
        assert reader.stdin
        assert reader.stdout
        reader.stdin.write(" ".join(map(str, vector.tolist())) + "\n")
        reader.stdin.flush()
        return reader.stdout.readline().strip()

    assert nearest(VECTORS[3]) == NAMES[3]
    index.add(NAMES[50:100], VECTORS[50:100])
    index.remove([NAMES[3]])
    index.commit(2)
    assert nearest(VECTORS[77]) == NAMES[77]
    assert nearest(VECTORS[3]) != NAMES[3]
    reader.stdin.close()
    assert reader.wait(20) == 0


def test_no_embedding_function_is_stored(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "chroma.sqlite3")) as rows:
        (told,) = rows.execute("SELECT config_json_str FROM collections").fetchone()
    function = json.loads(told).get("embedding_function")
    assert function is None or function.get("type") == "legacy"


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(CorpusError, match="rag check --repair"):
        Chroma(tmp_path, DIM).search(units(1), 1)


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Chroma(tmp_path, DIM, ef_search=0)
    with pytest.raises(ValueError, match="no catalog"):
        Chroma(tmp_path, DIM).search(units(1), 1, Eq("page", 1))


def test_a_corpus_takes_it_without_embedding_again(hashed: Path) -> None:  # noqa: F811
    texts = ["The rain gauge is on the roof.", "The mast carries the anemometer.", "Readings end in May."]
    with Corpus(hashed) as corpus:
        corpus.add([(f"{number}.txt", text.encode()) for number, text in enumerate(texts)], workers=0)
        before = [(hit.chunk.id, round(hit.parts["dense"].score, 6)) for hit in corpus.search("roof gauge")]
        told = reindex(corpus.store, index="chroma")
    assert told == {"encoded": 0, "text": 3, "vectors": 3}
    assert 'use = "retrievers/indexes/chroma"' in (hashed / "corpus.toml").read_text()
    with Corpus(hashed) as corpus:
        after = [(hit.chunk.id, round(hit.parts["dense"].score, 6)) for hit in corpus.search("roof gauge")]
        assert after == before
        corpus.add([("3.txt", b"The gauge was moved to the garden.")], workers=0)
        corpus.remove("0.txt")
        assert {hit.source for hit in corpus.search("gauge roof garden mast May")} == {"1.txt", "2.txt", "3.txt"}
