"""Documents named by their titles and files, also nearly right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import query
from rag.naming import named
from tests.golden.catalogs import MemoryCatalog, document

TITLES = {
    "COSTCO_2021_10K.pdf": "Annual report", "gnuplot.pdf": "gnuplot 5.4", "maximabook.pdf": "The Maxima Book",
    "rain.txt": "Field notes on rain", "Germanwings.pdf": "Crisis analysis",
}  # fmt: skip
CATALOG = MemoryCatalog(
    [replace(chunk, title=title) for name, title in TITLES.items() for chunk in document(name, ["text"])]
)
DIGESTS = {chunk.origin.source.digest: chunk.origin.source.uri for chunk in CATALOG.stored.values()}


def test_names() -> None:
    def told(question: str) -> dict[str, float]:
        return {DIGESTS[digest]: how for digest, how in named(CATALOG, query(question)).items()}

    assert told("What was the debt of COSTCO in 2021?") == {"COSTCO_2021_10K.pdf": 1.0}
    assert told("What does the maxima book say of matrices?") == {"maximabook.pdf": 1.0}
    assert told("How did Germanwing's people react?") == {"Germanwings.pdf": 1.0}
    assert told("How do Germenwings and others tweet?") == {"Germanwings.pdf": 1.0}
    assert told("What is rain?") == {}


def test_a_file_of_that_name_is_meant_also_where_many_titles_have_the_word() -> None:
    names = {f"paper-{at}.pdf": f"Survival and {at}" for at in range(6)}
    names |= {"survival.pdf": "A package", "wind.pdf": "Contingency tables"}
    chunks = [replace(one, title=title) for name, title in names.items() for one in document(name, ["text"])]
    digests = {chunk.origin.source.digest: chunk.origin.source.uri for chunk in chunks}

    def told(question: str) -> dict[str, float]:
        return {digests[digest]: how for digest, how in named(MemoryCatalog(chunks), query(question)).items()}

    assert told("What does the survival vignette say?") == {"survival.pdf": 1.0}
    assert told("How is survival measured?") == {}
    assert told("What does Table 1 of the survival paper show?") == {"survival.pdf": 1.0}


def test_one_document_needs_no_name() -> None:
    assert named(MemoryCatalog(document("gnuplot.pdf", ["text"])), query("the gnuplot manual")) == {}


@pytest.mark.parametrize("question", ["", "?", "the manual"])
def test_nothing_named(question: str) -> None:
    assert named(CATALOG, query(question)) == {}
