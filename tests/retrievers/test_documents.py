"""Documents by one vector each, and the sections inside them; and ingest, which keeps such vectors."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from rag.pipelines.maintain import check, reindex
from rag.retrievers.documents import Documents
from rag.retrievers.encoders.interleaved import Interleaved
from rag.retrievers.rerankers.ordering import Reranked
from rag.retrievers.rerankers.sections import Sections

import rag
from rag.answer import Hit, Query, query
from rag.document import Chunk
from rag.filters import Eq
from rag.store.store import Store
from tests.golden.catalogs import MemoryCatalog, document
from tests.golden.checkpoints import made, page_document, plain
from tests.retrievers.lists import Listed

A, B, C = (document(name, [f"{name} {part}" for part in ("x", "red", "z")]) for name in ("a", "b", "c"))


def texts(found: list[Hit]) -> list[str]:
    return [hit.chunk.text for hit in found]


def test_all_chunks_of_the_best_documents_come_in_reading_order() -> None:
    catalog = MemoryCatalog([*A, *B, *C])
    found = Documents(Listed([(B[1], 0.9), (A[2], 0.7), (B[0], 0.6), (C[0], 0.1)]), catalog, top=2)
    (hits,) = found.retrieve([query("x")], 9)
    assert texts(hits) == ["b x", "b red", "b z", "a x", "a red", "a z"]
    assert [hit.score for hit in hits] == [0.9] * 3 + [0.7] * 3
    assert hits[3].parts["documents"].rank == 2
    assert texts(found.retrieve([query("x")], 4)[0]) == ["b x", "b red", "b z", "a x"]
    assert found.retrieve([query("x")], 0) == [[]]
    assert found.retrieve([], 3) == []


def test_a_filter_is_asked_of_the_chunks_and_more_documents_are_looked_for() -> None:
    tagged = [replace(one, labels=(("kind", "told"),)) if one.text == "c z" else one for one in (*A, *B, *C)]
    listed = Listed([(A[0], 0.9), (B[0], 0.8), (C[0], 0.7)])
    found = Documents(listed, MemoryCatalog(tagged), top=1)
    (hits,) = found.retrieve([Query(("x",), where=Eq("label.kind", "told"))], 9)
    assert texts(hits) == ["c z"]
    assert listed.asked == [1, 4]


class Red:
    """Scores a section by whether it says red."""

    fingerprint = "red"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        self.seen += [hit.chunk.text for found in hits for hit in found]
        return [[float("red" in hit.chunk.text) for hit in found] for found in hits]


def test_the_section_that_answers_is_found_inside_the_best_documents() -> None:
    """Each section of them is scored once, its words in reading order; the third document is not looked at."""
    parted = [replace(one, headings=("Part", one.text[-1])) for one in (*A, *B, *C)]
    scorer = Red()
    listed = Listed([(parted[0], 0.9), (parted[3], 0.8), (parted[6], 0.7)])
    both = Reranked(Documents(listed, MemoryCatalog(parted), top=2), Sections(scorer, top_documents=2), depth=100)
    (hits,) = both.retrieve([query("red?")], 2)
    assert sorted(texts(hits)) == ["a red", "b red"]
    assert sorted(scorer.seen) == ["a red", "a x", "a z", "b red", "b x", "b z"]
    whole = Red()
    Sections(whole).rerank([query("x")], [[Hit(one, 0.5, "documents") for one in reversed(A)]])
    assert whole.seen == ["a x\n\na red\n\na z"]


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match="top"):
        Documents(Listed([]), MemoryCatalog(), top=0)


# --- through a corpus ------------------------------------------------------------------------------------

PROFILE = """
[retriever]
use = "retrievers/reranked"
depth = 1000

[retriever.reranker]
use = "retrievers/rerankers/sections"

[retriever.retriever]
use = "retrievers/documents"
top = 2

