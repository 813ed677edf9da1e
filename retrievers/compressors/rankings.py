"""Ranking the blocks of a page by a question: with an encoder, or by BM25."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.answer import Query
from rag.document import Chunk, MarkupPath, Origin, Source
from rag.words import content_words

if TYPE_CHECKING:
    from rag.protocols import Dense, Encoder

_PAGE = Origin(Source("", "text/html", ""), (MarkupPath("/html"),))


def best_first(scores: Sequence[float]) -> list[int]:
    """Numbers by score; of equal ones the earlier first."""
    return sorted(range(len(scores)), key=lambda at: -scores[at])


def by_embedding(encoder: Encoder[Dense], question: str, texts: Sequence[str], prefix: str = "") -> list[float]:
    """The inner product of question and text, both as the encoder gives them; 0 for an empty text.

    `prefix` stands before the question, as the encoder was trained: for bge-large-en "Represent this
    sentence for searching relevant passages: ".
    """
    said = [at for at, text in enumerate(texts) if text.strip()]
    scores = [0.0] * len(texts)
    if said:
        chunks = [Chunk("", "text", _PAGE, texts[at]) for at in said]
        asked = encoder.encode_queries([Query((prefix + question,))])[0]
        for at, score in zip(said, encoder.encode_chunks(chunks) @ asked, strict=True):
            scores[at] = float(score)
    return scores


def by_bm25(question: str, texts: Sequence[str], k1: float = 1.5, b: float = 0.75) -> list[float]:
    """Okapi BM25 of each text among these texts (k1 and b as in the paper's library).

    Robertson, Zaragoza 2009; idf = ln(1 + (n - df + 0.5) / (df + 0.5)), which is never negative.
    """
    bags = [Counter(content_words(text)) for text in texts]
    sizes = [bag.total() for bag in bags]
    mean = sum(sizes) / len(sizes) if any(sizes) else 1.0
    frequency = Counter(word for bag in bags for word in bag)
    asked = {
        word: math.log(1 + (len(bags) - frequency[word] + 0.5) / (frequency[word] + 0.5))
        for word in content_words(question)
        if frequency[word]
    }
    return [
        math.fsum(
            weight * bag[word] * (k1 + 1) / (bag[word] + k1 * (1 - b + b * size / mean))
            for word, weight in asked.items()
        )
        for bag, size in zip(bags, sizes, strict=True)
    ]
