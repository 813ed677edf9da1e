"""LlamaIndex as its starter tutorial sets it up (developers.llamaindex.ai, "Starter Tutorial (Using Local LLMs)").

SimpleDirectoryReader, the default splitter (1,024 tokens, 200 of overlap), HuggingFaceEmbedding, `from_documents`,
`storage_context.persist`. With our encoder the store is Chroma's, as in their Chroma example, without metadata in
the text that is embedded, and HTML is read by their HTMLTagReader.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core import (
    Settings,
    SimpleDirectoryReader,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode
from pydantic import PrivateAttr

from benchmarks.peers import common

ENDINGS = [".pdf", ".html", ".htm", ".md", ".txt"]


class Metered(BaseEmbedding):
    """Our encoder, the stand-in, or the documented class (`_inner`), counted."""

    _meter: common.Meter = PrivateAttr()
    _inner: Any = PrivateAttr(default=None)

    def __init__(self, meter: common.Meter, **given: Any) -> None:
        super().__init__(**given)
        self._meter = meter

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        if self._inner:
            found: list[list[float]] = self._meter.around(texts, lambda: self._inner._get_text_embeddings(texts))
            return found
        return [vector.tolist() for vector in self._meter.encode(texts)]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        if self._inner:
            found: list[float] = self._inner._get_query_embedding(query)
            return found
        asked: list[float] = self._meter.question(query).tolist()
        return asked

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class LlamaIndex:
    def __init__(self, meter: common.Meter) -> None:
        self._meter = meter
        self._plain = meter.kind == "documented"
        inner: Any = None
        if self._plain:
            from llama_index.embeddings.huggingface import HuggingFaceEmbedding

            inner = HuggingFaceEmbedding(model_name=common.model_path())
        # Their default batch is 10 texts, and that of the documented class is kept.
        embedding = Metered(meter, embed_batch_size=inner.embed_batch_size if inner else 10)
        embedding._inner = inner
        Settings.embed_model = embedding
        Settings.llm = None
        self._retriever: Any = None
        self._client: Any = None
        warm = meter.warm
        meter.warm = lambda: (warm(), embedding._get_query_embedding("warm"))[0]  # type: ignore[func-returns-value, method-assign]

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        read = self._read(docs)
        nodes = SentenceSplitter(chunk_size=size, chunk_overlap=overlap).get_nodes_from_documents(read)
        return len(read), [node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]

    def _read(self, docs: Path) -> list[Any]:
        given: dict[str, Any] = {}
        if not self._plain:
            from llama_index.readers.file import HTMLTagReader

            given["file_extractor"] = dict.fromkeys((".html", ".htm"), HTMLTagReader(tag="body"))
        read = SimpleDirectoryReader(str(docs), recursive=True, required_exts=ENDINGS, **given).load_data()
        if not self._plain:
            for one in read:
                one.excluded_embed_metadata_keys = list(one.metadata)
        return read

    def ingest(self, docs: Path, index: Path, size: int, overlap: int) -> int:
        read = self._read(docs)
        if self._plain:
            made = VectorStoreIndex.from_documents(read)
            made.storage_context.persist(persist_dir=str(index))
        else:
            context = StorageContext.from_defaults(vector_store=self._chroma(index))
            splitter = SentenceSplitter(chunk_size=size, chunk_overlap=overlap)
            VectorStoreIndex.from_documents(read, storage_context=context, transformations=[splitter])
        return len(read)

    def _chroma(self, index: Path) -> Any:
        import chromadb
        from llama_index.vector_stores.chroma import ChromaVectorStore

        self._client = self._client or chromadb.PersistentClient(path=str(index))
        return ChromaVectorStore(chroma_collection=self._client.get_or_create_collection("quickstart"))

    def entries(self, index: Path) -> list[str]:
        if self._plain:
            nodes = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(index))).docstore.docs.values()
            return [
                f"{n.metadata.get('file_path')} {n.metadata.get('page_label')} {common.named(n.text)}" for n in nodes
            ]
        self._chroma(index)
        held = self._client.get_collection("quickstart").get(include=["documents", "metadatas"])
        places = [(m.get("file_path"), m.get("page_label")) for m in held["metadatas"]]
        return [f"{place} {common.named(text)}" for place, text in zip(places, held["documents"], strict=True)]

    def open(self, index: Path) -> None:
        if self._plain:
            opened: Any = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(index)))
        else:
            opened = VectorStoreIndex.from_vector_store(self._chroma(index))
        self._retriever = opened.as_retriever(similarity_top_k=5)

    def search(self, question: str, k: int) -> list[str]:
        return [found.node.get_content() for found in self._retriever.retrieve(question)]


if __name__ == "__main__":
    common.run(LlamaIndex)
