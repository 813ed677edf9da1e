"""The bytes beside the catalog."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.document import WHOLE, Box, Media, PageRegion, Place, Source
from rag.errors import CorpusError, SourceError
from rag.identity import digest
from rag.store import assets as module
from rag.store.assets import FolderAssets

REGION = PageRegion(1, Box(0, 0, 0.5, 0.5))
HEX = "0123456789abcdef"


class Drawer:
    """Renders by telling what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Source, Place, int]] = []

    def __call__(self, source: Source, place: Place, dpi: int) -> bytes:
        self.asked.append((source, place, dpi))
        return f"{place} at {dpi}".encode()


@pytest.fixture
def draw() -> Drawer:
    return Drawer()


@pytest.fixture
def assets(tmp_path: Path, draw: Drawer) -> FolderAssets:
    return FolderAssets(tmp_path / "corpus", draw)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "a.pdf").write_bytes(b"the pages")
    return Source("a.pdf", "application/pdf", digest(b"the pages"), str(tmp_path / "a.pdf"))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- pictures by name --------------------------------------------------------------------------------


def test_bytes_come_back(assets: FolderAssets, tmp_path: Path) -> None:
    media = assets.put(b"pixels", "image/png")
    assert media == Media("image/png", digest(b"pixels"), 6)
    assert assets.open(media) == b"pixels"
    assert assets.put(b"pixels", "image/png") == media
    assert files(tmp_path / "corpus") == [f"assets/{media.digest[:2]}/{media.digest}"]


def test_a_name_may_be_given(assets: FolderAssets) -> None:
    name = "ab" * 32
    assert assets.put(b"drawn by version 1", "image/png", name).digest == name
    media = assets.put(b"drawn by version 2!", "image/png", name)
    assert (media.size, assets.open(media)) == (19, b"drawn by version 2!"), "what is there is what the media says"


def test_what_a_power_cut_left_short_is_written_again(assets: FolderAssets, tmp_path: Path) -> None:
    media = assets.put(b"pixels", "image/png")
    (tmp_path / "corpus" / "assets" / media.digest[:2] / media.digest).write_bytes(b"")
    assert assets.open(assets.put(b"pixels", "image/png")) == b"pixels"
    kept = assets.keep(b"source")
    kept.write_bytes(b"")
    assert assets.keep(b"source").read_bytes() == b"source"


def test_what_is_gone_is_a_corpus_error(assets: FolderAssets) -> None:
    with pytest.raises(CorpusError, match=f"asset {'0' * 12} is missing"):
        assets.open(Media("image/png", "0" * 64, 1))