[retriever.retriever.retriever]
use = "retrievers/dense"
encoder = "@whole"
index = "@whole.vectors"
"""
SAID = {
    "Moons": "Mars has two moons. ", "Rings": "Saturn has rings of ice. ", "Rain": "Rain fell in March, snow in May. ",
    "Wind": "Wind turned the wheel of the mill. ", "Storm": "It broke in the storm of August. ",
}  # fmt: skip


def note(*titles: str) -> str:
    """Sections long enough to be chunks of their own."""
    return "\n\n".join(f"# {title}\n\n{SAID[title] * 30}" for title in titles)


NOTES = {"moons.md": note("Moons", "Rings"), "rain.md": note("Rain")}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    model = made(folder / "model", "idefics3")
    documents = folder / "documents"
    documents.mkdir()
    for name, text in NOTES.items():
        (documents / name).write_text(text)
    (documents / "scan.pdf").write_bytes(page_document([plain("red"), plain("blue")]))
    settings = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8")
    before, after = settings.split("[encoders.minilm]")
    table = "".join(
        f'[encoders.{name}]\nuse = "retrievers/encoders/interleaved"\nmodel = "{model}"\nunit = "{unit}"\n'
        for name, unit in (("whole", "document"), ("part", "section"))
    )
    (folder / "corpus").mkdir()
    (folder / "corpus/corpus.toml").write_text(f"{before}{table}\n{after[after.index('[indexes') :]}", encoding="utf-8")
    (folder / "mine.toml").write_text(PROFILE, encoding="utf-8")
    with rag.Corpus(folder / "corpus", profile=folder / "mine.toml") as corpus:
        report = corpus.add(documents, workers=1)
        assert report.counts.get("failed", 0) == 0
        assert report.warnings == ()
    return folder


@pytest.fixture
def corpus(desk: Path) -> Iterator[rag.Corpus]:
    with rag.Corpus(desk / "corpus", profile=desk / "mine.toml") as corpus:
        yield corpus


def whole(corpus: rag.Corpus, name: str) -> tuple[Interleaved, list[Chunk]]:
    found = next(one for one in corpus.store.catalog.documents() if one.sources[0].uri.endswith(name))
    encoder = corpus.store.encoders["whole"]
    assert isinstance(encoder, Interleaved)
    return encoder, corpus.store.catalog.document_chunks(found.digest)


def test_ingest_keeps_a_vector_a_document_and_one_a_section(corpus: rag.Corpus) -> None:
    assert {name: len(index) for name, index in corpus.store.vectors.items()} == {"whole": 3, "part": 4}
    assert check(corpus.store) == []
    for name in (*NOTES, "scan.pdf"):
        encoder, chunks = whole(corpus, name)
        (unit,) = encoder.units(chunks)
        kept = corpus.store.vectors["whole"].vectors([unit[0].id])
        assert np.abs(kept - encoder.encode_units([unit])).max() < 1e-5
        assert len(unit) == (2 if name == "scan.pdf" else len(chunks))


def test_documents_are_ranked_by_their_vectors_and_sections_inside_them(corpus: rag.Corpus) -> None:
    picture = corpus.store.assets.put(plain("red"), "image/png")
    for asked in (query("Saturn rings of ice"), Query((picture,))):
        hits = corpus.search(asked, k=50)
        encoder = corpus.store.encoders["whole"]
        cosines = {}
        for name in (*NOTES, "scan.pdf"):
            (unit,) = encoder.units(whole(corpus, name)[1])
            cosines[name] = float(encoder.encode_queries([asked])[0] @ encoder.encode_units([unit])[0])
        wanted = sorted(cosines, key=lambda name: -cosines[name])[:2]
        assert {Path(hit.source).name for hit in hits} == set(wanted)
        ranks = {Path(hit.source).name: hit.parts["documents"].rank for hit in hits}
        assert ranks == {wanted[0]: 1, wanted[1]: 2}
        assert all("sections" in hit.parts for hit in hits)


def test_nothing_is_encoded_twice_and_what_changed_is(desk: Path, corpus: rag.Corpus) -> None:
    again = corpus.add(desk / "documents", workers=1)
    assert again.embedded == 0
    extra = desk / "extra.md"
    extra.write_text(note("Wind"))
    assert corpus.add(extra, workers=1).embedded == 2
    extra.write_text(note("Wind", "Storm"))
    assert corpus.add(extra, workers=1).embedded == 3
    assert {name: len(index) for name, index in corpus.store.vectors.items()} == {"whole": 4, "part": 6}
    corpus.remove(str(extra))
    assert {name: len(index) for name, index in corpus.store.vectors.items()} == {"whole": 3, "part": 4}
    assert check(corpus.store) == []


def test_an_encoder_that_comes_later_reads_stored_documents(desk: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(desk / "corpus", tmp_path / "later"))
    settings = (folder / "corpus.toml").read_text(encoding="utf-8")
    (folder / "corpus.toml").write_text(settings.replace('unit = "section"', 'unit = "section"\nmax_tokens = 64'))
    store = Store(folder)
    try:
        told = reindex(store)
        assert (told["encoded"], len(store.vectors["part"])) == (4, 4)
    finally:
        store.close()
