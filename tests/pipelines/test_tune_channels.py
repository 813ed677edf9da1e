"""`rag tune --fusion` and `--hubness`: taken where more is found on what they were not fitted on, else nothing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rag.pipelines.questions import made
from rag.pipelines.tune import fused_table
from rag.pipelines.tune_fusion import tuned_fusion
from rag.pipelines.tune_hubness import apply, tuned_hubs
from rag.pipelines.tuning import Posed

from rag.answer import Query
from rag.cli import main
from rag.corpus import Corpus
from tests.golden import manuals
from tests.golden.hubs import Pairs, pairs

BAD = """
[retriever]
use = "retrievers/fused"
method = "rrf"
weights = { dense = 0.0, lexical = 0.0 }
retrievers.dense = { use = "retrievers/dense", encoder = "@encoder", index = "@vectors" }
retrievers.lexical = { use = "retrievers/lexical", index = "@text" }
"""


@pytest.fixture
def corpus(hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    paths = manuals.written(tmp_path / "manuals")
    monkeypatch.chdir(tmp_path)
    assert main(["add", *map(str, paths), "--corpus", str(hashed), "--workers", "0"]) == 0
    (tmp_path / "bad.toml").write_text(BAD)
    return hashed


def posed(corpus: Corpus, count: int = 80) -> list[Posed]:
    return [
        Posed(one.id, one.text, one.digest, lambda chunk, ids=frozenset(one.chunks): chunk.id in ids)  # type: ignore[misc]
        for one in made(corpus, count)
    ]


def test_a_fusion_that_finds_more_is_taken(corpus: Path) -> None:
    with Corpus(corpus, profile="bad.toml") as opened:
        asked = posed(opened)
        told = tuned_fusion(opened, asked)
        assert told.change.b > told.change.a + 0.1
        assert told.table is not None
        table = fused_table(told.table)
        assert table is not None
        assert (table["method"], set(table["curves"])) == ("calibrated", {"dense", "lexical"})
        assert "weights" not in table
        opened.retrieve_by(told.table)
        hits = opened.hits([Query((asked[0].text,))], 5)[0]
        assert all(0 < hit.score < 1 and hit.parts for hit in hits)
        again = tuned_fusion(opened, asked)
        assert again.table is None  # nothing more is gained


def test_a_fusion_that_is_perfect_stays(corpus: Path) -> None:
    with Corpus(corpus, profile="bad.toml") as opened:
        first = {one.text: opened.hits([Query((one.text,))], 1)[0] for one in posed(opened, 40)}
        asked = [  # whatever comes first is right
            Posed(one.id, one.text, one.digest, lambda chunk, id=first[one.text][0].chunk.id: chunk.id == id)  # type: ignore[misc]
            for one in posed(opened, 40)
        ]
        told = tuned_fusion(opened, asked)
        assert told.table is None


def test_a_profile_that_fuses_nothing_is_refused(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('[retriever]\nuse = "retrievers/lexical"\nindex = "@text"\n')
    with Corpus(corpus, profile="one.toml") as opened, pytest.raises(ValueError, match="fuses nothing"):
        tuned_fusion(opened, posed(opened, 20))


def test_the_command_writes_a_profile_that_works(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    arguments = ["tune", "--self", "--count", "90", "--corpus", str(corpus), "--profile", "bad.toml", "--json"]
    assert main([*arguments, "--fusion", "--hubness", "tell", "--write", "mine.toml"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fusion"]["taken"] is True
    assert told["fusion"]["b"] > told["fusion"]["a"]
    assert told["hubness"]["hash"]["questions"] > 10
    written = tomllib.loads((tmp_path / "mine.toml").read_text())
    assert written["retriever"]["method"] == "calibrated"
    assert main(["search", "pump", "--corpus", str(corpus), "--profile", "mine.toml"]) == 0


# --- hubs ------------------------------------------------------------------------------------------------


class Shelf:
    """A corpus of vectors alone: chunk n is what question n asks for."""

    def __init__(self, told: Pairs, folder: Path) -> None:
        self.told = told
        ids = [f"c{n}" for n in range(len(told.gallery))]
        origin = SimpleNamespace(source=SimpleNamespace(digest="0" * 64))
        chunks = {id: SimpleNamespace(id=id, origin=origin) for id in ids}
        catalog = SimpleNamespace(
            live_ids=lambda: list(enumerate(ids)), chunks=lambda some: {id: chunks[id] for id in some}
        )
        index = SimpleNamespace(vectors=self.vectors, folder=folder / "vectors" / "made")
        self.store: Any = SimpleNamespace(
            encoders={"made": self}, vectors={"made": Sized(index)}, catalog=catalog, folder=folder,
            settings={"indexes": {"vectors": {"use": "retrievers/indexes/exact"}}},
        )  # fmt: skip

    def vectors(self, ids: Sequence[str]) -> Any:
        return np.array([self.told.gallery[int(id[1:])] for id in ids], np.float32)

    def encode_queries(self, queries: Sequence[Query]) -> Any:
        return np.array([self.told.queries[int(one.text)] for one in queries], np.float32)


class Sized:
    def __init__(self, index: Any) -> None:
        self.vectors, self.folder = index.vectors, index.folder

    def __len__(self) -> int:
        return 1


def asked(count: int) -> list[Posed]:
    return [Posed(str(n), str(n), "0" * 64, lambda chunk, n=n: chunk.id == f"c{n}") for n in range(count)]  # type: ignore[misc]


def test_hubs_are_divided_out_where_that_finds_more(tmp_path: Path) -> None:
    shelf = Shelf(pairs(0), tmp_path)
    (one,) = tuned_hubs(shelf, asked(400))  # type: ignore[arg-type]
    assert one.form is not None
    assert one.after > one.before + 0.05
    assert one.questions == 200
    (tmp_path / "corpus.toml").write_text('[indexes.vectors]\nuse = "retrievers/indexes/exact"\n\n[indexes.text]\n')
    (tmp_path / "vectors" / "made").mkdir(parents=True)
    apply(shelf.store, [one])
    settings = tomllib.loads((tmp_path / "corpus.toml").read_text())
    assert settings["indexes"]["vectors"]["use"] == "retrievers/indexes/unhubbed"
    assert settings["indexes"]["vectors"]["method"] == one.form.method
    assert sorted(path.name for path in (tmp_path / "vectors" / "made").iterdir())


def test_vectors_are_moved_apart_where_that_finds_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forms of InvGC are tried like those of the inverted softmax, and the better one is taken."""
    from rag.retrievers.hubness import InverseConvolution, Normalizer

    shelf = Shelf(pairs(0), tmp_path)
    (both,) = tuned_hubs(shelf, asked(400))  # type: ignore[arg-type]
    assert isinstance(both.form, Normalizer), "these are hubs, which the inverted softmax divides out"
    monkeypatch.setattr("rag.retrievers.hubness.auto_tune", lambda *_: Normalizer("none"))
    (one,) = tuned_hubs(shelf, asked(400))  # type: ignore[arg-type]
    assert isinstance(one.form, InverseConvolution)
    assert both.after > one.after > one.before == both.before
    assert one.settings["method"] in ("localadj", "invgc")
    assert one.settings["pool"] == 0.01
    shelf.store.settings["indexes"]["vectors"]["method"] = "localadj"
    with pytest.raises(ValueError, match="moved already"):
        tuned_hubs(shelf, asked(400))  # type: ignore[arg-type]