HOSTILE = [
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "0" * 63,
    "0" * 65,
    "0" * 63 + "/",
    "A" * 64,
    "0" * 64 + "\n",
    "../" * 21 + "a",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_lead_anywhere_else(assets: FolderAssets, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        assets.open(Media("image/png", name, 1))
    with pytest.raises(ValueError, match="64 hex digits"):
        assets.kept(name)
    if name:
        with pytest.raises(ValueError, match="64 hex digits"):
            assets.put(b"x", "image/png", name)
    assert files(tmp_path) == []


@given(st.text(max_size=70))
def test_no_other_name_is_taken(name: str) -> None:
    with pytest.raises(ValueError):
        FolderAssets(Path("nowhere")).kept(name if len(name) != 64 or set(name) - set(HEX) else "x")


# --- crops -------------------------------------------------------------------------------------------


def test_a_crop_is_drawn_once(assets: FolderAssets, draw: Drawer, source: Source) -> None:
    first = assets.crop(source, REGION, 96)
    assert assets.crop(source, REGION, 96) == first
    assert draw.asked == [(source, REGION, 96)]
    assets.crop(source, REGION, 97)
    assets.crop(source, PageRegion(1, WHOLE), 96)
    assert len(draw.asked) == 3


def test_a_box_is_never_drawn_on_other_bytes(assets: FolderAssets, draw: Drawer, source: Source) -> None:
    Path(source.path).write_bytes(b"other pages")
    with pytest.raises(SourceError, match="changed since it was ingested") as caught:
        assets.crop(source, REGION)
    assert caught.value.kind == "changed"
    Path(source.path).unlink()
    with pytest.raises(SourceError, match="gone or unreadable") as caught:
        assets.crop(source, REGION)
    assert caught.value.kind == "missing"
    assert draw.asked == []


def test_what_was_drawn_from_the_right_bytes_is_still_shown(assets: FolderAssets, source: Source) -> None:
    first = assets.crop(source, REGION)
    Path(source.path).unlink()
    assert assets.crop(source, REGION) == first


@pytest.mark.parametrize("path", ["/dev/zero", "/", ""])
def test_a_path_in_a_corpus_may_be_anything(assets: FolderAssets, draw: Drawer, path: str) -> None:
    with pytest.raises(SourceError):
        assets.crop(Source("a", "application/pdf", "0" * 64, path), REGION)
    assert draw.asked == []


def test_a_pipe_is_not_waited_for(assets: FolderAssets, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError):
        assets.crop(Source("a", "application/pdf", "0" * 64, str(tmp_path / "pipe")), REGION)


def test_kept_bytes_are_drawn_when_the_file_is_gone(assets: FolderAssets, draw: Drawer, source: Source) -> None:
    kept = assets.keep(b"the pages")
    Path(source.path).unlink()
    assets.crop(source, REGION)
    assert draw.asked[0][0].path == str(kept)
    kept.write_bytes(b"other")
    with pytest.raises(SourceError, match="changed"):
        assets.crop(source, PageRegion(2, WHOLE))


def test_without_a_renderer(tmp_path: Path, source: Source) -> None:
    with pytest.raises(CorpusError, match="no renderer"):
        FolderAssets(tmp_path).crop(source, REGION)


def test_a_read_only_corpus_still_shows(
    assets: FolderAssets, source: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(module, "write_atomically", refused)
    assert assets.crop(source, REGION)
    assert not (tmp_path / "corpus" / "cache").exists()


def test_the_cache_stays_under_its_limit(tmp_path: Path, draw: Drawer, source: Source) -> None:
    assets = FolderAssets(tmp_path / "corpus", draw, cache_bytes=300)
    size = len(assets.crop(source, REGION, 100))
    for dpi in range(101, 120):
        assets.crop(source, REGION, dpi)
        assert sum(path.stat().st_size for path in (tmp_path / "corpus").rglob("*") if path.is_file()) <= 300
    assert len(files(tmp_path / "corpus")) == 300 // size
    draw.asked.clear()
    assets.crop(source, REGION, 119)
    assert draw.asked == [], "the newest stay"


def test_what_another_process_cached_counts(tmp_path: Path, draw: Drawer, source: Source) -> None:
    for dpi in range(100, 110):
        FolderAssets(tmp_path / "corpus", draw, cache_bytes=300).crop(source, REGION, dpi)
    assert sum(path.stat().st_size for path in (tmp_path / "corpus").rglob("*") if path.is_file()) <= 300


def test_readers_that_trim_at_once(tmp_path: Path, draw: Drawer, source: Source) -> None:
    failed: list[BaseException] = []

    def read(start: int) -> None:
        assets = FolderAssets(tmp_path / "corpus", draw, cache_bytes=200)
        try:
            for dpi in range(start, start + 40):
                assets.crop(source, REGION, dpi % 50 + 100)
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=read, args=(n * 7,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


# --- sweeping ----------------------------------------------------------------------------------------


def test_what_nothing_names_is_swept(assets: FolderAssets, tmp_path: Path) -> None:
    here, gone = assets.put(b"here", "image/png"), assets.put(b"gone!", "image/png")
    (tmp_path / "corpus" / "assets" / gone.digest[:2] / ".new-abc").write_bytes(b"of a kill")
    assert assets.missing("assets", {here.digest, "f" * 64}) == {"f" * 64}
    assert assets.sweep("assets", {here.digest}) == (2, 14)
    assert assets.open(here) == b"here"
    with pytest.raises(CorpusError):
        assets.open(gone)
    assert assets.sweep("assets", {here.digest}) == (0, 0)
    assert assets.sweep("sources", set()) == (0, 0), "a folder that was never made"
