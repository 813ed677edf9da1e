"""Ingest through the facade: what each source becomes, and what a second run costs."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.errors import CorpusError
from rag.report import Report
from tests.golden.pdfs import encrypted, many_pages, ruled_table


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.txt").write_text("The gauge stands on the roof.\n\nRain fell in March.")
    (folder / "b.html").write_text("<title>Wind</title><h1>Wind</h1><p>The mast is ten metres high.</p>")
    (folder / "c.pdf").write_bytes(many_pages(3))
    return folder


def add(corpus: Path, *sources: object, **options: object) -> Report:
    return Corpus(corpus).add([str(one) for one in sources], workers=0, **options)  # type: ignore[arg-type]


def statuses(report: Report) -> dict[str, str]:
    return {Path(one.source).name: one.status for one in report.outcomes}


def forbid_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, parsing and embedding are errors."""
    from rag.pipelines import derive

    from tests.golden.encoders import HashEncoder

    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("nothing was to be derived")

    monkeypatch.setattr(derive, "_derive", refused)
    monkeypatch.setattr(HashEncoder, "encode_chunks", refused)


def test_done_then_unchanged_parses_and_embeds_nothing(
    hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = add(hashed, documents)
    assert statuses(first) == {"a.txt": "done", "b.html": "done", "c.pdf": "done"}
    assert first.embedded > 0
    assert first.counts == {"documents": 3, "done": 3}
    forbid_work(monkeypatch)
    second = add(hashed, documents)
    assert set(statuses(second).values()) == {"unchanged"}
    assert second.embedded == 0
    assert [one.chunks for one in second.outcomes] == [one.chunks for one in first.outcomes]


def test_changed_embeds_only_changed_views(hashed: Path, documents: Path) -> None:
    long = [f"<h1>Section {number}</h1><p>{f'Words of section {number} go on. ' * 40}</p>" for number in range(4)]
    (documents / "b.html").write_text("".join(long))
    add(hashed, documents)
    (documents / "b.html").write_text("".join([*long[:2], "<h1>Snow</h1><p>Snow is rare.</p>", *long[3:]]))
    report = add(hashed, documents)
    assert statuses(report) == {"a.txt": "unchanged", "b.html": "updated", "c.pdf": "unchanged"}
    assert 1 <= report.embedded <= 2
    corpus = Corpus(hashed)
    assert "Snow is rare" in corpus.search("snow")[0].text
    assert not any("section 2" in hit.text for hit in corpus.search("words of section 2", k=50))
    assert len(corpus.documents()) == 3


def test_renamed_is_not_derived_again_and_keeps_its_labels(
    hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(hashed, documents, labels={"team": "x"})
    (documents / "c.pdf").rename(documents / "moved.pdf")
    forbid_work(monkeypatch)
    report = add(hashed, documents)
    assert statuses(report)["moved.pdf"] == "renamed"
    hit = Corpus(hashed).search("page 2", where={"source": "moved.pdf"})[0]
    assert dict(hit.chunk.labels) == {"team": "x"}
    assert Corpus(hashed).search("page 2", where={"source": "c.pdf"}) == []


def test_the_same_bytes_twice_are_one_document_with_two_sources(hashed: Path, documents: Path) -> None:
    shutil.copy(documents / "a.txt", documents / "twin.txt")
    report = add(hashed, documents)
    assert statuses(report)["twin.txt"] == "done"
    assert "same bytes" in report.outcomes[-1].warnings[0]
    corpus = Corpus(hashed)
    (document,) = corpus.documents({"source": "twin.txt"})
    assert [Path(one.uri).name for one in document.sources] == ["a.txt", "twin.txt"]
    corpus.remove(documents / "a.txt")
    assert corpus.search("gauge roof")[0].source == str(documents / "twin.txt")
    corpus.remove("twin.txt")
    assert corpus.search("gauge roof", where={"source": "*.txt"}) == []


def test_removed_is_gone_at_once_also_for_an_open_reader(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    reader = Corpus(hashed)
    assert reader.search("gauge roof")[0].source.endswith("a.txt")
    Corpus(hashed).remove("a.txt")
    assert all(not hit.source.endswith("a.txt") for hit in reader.search("gauge roof"))
    with pytest.raises(CorpusError, match="rag list"):
        reader.remove("a.txt")


def test_sync_removes_what_is_gone_and_refuses_too_much(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    (documents / "a.txt").unlink()
    assert "a.txt" not in statuses(add(hashed, documents))
    assert len(Corpus(hashed).documents()) == 3
    report = add(hashed, documents, sync=True)
    assert statuses(report)["a.txt"] == "removed"
    (documents / "b.html").unlink()
    (documents / "c.pdf").unlink()
    with pytest.raises(CorpusError, match="2 of 2"):
        add(hashed, documents, sync=True)
    with pytest.raises(CorpusError, match="nothing was removed"):
        add(hashed, documents / "nowhere", sync=True)
    assert statuses(add(hashed, documents, sync=True, yes=True)) == {"b.html": "removed", "c.pdf": "removed"}


def test_stale_is_left_until_refresh(hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(hashed, documents)
    settings = hashed / "corpus.toml"
    settings.write_text(settings.read_text().replace("part_pages = 2", "part_pages = 3"))
    report = add(hashed, documents)
    assert statuses(report) == {"a.txt": "unchanged", "b.html": "unchanged", "c.pdf": "stale"}
    assert "--refresh" in report.outcomes[-1].warnings[0]
    assert statuses(add(hashed, documents, refresh=True))["c.pdf"] == "updated"
    assert set(statuses(add(hashed, documents, refresh=True)).values()) == {"unchanged"}


def test_broken_files_fail_alone(hashed: Path, documents: Path) -> None:
    (documents / "broken.pdf").write_bytes(many_pages(2)[:300])
    (documents / "secret.pdf").write_bytes(encrypted())
    (documents / "zero.pdf").write_bytes(b"")
    report = add(hashed, documents)
    told = {Path(one.source).name: one for one in report.outcomes}
    assert {name for name, one in told.items() if one.status == "failed"} == {"broken.pdf", "secret.pdf", "zero.pdf"}
    kinds = {name: one.error.type for name, one in told.items() if one.error}
    assert kinds == {"broken.pdf": "damaged", "secret.pdf": "encrypted", "zero.pdf": "empty"}
    assert len(Corpus(hashed).documents()) == 3


def test_a_file_that_breaks_keeps_what_was_known(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    (documents / "c.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    assert statuses(add(hashed, documents))["c.pdf"] == "failed"
    assert Corpus(hashed).search("page 2", where={"source": "c.pdf"})


def test_labels_from_options_and_sidecars(hashed: Path, documents: Path) -> None:
    (documents / "a.txt.meta.json").write_text(json.dumps({"year": 2021}))
    add(hashed, documents, labels={"team": "x"})
    corpus = Corpus(hashed)
    assert [Path(one.sources[0].uri).name for one in corpus.documents({"label.year": "2021"})] == ["a.txt"]
    assert len(corpus.documents({"label.team": "x"})) == 3
    assert len(corpus.documents({"label.year": "2020..2022"})) == 1
    corpus.label("b.html", {"team": None, "year": 2019})
    assert len(corpus.documents({"label.team": "x"})) == 2
    assert [hit.source for hit in corpus.search("mast", where={"label.year": 2019})] == [str(documents / "b.html")]


def test_bytes_and_iterables(hashed: Path, documents: Path) -> None:
    corpus = Corpus(hashed)
    assert corpus.add(ruled_table(), name="table.pdf", workers=0).counts["done"] == 1
    assert corpus.add([documents / "a.txt", ("note.txt", b"A note in memory.")], workers=0).counts["done"] == 2
    assert corpus.add(ruled_table(), name="table.pdf", workers=0).counts == {"documents": 1, "unchanged": 1}
    found = corpus.search("note in memory")[0]
    assert found.source == "note.txt"
    table = corpus.search("table", where={"source": "table.pdf", "modality": "table"})[0]
    assert table.image().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="need a name"):
        corpus.add(b"x", workers=0)


def test_cancel_and_go_on(hashed: Path, documents: Path) -> None:
    cancel = threading.Event()

    def after_the_first(told: Mapping[str, object]) -> None:
        if told["done"] == 1:
            cancel.set()

    report = add(hashed, documents, progress=after_the_first, cancel=cancel)
    assert len(report.outcomes) < 3
    assert any("cancelled" in one for one in report.warnings)
    again = add(hashed, documents)
    assert len(again.outcomes) == 3
    assert set(statuses(again).values()) <= {"done", "unchanged"}


def test_kept_copies_outlive_the_file(hashed: Path, documents: Path) -> None:
    add(hashed, documents, keep=True)
    (documents / "c.pdf").unlink()
    assert Corpus(hashed).search("page 2", where={"source": "c.pdf"})[0].image().startswith(b"\x89PNG")


def test_a_changed_link_is_never_drawn_on(hashed: Path, documents: Path) -> None:
    from rag.errors import SourceError

    add(hashed, documents)
    found = Corpus(hashed).search("page 2", where={"source": "c.pdf"})[0]
    (documents / "c.pdf").write_bytes(many_pages(4))
    with pytest.raises(SourceError, match="changed"):
        found.image()
    (documents / "c.pdf").unlink()
    with pytest.raises(SourceError, match="gone"):
        found.image()
    assert found.text


def test_two_writers_are_refused(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    with Corpus(hashed).store.writing(), pytest.raises(CorpusError, match=f"process {os.getpid()}"):
        add(hashed, documents)


def test_another_encoder_is_refused_by_name_of_both(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    settings = hashed / "corpus.toml"
    settings.write_text(
        settings.read_text().replace('"retrievers/encoders/hash"', '"retrievers/encoders/hash"\ndim = 32')
    )
    with pytest.raises(CorpusError, match=r"hash\.64.*hash\.32"):
        Corpus(hashed).search("gauge")
    with pytest.raises(CorpusError, match=r"hash\.64.*hash\.32"):
        add(hashed, documents)
    from rag.pipelines.maintain import reindex

    told = reindex(Corpus(hashed).store)
    assert told["encoded"] > 0
    assert Corpus(hashed).search("gauge roof")[0].source.endswith("a.txt")


def test_without_an_encoder_words_alone_work(hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.pipelines.maintain import reindex

    from tests.golden.encoders import HashEncoder

    with monkeypatch.context() as without:
        without.setattr(HashEncoder, "available", staticmethod(lambda: False), raising=False)
        report = add(hashed, documents)
        assert any("full-text search alone" in one for one in report.warnings)
        assert report.embedded == 0
        assert set(Corpus(hashed).search("gauge roof")[0].hit.parts) == {"lexical"}
    assert add(hashed, documents).embedded > 0
    assert "dense" in Corpus(hashed).search("gauge roof")[0].hit.parts
    assert reindex(Corpus(hashed).store)["encoded"] == 0


def test_what_came_while_the_encoder_was_away_is_encoded_later(
    hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.golden.encoders import HashEncoder

    add(hashed, documents)
    (documents / "later.txt").write_text("The anemometer turns on the mast behind the school.")
    with monkeypatch.context() as without:
        without.setattr(HashEncoder, "available", staticmethod(lambda: False), raising=False)
        add(hashed, documents)
    assert add(hashed, documents).embedded > 0
    assert "dense" in Corpus(hashed).search("anemometer mast")[0].hit.parts


def test_another_language_than_the_encoders_is_said_once(
    hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.golden.encoders import HashEncoder

    german = "Der Regenmesser steht auf dem Dach der Schule und wird jeden Morgen um neun Uhr abgelesen. "
    (documents / "d.txt").write_text(german * 3)
    (documents / "e.txt").write_text("Am Abend wird das Wasser ausgeleert und die Menge wird notiert. " + german)
    monkeypatch.setattr(HashEncoder, "languages", frozenset({"en"}), raising=False)
    report = add(hashed, documents)
    assert len([one for one in report.warnings if "'de'" in one and "full-text search weighs more" in one]) == 1
    languages = {Path(one.sources[0].uri).name: one.language for one in Corpus(hashed).documents()}
    assert languages["d.txt"] == languages["e.txt"] == "de"


def test_an_index_that_grew_too_large_is_told(hashed: Path, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.retrievers.indexes.exact import Exact

    monkeypatch.setattr(Exact, "comfortable", 1)
    assert any("rag doctor" in one for one in add(hashed, documents).warnings)


def test_a_restricted_view_sees_and_writes_nothing_else(hashed: Path, documents: Path) -> None:
    add(hashed, documents)
    view = Corpus(hashed).restricted({"source": "b.html"})
    assert {Path(hit.source).name for hit in view.search("gauge roof mast page", k=50)} == {"b.html"}
    assert view.search("gauge roof", where={"source": "a.txt"}) == []
    other = Corpus(hashed).search("gauge roof")[0].chunk.id
    with pytest.raises(ValueError, match="no chunk"):
        view.show(other)
    with pytest.raises(CorpusError, match="cannot be written"):
        view.add(str(documents), workers=0)


def test_memory_of_a_long_document_is_its_parts(hashed: Path, documents: Path) -> None:
    """A document of many parts is never held whole: no more than a few parts wait at a time."""
    from rag.pipelines import prefetch

    (documents / "long.pdf").write_bytes(many_pages(60))
    report = add(hashed, documents / "long.pdf")
    assert report.outcomes[0].pages == 60
    assert prefetch.PARTS_AHEAD < 30
