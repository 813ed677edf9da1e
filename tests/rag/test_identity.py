"""Names that follow from content."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.document import (
    WHOLE,
    Box,
    CellRange,
    CharSpan,
    Chunk,
    MarkupPath,
    Media,
    Origin,
    PageRegion,
    Place,
    Source,
    TimeSpan,
)
from rag.identity import combined, contextual, digest, element_id, file_digest, identified, place_key, view_text
from tests.rag import nouns

SOURCE = Source("a.pdf", "application/pdf", "a" * 64)
CHUNK = Chunk("", "text", Origin(SOURCE, (PageRegion(1, WHOLE),)), text="rain")
PICTURE = Media("image/png", "b" * 64, 3)


def ids(*chunks: Chunk) -> list[str]:
    return [chunk.id for chunk in identified(chunks)]


def test_an_id_is_the_same_in_every_release() -> None:
    """Corpora on disk hold these: a change here needs a migration."""
    assert ids(CHUNK) == ["14a0f75f95483cea1201d278e195831a"]
    assert element_id("a" * 64, 0, 3) == "7d4f33edcd8577481b48aef0397b39e0"


@given(st.lists(nouns.chunks, max_size=4))
def test_ids_and_views_are_a_function_of_the_chunks(chunks: list[Chunk]) -> None:
    first, second = list(identified(chunks)), list(identified(iter(chunks)))
    assert first == second
    assert all(re.fullmatch("[0-9a-f]{32}", chunk.id) for chunk in first)
    assert len({chunk.id for chunk in first}) == len(first), "no two chunks of a document share an id"
    assert [replace(one, id="", views=()) for one in first] == [replace(one, id="", views=()) for one in chunks]


def test_what_differs_has_another_id() -> None:
    other = replace(SOURCE, digest="c" * 64)
    variants = [
        CHUNK,
        replace(CHUNK, text="Rain"),
        replace(CHUNK, modality="table"),
        replace(CHUNK, media=PICTURE),
        replace(CHUNK, origin=Origin(other, CHUNK.origin.places)),
        replace(CHUNK, origin=Origin(SOURCE, (PageRegion(2, WHOLE),))),
        replace(CHUNK, origin=Origin(SOURCE, (PageRegion(1, Box(0, 0, 1, 0.5)),))),
        replace(CHUNK, origin=Origin(SOURCE, (PageRegion(1, WHOLE), CharSpan(0, 4)))),
        replace(CHUNK, origin=Origin(SOURCE, (MarkupPath("1"),))),
        replace(CHUNK, origin=Origin(SOURCE, (TimeSpan(0, 4),))),
        replace(CHUNK, origin=Origin(SOURCE, (CellRange("Rain", "A1:B2"),))),
        replace(CHUNK, origin=Origin(SOURCE, (CellRange("Rain", "A1"),))),
        replace(CHUNK, origin=Origin(SOURCE, (CharSpan(0, 4),))),
    ]
    assert len({ids(one)[0] for one in variants}) == len(variants)


def test_what_is_only_said_of_a_chunk_does_not_move_its_id() -> None:
    told = replace(
        CHUNK, headings=("a",), title="t", labels=(("a", 1),), tokens=9, role="list",
        origin=Origin(replace(SOURCE, uri="b.pdf", path="/b.pdf"), CHUNK.origin.places),
    )  # fmt: skip
    assert ids(told) == ids(CHUNK)


def test_equals_are_told_apart_by_their_order() -> None:
    thrice = ids(CHUNK, CHUNK, CHUNK)
    assert len(set(thrice)) == 3
    assert thrice[:2] == ids(CHUNK, CHUNK)


def test_equal_places_have_one_key() -> None:
    assert place_key(TimeSpan(1, 2)) == place_key(TimeSpan(1.0, 2.0))
    assert combined(place_key(TimeSpan(1, 2))) == combined(place_key(TimeSpan(1.0, 2.0)))


@given(nouns.places, nouns.places)
def test_places_have_one_key_if_they_are_equal(one: Place, other: Place) -> None:
    assert (combined(place_key(one)) == combined(place_key(other))) == (one == other)


@given(st.lists(nouns.texts), st.lists(nouns.texts))
def test_lists_of_texts_do_not_run_together(one: list[str], other: list[str]) -> None:
    assert (combined(*one) == combined(*other)) == (one == other)


def views(chunk: Chunk) -> dict[str, str]:
    return {view.name: view.digest for view in next(identified([chunk])).views}


def test_views_name_what_encoders_read() -> None:
    under = replace(CHUNK, headings=("Weather", "March"), title="Report")
    assert views(under) == {"text": digest("rain"), "contextual": digest("Weather > March\nrain")}
    assert views(replace(CHUNK, title="Report"))["contextual"] == digest("Report\nrain")
    assert views(CHUNK)["contextual"] == digest("rain")
    assert views(replace(CHUNK, media=PICTURE))["pixels"] == PICTURE.digest
    assert view_text(under, "contextual") == contextual(under)
    assert view_text(under, "text") == "rain"


def test_a_page_has_pixels_of_its_own() -> None:
    page = replace(CHUNK, text="", role="page", modality="image")
    second = replace(page, origin=Origin(SOURCE, (PageRegion(2, WHOLE),)))
    assert set(views(page)) == {"pixels"}
    assert views(page) != views(second)
    assert views(replace(CHUNK, text="")) == {}


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"rain" * 100_000)
    assert file_digest(tmp_path / "a") == digest(b"rain" * 100_000) == digest("rain" * 100_000)


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "gone"):
        with pytest.raises(OSError):
            file_digest(path)


@given(st.text(max_size=40), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_short_way_to_an_element_id_is_no_other(source: str, part: int, ordinal: int) -> None:
    for name in (source, digest(source)):
        assert element_id(name, part, ordinal) == combined("element", name, part, ordinal)[:32]
