"""Markdown: blocks with the characters they come from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.markdown import Markdown

from rag.document import CharSpan, Element, Media, Part, Source
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import images, texts


class KeptAssets:
    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        return Media(media_type, name, len(data))


def load(folder: Path, data: bytes, **options: object) -> list[Part]:
    path = folder / "notes.md"
    path.write_bytes(data)
    return list(Markdown(**options).load(Source(str(path), "text/markdown", digest(data), str(path))))  # type: ignore[arg-type]


def elements(folder: Path, text: str, **options: object) -> list[Element]:
    return [element for part in load(folder, text.encode(), **options) for element in part.elements]


def source_of(element: Element, text: str) -> str:
    place = element.origin.places[0]
    assert isinstance(place, CharSpan)
    return text[place.start : place.end]


def test_a_whole_text(tmp_path: Path) -> None:
    parts = load(tmp_path, texts.markdown())
    assert parts[0].head.title == "Rain gauges"
    assert dict(parts[0].head.metadata)["author"] == "A. Weir"
    reading = ("Gauges", "Reading")
    assert [(e.role, e.text, e.headings) for e in parts[0].elements] == [
        ("heading", "Gauges", ()),
        ("paragraph", "A gauge collects rain in a funnel and keeps it.", ("Gauges",)),
        ("heading", "Reading", ("Gauges",)),
        ("list", "- Stand level.", reading),
        ("list", "  - Not above.", reading),
        ("list", "- Write it down.", reading),
        ("list", "3. Empty it.", reading),
        ("code", "total += rain", reading),
        ("table", "| Month | Rain |\n| --- | --- |\n| May | 40 |\n| June | 31 |", reading),
        ("paragraph", "Quoted words.", reading),
        ("figure", "Four fields of colour", reading),
        ("paragraph", "Raw markup", reading),
    ]


def test_places(tmp_path: Path) -> None:
    text = texts.markdown().decode()
    found = {e.text: source_of(e, text) for e in elements(tmp_path, text)}
    assert found["Gauges"] == "# Gauges"
    assert found["Reading"] == "## Reading"
    assert found["A gauge collects rain in a funnel and keeps it."].startswith("A gauge *collects*")
    assert found["- Stand level."] == "- Stand level."
    assert found["total += rain"] == "```python\ntotal += rain\n```"
    assert found["Four fields of colour"].startswith("![Four fields of colour](data:")


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_places_with_other_line_ends(tmp_path: Path, newline: str) -> None:
    text = "---\ntitle: x\n---\n\n# One\n\ntwo\nlines\n\n- three\n".replace("\n", newline)
    path = tmp_path / "notes.md"
    path.write_bytes(text.encode())
    found = [e for part in load(tmp_path, text.encode()) for e in part.elements]
    assert [source_of(e, text) for e in found] == ["# One", f"two{newline}lines", "- three"]


def test_title_without_settings(tmp_path: Path) -> None:
    assert load(tmp_path, b"# The *title* of [it](x)\n\ntext")[0].head.title == "The title of it"
    assert load(tmp_path, b"no heading")[0].head.title == "notes.md"
    assert load(tmp_path, b"---\nnot settings\n---\n\ntext")[0].elements[0].role == "heading"


def test_local_pictures(tmp_path: Path) -> None:
    (tmp_path / "card.png").write_bytes(images.png())
    (tmp_path.parent / "outside.png").write_bytes(images.png())
    text = "Look: ![](card.png) and ![a gauge outside](../outside.png)\n\n<img src='card.png' alt='raw one'>\n"
    found = [e for e in elements(tmp_path, text, assets=KeptAssets()) if e.role == "figure"]
    assert [(e.text, bool(e.media)) for e in found] == [("", True), ("a gauge outside", False), ("raw one", True)]
    assert source_of(found[0], text) == "![](card.png)"


@pytest.mark.parametrize(
    "text",
    [">" * 50_000 + " deep", "[" * 50_000, "*a_ " * 20_000, "`" * 50_000, "- " * 5_000 + "x", "![" * 20_000,
     "<" * 50_000, "|a" * 5_000 + "|\n" + "|-" * 5_000 + "|\n", "[a](" * 20_000, "&" * 50_000, "1. " * 3_000],
    ids=lambda text: text[:6],
)  # fmt: skip
def test_hostile_text_ends(tmp_path: Path, text: str) -> None:
    began = time.monotonic()
    assert load(tmp_path, text.encode())
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("data", "kind"), [(bytes(3000), "unsupported"), (b" \n\n ", "empty")])
def test_refused(tmp_path: Path, data: bytes, kind: str) -> None:
    with pytest.raises(SourceError) as caught:
        load(tmp_path, data)
    assert caught.value.kind == kind


SOUP = st.text(st.sampled_from("ab *_`#>-|[]()!<\n 1.=~+:&\\"), max_size=150)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), SOUP.map(str.encode)))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        parts = load(tmp_path_factory.getbasetemp(), data)
    except SourceError:
        return
    for element in parts[0].elements:
        place = element.origin.places[0]
        assert isinstance(place, CharSpan)
        assert 0 <= place.start <= place.end <= len(data)
