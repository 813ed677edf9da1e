"""Web archives record by record: what is a document, what is cut off, what is hostile."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest
from rag.loaders.warc import WARC

from rag.document import Source
from rag.errors import SourceError
from rag.members import Member
from rag.sniff import HEAD, media_type
from tests.golden import webarchives
from tests.golden.webarchives import URL, http, record, response, warc


def source(folder: Path, data: bytes) -> Source:
    path = folder / "site.warc.gz"
    path.write_bytes(data)
    return Source(str(path), "application/warc", "0" * 64, str(path))


def read(folder: Path, data: bytes, **options: int) -> list[tuple[Member, bytes]]:
    return [(one, b"".join(one.blocks)) for one in WARC(**options).members(source(folder, data))]


@pytest.mark.parametrize("packed", [True, False])
def test_documents(tmp_path: Path, packed: bool) -> None:
    data = warc(packed=packed)
    assert media_type("x.bin", data[:HEAD]) == "application/warc"
    found = {one.name: (one, body) for one, body in read(tmp_path, data)}
    site = "http://pages.example/"
    assert list(found) == [
        URL, site + "packed", site + "ru", site + "r.pdf", site + "p.png", site + "again", site + "br", site + "n.txt",
    ]  # fmt: skip
    assert b"copper gauge" in found[URL][1]
    assert b"silver gauge" in found[site + "packed"][1]
    assert "Дождь идёт".encode() in found[site + "ru"][1], "the charset that only the server stated"
    assert found[site + "r.pdf"][1].startswith(b"%PDF")
    assert found[site + "again"][0].skip
    error = found[site + "br"][0].error
    assert error is not None
    assert error.kind == "unsupported"
    assert found[site + "n.txt"][1] == b"Plain words."


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_ends_inside_a_record(tmp_path: Path, packed: bool) -> None:
    whole = [response(f"http://pages.example/{n}", b"<html><body><p>Words" + b"." * 900) for n in range(3)]
    data = warc(whole, packed=packed)[: -40 if packed else -300]
    members = iter(WARC().members(source(tmp_path, data)))
    for _ in range(2):
        assert b"Words" in b"".join(next(members).blocks)
    with pytest.raises(SourceError) as caught:
        b"".join(next(members).blocks)
    assert caught.value.kind == "damaged"


def test_cut_by_its_crawler(tmp_path: Path) -> None:
    made = [record("response", URL, http(b"<html><p>Half"), "WARC-Truncated: length")]
    ((member, _),) = read(tmp_path, warc(made))
    assert member.notes == ("the crawler cut it off (length)",)


@pytest.mark.parametrize(
    "data",
    [b"WARC/1.0\r\n", b"WARC/1.0\r\nContent-Length: x\r\n\r\n", b"WARC/1.0" + b"\0" * 5000, b"no archive at all" * 50,
     gzip.compress(b"WARC/1.0\r\n\r\n", mtime=0)[:-9], b"\x1f\x8b\x08\0",
     b"WARC/1.0\r\nWARC-Type: response\r\n" * 3000],
)  # fmt: skip
def test_damage_ends_in_an_error_or_in_nothing(tmp_path: Path, data: bytes) -> None:
    kind = "damaged"
    try:
        assert read(tmp_path, data) == []
    except SourceError as error:
        kind = error.kind
    assert kind == "damaged"


def test_what_follows_damage_is_left_out_and_told(tmp_path: Path) -> None:
    good = response(URL, b"<html><body><p>Words")
    data = warc([good], packed=False) + b"rubbish\r\n" + warc([good], packed=False)
    members = WARC().members(source(tmp_path, data))
    assert b"Words" in b"".join(next(members).blocks)
    with pytest.raises(SourceError, match="what follows is left out"):
        list(members)


def test_addresses_that_are_none(tmp_path: Path) -> None:
    wanted = ["dns:pages.example", "file:///etc/passwd", "http://a:b@pages.example/", "", "x" * 9000, "http://[::1"]
    made = [response(url, b"<html><p>Words") for url in wanted]
    assert read(tmp_path, warc(made)) == []


def test_limits(tmp_path: Path) -> None:
    made = [response(URL, b"<html>" + b"x" * 5000), response(URL + "2", b"<html><p>Words")]
    members = iter(WARC(max_page=1000).members(source(tmp_path, warc(made))))
    with pytest.raises(SourceError) as caught:
        b"".join(next(members).blocks)
    assert caught.value.kind == "limit"
    assert b"Words" in b"".join(next(members).blocks), "the others go on"
    with pytest.raises(SourceError, match="max_bytes"):
        read(tmp_path, warc(made), max_bytes=10)


def test_a_bomb_is_unpacked_in_pieces(tmp_path: Path) -> None:
    """What meters the pieces stops it: here, the limit of a page."""
    bomb = gzip.compress(b"<html>" + bytes(200_000_000), mtime=0)
    data = warc([response(URL, bomb, "text/html", "200 OK", "Content-Encoding: gzip")])
    member = next(iter(WARC(max_page=2_000_000).members(source(tmp_path, data))))
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        b"".join(member.blocks)
    assert caught.value.kind == "limit"
    assert time.monotonic() - started < 5


def test_packed_data_that_is_damaged(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"<html><p>" + bytes(range(256)) * 500, mtime=0))
    packed[300:340] = bytes(40)
    for body, header in ((bytes(packed), "gzip"), (bytes(packed[:400]), "gzip"), (b"xxxxxxxx", "deflate")):
        data = warc([response(URL, body, "text/html", "200 OK", f"Content-Encoding: {header}")])
        member = next(iter(WARC().members(source(tmp_path, data))))
        with pytest.raises(SourceError) as caught:
            b"".join(member.blocks)
        assert caught.value.kind == "damaged"
    plain = warc([response(URL, b"<html><p>Words", "text/html", "200 OK", "Content-Encoding: gzip")])
    assert read(tmp_path, plain)[0][1] == b"<html><p>Words", "unpacked by its crawler already"


def test_a_flood_of_records_stays_flat(tmp_path: Path) -> None:
    made = [response(URL, b"<html><p>Words")] * 3000
    assert len(read(tmp_path, warc(made))) == 1, "the same bytes of the same address come once"


def test_what_is_held_by_nothing_is_nothing(tmp_path: Path) -> None:
    assert [one.name for one, _ in read(tmp_path, warc(webarchives.records()[:2]))] == []
