"""What holds for every loader that finds documents inside a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.document import Source
from rag.errors import SourceError
from rag.identity import digest
from rag.protocols import Holds
from rag.registry import load, names
from tests.golden import archives, messages, offices, remarks, webarchives

HELD: dict[str, dict[str, tuple[str, Callable[[], bytes]]]] = {
    "loaders/archive": {
        "two.zip": ("application/zip", lambda: archives.zipped([("sub/pump.txt", archives.PUMP), ("mast.md", b"#")])),
        "two.tar": ("application/x-tar", archives.taken),
        "two.tar.gz": ("application/gzip", lambda: archives.taken("gz")),
        "two.tbz": ("application/x-bzip2", lambda: archives.taken("bz2")),
        "two.tar.xz": ("application/x-xz", lambda: archives.taken("xz")),
    },
    "loaders/attachments": {"remarked.pdf": ("application/pdf", remarks.remarked)},
    "loaders/mail": {"pump.eml": ("message/rfc822", offices.mail)},
    "loaders/outlook": {"pump.msg": ("application/vnd.ms-outlook", messages.outlook)},
    "loaders/mhtml": {"saved.mhtml": ("multipart/related", webarchives.mhtml)},
    "loaders/warc": {
        "site.warc": ("application/warc", lambda: webarchives.warc(webarchives.documents(), packed=False)),
        "site.warc.gz": ("application/warc", lambda: webarchives.warc(webarchives.documents())),
    },
}
CASES = [(loader, name) for loader, inputs in HELD.items() for name in inputs]


def write(folder: Path, loader: str, name: str, data: bytes | None = None) -> Source:
    media_type, made = HELD[loader][name]
    data = made() if data is None else data
    path = folder / name
    path.write_bytes(data)
    return Source(str(path), media_type, digest(data), str(path))


def members(loader: str, source: Source) -> Iterator[tuple[str, bytes]]:
    for one in load(loader)().members(source):
        yield one.name, b"".join(one.blocks)


def test_every_holder_is_here() -> None:
    holders = {name for name in names("loaders") if name.count("/") == 1 and hasattr(load(name), "members")}
    assert set(HELD) == holders
    assert all(isinstance(load(name)(), Holds) for name in holders)


@pytest.mark.parametrize(("loader", "name"), CASES)
def test_members_have_names_and_bytes_and_are_the_same_twice(loader: str, name: str, tmp_path: Path) -> None:
    source = write(tmp_path, loader, name)
    found = list(members(loader, source))
    assert found
    assert all(each and data for each, data in found)
    assert list(members(loader, source)) == found


@pytest.mark.parametrize(("loader", "name"), CASES)
def test_a_member_may_stay_unread(loader: str, name: str, tmp_path: Path) -> None:
    source = write(tmp_path, loader, name)
    assert [one.name for one in load(loader)().members(source)] == [each for each, _ in members(loader, source)]


@pytest.mark.parametrize(("loader", "name"), CASES)
def test_a_cut_or_foreign_file_is_a_source_error_at_worst(loader: str, name: str, tmp_path: Path) -> None:
    whole = HELD[loader][name][1]()
    noise = [whole[: int(len(whole) * share)] for share in (0.1, 0.5, 0.9)] + [bytes(4096), b"\xff noise" * 99]
    kinds = {ended(loader, write(tmp_path, loader, name, data)) for data in noise}
    assert kinds <= {"", "damaged", "limit", "unsupported", "encrypted"}


def ended(loader: str, source: Source) -> str:
    """The kind of error that reading the members ends in, "" for none."""
    try:
        list(members(loader, source))
    except SourceError as error:
        return error.kind
    return ""


@pytest.mark.parametrize("loader", HELD)
def test_missing_and_empty_files_are_refused(loader: str, tmp_path: Path) -> None:
    name = next(iter(HELD[loader]))
    source = write(tmp_path, loader, name, b"")
    with pytest.raises(SourceError) as caught:
        list(members(loader, source))
    assert caught.value.kind == "empty"
    Path(source.path).unlink()
    with pytest.raises(SourceError) as caught:
        list(members(loader, source))
    assert caught.value.kind == "missing"
