"""Pointed: what a question points at comes first, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rag.retrievers.indexes.tantivy import Tantivy
from rag.retrievers.pointed import Pointed
from rag.retrievers.pointing.places import alike, in_band

from rag.answer import Hit, query
from rag.document import Box, Chunk, Coloured, Origin, PageRegion, Source, TimeSpan
from rag.filters import Eq
from rag.identity import digest, identified
from rag.words import words
from tests.golden.catalogs import MemoryCatalog
from tests.retrievers.lists import Listed

PDF = Source("station.pdf", "application/pdf", digest("station"))
FILM = Source("film.mp4", "video/mp4", digest("film"))


def made(text: str, page: int, box: Box = Box(0, 0.4, 1, 0.6), **fields: object) -> Chunk:  # noqa: B008
    return replace(Chunk("", "text", Origin(PDF, (PageRegion(page, box),)), text=text), **fields)  # type: ignore[arg-type]


CHUNKS = list(
    identified(
        [
            made("Rain was heavy, as Figure 2 shows.", 1),
            made("Figure 1: Rain by month", 2, role="figure"),
            made("Figure 2: Wind by month, a map", 2, Box(0, 0.8, 1, 0.9), role="figure"),
            made("TABLE II. Gusts", 3, role="table", modality="table"),
            made("The gauge is cleaned in May.", 4, headings=("3 Care", "3.4 Cleaning the gauge")),
            made("Thanks to all.", 5),
            Chunk("", "video", Origin(FILM, (TimeSpan(0, 6),)), text="One"),
            Chunk("", "video", Origin(FILM, (TimeSpan(6, 12),)), text="Two"),
        ]
    )
)


@pytest.fixture
def found(tmp_path: Path):  # type: ignore[no-untyped-def]
    catalog = MemoryCatalog(CHUNKS)
    catalog.labelled = {(PDF.digest, 4): "iv"}
    index = Tantivy(tmp_path / "text", catalog)
    index.add([one.id for one in CHUNKS], [(one.text, "\n".join(one.headings)) for one in CHUNKS])
    index.commit(1)
    listed = Listed([(one, 1.0 - at / 20) for at, one in enumerate(CHUNKS)])

    def ask(question: str, k: int = 20, **options: object) -> list[Hit]:
        return Pointed(listed, index, catalog, **options).retrieve([query(question)], k)[0]  # type: ignore[arg-type]

    return ask


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("What is on page 5?", "Thanks to all."),
        ("What is on page iv?", "The gauge is cleaned in May."),
        ("the last page", "Thanks to all."),
        ("What does figure 2 show?", "Figure 2: Wind by month, a map"),
        ("What is in table 2?", "TABLE II. Gusts"),
        ("What does section 3.4 say?", "The gauge is cleaned in May."),
        ('the section "Cleaning the gauges"', "The gauge is cleaned in May."),
        ("the bottom of page 2", "Figure 2: Wind by month, a map"),
        ("What is said at 0:07?", "Two"),
    ],
)
def test_what_is_pointed_at_is_first(found, question: str, first: str) -> None:  # type: ignore[no-untyped-def]
    hits = found(question)
    assert hits[0].chunk.text == first
    assert {hit.chunk.id for hit in hits} == {one.id for one in CHUNKS}
    assert hits[0].parts["pointed"].score > 0.5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_mention_counts_less_than_the_thing(found) -> None:  # type: ignore[no-untyped-def]
    hits = {hit.chunk.text: hit for hit in found("What does Figure 2 show?")}
    thing, mention = hits["Figure 2: Wind by month, a map"], hits["Rain was heavy, as Figure 2 shows."]
    assert thing.parts["pointed"].score > mention.parts["pointed"].score > 0
    assert "pointed" not in hits["Figure 1: Rain by month"].parts


def test_a_place_is_looked_for_in_the_document_that_is_named(tmp_path: Path) -> None:
    texts = {"lmer.pdf": "Table 1: Modules", "strucplot.pdf": "Table 1: Environments"}
    chunks = []
    for name, text in texts.items():
        source = Source(name, "application/pdf", digest(name))
        chunks.append(replace(made(text, 1, role="table"), origin=Origin(source, (PageRegion(1, Box(0, 0, 1, 1)),))))
    chunks = list(identified(chunks))
    catalog = MemoryCatalog(chunks)
    index = Tantivy(tmp_path / "text", catalog)
    index.add([one.id for one in chunks], [(one.text, "") for one in chunks])
    index.commit(1)
    listed = Listed([(chunks[1], 1.0), (chunks[0], 0.2)])
    hits = Pointed(listed, index, catalog).retrieve([query("What is Table 1 of the lmer paper?")], 2)[0]
    assert [hit.chunk.text for hit in hits] == ["Table 1: Modules", "Table 1: Environments"]


@pytest.fixture
def numbered(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A manual whose section and chapter numbers stand in titles, and as other things in its texts."""
    pieces = [
        made("3 ITS is shorthand for a long name.", 1, role="footnote"),
        made("3. Fill the gauge.\n4. Wait.", 1, role="list"),
        made("3.4: was changed in May, as was 3.5.", 2),
        made("Keep the gauge clean.", 3, headings=("DUTIES", "3.1 Tasks")),
        made("3.4 Rain\nIt is read at seven.", 4, headings=("DUTIES",)),
        made("Snow is melted first.", 5, headings=("DUTIES", "3.5 Snow")),
        *(made(f"The level was 3.5 on day {day}.", 6) for day in range(60)),
    ]
    chunks = list(identified(pieces))
    index = Tantivy(tmp_path / "numbered", MemoryCatalog(chunks))
    index.add([one.id for one in chunks], [(one.text, "\n".join(one.headings)) for one in chunks])
    index.commit(1)
    listed = Listed([(chunks[0], 1.0), (chunks[2], 0.9)])

    def ask(question: str) -> dict[str, float]:
        hits = Pointed(listed, index, MemoryCatalog(chunks)).retrieve([query(question)], 20)[0]
        return {hit.chunk.text: hit.parts["pointed"].score for hit in hits if "pointed" in hit.parts}

    return ask


