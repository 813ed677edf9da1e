"""Cross-encoders: query and passage read together by a classifier, here or behind a rerank endpoint.

Nogueira and Cho 2019, "Passage Re-ranking with BERT" (arXiv 1901.04085). Checkpoints of sentence-transformers'
CrossEncoder are sequence classifiers of transformers, and are opened as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from rag.answer import Hit, Query
from rag.checkpoint import checkpoint
from rag.identity import combined, contextual

from .models import PairClassifier
from .ordering import by_score
from .remote import Server

MOST_TEXT = 20_000


class CrossEncoder:
    """A Scorer and a Reranker by `model` in this process (extra `vision`), or by `POST {base_url}/rerank`.

    In this process `model` is a folder, or a hub name in this machine's cache, of a sequence classifier with
    one label, or two; a pair is cut to `max_tokens`. Scores are its logits. An endpoint answers as Cohere
    and Jina do, `{"results": [{"index", "relevance_score"}]}`; all passages of a query go in one request.
    Passages are read with their headings, and in words alone: a model of pictures is `rerankers/yes_no`.
    """

    def __init__(
        self, model: str, base_url: str = "", *, revision: str = "", device: str = "auto", dtype: str = "auto",
        max_tokens: int = 512, key: str = "", key_env: str = "RERANK_API_KEY", timeout: float = 60.0,
        attempts: int = 3,
    ) -> None:  # fmt: skip
        if not model:
            raise ValueError("model is not given: a folder, a hub name, or what the server at base_url calls it")
        if max_tokens < 8:
            raise ValueError(f"max_tokens is at least 8, got {max_tokens}")
        self.model, self.revision, self.device, self.dtype, self.max_tokens = model, revision, device, dtype, max_tokens
        self._server = Server(base_url, key, key_env, timeout, attempts, model) if base_url else None

    @property
    def fingerprint(self) -> str:
        """Names the weights and the length; of a model behind an endpoint its name and address."""
        if self._server:
            return f"cross_encoder-{combined(self._server.origin, self.model)[:16]}"
        digest = checkpoint(self.model, self.revision).digest
        return f"cross_encoder-{combined(digest, self.max_tokens, self.dtype)[:16]}"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        """A score for each hit; 0 for a query without words."""
        return [self._scores(query.text, found) for query, found in zip(queries, hits, strict=True)]

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best first."""
        return by_score(self, queries, hits, "cross_encoder")

    @cached_property
    def _opened(self) -> PairClassifier:
        return PairClassifier(checkpoint(self.model, self.revision), self.device, self.dtype, self.max_tokens)

    def _scores(self, query: str, hits: Sequence[Hit]) -> list[float]:
        if not hits or not query:
            return [0.0] * len(hits)
        passages = [contextual(hit.chunk)[:MOST_TEXT] for hit in hits]
        if self._server is None:
            return self._opened.scores(query, passages)
        body = {"model": self.model, "query": query, "documents": passages, "top_n": len(passages)}
        return self._server.relevance(self._server.post("rerank", body), len(passages))
