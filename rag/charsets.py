"""Bytes to text: the mark at the start, what the document says, UTF-8, then a guess.

The same bytes always give the same text, so that a `CharSpan` or an XPath made at ingest finds its
place again.
"""

from __future__ import annotations

import codecs
import re

SAMPLE = 256 * 1024
"""Bytes that a guess looks at."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_CHARSET = frozenset(["idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"])
# Browsers read these labels as the larger set (WHATWG Encoding standard, section 4.2).
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
_LABELS = {"x-sjis": "cp932", "ks_c_5601-1987": "cp949", "x-gbk": "gb18030", "x-mac-roman": "mac-roman"}
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_KANA = re.compile("[\u3041-\u3096]")
_CENTRAL = re.compile(rb"[\x8a\x8d-\x8f\x9a\x9d-\x9f]|[a-z][\xb3\xb9\xba\xbf\xfe]")
"""Letters of Central Europe in Windows-1250 that are no letters in Western text."""
_GUESSES = (
    "cp1252", "cp1250", "cp1251", "koi8-r", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "cp932",
    "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949",
)  # fmt: skip


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """The text without its byte order mark, and the codec's name. Never fails: what a codec does
    not know becomes U+FFFD."""
    encoding, skip = detect(data, declared)
    return data[skip:].decode(encoding, errors="replace"), encoding


def detect(data: bytes, declared: str = "") -> tuple[str, int]:
    """The codec to read these bytes with, and the length of the mark before the text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    named = known(declared)
    if named and _fits(data, named):
        # A page of several UTF-8 sequences that says Latin-1 was saved by a tool that lost its label.
        misnamed = named.startswith("cp125") and _fits(data, "utf-8") and not data.isascii()
        return ("utf-8" if misnamed else named), 0
    if wide := unmarked_utf16(data):
        return wide, 0
    if _fits(data, "utf-8") or _mostly_utf8(data):
        return "utf-8", 0
    return (named if named and named != "utf-8" else guess(data)), 0


def known(label: str) -> str:
    """The Python codec of a charset label, or "" for one that no document can be written in."""
    wanted = label.strip().strip("\"'").lower()
    try:
        info = codecs.lookup(_LABELS.get(wanted, wanted)) if wanted and "\0" not in wanted else None
    except (LookupError, UnicodeError, ValueError):
        return ""
    if info is None or info.name in _NO_CHARSET or not getattr(info, "_is_text_encoding", True):
        return ""
    if info.name.startswith(("utf-16", "utf-32")):
        return "utf-8"  # the label was read as ASCII, so it cannot be true
    return _WIDER.get(info.name, info.name)


def unmarked_utf16(data: bytes) -> str:
    """UTF-16 without a mark, known by the zero half of its Latin letters; else ""."""
    head = data[:4096]
    if len(head) < 4 or b"\0" not in head:
        return ""
    half = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def guess(data: bytes) -> str:
    """The likeliest charset of text that is not UTF-8 (charset-normalizer), Windows-1252 at a loss."""
    from charset_normalizer import from_bytes

    sample = _telling(data)
    # Japanese in EUC is legal in the Chinese and Korean codes too, but there its kana make no sense.
    if _fits(sample, "euc_jp") and len(_KANA.findall(sample.decode("euc_jp"))) > len(sample) // 10:
        return "euc_jp"
    found = from_bytes(sample, cp_isolation=list(_GUESSES), threshold=0.35).best()
    name = found.encoding if found is not None else "cp1252"
    return "cp1252" if name == "cp1250" and not _CENTRAL.search(sample) else known(name)


def _telling(data: bytes) -> bytes:
    """Whole lines that hold bytes beyond ASCII, as many as a guess looks at."""
    if len(data) <= 4096:
        return data
    lines: list[bytes] = []
    room = SAMPLE
    for line in re.finditer(rb"[^\n]*[\x80-\xff][^\n]*\n?", data[: 64 * SAMPLE]):
        lines.append(line[0][:room])
        room -= len(lines[-1])
        if room <= 0:
            break
    return b"".join(lines) or data[:SAMPLE]


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeError, ValueError):
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """A broken character or two in what is UTF-8 otherwise (a cut, a stray byte)."""
    head = data[:SAMPLE]
    wrong = head.decode("utf-8", errors="replace").count("\ufffd")
    return wrong <= 1 + len(_MULTIBYTE.findall(head)) // 10 and bool(_MULTIBYTE.search(head))
