"""Focus Mode: evidence narrowed to the sentences nearest to the question.

Li et al. 2025, "Enhancing Retrieval-Augmented Generation: A Study of Best Practices" (COLING, arXiv
2501.07391): the k documents are split into sentences, and the f of them most like the question are kept.
Departures: sentences are told by rule instead of spaCy, stand in the order of their document, and point at
their characters; a table is cut into rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.answer import Evidence, Query, Selection
from rag.document import CharSpan, Chunk, Place
from rag.overlap import covered, stems, weights
from rag.protocols import Lexicon, TokenCounter
from rag.sentences import sentences
from rag.words import WordCounter


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, end) of the evidence at place `at` of the selection, and how near they are."""

    at: int
    start: int
    end: int
    score: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Focus:
    """A Compressor: at most `most` sentences of all evidence (None: as many as the budget takes).

    Likeness is the cosine of the corpus' encoder (`likeness="vectors"`), or how much of the question's words,
    weighted by rarity, a sentence holds ("words"). Evidence without text (a picture) is kept as it is and
    costs nothing. A selection within the budget and `most` is left as it is.
    """

    most: int | None = None
    likeness: str = "words"
    encoder: Any = None
    counter: TokenCounter | None = None
    lexicon: Lexicon | None = None

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise ValueError(f"most is at least 1, got {self.most}")
        if self.likeness not in ("words", "vectors"):
            raise ValueError(f"likeness is words or vectors, got {self.likeness!r}")
        if self.likeness == "vectors" and self.encoder is None:
            raise ValueError("likeness by vectors needs an encoder; this corpus has none that runs here")

    def compress(self, query: Query, selection: Selection, budget: int) -> Selection:
        """The selection with its texts narrowed to `budget` tokens; evidence of which nothing stays is left out."""
        if budget < 1:
            raise ValueError(f"a budget is at least 1 token, got {budget}")
        counter = self.counter or WordCounter()
        texts = [one.hit.chunk.text for one in selection.evidence]
        cut = [_cut(one.hit.chunk) for one in selection.evidence]
        within = sum(counter.count(texts)) <= budget if texts else True
        if within and (self.most is None or sum(map(len, cut)) <= self.most):
            return selection
        spans = [(at, start, end) for at, row in enumerate(cut) for start, end in row]
        words = [texts[at][start:end] for at, start, end in spans]
        pieces = [
            Piece(*span, score, tokens)
            for span, score, tokens in zip(spans, self._scores(query, words), counter.count(words), strict=True)
        ]
        kept = self._kept(pieces, texts, budget, counter)
        narrowed = [
            _narrowed(one, [piece for piece in kept if piece.at == at], counter)
            for at, one in enumerate(selection.evidence)
        ]
        return replace(selection, evidence=tuple(one for one in narrowed if one is not None))

    def _scores(self, query: Query, texts: Sequence[str]) -> list[float]:
        if self.likeness == "words":
            wanted = weights(query.text, self.lexicon) if query.text else {}
            return [covered(wanted, stems(text)) for text in texts]
        vectors = self.encoder.encode_queries([query, *(Query((text,)) for text in texts)])
        return [float(vector @ vectors[0]) for vector in vectors[1:]]

    def _kept(self, pieces: Sequence[Piece], texts: Sequence[str], budget: int, counter: TokenCounter) -> list[Piece]:
        """The nearest pieces, up to the first that does not fit: a larger budget keeps what a smaller one does."""
        ranked = sorted(pieces, key=lambda one: (-one.score, one.at, one.start))[: self.most]
        kept: list[Piece] = []
        left = budget
        for one in ranked:
            if one.tokens > left:
                break
            kept.append(one)
            left -= one.tokens
        if not kept and ranked:
            first = ranked[0]
            kept.append(replace(first, end=_shortened(texts[first.at], first, budget, counter)))
        return kept


def _cut(chunk: Chunk) -> list[tuple[int, int]]:
    """The sentences of a text, the rows of a table."""
    if chunk.modality != "table":
        return sentences(chunk.text)
    spans, at = [], 0
    for line in chunk.text.split("\n"):
        if line.strip():
            spans.append((at, at + len(line)))
        at += len(line) + 1
    return spans


def _shortened(text: str, piece: Piece, budget: int, counter: TokenCounter) -> int:
    """The end of the longest beginning of a piece, in whole words, that is within the budget."""
    ends = [at for at in range(piece.start + 1, piece.end + 1) if at == piece.end or text[at].isspace()]
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if counter.count([text[piece.start : ends[middle]]])[0] <= budget:
            low = middle
        else:
            high = middle - 1
    return ends[low]


def _narrowed(one: Evidence, pieces: Sequence[Piece], counter: TokenCounter) -> Evidence | None:
    """The evidence with these pieces of its text; None where there are none, though it has text."""
    chunk = one.hit.chunk
    if not chunk.text.strip():
        return one
    if not pieces:
        return None
    spans = sorted((piece.start, piece.end) for piece in pieces)
    if spans == _cut(chunk):
        return one
    text = "\n".join(chunk.text[start:end] for start, end in spans)
    origin = replace(chunk.origin, places=_places(chunk, spans))
    narrowed = replace(chunk, text=text, tokens=counter.count([text])[0], origin=origin)
    return replace(one, hit=replace(one.hit, chunk=narrowed))


def _places(chunk: Chunk, spans: Sequence[tuple[int, int]]) -> tuple[Place, ...]:
    """The places without their own spans, then the characters of the chunk's text.

    A chunk that is itself a span of a block counts its characters from there.
    """
    before = [place for place in chunk.origin.places if isinstance(place, CharSpan)]
    shift = before[0].start if before else 0
    others = tuple(place for place in chunk.origin.places if not isinstance(place, CharSpan))
    return (*others, *(CharSpan(start + shift, end + shift) for start, end in spans))
