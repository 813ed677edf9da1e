"""What a file is, by its content first and by its name where content is plain text.

Signatures as in the WHATWG MIME Sniffing standard and the formats' own documents. Types that no
loader takes are named all the same, so that a report can say what was left out.
"""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from pathlib import PurePath

from rag.charsets import unmarked_utf16

HEAD = 8192
"""Bytes from the start of a file that are worth giving; fewer are fine."""

TAIL = 65_536
"""Bytes from the end of a zip archive that are worth giving: its list of members lies there."""

NAMED_ONLY = frozenset(["application/json", "application/jsonl", "application/toml", "application/yaml"])
"""Types that are taken only when a user names the file: in folders they are settings, not documents."""

_BY_NAME = {
    "md": "text/markdown", "markdown": "text/markdown", "mdown": "text/markdown", "mkd": "text/markdown",
    "html": "text/html", "htm": "text/html", "shtml": "text/html", "xhtml": "application/xhtml+xml",
    "xht": "application/xhtml+xml", "csv": "text/csv", "tsv": "text/tab-separated-values",
    "json": "application/json", "jsonl": "application/jsonl", "ndjson": "application/jsonl",
    "toml": "application/toml", "yaml": "application/yaml", "yml": "application/yaml",
    "ipynb": "application/x-ipynb+json", "eml": "message/rfc822", "srt": "application/x-subrip",
    "vtt": "text/vtt", "tex": "text/plain",
}  # fmt: skip

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"II+\0", "image/tiff"),
    (0, b"MM\0+", "image/tiff"),
    (0, b"\0\0\1\0", "image/x-icon"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"8BPS\0\1", "image/vnd.adobe.photoshop"),
    (0, b"WARC/1.", "application/warc"),
    (0, b"WARC/0.", "application/warc"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\0\0\1\xba", "video/mpeg"),
    (0, b"\0\0\1\xb3", "video/mpeg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"MThd\0\0\0\6", "audio/midi"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"AT&TFORM", "image/vnd.djvu"),
)
_BRANDS = {
    b"heic": "image/heic", b"heix": "image/heic", b"heim": "image/heic", b"heis": "image/heic",
    b"hevc": "image/heic", b"hevx": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif",
    b"avif": "image/avif", b"avis": "image/avif", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4", b"M4V ": "video/mp4", b"3gp4": "video/3gpp", b"3gp5": "video/3gpp",
}  # fmt: skip
_OOXML = "application/vnd.openxmlformats-officedocument."
_ZIPPED = (
    (b"word/", _OOXML + "wordprocessingml.document"),
    (b"ppt/", _OOXML + "presentationml.presentation"),
    (b"xl/", _OOXML + "spreadsheetml.sheet"),
)
_OFFICE_NAMES = {
    "docx": _ZIPPED[0][1], "pptx": _ZIPPED[1][1], "xlsx": _ZIPPED[2][1], "doc": "application/msword",
    "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
}  # fmt: skip
_CONTROLS = bytes(set(range(32)) - set(b"\b\t\n\v\f\r\x1b")) + b"\x7f"
_PREAMBLE = rb"(?:\s++|<\?[^>]{0,2000}>|<!--.{0,4000}?-->)*+"
_PAGE = re.compile(_PREAMBLE + rb"(?:<!doctype\s+html\b|<(?:html|head|body)(?=[\s>/]))", re.I | re.S)
_FRAGMENT = re.compile(
    _PREAMBLE + rb"<(?:title|meta|link|script|style|base|h[1-6]|div|p|table|ul|ol|dl|section|article|main|"
    rb"header|nav|font|center|a|b|br|img|iframe|form|span|pre)(?=[\s>/])",
    re.I | re.S,
)
_DRAWING = re.compile(_PREAMBLE + rb"(?:<!doctype\s+svg\b|<(?:svg:)?svg(?=[\s>]))", re.I | re.S)
_ARCHIVED_PAGE = re.compile(rb"(?im)^content-type:\s*multipart/related")


def media_type(name: str, head: bytes, tail: bytes = b"") -> str | None:
    """The media type of a file of that name that begins with these bytes (`HEAD` of them is enough).

    Content wins over a wrong extension. `tail` (`TAIL` bytes of the end) tells office documents from
    other zip archives whatever comes first in them. None where it is binary of no known kind.
    """
    suffix = PurePath(name).suffix[1:].lower() if "\0" not in name else ""
    return _binary(head[: 8 * HEAD], suffix, tail) or _text(head[: 8 * HEAD], suffix)


def _binary(head: bytes, suffix: str, tail: bytes) -> str | None:
    if _is_pdf(head, suffix):
        return "application/pdf"
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            if kind == "application/gzip" and _first_unpacked(head).startswith(b"WARC/"):
                return "application/warc"
            return "video/webm" if kind == "video/x-matroska" and b"webm" in head[:64] else kind
    if head[:4] == b"RIFF":
        forms = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
        return forms.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head[:256] else "audio/ogg"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[4:8] in (b"moov", b"mdat", b"wide", b"skip", b"pnot") and not head[0]:
        return "video/quicktime"  # from before there were brands
    if head[:2] == b"BM" and len(head) > 18 and head[14] in (12, 40, 52, 56, 64, 108, 124) and not any(head[15:18]):
        return "image/bmp"
    if _is_mpeg_audio(head):
        return "audio/mpeg"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "video/mp2t"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _zipped(head, suffix, tail)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _OFFICE_NAMES.get(suffix, "application/x-ole-storage")
    return None


def _first_unpacked(head: bytes) -> bytes:
    """The first bytes in a gzip file; none where it is damaged."""
    with suppress(zlib.error):
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, 16)
    return b""


