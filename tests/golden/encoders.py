"""A small deterministic encoder for tests: no weights, no libraries but numpy."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.identity import view_text
from rag.words import content_words, words

if TYPE_CHECKING:
    from rag.protocols import Dense, Ragged


class HashEncoder:
    """Sums a fixed pseudo-random vector for each word: texts with words in common are near."""

    name = "hash"
    modalities: frozenset[Modality] = frozenset({"text", "table", "image"})

    def __init__(self, dim: int = 64, limit: int = 254, view: str = "contextual") -> None:
        self.view = view
        self.dim = dim
        self.limit = limit

    @property
    def fingerprint(self) -> str:
        return f"hash.{self.dim}.{self.limit}"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(words(text)) for text in texts]

    def warm(self) -> None:
        """Nothing to load."""

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        return self._encode([query.text for query in queries])

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        return self._encode([view_text(chunk, self.view) for chunk in chunks])

    def encode_texts(self, texts: Sequence[str]) -> Dense:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Dense:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            total = np.zeros(self.dim)
            for word in content_words(text)[: self.limit]:
                total += self._word(word)
            vectors[row] = total / max(float(np.linalg.norm(total)), 1e-12)
        return vectors

    def _word(self, word: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
        return np.random.default_rng(seed).standard_normal(self.dim)


class WordEncoder:
    """Late interaction: a vector for each word, the same for the same word."""

    name = "word"
    modalities: frozenset[Modality] = frozenset({"text", "table", "image"})
    view = "contextual"
    ragged = True

    def __init__(self, dim: int = 32) -> None:
        self.dim = dim
        self._hash = HashEncoder(dim)

    @property
    def fingerprint(self) -> str:
        return f"word.{self.dim}"

    def warm(self) -> None:
        """Nothing to load."""

    def encode_queries(self, queries: Sequence[Query]) -> Ragged:
        return self._encode([query.text for query in queries])

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Ragged:
        return self._encode([view_text(chunk, self.view) for chunk in chunks])

    def _encode(self, texts: Sequence[str]) -> Ragged:
        return [self._hash.encode_texts(content_words(text) or ["nothing"]) for text in texts]
