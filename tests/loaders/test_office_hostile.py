"""Office files made to harm: entities, bombs, loops, lies. Each ends in a clear error or a warning."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from pathlib import Path

import pytest

from rag.errors import SourceError
from tests.golden import offices
from tests.golden.offices import W, packed, paragraph, word
from tests.loaders.test_office import elements, notices, read, texts

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
FILES = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
SAMPLES = {
    "docx": (offices.docx, "word/document.xml"),
    "pptx": (offices.pptx, "ppt/slides/slide1.xml"),
    "xlsx": (offices.xlsx, "xl/worksheets/sheet1.xml"),
}


def parts_of(data: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def declared(loader: str, declaration: str) -> bytes:
    """A document whose main part begins with that declaration."""
    made, name = SAMPLES[loader]
    parts = parts_of(made())
    body = bytes(parts[name])  # type: ignore[arg-type]
    start = body.find(b"?>") + 2 if body.startswith(b"<?xml") else 0
    return packed({**parts, name: body[:start] + declaration.encode() + body[start:]})


def refused(loader: str, data: bytes, folder: Path, **options: int) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(loader, data, folder, **options)
    return caught.value


@pytest.mark.parametrize("loader", SAMPLES)
@pytest.mark.parametrize("declaration", [LAUGHS, FILES, "<!DOCTYPE x>"])
def test_parts_that_declare_entities_are_refused(loader: str, declaration: str, tmp_path: Path) -> None:
    error = refused(loader, declared(loader, declaration), tmp_path)
    assert error.kind == "refused"
    assert error.place == SAMPLES[loader][1]


def test_entities_in_utf_16_are_refused_too(tmp_path: Path) -> None:
    body = f'<?xml version="1.0" encoding="utf-16"?>{LAUGHS}<w:document {W}/>'.encode("utf-16")
    assert refused("docx", packed({"word/document.xml": body}), tmp_path).kind == "refused"


def test_entities_of_a_book_are_not_expanded(tmp_path: Path) -> None:
    parts = parts_of(offices.epub())
    opf = bytes(parts["OEBPS/book.opf"]).decode()  # type: ignore[arg-type]
    opf = opf.replace('<?xml version="1.0"?>', f'<?xml version="1.0"?>{FILES}').replace("The Gauge", "The &e;Gauge")
    [first, *_] = read("epub", packed({**parts, "OEBPS/book.opf": opf}), tmp_path)
    host = Path("/etc/hostname").read_text().strip()
    assert not host or host not in first.head.title


@pytest.mark.parametrize("loader", [*SAMPLES, "epub"])
def test_a_bomb_is_refused_before_it_is_unpacked(loader: str, tmp_path: Path) -> None:
    made = SAMPLES[loader][0] if loader in SAMPLES else offices.epub
    data = packed({**parts_of(made()), "word/media/bomb.bin": bytes(30_000_000)})
    assert len(data) < 500_000
    start = time.monotonic()
    error = refused(loader, data, tmp_path, max_unpacked=20_000_000)
    assert (error.kind, time.monotonic() - start < 5) == ("limit", True)
    assert "max_unpacked" in error.message


def test_a_part_gives_no_more_bytes_than_its_list_says(tmp_path: Path) -> None:
    data = bytearray(packed({**parts_of(offices.docx()), "word/document.xml": b"<a>" + bytes(5_000_000)}))
    size = (5_000_003).to_bytes(4, "little")
    data[:] = data.replace(size, (100).to_bytes(4, "little"))
    assert refused("docx", bytes(data), tmp_path).kind == "damaged"


def test_too_many_cells_are_refused_before_they_are_read(tmp_path: Path) -> None:
    error = refused("xlsx", offices.long_xlsx(), tmp_path, max_cells=500)
    assert error.kind == "limit"
    assert "max_cells" in error.message


@pytest.mark.parametrize("ref", ["F4:XFD1048576", "&#70;4:XFD1048576"])
@pytest.mark.parametrize(
    "tag", ['<mergeCells><mergeCell ref="{}"/></mergeCells>', '<hyperlinks><hyperlink ref="{}"/></hyperlinks>']
)
def test_a_range_over_all_cells_is_refused_before_they_are_made(ref: str, tag: str, tmp_path: Path) -> None:
    parts = parts_of(offices.xlsx())
    name = "xl/worksheets/sheet1.xml"
    body = bytes(parts[name]).decode()  # type: ignore[arg-type]
    body = re.sub("<mergeCells.*?</mergeCells>", tag.format(ref), body)
    start = time.monotonic()
    assert refused("xlsx", packed({**parts, name: body}), tmp_path).kind == "limit"
    assert time.monotonic() - start < 10


def test_a_sheet_that_claims_to_be_large_costs_nothing(tmp_path: Path) -> None:
    parts = parts_of(offices.xlsx())
    name = "xl/worksheets/sheet1.xml"
    body = bytes(parts[name]).decode()  # type: ignore[arg-type]
    assert (wide := re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', body)) != body
    assert "A lone remark." in texts(read("xlsx", packed({**parts, name: wide}), tmp_path), "paragraph")


@pytest.mark.parametrize("loader", [*SAMPLES, "epub", "unstructured"])
def test_a_password_and_an_old_format_are_named(loader: str, tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
    kind = "application/vnd.oasis.opendocument.text" if loader == "unstructured" else ""
    with pytest.raises(SourceError, match="password") as caught:
        read(loader, ole, tmp_path, kind)
    assert caught.value.kind == "encrypted"


def test_styles_in_a_ring_and_deep_nesting_end(tmp_path: Path) -> None:
    ring = "".join(
        f'<w:style w:styleId="{a}"><w:name w:val="{a}"/><w:basedOn w:val="{b}"/></w:style>' for a, b in ("AB", "BA")
    )
    deep = "<w:sdt><w:sdtContent>" * 100 + paragraph("Deep.") + "</w:sdtContent></w:sdt>" * 100
    data = word(
        paragraph("Ringed.", '<w:pStyle w:val="A"/>') + deep, {"word/styles.xml": f"<w:styles {W}>{ring}</w:styles>"}
    )
    assert texts(read("docx", data, tmp_path), "paragraph") == ["Ringed.", "Deep."]
    deeper = "<w:sdt>" * 100_000 + "</w:sdt>" * 100_000
    assert refused("docx", word(deeper), tmp_path).kind == "damaged"


def test_spans_without_measure_are_cut(tmp_path: Path) -> None:
    cell = '<w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>{}</w:tc>'
    data = word(f"<w:tbl><w:tr>{cell.format(paragraph('a'))}{cell.format(paragraph('b'))}</w:tr></w:tbl>")
    [table] = [one for one in elements(read("docx", data, tmp_path)) if one.role == "table"]
    assert max(one.columns for one in table.cells) <= 1000


def test_external_pictures_and_paths_out_of_the_package_are_not_followed(tmp_path: Path) -> None:
    parts = parts_of(offices.docx())
    name = "word/_rels/document.xml.rels"
    for target in ("../../../../etc/passwd", "file:///etc/passwd", "/etc/passwd"):
        told = bytes(parts[name]).replace(b"media/card.png", target.encode())  # type: ignore[arg-type]
        found = elements(read("docx", packed({**parts, name: told}), tmp_path))
        assert [one.media for one in found if one.role == "figure"] == [None]


def test_books_whose_chapters_lie_elsewhere(tmp_path: Path) -> None:
    parts = parts_of(offices.epub())
    opf = bytes(parts["OEBPS/book.opf"]).replace(b"text/two.xhtml", b"../../../etc/passwd")  # type: ignore[arg-type]
    found = read("epub", packed({**parts, "OEBPS/book.opf": opf}), tmp_path)
    assert texts(found, "heading") == ["The roof"]
    assert "missing" in notices(found)


@pytest.mark.parametrize(
    "book",
    [[], {}, {"cells": 1}, {"cells": [1, {"cell_type": "code", "source": 5, "outputs": [{"data": 3}, 7]}]},
     {"cells": [{"cell_type": "markdown", "source": "![x](attachment:y.png)", "attachments": {"y.png": 4}}]},
     {"worksheets": [3, {"cells": [{"cell_type": "heading", "level": "x", "source": "Old"}]}]},
     {"metadata": 3, "cells": []}],
)  # fmt: skip
def test_notebooks_of_any_shape(book: object, tmp_path: Path) -> None:
    try:
        read("notebook", json.dumps(book).encode(), tmp_path)
    except SourceError as error:
        assert error.kind == "damaged"  # noqa: PT017


def test_a_notebook_nested_without_end_is_damaged(tmp_path: Path) -> None:
    assert refused("notebook", b'{"cells": ' + b"[" * 100_000, tmp_path).kind == "damaged"


def test_a_notebook_keeps_a_bounded_part_of_a_log(tmp_path: Path) -> None:
    output = {"output_type": "stream", "text": "word " * 100_000}
    more = [{"cell_type": "code", "source": "1", "outputs": [output]}]
    found = read("notebook", offices.notebook(more), tmp_path)  # type: ignore[arg-type]
    assert max(len(one.text) for one in elements(found)) == 20_000
    assert "500,000 characters" in notices(found)