def _is_mpeg_audio(head: bytes) -> bool:
    """A frame whose version, layer, bit rate and sampling rate are ones that exist."""
    if len(head) < 4 or head[0] != 0xFF or not 0xE2 <= head[1] < 0xFE:
        return False
    version, layer, rate, sampling = head[1] & 0x18, head[1] & 0x06, head[2] & 0xF0, head[2] & 0x0C
    return version != 0x08 and layer != 0 and rate not in (0x00, 0xF0) and sampling != 0x0C


def _is_pdf(head: bytes, suffix: str) -> bool:
    at = head[:1024].find(b"%PDF-")
    if at < 0 or not head[:at].strip(b"\xef\xbb\xbf \t\r\n\0"):
        return at >= 0
    # Junk may stand before the mark, but a text that speaks of PDF is none.
    return suffix == "pdf" or not is_text(head) or b" obj" in head


def _zipped(head: bytes, suffix: str, tail: bytes) -> str:
    if head[30:38] == b"mimetype":
        told = re.match(rb"application/[\w.+-]{1,80}", head[38:])
        if told:
            return _until_next_member(told[0])
    names = _zip_names(head, tail)
    if b"META-INF/MANIFEST.MF" in names:
        return "application/java-archive"
    if not any(name.startswith((b"[Content_Types].xml", b"_rels/.rels")) for name in names):
        return "application/zip"
    # With the whole list of members these decide; a head may show the first one alone.
    found = next((kind for mark, kind in _ZIPPED if any(name.startswith(mark) for name in names)), "")
    return found or next((kind for mark, kind in _ZIPPED if mark in head), _OFFICE_NAMES.get(suffix, "application/zip"))


def _zip_names(head: bytes, tail: bytes) -> list[bytes]:
    """The names in an archive's list of members as far as the tail holds it, and of its first member."""
    names = [head[30 : 30 + int.from_bytes(head[26:28], "little")]]
    end = tail.rfind(b"PK\5\6")
    if end < 0:
        return names
    at = max(0, end - int.from_bytes(tail[end + 12 : end + 16], "little"))
    at = tail.find(b"PK\1\2", at)
    while 0 <= at < end and tail[at : at + 4] == b"PK\1\2":
        length, extra, comment = (int.from_bytes(tail[at + n : at + n + 2], "little") for n in (28, 30, 32))
        names.append(tail[at + 46 : at + 46 + length])
        at += 46 + length + extra + comment
    return names


def _until_next_member(told: bytes) -> str:
    return told.split(b"PK")[0].decode("ascii")


def is_text(head: bytes) -> bool:
    """Text in some charset: no zero bytes (UTF-16 and UTF-32 apart), hardly a control character."""
    if b"\0" in head:
        return bool(_wide(head))
    return sum(map(head.count, (bytes([byte]) for byte in _CONTROLS))) * 100 <= len(head)


def _wide(head: bytes) -> str:
    """The codec of UTF-16 or UTF-32 text, else ""."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        codec = "utf-32"
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf-16"
    else:
        codec = unmarked_utf16(head)
    if not codec:
        return ""
    text = head[: len(head) // 4 * 4].decode(codec, errors="replace")
    strange = sum((char < " " and char not in "\t\n\r\f\v") or char == "\ufffd" for char in text)
    return codec if strange * 20 <= len(text) else ""


def _text(head: bytes, suffix: str) -> str | None:
    named = _BY_NAME.get(suffix)
    if not head.strip(b" \t\r\n\xef\xbb\xbf"):
        return named or ("text/plain" if suffix in ("txt", "text", "log", "rst") else None)
    if not is_text(head):
        return None
    codec = _wide(head)
    start = head.decode(codec, errors="replace").encode() if codec else head
    start = start.removeprefix(b"\xef\xbb\xbf")
    if _PAGE.match(start):
        return "application/xhtml+xml" if start.lstrip().startswith(b"<?xml") else "text/html"
    if _DRAWING.match(start):
        return "image/svg+xml"
    if named:
        return named
    if start.lstrip()[:5].lower() == b"<?xml":
        return "application/xml"
    if _ARCHIVED_PAGE.search(start[:4096]) and b"MIME-Version" in start[:4096]:
        return "multipart/related"
    if suffix in ("", "txt", "text", "asp", "aspx", "php", "jsp", "cgi") and _FRAGMENT.match(start):
        return "text/html"
    return "text/plain"
