"""Paths as other systems write them, on strings: nothing here is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.pipelines.sources import found

from rag.addresses import is_url
from rag.sniff import media_type


@pytest.mark.parametrize("name", ["C:\\data\\REPORT.PDF", "c:/data/report.Pdf", "REPORT.pdf", "\\\\host\\share\\a.PDF"])
def test_the_type_does_not_ask_for_case(name: str) -> None:
    assert media_type(name, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj") == "application/pdf"


@pytest.mark.parametrize(
    "name",
    ["C:\\data\\report.pdf", "c:/data/report.pdf", "C://data", "\\\\host\\share\\x.pdf", "http:x", "NUL", "con.pdf"],
)
def test_a_drive_or_a_share_is_no_address(name: str, tmp_path: Path) -> None:
    assert not is_url(name)
    (one,) = found([name], tmp_path)
    assert one.error is not None
    assert one.error.kind == "missing"