def test_nothing_is_done_where_nothing_is_gained(tmp_path: Path) -> None:
    told = pairs(0)
    even = Pairs(told.queries, told.queries, *told[2:]) if isinstance(told, tuple) else None
    shelf = Shelf(told, tmp_path)
    shelf.told = even or SimpleNamespace(gallery=told.queries, queries=told.queries)  # type: ignore[assignment]
    shelf.store.catalog.live_ids = lambda: [(n, f"c{n}") for n in range(len(told.queries))]
    (one,) = tuned_hubs(shelf, asked(len(told.queries)))  # type: ignore[arg-type]
    assert one.form is None
    assert one.before == one.after == 1.0
    with pytest.raises(ValueError, match="nothing to apply"):
        apply(shelf.store, [one])
    (few,) = tuned_hubs(shelf, asked(5))  # type: ignore[arg-type]
    assert (few.form, few.questions) == (None, 5)


def test_a_corpus_whose_index_divides_hubs_out_is_searched(corpus: Path) -> None:
    """What `apply` writes is an index that `rag reindex` builds; a bank that no longer helps is taken away."""
    from rag.pipelines.tune_hubness import HubsTuned
    from rag.retrievers.hubness import InverseConvolution, Normalizer

    for form in (Normalizer("is"), InverseConvolution(0.3, 0.1)):
        with Corpus(corpus) as opened:
            bank = opened.store.encoders["hash"].encode_queries([Query((one.text,)) for one in posed(opened, 30)])
            apply(opened.store, [HubsTuned("hash", form, 0.1, 0.2, 30, (bank, bank[:5]))])
        assert main(["reindex", "--corpus", str(corpus)]) == 0
        with Corpus(corpus) as opened:
            assert "Unhubbed" in type(opened.store.vectors["hash"]).__name__
            assert opened.search("pump")
    with Corpus(corpus) as opened:
        folder = opened.store.vectors["hash"].folder  # type: ignore[attr-defined]
        other = HubsTuned("other", form, 0.1, 0.2, 30, (bank, bank[:5]))
        opened.store.vectors["other"] = Sized(SimpleNamespace(vectors=None, folder=folder.with_name("other")))  # type: ignore[assignment]
        apply(opened.store, [other, HubsTuned("hash", None, 0.1, 0.1, 30)])
        assert len(np.load(folder / "bank.queries.npy")) == len(np.load(folder / "bank.chunks.npy")) == 0
