"""The quality benchmark: baselines by hand, halves, and the table from documents and questions."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import pstdev

import pytest
from rag.pipelines.evaluate.questions import Question

from benchmarks.plain import FUSIONS, NAMES, Plain, passages, reciprocal, summed_z
from benchmarks.quality import half_of, main
from rag import registry
from rag.corpus import Corpus
from rag.document import MarkupPath, PageRegion
from tests.golden.encoders import HashEncoder
from tests.golden.pdfs import ruled_table, two_columns
from tests.pipelines.killed import SETTINGS, with_hash_encoder


def test_reciprocal_ranks_by_hand() -> None:
    first, second = [("a", 9.0), ("b", 8.0), ("c", 7.0)], [("c", 3.0), ("a", 1.0)]
    told = reciprocal([first, second])
    assert [id for id, _ in told] == ["a", "c", "b"]
    assert dict(told) == pytest.approx({"a": 1 / 61 + 1 / 62, "c": 1 / 63 + 1 / 61, "b": 1 / 62})


def test_z_scores_by_hand() -> None:
    """1, 2, 3 have the mean 2 and the deviation sqrt(2 / 3); a list of equal scores adds nothing."""
    total = summed_z([{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 5.0, "b": 5.0, "c": 5.0}])
    assert total == pytest.approx({"a": -((3 / 2) ** 0.5), "b": 0.0, "c": (3 / 2) ** 0.5})
    assert pstdev(total.values()) == pytest.approx(1.0)
    assert summed_z([{}, {}]) == {}


def test_halves_are_fixed_and_share_no_document() -> None:
    asked = [Question(str(at), "?", at, doc=f"folder/{at % 7}.pdf") for at in range(21)]
    halves = {half: half_of(asked, half) for half in ("a", "b", "both")}
    documents = {half: {one.doc for one in kept} for half, kept in halves.items()}
    assert (len(documents["a"]), len(documents["b"]), documents["a"] & documents["b"]) == (4, 3, set())
    assert (
        sorted(one.line for one in halves["a"] + halves["b"]) == list(range(21)) == [one.line for one in halves["both"]]
    )
    assert half_of(asked[::-1], "a") == halves["a"][::-1]
    assert documents["a"] == {f"folder/{at}.pdf" for at in (0, 2, 5, 6)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_plugins", registry._plugins)
    with_hash_encoder()
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "corpus.toml").write_text(SETTINGS)
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "table.pdf").write_bytes(ruled_table())
    (folder / "columns.pdf").write_bytes(two_columns())
    words = "".join(f"<p>The mast number {at} is made of larch and ash.</p>" for at in range(40))
    (folder / "wind.html").write_text(f"<html><body>{words}<p>It hums in autumn.</p></body></html>")
    lines = [
        {"id": "1", "question": "What hums in autumn?", "doc": "wind.html", "block_text": "hums in autumn"},
        {"id": "2", "question": "Service life of parts", "doc": "table.pdf", "pages": [1]},
        {"id": "3", "question": "columns", "doc": "columns.pdf", "pages": [7]},
        {"id": "4", "question": "Nobody knows?", "doc": "table.pdf", "answerable": False},
    ]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return folder


def test_passages_are_pages_and_else_180_words(root: Path, tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus")
    corpus.add([root / "table.pdf", root / "wind.html"], workers=0)
    for text in ("plain", "corpus"):
        given = passages(corpus, text)
        (page,) = [one for one in given if isinstance(one.chunk.origin.places[0], PageRegion)]
        blocks = [one for one in given if isinstance(one.chunk.origin.places[0], MarkupPath)]
        assert page.id.endswith("/p1")
        assert page.windows[0].split() == page.chunk.text.split()[:180]
        assert [len(one.chunk.text.split()) for one in blocks] == [180, 180, 404 - 360]
        assert "hums" in blocks[-1].chunk.text
    plain = Plain(given, HashEncoder(), tmp_path / "plain")
    ranked = plain.ranked("Does it hum in autumn? It hums.")
    assert list(ranked) == list(NAMES)
    assert ranked["page BM25"][0][0] == ranked["fusion, z-scores"][0][0] == blocks[-1].id
    within = plain.ranked("It hums.", page.chunk.origin.source.digest)
    assert [id for id, _ in within["180-word chunks, encoder"]] == [page.id]
    assert within["page BM25"] == []


def test_the_table_has_each_system_in_both_scopes(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--root", str(root), "--corpus", str(tmp_path / "corpus"), "--cache", str(tmp_path / "plain")]
    assert main([*given, "--tried", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["questions"], told["documents"], told["tried"]) == (3, 3, 4)
    assert list(told["systems"]) == [*NAMES, "Argus (local)"]
    for values in told["systems"].values():
        within = values["document"]["page@10"]
        assert within == {"mean": pytest.approx(2 / 3, abs=1e-4), "low": 0.0, "high": 1.0, "n": 3}
    assert set(told["best_plain_fusion"].values()) <= set(FUSIONS)
    assert told["against_it"]["Argus (local)"]["document"]["page@10"]["verdict"] == "within noise"
    monkeypatch.setattr(HashEncoder, "encode_chunks", None)  # the baselines' vectors are kept
    capsys.readouterr()
    assert main([*given, "--half", "a", "--tried", "5", "--ks", "1"]) == 0
    out = capsys.readouterr().out
    assert "configurations tried so far: 5" in out
    assert "half a" in out
    assert out.count("Argus (local) against fusion") == 2
    assert (
        main(["--root", str(root), "--corpus", str(tmp_path / "corpus"), "--questions", str(root / "wind.html")]) == 2
    )
