"""Bytes that are cut, changed or nonsense give parts or a SourceError, never another error."""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rag.loaders.pdf import PDF

from rag.document import WHOLE, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import pdfs


@cache
def samples() -> tuple[bytes, ...]:
    return (
        pdfs.headings(), pdfs.ruled_table(), pdfs.vector_figure(), pdfs.raster_figure(), pdfs.many_pages(4),
        pdfs.encrypted(), pdfs.rotated(90, crop=True),
    )  # fmt: skip


def checked(error: SourceError) -> SourceError:
    assert error.kind in ("damaged", "empty", "encrypted", "limit")
    assert "cut.pdf" in str(error)
    return error


def read(data: bytes) -> list[Part] | SourceError:
    """With both engines; what the first gave."""
    found = _read(data, "mupdf")
    _read(data, "pdfium")
    return found


def _read(data: bytes, engine: Any) -> list[Part] | SourceError:
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(data)
        file.flush()
        source = Source("cut.pdf", "application/pdf", digest(data), file.name)
        try:
            parts = list(PDF(engine=engine).load(source))
            png = PDF(engine=engine).render(source, PageRegion(1, WHOLE), 20)
        except SourceError as error:
            return checked(error)
    assert png.startswith(b"\x89PNG")
    for part in parts:
        assert len(part.pages) <= 32
        for element in part.elements:
            assert all(isinstance(place, PageRegion) for place in element.origin.places)
            assert "\x00" not in element.text
    return parts


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 6), st.floats(0, 1))
@example(0, 0.999)
@example(4, 0.5)
def test_truncated_anywhere(which: int, share: float) -> None:
    data = samples()[which]
    read(data[: int(len(data) * share)])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 6), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), max_size=12))
def test_changed_anywhere(which: int, changes: list[tuple[float, bytes]]) -> None:
    data = bytearray(samples()[which])
    for share, new in changes:
        at = int((len(data) - len(new)) * share)
        data[at : at + len(new)] = new
    read(bytes(data))


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_after_a_header(tail: bytes) -> None:
    assert isinstance(read(b"%PDF-1.7\n" + tail), SourceError)


def test_whole_files_are_read() -> None:
    kinds = [read(data) for data in samples()]
    assert [isinstance(found, SourceError) for found in kinds] == [False] * 5 + [True, False]
