"""PDFs that ask for more than they show end in a SourceError or a warning, with both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rag.loaders.pdf import PDF
from rag.pipelines.workers import Limits, Stopped, Worker

from rag.document import WHOLE, PageRegion, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import hostile_pdfs as hostile

Write = Callable[[bytes], Source]


@pytest.fixture(params=["mupdf", "pdfium"])
def engine(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes) -> Source:
        path = tmp_path / "bomb.pdf"
        path.write_bytes(data)
        return Source("bomb.pdf", "application/pdf", digest(data), str(path))

    return written


def read(source: Source, engine: Any) -> list[Part]:
    """Its parts, once its first page has been drawn too."""
    loader = PDF(engine=engine, max_render_pixels=2_000_000)
    parts = list(loader.load(source))
    assert loader.render(source, PageRegion(1, WHOLE), 72).startswith(b"\x89PNG")
    return parts


def said(parts: list[Part]) -> list[str]:
    return [element.text for part in parts for element in part.elements if element.role != "figure"]


def warned(parts: list[Part]) -> list[str]:
    return [notice.message for part in parts for notice in part.warnings]


def test_a_hundred_thousand_pages_are_refused(write: Write, engine: Any) -> None:
    with pytest.raises(SourceError, match="100000 pages, more than the limit of 20000") as caught:
        read(write(hostile.wide_tree(100_000)), engine)
    assert caught.value.kind == "limit"


@pytest.mark.parametrize("data", [hostile.deep_tree(5000), hostile.lying_count(), hostile.looping_tree()])
def test_page_trees_that_are_none(write: Write, engine: Any, data: bytes) -> None:
    try:
        pages = sum(len(part.pages) for part in read(write(data), engine))
    except SourceError as error:
        pages = 1 if error.kind in ("damaged", "limit") else 0
    assert pages == 1


@pytest.mark.parametrize("data", [hostile.recursive_form(), hostile.laughing_forms(3)])
def test_form_objects_within_themselves(write: Write, engine: Any, data: bytes) -> None:
    assert hostile.SAID in said(read(write(data), engine))


def test_a_page_of_20_000_points_is_read_and_drawn_small(write: Write, engine: Any) -> None:
    assert said(read(write(hostile.large_page(20_000)), engine)) == [hostile.SAID]


def test_an_impossible_page_is_a_notice(write: Write, engine: Any) -> None:
    (message,) = warned(read(write(hostile.large_page(10**9)), engine))
    assert message.startswith("page 1 cannot be read (its size of 1000000000.0 x 1000000000.0 points is impossible)")


def test_bombs_are_read_in_bounded_memory(write: Write, engine: Any) -> None:
    before = psutil.Process().memory_info().rss
    assert hostile.SAID in said(read(write(hostile.blank_bomb(40_000_000)), engine))
    assert hostile.SAID in said(read(write(hostile.picture_bomb()), engine))
    assert psutil.Process().memory_info().rss - before < 400 * 2**20


def test_more_drawings_than_can_be_looked_at(write: Write, engine: Any) -> None:
    parts = read(write(hostile.many_paths(70_000)), engine)
    assert warned(parts) == ["page 1 has too many drawings to look for figures and ruled tables in them"]
    assert said(parts) == [hostile.SAID]


def test_more_lines_than_a_page_can_have(write: Write, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.loaders.pdf.text.MAX_LINES", 2000)
    (message,) = warned(read(write(hostile.many_lines(3000)), engine))
    assert message.startswith("page 1 cannot be read (it has ")
    assert "lines of text, more than the 2000 that are looked at" in message


def test_a_page_that_takes_for_ever_is_given_up(write: Write, engine: Any, tmp_path: Path) -> None:
    """Neither library can be asked to stop: the process that reads is ended at its limit."""
    source = write(hostile.laughing_forms(9))
    request = {
        "op": "derive",
        "source": {"uri": source.uri, "media_type": source.media_type, "digest": source.digest, "path": source.path},
        "loader": {"use": "loaders/pdf", "engine": engine},
        "chunker": {"use": "loaders/chunking/structure"},
        "folder": str(tmp_path),
    }
    worker = Worker(Limits(seconds=2, memory=2**30))
    try:
        with pytest.raises(Stopped, match="took longer than 2 s for one part") as caught:
            list(worker.run(request))
    finally:
        worker.stop()
    assert caught.value.kind == "limit"
