"""Argus in LangChain: a corpus as a retriever whose documents keep their places.

    from rag import Corpus
    from rag.adapters.langchain import ArgusRetriever

    retriever = ArgusRetriever(corpus=Corpus("folder"), k=5)
    documents = retriever.invoke("What did revenue do in 2021?")

A document's `id` is the chunk's; its metadata is the hit as `rag search --json` prints it, without
the text: source, title, page (from 1), box, path, start and end in seconds, all places, headings,
labels, score. `corpus.show(document.id).image()` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag import contract
from rag.corpus import Corpus
from rag.extras import extra
from rag.filters import where as parse_where

with extra("langchain"):
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, Field, field_validator


class ArgusRetriever(BaseRetriever):
    """Finds the best `k` chunks of `corpus` that `where` admits.

    With `adaptive`, the corpus' selector decides how many of them there are: none if nothing fits,
    and `k` is the most; each document's metadata then has its `relevance`, a probability.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    corpus: Corpus
    k: int = Field(default=10, ge=1)
    where: Mapping[str, Any] | None = None
    adaptive: bool = False

    @field_validator("where")
    @classmethod
    def _known(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        parse_where(value)  # a wrong filter is told here, not at the first question
        return value

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        if self.adaptive:
            found = self.corpus.select(query, where=self.where)[: self.k]
        else:
            found = self.corpus.search(query, k=self.k, where=self.where)
        return [_document({**contract.hit(one.hit, rank), **_relevance(one)}) for rank, one in enumerate(found, 1)]


def _relevance(found: Any) -> dict[str, float]:
    return {} if found.relevance is None else {"relevance": round(found.relevance, 4)}


def _document(hit: dict[str, Any]) -> Document:
    text, id = hit.pop("text"), hit.pop("chunk_id")
    return Document(page_content=text, id=id, metadata=hit)
