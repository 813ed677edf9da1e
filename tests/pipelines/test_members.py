"""Archives among the sources: members as documents, limits, and what a second run costs."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from rag.corpus import Corpus
from rag.members import MemberLimits
from rag.report import Outcome, Report
from tests.golden import archives
from tests.golden.archives import MAST, PUMP, header, nested, tarred, zipped
from tests.golden.pdfs import many_pages
from tests.pipelines.test_ingest import forbid_work


@pytest.fixture
def corpus(hashed: Path) -> Path:
    settings = hashed / "corpus.toml"
    settings.write_text(settings.read_text() + '[loaders.archive]\nuse = "loaders/archive"\n')
    return hashed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    return made


def add(corpus: Path, *sources: Path, **options: Any) -> Report:
    return Corpus(corpus).add([str(one) for one in sources], workers=0, **options)


def told(report: Report) -> dict[str, str]:
    """Each outcome's member name and status, with the kind of error."""
    return {one.source.partition(".zip!/")[2] or Path(one.source).name: _status(one) for one in report.outcomes}


def _status(one: Outcome) -> str:
    return f"{one.status} {one.error.type}" if one.error else one.status


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped([("sub/pump.txt", PUMP), ("mast.md", MAST)])),
        ("a.tar", archives.taken()),
        ("a.tar.gz", archives.taken("gz")),
        ("a.tar.bz2", archives.taken("bz2")),
        ("a.tar.xz", archives.taken("xz")),
    ],
)
def test_members_are_documents(corpus: Path, folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    report = add(corpus, folder / name)
    assert {one.source: one.status for one in report.outcomes} == {
        f"{folder / name}!/sub/pump.txt": "done",
        f"{folder / name}!/mast.md": "done",
    }
    hit = Corpus(corpus).search("blue pump cellar", k=1)[0]
    assert hit.source == f"{folder / name}!/sub/pump.txt"
    assert hit.text == PUMP.decode()


def test_a_packed_file_is_its_own_member_also_by_zstandard(corpus: Path, folder: Path) -> None:
    import gzip

    import zstandard

    (folder / "pump.txt.gz").write_bytes(gzip.compress(PUMP))
    (folder / "mast.md.zst").write_bytes(zstandard.compress(MAST))
    (folder / "both.tar.zst").write_bytes(zstandard.compress(archives.taken()))
    sources = {Path(one.source).name: one.status for one in add(corpus, folder).outcomes}
    assert sources == {"pump.txt": "done", "mast.md": "done"}


def test_a_page_of_a_pdf_in_an_archive_is_drawn_when_the_archive_is_gone(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped([("r.pdf", many_pages(2))]))
    add(corpus, folder)
    (folder / "a.zip").unlink()
    assert Corpus(corpus).search("page", k=1)[0].image()[:4] == b"\x89PNG"


def test_unchanged_archives_are_not_opened_and_unchanged_members_not_parsed(
    corpus: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "a.zip"
    path.write_bytes(zipped([("pump.txt", PUMP), ("mast.md", MAST)]))
    add(corpus, folder)
    path.write_bytes(zipped([("pump.txt", PUMP), ("mast.md", MAST + b"\nIt is white.\n")]))
    assert told(add(corpus, folder)) == {"pump.txt": "unchanged", "mast.md": "updated"}
    forbid_work(monkeypatch)
    monkeypatch.setattr("rag.pipelines.derive.members", None)
    assert told(add(corpus, folder)) == {"pump.txt": "unchanged", "mast.md": "unchanged"}


def test_a_renamed_archive_renames_its_members(corpus: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.zip").write_bytes(zipped([("pump.txt", PUMP), ("mast.md", MAST)]))
    add(corpus, folder)
    (folder / "a.zip").rename(folder / "b.zip")
    forbid_work(monkeypatch)
    assert told(add(corpus, folder, sync=True)) == {"pump.txt": "renamed", "mast.md": "renamed"}
    assert all("b.zip!/" in source.uri for one in Corpus(corpus).documents() for source in one.sources)


def test_members_that_are_gone_are_removed_by_sync(corpus: Path, folder: Path) -> None:
    path = folder / "a.zip"
    path.write_bytes(zipped([("pump.txt", PUMP), ("mast.md", MAST), ("third.txt", b"A third text.")]))
    (folder / "twin.txt").write_bytes(PUMP)  # the same bytes elsewhere keep no member alive
    add(corpus, folder)
    path.write_bytes(zipped([("mast.md", MAST), ("third.txt", b"A third text.")]))
    assert told(add(corpus, folder))["mast.md"] == "unchanged"
    uris = {source.uri.rpartition("/")[2] for one in Corpus(corpus).documents() for source in one.sources}
    assert uris == {"pump.txt", "mast.md", "third.txt", "twin.txt"}
    rest = {"mast.md": "unchanged", "third.txt": "unchanged"}
    assert told(add(corpus, folder, sync=True)) == {"pump.txt": "removed", "twin.txt": "unchanged", **rest}
    path.write_bytes(zipped([("mast.md", MAST)]))
    assert told(add(corpus, path, sync=True)) == {"third.txt": "removed", "mast.md": "unchanged"}
    path.unlink()
    assert told(add(corpus, folder, sync=True, yes=True)) == {"mast.md": "removed", "twin.txt": "unchanged"}


def test_a_member_moved_inside_its_archive_is_renamed(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped([("pump.txt", PUMP)]))
    add(corpus, folder)
    (folder / "a.zip").write_bytes(zipped([("new/pump.txt", PUMP)]))
    assert told(add(corpus, folder)) == {"new/pump.txt": "renamed"}


def test_an_archive_that_broke_keeps_what_was_read(corpus: Path, folder: Path) -> None:
    path = folder / "a.zip"
    path.write_bytes(zipped([("pump.txt", PUMP), ("mast.md", MAST)]))
    add(corpus, folder)
    path.write_bytes(path.read_bytes()[:100])
    assert told(add(corpus, folder, sync=True, yes=True)) == {"a.zip": "failed damaged"}
    assert len(Corpus(corpus).documents()) == 2


def test_removing_an_archive_removes_its_members(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped([("pump.txt", PUMP), ("in.zip", zipped([("mast.md", MAST)]))]))
    (folder / "own.txt").write_bytes(b"A text of its own.")
    add(corpus, folder)
    removed = Corpus(corpus).remove(str(folder / "a.zip"))
    assert [one.source.partition("!/")[2] for one in removed] == ["pump.txt", "in.zip!/mast.md"]
    assert [one.sources[0].uri for one in Corpus(corpus).documents()] == [str(folder / "own.txt")]


def test_what_is_passed_over_and_refused_is_told(corpus: Path, folder: Path) -> None:
    names = [
        "../../slip.txt",
        "/etc/absolute.txt",
        "C:\\data\\drive.txt",
        ".hidden.txt",
        "__MACOSX/x.txt",
        "a\nb\u202e.txt",
    ]
    data = [(name, PUMP + name.encode()) for name in names]
    more = [("twice.txt", b"First words."), ("twice.txt", b"Other words."), ("none.txt", b""), ("x.json", b"{}"),
            ("noise.bin", bytes(range(256))), ("n" * 2000 + ".txt", PUMP)]  # fmt: skip
    (folder / "a.zip").write_bytes(zipped([*data, *more]))
    outcomes = add(corpus, folder).outcomes
    assert {one.source.partition("!/")[2][:40]: _status(one) for one in outcomes} == {
        "../../slip.txt": "failed refused",
        "etc/absolute.txt": "done",
        "data/drive.txt": "done",
        "a\\nb\\u202e.txt": "done",
        "twice.txt": "done",
        "twice.txt#2": "done",
        "none.txt": "failed empty",
        "x.json": "skipped",
        "noise.bin": "skipped",
        "n" * 40: "failed refused",
    }
    warned = {one.source.partition("!/")[2]: one.warnings for one in outcomes if one.status == "done"}
    assert "absolute" in warned["etc/absolute.txt"][0]
    assert "more than once" in warned["twice.txt#2"][0]
    assert not list(folder.parent.rglob("*slip*"))


def test_links_devices_and_pipes_of_a_tar_are_skipped(corpus: Path, folder: Path) -> None:
    odd = [header("link", tarfile.SYMTYPE, "/etc/passwd"), header("hard", tarfile.LNKTYPE, "pump.txt"),
           header("device", tarfile.CHRTYPE), header("pipe", tarfile.FIFOTYPE)]  # fmt: skip
    (folder / "a.tar").write_bytes(tarred([("pump.txt", PUMP), *odd, ("mast.md", MAST)]))
    found = {one.source.partition("!/")[2]: one.status for one in add(corpus, folder).outcomes}
    assert found == {
        "pump.txt": "done",
        "mast.md": "done",
        **dict.fromkeys(("link", "hard", "device", "pipe"), "skipped"),
    }


def test_an_encrypted_member_fails_alone(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(archives.encrypted())
    report = add(corpus, folder)
    assert told(report) == {"open.txt": "done", "secret.txt": "failed encrypted"}
    assert report.failed[0].error is not None
    assert "password" in report.failed[0].error.message


def test_overlapping_members_are_read_once(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(archives.overlapping(50, 200_000))
    statuses = sorted(told(add(corpus, folder)).values())
    assert statuses == ["done"] + ["failed refused"] * 49


def test_nesting_ends_somewhere(corpus: Path, folder: Path) -> None:
    (folder / "a.zip").write_bytes(nested(4))
    assert told(add(corpus, folder)) == {
        "level3.txt": "done",
        "inner.zip!/level2.txt": "done",
        "inner.zip!/inner.zip!/level1.txt": "done",
        "inner.zip!/inner.zip!/inner.zip": "failed limit",
    }


@pytest.mark.parametrize(
    ("limits", "data", "why"),
    [
        (MemberLimits(members=3), zipped([(f"{n}.txt", b"word %d" % n) for n in range(9)]), "more than 3 members"),
        (MemberLimits(total=50_000), zipped([(f"{n}.txt", b"word " * 4_000) for n in range(9)]), "50,000 bytes"),
        (MemberLimits(ratio=10, ratio_from=1), zipped([("0.txt", PUMP), ("a.txt", bytes(90_000))]), "10 times its own"),
        (MemberLimits(ratio=10, ratio_from=1), tarred([("a.txt", b"a" * 900_000)], "xz"), "10 times its own"),
        (MemberLimits(seconds=1e-9), zipped([("0.txt", PUMP)]), "took longer"),
    ],
)
def test_a_bomb_ends_at_a_limit(corpus: Path, folder: Path, limits: MemberLimits, data: bytes, why: str) -> None:
    from rag.pipelines.ingest import Ingest
    from rag.pipelines.ingest_options import Options

    from rag.store.store import Store

    name = "a.zip" if data[:2] == b"PK" else "a.tar.xz"
    (folder / name).write_bytes(data)
    (folder / "z.txt").write_bytes(b"After the bomb.")
    outcomes = list(Ingest(Store(corpus, create=True), Options(workers=0, members=limits)).outcomes([str(folder)]))
    failed = [one for one in outcomes if one.error]
    assert len(failed) == 1
    assert failed[0].error is not None
    assert why in failed[0].error.message
    assert failed[0].error.type == "limit"
    assert outcomes[-1].status == "done"


def test_a_member_over_the_limit_fails_alone(corpus: Path, folder: Path) -> None:
    from rag.pipelines.ingest import Ingest
    from rag.pipelines.ingest_options import Options

    from rag.store.store import Store

    (folder / "a.zip").write_bytes(zipped([("large.txt", b"word " * 4_000), ("pump.txt", PUMP)]))
    options = Options(workers=0, members=MemberLimits(size=10_000))
    outcomes = Ingest(Store(corpus, create=True), options).outcomes([str(folder)])
    assert [_status(one) for one in outcomes] == ["failed limit", "done"]


def test_a_list_of_members_that_is_too_long_is_refused_before_it_is_read(corpus: Path, folder: Path) -> None:
    settings = corpus / "corpus.toml"
    settings.write_text(settings.read_text() + "max_directory = 500\n")
    (folder / "a.zip").write_bytes(zipped([(f"{n}.txt", PUMP) for n in range(40)]))
    report = add(corpus, folder)
    assert told(report) == {"a.zip": "failed limit"}


def test_an_archive_given_as_bytes_and_in_a_worker(corpus: Path) -> None:
    data = zipped([("pump.txt", PUMP)])
    report = Corpus(corpus).add([("given.zip", data)], workers=1)
    assert {one.source: one.status for one in report.outcomes} == {"given.zip!/pump.txt": "done"}


def test_a_zip_named_pdf_and_an_archive_of_nothing(corpus: Path, folder: Path) -> None:
    (folder / "a.pdf").write_bytes(zipped([("pump.txt", PUMP)]))
    (folder / "b.zip").write_bytes(zipped([]))
    report = add(corpus, folder)
    assert {Path(one.source).name: one.status for one in report.outcomes} == {"pump.txt": "done", "b.zip": "skipped"}


def test_a_mail_is_a_document_and_its_attachments_are(corpus: Path, folder: Path) -> None:
    from tests.golden import offices

    settings = corpus / "corpus.toml"
    settings.write_text(settings.read_text() + '[loaders.mail]\nuse = "loaders/mail"\n')
    (folder / "a.zip").write_bytes(zipped([("box/pump.eml", offices.mail())]))
    statuses = told(add(corpus, folder))
    assert statuses == {
        "box/pump.eml": "done",
        "box/pump.eml!/notes.txt": "done",
        "box/pump.eml!/Older words.eml": "done",
    }
