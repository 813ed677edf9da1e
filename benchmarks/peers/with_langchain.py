"""LangChain as its semantic-search tutorial sets it up (docs.langchain.com, "Build a semantic search engine").

PyPDFLoader, RecursiveCharacterTextSplitter of 1,000 characters with 200 of overlap and start index, Chroma with a
folder, `add_documents`; HuggingFaceEmbeddings of the model named there, which here is the packaged all-MiniLM-L6-v2.
HTML by BSHTMLLoader, Markdown as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_chroma import Chroma
from langchain_community.document_loaders import BSHTMLLoader, PyPDFLoader, TextLoader
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

from benchmarks.peers import common


class Metered(Embeddings):
    """Our encoder, the stand-in, or the documented class (`inner`), counted."""

    def __init__(self, meter: common.Meter) -> None:
        self._meter = meter
        self._inner: Any = None
        if meter.kind == "documented":
            from langchain_huggingface import HuggingFaceEmbeddings

            self._inner = HuggingFaceEmbeddings(model_name=common.model_path())

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self._inner:
            found: list[list[float]] = self._meter.around(texts, lambda: self._inner.embed_documents(texts))
            return found
        return [vector.tolist() for vector in self._meter.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        found: list[float] = self._inner.embed_query(text) if self._inner else self._meter.question(text).tolist()
        return found

    def warm(self) -> None:
        if self._inner:
            self._inner.embed_query("warm")


class LangChain:
    def __init__(self, meter: common.Meter) -> None:
        self._embeddings = Metered(meter)
        self._store: Any = None
        warm = meter.warm
        meter.warm = lambda: (warm(), self._embeddings.warm())[0]  # type: ignore[func-returns-value, method-assign]

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        pages, pieces = self._split(docs, size, overlap)
        return pages, [piece.page_content for piece in pieces]

    def ingest(self, docs: Path, index: Path, size: int, overlap: int) -> int:
        pages, pieces = self._split(docs, size, overlap)
        self._opened(index).add_documents(documents=pieces)
        return pages

    def _split(self, docs: Path, size: int, overlap: int) -> tuple[int, list[Any]]:
        read: list[Any] = []
        for path in common.files(docs, ".pdf"):
            read += PyPDFLoader(str(path)).load()
        for path in common.files(docs, ".html", ".htm"):
            read += BSHTMLLoader(str(path)).load()
        for path in common.files(docs, ".md", ".txt"):
            read += TextLoader(str(path)).load()
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=size or 1000, chunk_overlap=overlap if size else 200, add_start_index=True
        )
        return len(read), splitter.split_documents(read)

    def entries(self, index: Path) -> list[str]:
        held = self._opened(index).get(include=["documents", "metadatas"])
        places = [(m.get("source"), m.get("page"), m.get("start_index")) for m in held["metadatas"]]
        return [f"{place} {common.named(text)}" for place, text in zip(places, held["documents"], strict=True)]

    def open(self, index: Path) -> None:
        self._opened(index)

    def search(self, question: str, k: int) -> list[str]:
        return [found.page_content for found in self._store.similarity_search(question, k=k)]

    def _opened(self, index: Path) -> Any:
        if self._store is None:
            self._store = Chroma(
                collection_name="example_collection",
                embedding_function=self._embeddings,
                persist_directory=str(index),
            )
        return self._store


if __name__ == "__main__":
    common.run(LangChain)