def test_a_number_alone_is_a_section_only_as_a_title(numbered) -> None:  # type: ignore[no-untyped-def]
    assert numbered("What does section 3.4 say?") == {"3.4 Rain\nIt is read at seven.": 1.0}
    assert numbered("What does section 3.5 say?") == {"Snow is melted first.": 1.0}
    told = numbered("What does chapter 3 tell?")
    assert told["Keep the gauge clean."] == 1.0
    assert not any(text.startswith(("3 ITS", "3. Fill")) for text in told)


def test_a_chunk_that_repeats_itself_holds_nothing_up() -> None:
    from rag.retrievers.pointing.places import _rules

    for word in ("nono, ", "no1, ", "one and "):
        for rule in _rules("table", "3"):
            rule.search("Table " + word * 20_000)
    assert _rules("table", "3")[2].search("as Tables No. 1, 2 and 3 show")
    assert not _rules("appendix", "a")[1].match("A small rain gauge")
    assert _rules("appendix", "a")[1].match("A. Modules")


def test_a_kind_chooses_among_hits(found) -> None:  # type: ignore[no-untyped-def]
    assert found("the map", kind_weight=1.0)[0].chunk.text == "Figure 2: Wind by month, a map"
    assert found("the map", kind_weight=0.0)[0].chunk == CHUNKS[0]


def test_a_question_that_points_nowhere_changes_nothing(found) -> None:  # type: ignore[no-untyped-def]
    assert [hit.chunk for hit in found("How much rain fell?")] == CHUNKS
    assert [hit.chunk for hit in found("What is on page 99?")] == CHUNKS


def test_a_page_that_was_not_found_is_brought_in(tmp_path: Path) -> None:
    catalog = MemoryCatalog(CHUNKS)
    listed = Listed([(CHUNKS[0], 1.0)])

    class Nothing:
        def search(
            self, queries: Sequence[Sequence[str]], k: int, where: object = None
        ) -> list[list[tuple[str, float]]]:
            return [[] for _ in queries]

    pointed = Pointed(listed, Nothing(), catalog)
    first, second = pointed.retrieve([query("page 5")], 5)[0]
    assert (first.chunk.text, first.by, second.chunk) == ("Thanks to all.", "pointed", CHUNKS[0])
    none = pointed.retrieve([query("page 5", Eq("page", 1))], 5)[0]
    assert [hit.chunk for hit in none] == [CHUNKS[0]]


