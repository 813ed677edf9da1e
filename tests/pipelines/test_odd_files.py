"""Files that are not what they say, of no known kind, or that need an extra: a line for each, and the rest done."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.errors import SourceError
from rag.report import Outcome
from tests.golden import offices
from tests.golden.archives import zipped


@pytest.fixture
def corpus(hashed: Path) -> Path:
    settings = hashed / "corpus.toml"
    more = "".join(
        f'[loaders.{name}]\nuse = "loaders/{name}"\n' for name in ("archive", "docx", "pptx", "unstructured")
    )
    settings.write_text(settings.read_text() + more)
    return hashed


def outcomes(corpus: Path, *sources: Path) -> dict[str, Outcome]:
    report = Corpus(corpus).add([str(one) for one in sources], workers=0)
    return {Path(one.source).name: one for one in report.outcomes}


def test_content_decides_over_the_name(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lies"
    folder.mkdir()
    (folder / "report.pdf").write_bytes(offices.docx())
    (folder / "photo.docx").write_bytes(zipped([("words.txt", b"Words in an archive.")]))
    (folder / "talk.zip").write_bytes(offices.packed({"ppt/x.bin": bytes(20_000), **_parts(offices.pptx())}))
    (folder / "cut.docx").write_bytes(offices.docx()[:900])
    (folder / "noise.docx").write_bytes(bytes(range(256)) * 20)
    found = outcomes(corpus, folder)
    assert {name: one.status for name, one in found.items()} == {
        "report.pdf": "done", "words.txt": "done", "talk.zip": "done", "cut.docx": "failed", "noise.docx": "skipped",
    }  # fmt: skip
    assert found["cut.docx"].error is not None
    assert found["cut.docx"].error.type == "damaged"
    assert found["noise.docx"].warnings == ("unknown file type",)


def _parts(data: bytes) -> dict[str, str | bytes]:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_document_stored_in_an_archive_is_no_document_itself(corpus: Path, tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "stored.zip"
    path.write_bytes(zipped([("inner.docx", offices.docx())], zipfile.ZIP_STORED))
    assert list(outcomes(corpus, path)) == ["inner.docx"]


def test_what_is_no_file_is_told_and_the_rest_is_done(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("Not in the folder.")
    (folder / "fine.txt").write_text("A fine text.")
    os.mkfifo(folder / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "ring").symlink_to(folder / "ring")
    (folder / "a\nb\u202e.txt").write_text("A name over two lines.")
    found = outcomes(corpus, folder)
    assert {name: one.status for name, one in found.items()} == {
        "fine.txt": "done", "pipe": "skipped", "device": "skipped", "out.txt": "skipped", "ring": "skipped",
        "a\nb\u202e.txt": "done",
    }  # fmt: skip
    assert found["pipe"].warnings == ("not a regular file",)
    assert "out of the folder" in found["out.txt"].warnings[0]


def test_a_device_that_is_named_fails_at_once(corpus: Path) -> None:
    found = outcomes(corpus, Path("/dev/zero"))
    assert found["zero"].error is not None
    assert found["zero"].error.message == "not a regular file"


def test_a_file_that_needs_an_extra_is_skipped_and_the_extra_named(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "talk.pptx"
    path.write_bytes(offices.pptx())
    with pytest.MonkeyPatch.context() as without:
        without.setitem(sys.modules, "pptx", None)
        [one] = outcomes(corpus, path).values()
    assert one.status == "skipped"
    assert "argus-rag[office]" in one.warnings[0]
    [one] = outcomes(corpus, path).values()
    assert one.status == "done"


def test_a_picture_on_a_slide_is_shown_and_the_slide_is_not(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "talk.pptx"
    path.write_bytes(offices.pptx())
    outcomes(corpus, path)
    hits = Corpus(corpus).search("Four fields of colour", k=10)
    [figure] = [one for one in hits if one.chunk.modality == "image"]
    assert figure.page == 2
    assert figure.image()[:4] == b"\x89PNG"
    with pytest.raises(SourceError, match="no picture to show"):
        next(one for one in hits if one.chunk.modality == "text").image()
