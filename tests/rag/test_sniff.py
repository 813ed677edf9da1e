"""Media types by content, then by name."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.sniff import NAMED_ONLY, media_type
from tests.golden import htmls, images, texts

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*members: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members:
            archive.writestr(name, text)
    return out.getvalue()


CONTENT = [
    (b"%PDF-1.7\n1 0 obj", "application/pdf"),
    (b"\xef\xbb\xbf\r\n%PDF-1.4", "application/pdf"),
    (b"junk \x00\x01 before\n%PDF-1.4\n", "application/pdf"),
    (images.png(), "image/png"),
    (images.jpeg(), "image/jpeg"),
    (images.tiff(), "image/tiff"),
    (images.animation(), "image/gif"),
    (images.saved(images.drawing(), "WEBP"), "image/webp"),
    (images.saved(images.drawing(), "BMP"), "image/bmp"),
    (htmls.page(), "text/html"),
    (b"\xef\xbb\xbf" + htmls.page(), "text/html"),
    (htmls.page().decode().encode("utf-16"), "text/html"),
    (htmls.page().decode().encode("utf-16-be"), "text/html"),
    (b"<!-- a --> <!-- b -->\n<HTML>", "text/html"),
    (b'<?xml version="1.0"?>\n<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">', "application/xhtml+xml"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    (b'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD" "x.dtd">\n<!-- G -->\n<svg/>', "image/svg+xml"),
    (b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
    (b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc", "image/heic"),
    (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heif"),
    (b'<?xml version="1.0"?><feed/>', "application/xml"),
    (zipped(("[Content_Types].xml", ""), ("word/document.xml", "")), OFFICE + "wordprocessingml.document"),
    (zipped(("[Content_Types].xml", ""), ("xl/workbook.xml", "")), OFFICE + "spreadsheetml.sheet"),
    (zipped(("[Content_Types].xml", ""), ("ppt/presentation.xml", "")), OFFICE + "presentationml.presentation"),
    (zipped(("mimetype", "application/epub+zip"), ("x", "")), "application/epub+zip"),
    (zipped(("a.txt", "hello")), "application/zip"),
    (b"\0\0\0\x18ftypisom\0\0\2\0", "video/mp4"),
    (b"\0\0\0\x18ftypM4A \0\0\2\0", "audio/mp4"),
    (b"\0\0\x12\x34moov\0\0\0\x6cmvhd", "video/quicktime"),
    (b"\0\0\0\x08wide\0\0\x12\x34mdat", "video/quicktime"),
    (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "video/webm"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
    (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    (b"ID3\x04\0\0", "audio/mpeg"),
    (b"\xff\xfb\x90\x64" + bytes(30), "audio/mpeg"),
    (b"OggS\0\2" + bytes(20) + b"\x01vorbis", "audio/ogg"),
    (b"{\\rtf1 x}", "application/rtf"),
    (b"plain words", "text/plain"),
    ("Größe".encode("latin-1"), "text/plain"),
    ("日本語".encode("utf-16"), "text/plain"),
]


@pytest.mark.parametrize(("head", "expected"), CONTENT)
def test_by_content(head: bytes, expected: str) -> None:
    assert media_type("file", head) == expected


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("notes.md", texts.markdown(), "text/markdown"),
        ("notes.md", b"<p align=center>Badge</p>\n# Title", "text/markdown"),
        ("notes.md", b"# On PDF\n\nA file begins with %PDF-1.7.", "text/markdown"),
        ("NOTES.TXT", b"words", "text/plain"),
        ("page.htm", b"no tags at all", "text/html"),
        ("rain.csv", texts.csv(), "text/csv"),
        ("main.py", b"print(1)", "text/plain"),
        ("log", b"2024 started", "text/plain"),
        ("a.json", b"{}", "application/json"),
        ("a.jsonl", b"{}\n{}", "application/jsonl"),
        ("a.toml", b"a = 1", "application/toml"),
        ("a.yml", b"a: 1", "application/yaml"),
        ("fragment.txt", b"<h1>Title</h1><p>x", "text/html"),
        ("empty.txt", b"", "text/plain"),
    ],
)
def test_by_name_where_content_is_plain_text(name: str, head: bytes, expected: str) -> None:
    assert media_type(name, head) == expected


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("photo.txt", images.png(), "image/png"),
        ("report.jpg", b"%PDF-1.5\n", "application/pdf"),
        ("report.pdf", b"only words", "text/plain"),
        ("report.pdf", htmls.page(), "text/html"),
        ("page.md", b"<!DOCTYPE html><html>", "text/html"),
        ("data.csv", bytes(range(256)), None),
    ],
)
def test_content_wins(name: str, head: bytes, expected: str | None) -> None:
    assert media_type(name, head) == expected


def test_unknown_binary_has_no_type() -> None:
    assert media_type("thing.bin", bytes(range(256)) * 4) is None
    assert media_type("thing", b"\x7fELF\x02\x01\x01\0" + bytes(50)) is None
    assert media_type("thing.bin", b"") is None


def test_settings_files_are_named_only() -> None:
    for name in ("a.json", "a.jsonl", "a.toml", "a.yaml"):
        assert media_type(name, b"x: 1") in NAMED_ONLY
    assert "text/plain" not in NAMED_ONLY


@given(st.text(max_size=40), st.binary(max_size=3000))
@example("a\0b.pdf", b"\0")
@example("..", b"RIFF")
@example("x", b"<!--" * 2000)
@example("x", b"<?" * 2000)
@example("x", b" <!---->" * 1000)
def test_any_bytes_and_name(name: str, head: bytes) -> None:
    found = media_type(name, head)
    assert found is None or "/" in found
