"""The same pages in other forms of the file: PDF/A, linearised, object streams, updates, inherited boxes, units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pymupdf

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def _opened(data: bytes) -> Any:
    opened: Any = pymupdf.open
    return opened(stream=data, filetype="pdf")


def _written(document: Any, **options: Any) -> bytes:
    data: bytes = document.tobytes(no_new_id=True, **options)
    document.close()
    return data


def _object(document: Any, number: int) -> bytes:
    text = document.xref_object(number, compressed=True).encode("latin-1")
    if document.xref_is_stream(number):
        text += b"\nstream\n" + document.xref_stream_raw(number) + b"\nendstream"
    return b"%d 0 obj\n%s\nendobj\n" % (number, text)


def _table(offsets: Mapping[int, int]) -> bytes:
    rows = [b"%d 1\n%010d %05d %s \n" % (n, at, 0 if n else 65535, b"n" if n else b"f") for n, at in offsets.items()]
    return b"xref\n" + b"".join(rows)


def _within(document: Any, page: Any, matrix: bytes) -> None:
    """The content of a page as one stream, drawn through a matrix."""
    number = page.get_contents()[0]
    document.update_stream(number, b"q " + matrix + b"\n" + page.read_contents() + b"\nQ")
    document.xref_set_key(page.xref, "Contents", f"{number} 0 R")


def archival(data: bytes) -> bytes:
    """With the marks of PDF/A-2b: an XMP packet that says so, and an output intent with an ICC profile."""
    document = _opened(data)
    document.set_xml_metadata(_PACKET)
    profile, intent = document.get_new_xref(), document.get_new_xref()
    document.update_object(profile, "<< /N 3 >>")
    document.update_stream(profile, b"\0" * 36 + b"acsp" + b"\0" * 88)
    said = f"/OutputConditionIdentifier (sRGB) /DestOutputProfile {profile} 0 R"
    document.update_object(intent, f"<< /Type /OutputIntent /S /GTS_PDFA1 {said} >>")
    document.xref_set_key(document.pdf_catalog(), "OutputIntents", f"[{intent} 0 R]")
    return _written(document)


def packed(data: bytes) -> bytes:
    """Its objects in object streams, its cross-references in a stream."""
    return _written(_opened(data), garbage=3, deflate=True, use_objstms=1)


def updated(data: bytes) -> bytes:
    """A draft with other words, and the true content of its pages in an update appended to the file."""
    document = _opened(data)
    contents = [number for page in document for number in page.get_contents()]
    update = {number: _object(document, number) for number in contents}
    for number in contents:
        document.update_stream(number, b"BT /helv 30 Tf 72 400 Td (A draft of this page) Tj ET")
    draft = _written(document)
    found = re.findall(rb"startxref\s+(\d+)", draft)
    root = re.findall(rb"/Root\s+(\d+ \d+ R)", draft)
    size = re.findall(rb"/Size\s+(\d+)", draft)
    written, offsets = draft, {}
    for number, body in update.items():
        offsets[number] = len(written)
        written += body
    trailer = b"trailer\n<< /Size %s /Root %s /Prev %s >>\n" % (size[-1], root[-1], found[-1])
    return written + _table(offsets) + trailer + b"startxref\n%d\n%%%%EOF\n" % len(written)


def linearised(data: bytes) -> bytes:
    """The objects of the first page before the others, with a cross-reference table for each (ISO 32000-1, annex F).

    The hint stream is empty: readers of whole files need none.
    """
    document = _opened(data)
    count = document.xref_length()
    first = document[0].xref
    front = [document.pdf_catalog(), first, *document[0].get_contents()]
    rest = [number for number in range(1, count) if number not in front]
    hints = b"%d 0 obj\n<< /Length 0 /S 0 >>\nstream\n\nendstream\nendobj\n" % (count + 1)
    written = b""
    length = begins = main = end = hinted = 0
    for _ in range(2):  # the second time all places are known
        numbers = (count, length, hinted, len(hints), first, end, document.page_count, main)
        written = (
            b"%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n%d 0 obj\n<< /Linearized 1 /L %010d /H [%010d %010d] /O %d " % numbers[:5]
        )
        written += b"/E %010d /N %d /T %010d >>\nendobj\n" % numbers[5:]
        begins = len(written)
        offsets = {count: written.index(b"%d 0 obj" % count)}
        space = len(_table(dict.fromkeys([count, count + 1, *front], 0)))
        trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %010d >>\nstartxref\n0\n%%%%EOF\n" % (
            count + 2, front[0], main,
        )  # fmt: skip
        body = b""
        at = begins + space + len(trailer)
        for number, one in ((count + 1, hints), *((number, _object(document, number)) for number in front)):
            offsets[number] = at + len(body)
            body += one
        hinted, end = offsets[count + 1], at + len(body)
        later: dict[int, int] = {0: 0}
        for number in rest:
            later[number] = at + len(body)
            body += _object(document, number)
        main = at + len(body)
        written += _table(offsets) + trailer + body + _table(later)
        written += b"trailer\n<< /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (count, begins)
        length = len(written)
    return written


def inherited(data: bytes) -> bytes:
    """Boxes, turn and resources written at the root of the page tree instead of on each page."""
    document = _opened(data)
    root = int(document.xref_get_key(document.pdf_catalog(), "Pages")[1].split()[0])
    numbers = [page.xref for page in document]
    for key in ("MediaBox", "CropBox", "Rotate", "Resources")[: 4 if len(numbers) == 1 else 3]:
        kind, value = document.xref_get_key(numbers[0], key)
        if kind != "null":
            document.xref_set_key(root, key, value)
            for number in numbers:
                document.xref_set_key(number, key, "null")
                document.update_object(number, re.sub(rf"/{key}\s*null", "", document.xref_object(number)))
    return _written(document)


def moved(data: bytes) -> bytes:
    """Pages whose lower left corner is not at 0, 0 and which are cropped by a tenth of a point."""
    document = _opened(data)
    for page in document:
        width, height = page.mediabox.width, page.mediabox.height
        document.xref_set_key(page.xref, "MediaBox", f"[-100 50 {width - 100} {height + 50}]")
        document.xref_set_key(page.xref, "CropBox", f"[-100 50 {width - 100} {height + 49.9}]")
        _within(document, page, b"1 0 0 1 -100 50 cm")
    return _written(document)


def scaled(data: bytes, unit: float = 2.0) -> bytes:
    """The same pages at half the numbers, in a unit of two points."""
    document = _opened(data)
    for page in document:
        width, height = page.mediabox.width / unit, page.mediabox.height / unit
        document.xref_set_key(page.xref, "MediaBox", f"[0 0 {width} {height}]")
        document.xref_set_key(page.xref, "UserUnit", str(unit))
        _within(document, page, b"%f 0 0 %f 0 0 cm" % (1 / unit, 1 / unit))
    return _written(document)


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "archival": archival,
    "packed": packed,
    "updated": updated,
    "linearised": linearised,
    "inherited": inherited,
    "moved": moved,
    "scaled": scaled,
}