@pytest.mark.parametrize("options", [{"weight": -1}, {"name_weight": -0.1}, {"documents": 0}, {"depth": 0}])
def test_bad_arguments(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Pointed(Listed([]), Tantivy, MemoryCatalog(), **options)  # type: ignore[arg-type]


def test_titles_alike() -> None:
    assert alike("Warning and Cautions", "3.2 Warnings and cautions") > 0.84
    assert alike("Rain", "Wind") < 0.6
    assert alike("", "Wind") == 0.0
    assert words("3.4") == ["3.4"]


def test_bands() -> None:
    low = Box(0, 0.8, 0.4, 0.9)
    assert in_band(low, "bottom")
    assert in_band(low, "left")
    assert not in_band(low, "top")
    assert not in_band(low, "right")
    assert not in_band(low, "middle")
    assert in_band(low, "")


def looked(tmp_path: Path, *runs: tuple[int, Coloured]) -> list[Chunk]:
    chunks = list(CHUNKS)
    for at, run in runs:
        chunks[at] = replace(chunks[at], coloured=(*chunks[at].coloured, run))
    return chunks


def asked(tmp_path: Path, chunks: list[Chunk], question: str) -> list[Hit]:
    catalog = MemoryCatalog(chunks)
    index = Tantivy(tmp_path / "text", catalog)
    index.add([one.id for one in chunks], [(one.text, "") for one in chunks])
    index.commit(1)
    listed = Listed([(one, 1.0 - at / 20) for at, one in enumerate(chunks)])
    return Pointed(listed, index, catalog).retrieve([query(question)], 20)[0]


def on(page: int, start: int, end: int, **looks: object) -> Coloured:
    return Coloured(start, end, places=(PageRegion(page, Box(0.1, 0.1, 0.2, 0.2)),), **looks)  # type: ignore[arg-type]


def test_text_of_a_look_is_first_and_its_chunk_has_that_text_alone(tmp_path: Path) -> None:
    chunks = looked(
        tmp_path, (4, on(4, 4, 9, letters="red")), (4, on(4, 24, 27, letters="blue")), (3, on(3, 0, 5, letters="blue"))
    )
    hits = asked(tmp_path, chunks, "What does the red text say?")
    assert hits[0].chunk.text == "The gauge is cleaned in May."
    assert hits[0].chunk.coloured == (on(4, 4, 9, letters="red"),)
    assert hits[0].parts["coloured"].score == hits[0].parts["pointed"].score == 1.0
    assert [hit.chunk.id for hit in hits if "coloured" in hit.parts] == [chunks[4].id]
    assert {hit.chunk.id for hit in hits} == {one.id for one in chunks}


def test_a_look_on_a_page_goes_before_the_rest_of_the_page_and_the_look_elsewhere(tmp_path: Path) -> None:
    chunks = looked(tmp_path, (2, on(2, 0, 8, letters="red")), (4, on(4, 4, 9, letters="red")))
    hits = asked(tmp_path, chunks, "What does the red text on page 2 say?")
    assert hits[0].chunk.id == chunks[2].id
    parts = {hit.chunk.id: hit.parts for hit in hits}
    assert parts[chunks[2].id]["pointed"].score == 1.0
    assert parts[chunks[1].id]["pointed"].score == 0.4  # on the page, and not red
    assert "pointed" not in parts[chunks[4].id]  # red, and on another page


def test_a_place_counts_in_full_where_no_look_is_known(tmp_path: Path) -> None:
    hits = asked(tmp_path, CHUNKS, "What does the red text on page 5 say?")
    assert hits[0].chunk.text == "Thanks to all."
    assert hits[0].parts["pointed"].score == 1.0
    assert "coloured" not in hits[0].parts
