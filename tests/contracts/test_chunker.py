"""What holds for every chunker, over any document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure

from rag.document import Chunk, Page, Part
from rag.protocols import Chunker
from rag.words import words
from tests.loaders.chunking.build import Document, sentence

LIMIT = 64
CHUNKERS: dict[str, Callable[[], Chunker]] = {"structure": lambda: Structure(target=48, maximum=LIMIT)}
ROLES = ["paragraph", "list", "code", "table", "figure", "caption", "footnote", "equation", "header", "hidden"]


every = pytest.mark.parametrize("chunker", [make() for make in CHUNKERS.values()], ids=CHUNKERS)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    document = Document()
    page = 1
    for number in range(draw(st.integers(0, 14))):
        page += draw(st.integers(0, 1))
        role = draw(st.sampled_from(["heading", "heading", *ROLES]))
        size = draw(st.integers(1, 90))
        if role == "heading":
            document.heading(f"Title{number}", draw(st.integers(1, 3)), page)
        elif role == "table":
            rows = "\n".join(f"| c{number}x{row} | value |" for row in range(size * 2))
            document.add(f"| A{number} | B |\n| --- | --- |\n{rows}", role, page, caption=f"Caption{number}")
        elif role == "figure":
            document.add(draw(st.sampled_from(["", sentence(size)])), role, page, caption=f"Caption{number}")
        else:
            lead = draw(st.sampled_from(["", "", f"lead{number}:"]))
            text = lead or " ".join(sentence(min(size, 30), 1000 * number + 100 * k) for k in range(size // 30 + 1))
            document.add(text, role, page)
    return document


def all_words(chunk: Chunk) -> set[str]:
    return set(words(" ".join([chunk.text, *chunk.headings])))


@every
@given(document=documents())
def test_every_word_that_is_read_is_in_some_chunk(chunker: Chunker, document: Document) -> None:
    found = set().union(*(all_words(chunk) for chunk in chunker(document.parts())))
    for element in document.elements:
        if element.role not in ("header", "footer", "hidden"):
            assert set(words(f"{element.text} {element.caption}")) <= found


@every
@given(document=documents())
def test_chunks_keep_the_limit_and_have_places(chunker: Chunker, document: Document) -> None:
    for chunk in chunker(document.parts()):
        assert chunk.origin.places
        assert chunk.tokens <= LIMIT * (4 if chunk.modality in ("table", "image") else 1)
        assert chunk.tokens == len(words(chunk.text))


@every
@given(document=documents())
def test_tables_and_figures_keep_their_captions(chunker: Chunker, document: Document) -> None:
    for chunk in chunker(document.parts()):
        if chunk.role in ("table", "figure"):
            assert chunk.text.startswith("Caption")


@every
@given(document=documents(), data=st.data())
def test_where_parts_are_cut_changes_nothing(chunker: Chunker, document: Document, data: st.DataObject) -> None:
    pages = [Page(number, "", 600, 800) for number in range(1, 4)]
    count = len(document.elements)
    cuts = data.draw(st.lists(st.integers(0, count), max_size=4))
    assert list(chunker(document.parts(cuts))) == list(chunker(document.parts()))
    assert list(chunker(document.parts(pages=pages))) == list(chunker(document.parts(pages=pages)))


@every
@given(document=documents(), data=st.data())
def test_chunks_between_two_parts_depend_on_the_parts_before(
    chunker: Chunker, document: Document, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(document.elements)))
    parts = document.parts([cut])
    until: list[int] = []

    def watched(given_parts: Iterable[Part], seen: list[Chunk]) -> Iterator[Part]:
        for part in given_parts:
            until.append(len(seen))
            yield part

    runs = []
    for given_parts in (parts, [parts[0], *Document().add("Quite another end.").parts()]):
        seen: list[Chunk] = []
        for chunk in chunker(watched(given_parts, seen)):
            seen.append(chunk)
        runs.append(seen)
    first = until[1]
    assert until[1] == until[3]
    assert runs[0][:first] == runs[1][:first]


@every
def test_no_parts_give_no_chunks(chunker: Chunker) -> None:
    assert list(chunker([])) == []
