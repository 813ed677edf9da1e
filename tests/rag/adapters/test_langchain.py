"""The LangChain retriever, driven by langchain-core itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import create_retriever_tool

from rag.adapters.langchain import ArgusRetriever
from rag.corpus import Corpus
from tests.golden import pdfs
from tests.pipelines.conftest import hashed  # noqa: F401


@pytest.fixture
def corpus(hashed: Path) -> Corpus:  # noqa: F811
    corpus = Corpus(hashed)
    corpus.add([("gauge.txt", b"The rain gauge stands on the roof of the school.")], workers=0)
    page = b"<html><title>Wind</title><body><h1>Mast</h1><p>The anemometer turns on the mast.</p></body></html>"
    corpus.add([("wind.html", page)], labels={"team": "wind"}, workers=0)
    corpus.add([("table.pdf", pdfs.ruled_table())], workers=0)
    return corpus


def test_documents_keep_their_places(corpus: Corpus) -> None:
    first = ArgusRetriever(corpus=corpus, k=3).invoke("Where does the rain gauge stand?")[0]
    assert isinstance(first, Document)
    assert "roof of the school" in first.page_content
    assert first.metadata["source"] == "gauge.txt"
    assert first.metadata["places"][0]["kind"] == "chars"
    assert first.id is not None
    assert corpus.show(first.id).text == first.page_content
    json.dumps(first.metadata)


def test_a_page_and_a_path_survive(corpus: Corpus) -> None:
    retriever = ArgusRetriever(corpus=corpus, k=1)
    (web,) = retriever.invoke("anemometer mast")
    assert web.metadata["path"].startswith("/")
    assert web.metadata["headings"] == ["Mast"]
    (found,) = ArgusRetriever(corpus=corpus, k=1, where={"modality": "table"}).invoke("table")
    assert found.metadata["page"] == 1
    assert len(found.metadata["box"]) == 4


def test_k_and_filters_hold(corpus: Corpus) -> None:
    assert len(ArgusRetriever(corpus=corpus, k=2).invoke("the")) <= 2
    found = ArgusRetriever(corpus=corpus, where={"label.team": "wind"}).invoke("roof school mast")
    assert {one.metadata["source"] for one in found} == {"wind.html"}
    for wrong in ({"k": 0}, {"where": {"shade": "red"}}):
        with pytest.raises(ValueError):
            ArgusRetriever(corpus=corpus, **wrong)  # type: ignore[arg-type]


def test_adaptive_keeps_what_fits_and_nothing_else(corpus: Corpus) -> None:
    retriever = ArgusRetriever(corpus=corpus, adaptive=True)
    kept = retriever.invoke("Where does the rain gauge stand on the roof of the school?")
    assert kept[0].metadata["source"] == "gauge.txt"
    assert 0 < kept[0].metadata["relevance"] <= 1
    assert retriever.invoke("Who won the chess olympiad in Chennai?") == []


def test_it_runs_in_chains_batches_tools_and_loops(corpus: Corpus) -> None:
    retriever = ArgusRetriever(corpus=corpus, k=1)
    chain = retriever | RunnableLambda(lambda documents: [one.metadata["source"] for one in documents])
    assert chain.invoke("rain gauge roof") == ["gauge.txt"]
    assert chain.batch(["rain gauge roof", "anemometer mast"]) == [["gauge.txt"], ["wind.html"]]
    assert asyncio.run(chain.ainvoke("anemometer mast")) == ["wind.html"]
    tool: Any = create_retriever_tool(retriever, "documents", "Finds passages.")
    assert "roof of the school" in tool.invoke({"query": "rain gauge roof"})
