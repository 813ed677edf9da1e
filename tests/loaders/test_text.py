"""Plain text: blocks with the characters they come from."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.text import Text

from rag.document import CharSpan, Element, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import texts


def load(folder: Path, data: bytes, media_type: str = "text/plain", **options: int) -> list[Part]:
    path = folder / "file"
    path.write_bytes(data)
    return list(Text(**options).load(Source(str(path), media_type, digest(data), str(path))))


def elements(folder: Path, data: bytes, media_type: str = "text/plain") -> list[Element]:
    return [element for part in load(folder, data, media_type) for element in part.elements]


def span(element: Element) -> tuple[int, int]:
    place = element.origin.places[0]
    assert isinstance(place, CharSpan)
    return place.start, place.end


def test_blocks(tmp_path: Path) -> None:
    found = elements(tmp_path, texts.plain())
    assert [(e.role, e.text) for e in found] == [
        ("paragraph", "The gauge"),
        (
            "paragraph",
            "A gauge collects rain in a funnel, and the funnel leads it into a glass with a scale that is read "
            "every morning at the same hour by the same person.",
        ),
        ("code", "for day in month:\n    total += rain[day]\n\nprint(total)"),
        ("list", "- Stand level with the scale.\n- Write down the millimetres."),
        ("code", "fenced code"),
        ("paragraph", "The end."),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_are_characters_of_the_decoded_text(tmp_path: Path, encoding: str, newline: str) -> None:
    text = "Größe\nund Länge\n\n\n  Zweiter Absatz \n\n    code\n".replace("\n", newline)
    found = elements(tmp_path, text.encode(encoding))
    assert [text[slice(*span(element))].split() for element in found] == [e.text.split() for e in found]
    assert [e.text for e in found] == ["Größe\nund Länge", "Zweiter Absatz", "code"]


def test_long_lines_and_blocks_are_cut_without_loss(tmp_path: Path) -> None:
    text = "word " * 5000 + "\n" + "x" * 9001 + "\n" + "\n".join(f"line {number}" for number in range(3000))
    found = elements(tmp_path, text.encode())
    assert max(len(element.text) for element in found) <= 4000
    assert " ".join(text[slice(*span(element))] for element in found).split("x")[0].split() == ["word"] * 5000
    assert sum(len(e.text.replace(" ", "").replace("\n", "")) for e in found) == len("".join(text.split()))
    ends = [span(element) for element in found]
    assert all(one[1] <= two[0] for one, two in pairwise(ends))


def test_wide_tables_of_values(tmp_path: Path) -> None:
    table = elements(tmp_path, texts.csv(), "text/csv")
    assert len(table) == 1
    assert table[0].modality == "table"
    assert table[0].text.splitlines()[0] == "| Month | Rain | Note |"
    assert "| June | 31 | dry, warm |" in table[0].text
    assert [cell.text for cell in table[0].cells if cell.header] == ["Month", "Rain", "Note"]
    assert span(table[0]) == (0, len(texts.CSV))


def test_long_tables_are_parted_and_keep_their_header(tmp_path: Path) -> None:
    rows = "name;value\n" + "".join(f"row {number};{number}\n" for number in range(120))
    found = elements(tmp_path, rows.encode(), "text/csv")
    assert len(found) == 3
    assert all(e.text.startswith("| name | value |") for e in found)
    assert "".join(rows[slice(*span(e))] for e in found) == rows


@pytest.mark.parametrize(
    "data", [b'a,b\n"never closed,' + b"x\n" * 90_000, b"no delimiter\nat all\n", b",,,\n,,\n", b"a,b"]
)
def test_values_that_are_no_table(tmp_path: Path, data: bytes) -> None:
    assert load(tmp_path, data, "text/csv")


def test_data_files_keep_their_lines(tmp_path: Path) -> None:
    found = elements(tmp_path, b'{"a": 1}\n\n{"b":\t2}\n', "application/jsonl")
    assert [(e.role, e.text) for e in found] == [("code", '{"a": 1}'), ("code", '{"b":\t2}')]
    assert elements(tmp_path, b"a:\n  - 1\n", "application/yaml")[0].text == "a:\n  - 1"


@pytest.mark.parametrize("data", [bytes(5000), b"words\0more", b"a" * 300_000 + b"\0" * 50, bytes(range(256)) * 20])
def test_binary_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data)
    assert caught.value.kind == "unsupported"


def test_over_the_limit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="max_bytes") as caught:
        load(tmp_path, b"x" * 101, max_bytes=100)
    assert caught.value.kind == "limit"


def peak(folder: Path, paragraphs: int) -> int:
    """The most memory that reading so many paragraphs takes, in bytes."""
    path = folder / "long.txt"
    path.write_bytes(b"A line of some words that fill it.\n\n" * paragraphs)
    source = Source(str(path), "text/plain", "0" * 64, str(path))
    tracemalloc.start()
    assert sum(len(part.elements) for part in Text().load(source)) == paragraphs
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peak(tmp_path, 10)  # what is imported at first use
    assert peak(tmp_path, 8000) < 1.5 * peak(tmp_path, 2000)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(Text.media_types))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, media_type: str) -> None:
    with suppress(SourceError):
        assert load(tmp_path_factory.getbasetemp(), data, media_type)[0].number == 0


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab -*#\t\n\r\f1.,\u2028é"), max_size=200))
def test_no_word_is_lost(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    if not text.strip():
        return
    found = elements(tmp_path_factory.getbasetemp(), text.encode())
    kept = [char for element in found for char in text[slice(*span(element))] if char.isalnum()]
    assert kept == [char for char in text if char.isalnum()]
