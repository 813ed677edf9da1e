"""Saved pages and web archives in a corpus: one document each, found with its pictures and its address."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.report import Report
from tests.golden import images, webarchives

MORE = '[loaders.mhtml]\nuse = "loaders/mhtml"\n[loaders.warc]\nuse = "loaders/warc"\n'


@pytest.fixture
def corpus(hashed: Path) -> Path:
    with open(hashed / "corpus.toml", "a", encoding="utf-8") as settings:
        settings.write(MORE)
    return hashed


def add(corpus: Path, source: Path, workers: int = 0) -> Report:
    return Corpus(corpus).add(source, workers=workers)


def told(report: Report, folder: Path) -> list[tuple[str, str]]:
    return [(one.status, one.source.removeprefix(f"{folder}/")) for one in report.outcomes]


def test_a_page_saved_as_one_file(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / "gauges.mhtml"
    file.write_bytes(webarchives.mhtml())
    report = add(corpus, file, workers=1)
    assert [status for status, _ in told(report, tmp_path)] == ["done", "done"]
    hit = next(one for one in Corpus(corpus).search("gauge in the snow") if one.chunk.media is not None)
    assert hit.source == f"{file}!/{webarchives.URL}"
    assert hit.image().startswith(b"\x89PNG")
    assert [status for status, _ in told(add(corpus, file), tmp_path)] == ["unchanged", "unchanged"]


def test_a_web_archive(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / "site.warc.gz"
    file.write_bytes(webarchives.warc())
    report = add(corpus, file)
    site = "site.warc.gz!/http://pages.example"
    assert told(report, tmp_path) == [
        ("done", f"{site}/a/gauges.html"), ("done", f"{site}/packed"), ("done", f"{site}/ru"),
        ("done", f"{site}/r.pdf"), ("done", f"{site}/p.png"), ("skipped", f"{site}/again"), ("failed", f"{site}/br"),
        ("done", f"{site}/n.txt"),
    ]  # fmt: skip
    found = Corpus(corpus)
    assert found.search("Дождь")[0].source.endswith("/ru")
    assert {one.media_type for one in found.documents()} == {"text/html", "application/pdf", "image/png", "text/plain"}


def test_a_web_archive_that_ends_in_the_middle(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / "site.warc"
    file.write_bytes(webarchives.warc(webarchives.documents(), packed=False).partition(b"%%EOF")[0])
    report = add(corpus, file)
    assert ("done", "site.warc!/http://pages.example/a/gauges.html") in told(report, tmp_path)
    (failed,) = report.failed
    assert failed.source.endswith("/r.pdf")
    assert failed.error is not None
    assert "the file ends inside it" in failed.error.message


def test_a_page_saved_with_its_folder(corpus: Path, tmp_path: Path) -> None:
    """The folder belongs to the page: its pictures come with the page, and only so."""
    saved = tmp_path / "saved"
    (saved / "gauges_files").mkdir(parents=True)
    (saved / "gauges.html").write_text(
        '<html><body><h1>Gauges</h1><p>Words of it.</p><figure><img src="./gauges_files/a%20roof.png">'
        "<figcaption>A gauge in the snow</figcaption></figure></body></html>"
    )
    (saved / "gauges_files" / "a roof.png").write_bytes(images.png(160, 120))
    (saved / "gauges_files" / "frame.html").write_text("<p>An advertisement</p>")
    (saved / "other_files").mkdir()
    (saved / "other_files" / "notes.txt").write_text("Notes of others.")
    report = add(corpus, saved)
    assert sorted(told(report, saved)) == [
        ("done", "gauges.html"), ("done", "other_files/notes.txt"), ("skipped", "gauges_files"),
    ]  # fmt: skip
    hit = next(one for one in Corpus(corpus).search("gauge in the snow") if one.chunk.media is not None)
    assert hit.source == str(saved / "gauges.html")
