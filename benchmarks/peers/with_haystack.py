"""Haystack as its documentation's indexing pipelines are (docs.haystack.deepset.ai, tutorial 8).

PyPDFToDocument, HTMLToDocument and TextFileToDocument, DocumentCleaner, DocumentSplitter of 150 words with 50 of
overlap, SentenceTransformersDocumentEmbedder, DocumentWriter; the store is Chroma's, since the one in memory is
not kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.converters import HTMLToDocument, PyPDFToDocument, TextFileToDocument
from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.retrievers.chroma import ChromaEmbeddingRetriever
from haystack_integrations.document_stores.chroma import ChromaDocumentStore

from benchmarks.peers import common


@component
class Embedder:
    """Our encoder, the stand-in, or the documented component (`inner`), counted."""

    def __init__(self, meter: common.Meter, inner: Any = None) -> None:
        self._meter = meter
        self._inner = inner

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        texts = [one.content or "" for one in documents]
        if self._inner:
            found: dict[str, Any] = self._meter.around(texts, lambda: self._inner.run(documents=documents))
            return found
        for one, vector in zip(documents, self._meter.encode(texts), strict=True):
            one.embedding = vector.tolist()
        return {"documents": documents}


class Haystack:
    def __init__(self, meter: common.Meter) -> None:
        self._meter = meter
        self._inner: Any = None
        self._asking: Any = None
        self._retriever: Any = None
        if meter.kind == "documented":
            from haystack_integrations.components.embedders.sentence_transformers import (
                SentenceTransformersDocumentEmbedder,
                SentenceTransformersTextEmbedder,
            )

            self._inner = SentenceTransformersDocumentEmbedder(model=common.model_path(), progress_bar=False)
            self._asking = SentenceTransformersTextEmbedder(model=common.model_path(), progress_bar=False)
            meter.warm = self._inner.warm_up  # type: ignore[method-assign]

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        read = self._read(docs)
        documents = _splitter(size, overlap).run(DocumentCleaner().run(read)["documents"])["documents"]
        return _pages(read), [one.content or "" for one in documents]

    def _read(self, docs: Path) -> list[Document]:
        read: list[Document] = []
        converters = {
            PyPDFToDocument: (".pdf",),
            HTMLToDocument: (".html", ".htm"),
            TextFileToDocument: (".md", ".txt"),
        }
        for converter, endings in converters.items():
            read += converter().run(sources=common.files(docs, *endings))["documents"]
        return read

    def ingest(self, docs: Path, index: Path, size: int, overlap: int) -> int:
        read = self._read(docs)
        pipeline = Pipeline()
        pipeline.add_component("cleaner", DocumentCleaner())
        pipeline.add_component("splitter", _splitter(size, overlap))
        pipeline.add_component("embedder", Embedder(self._meter, self._inner))
        # The default refuses documents that are there already: a second run would end in an error.
        writer = DocumentWriter(document_store=_store(index), policy=DuplicatePolicy.OVERWRITE)
        pipeline.add_component("writer", writer)
        pipeline.connect("cleaner", "splitter")
        pipeline.connect("splitter", "embedder")
        pipeline.connect("embedder", "writer")
        pipeline.run({"cleaner": {"documents": read}})
        return _pages(read)

    def entries(self, index: Path) -> list[str]:
        held = _store(index).filter_documents()
        return [f"{d.meta.get('source_id')} {d.meta.get('split_id')} {common.named(d.content or '')}" for d in held]

    def open(self, index: Path) -> None:
        if self._asking:
            self._asking.warm_up()
        self._retriever = ChromaEmbeddingRetriever(document_store=_store(index))

    def search(self, question: str, k: int) -> list[str]:
        vector = (
            self._asking.run(text=question)["embedding"] if self._asking else self._meter.question(question).tolist()
        )
        return [one.content or "" for one in self._retriever.run(query_embedding=vector, top_k=k)["documents"]]


def _splitter(size: int, overlap: int) -> DocumentSplitter:
    made = DocumentSplitter(split_by="word", split_length=size or 150, split_overlap=overlap if size else 50)
    made.warm_up()
    return made


def _store(index: Path) -> ChromaDocumentStore:
    return ChromaDocumentStore(persist_path=str(index))


def _pages(read: list[Document]) -> int:
    """A PDF is one document, with form feeds between its pages."""
    return sum(1 + (one.content or "").count("\f") for one in read)


if __name__ == "__main__":
    common.run(Haystack)
