"""Focus Mode: evidence narrowed to the sentences that matter for the question.

Li et al. 2025, "Enhancing Retrieval-Augmented Generation: A Study of Best Practices" (COLING, arXiv
2501.07391): the k documents are split into sentences, and the f of them most like the question are kept.
Departures: likeness is by rare words unless vectors are asked for, and what stands beside a sentence, the
relevance of its evidence and the place of that in the order count too; the budget is in tokens; sentences are
told by rule instead of spaCy, stand in the order of their document, and point at their characters; rows of a
table keep its head, items the sentence that announces them; what is said twice is kept once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from rag.answer import Evidence, Query, Selection
from rag.document import CharSpan, Chunk, Element, PageRegion, Place
from rag.overlap import covered, stems, weights
from rag.placing import part_places
from rag.protocols import Catalog, Lexicon, TokenCounter
from rag.words import WordCounter, words

from .cuts import Span, cuts

BESIDE = 0.3
"""Weight of the question's words in a sentence and one beside it, against 1 of those in itself."""
LATER = 0.05
"""What each place further down in the order of the evidence takes off a sentence's score."""
AGAIN = 0.03
"""What each better sentence of the same evidence takes off: some of each before all of one."""
ALIKE = 0.9
"""Words in common, of all words of both, from which two sentences say the same."""
_LEAST = 6
"""Words of the shortest sentence that is dropped as said before: shorter ones are labels and cells."""
_EXACT = re.compile(r"\d|^(?:not?|nor|never|none|neither|without|only|cannot)$|n't$|n’t$")


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, end) of evidence `at` of the selection, what they need, their tokens and the score."""

    at: int
    start: int
    end: int
    needs: tuple[Span, ...]
    tokens: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Focus:
    """A Compressor: the evidence in at most `tokens` (None: as many as may be) and at most `most` sentences.

    Each piece of evidence of which something is kept costs `head` tokens more: generators write its number,
    source and section above it. Likeness is how much of the question's words, weighted by rarity, a sentence
    holds ("words"), or the cosine of the corpus' encoder ("vectors", which reads every sentence: about 10 ms
    each). Evidence without text (a picture) is kept as it is and costs nothing. With `once`, a sentence of
    which evidence kept before has the like is left out. A selection within its limits, with nothing said
    twice, is left as it is. Kept sentences point at their characters in the element that holds them, by
    `catalog`; without one, at those of the chunk where its places allow it.
    """

    tokens: int | None = 900
    most: int | None = None
    likeness: str = "words"
    head: int = 50
    once: bool = True
    encoder: Any = None
    counter: TokenCounter | None = None
    lexicon: Lexicon | None = None
    catalog: Catalog | None = None

    def __post_init__(self) -> None:
        for name, least in (("tokens", 1), ("most", 1), ("head", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} is at least {least}, got {value}")
        if self.likeness not in ("words", "vectors"):
            raise ValueError(f"likeness is words or vectors, got {self.likeness!r}")
        if self.likeness == "vectors" and self.encoder is None:
            raise ValueError("likeness by vectors needs an encoder; this corpus has none that runs here")

    def compress(self, query: Query, selection: Selection, budget: int) -> Selection:
        """The selection with its texts narrowed to `budget` tokens; evidence of which nothing stays is left out."""
        if budget < 1:
            raise ValueError(f"a budget is at least 1 token, got {budget}")
        budget = min(budget, self.tokens or budget)
        counter = self.counter or WordCounter()
        texts = [one.hit.chunk.text for one in selection.evidence]
        pieces = _pieces(selection.evidence, counter)
        unlike = list(_unlike(pieces, texts)) if self.once else pieces
        whole = sum(counter.count(texts)) + self.head * len({one.at for one in pieces}) if texts else 0
        if len(unlike) == len(pieces) and whole <= budget and len(pieces) <= (self.most or len(pieces)):
            return selection
        scored = self._scored(query, selection.evidence, pieces, unlike)
        kept = self._kept(scored, texts, budget, counter)
        narrowed = [
            _narrowed(one, [piece for piece in kept if piece.at == at], counter, self.catalog)
            for at, one in enumerate(selection.evidence)
        ]
        return replace(selection, evidence=tuple(one for one in narrowed if one is not None))

    def _scored(
        self, query: Query, evidence: Sequence[Evidence], pieces: Sequence[Piece], wanted: Sequence[Piece]
    ) -> list[Piece]:
        """The wanted pieces with their scores, best first; what stands beside each is looked for among all."""
        own, beside = self._likeness(query, evidence, pieces)
        scored: list[Piece] = []
        for at, score in zip(pieces, _sums(own, beside), strict=True):
            relevance = min(1.0, max(0.0, evidence[at.at].relevance))
            scored.append(replace(at, score=score + relevance - LATER * at.at))
        kept = {(one.at, one.start) for one in wanted}
        scored = [one for one in scored if (one.at, one.start) in kept]
        lowered = [
            replace(one, score=one.score - AGAIN * number)
            for _, group in groupby(scored, key=lambda one: one.at)
            for number, one in enumerate(sorted(group, key=_order))
        ]
        return sorted(lowered, key=_order)

    def _likeness(
        self, query: Query, evidence: Sequence[Evidence], pieces: Sequence[Piece]
    ) -> tuple[list[float], list[float]]:
        """How like the question each piece is, and with the better of those beside it."""
        said = [evidence[one.at].hit.chunk.text[one.start : one.end] for one in pieces]
        near = [[other for other in (at - 1, at + 1) if _same(pieces, at, other)] for at in range(len(pieces))]
        if self.likeness == "vectors":
            vectors = self.encoder.encode_queries([query, *(Query((text,)) for text in said)])
            own = [float(vector @ vectors[0]) for vector in vectors[1:]]
            return own, [max((own[other] for other in near[at]), default=one) for at, one in enumerate(own)]
        asked = weights(query.text, self.lexicon) if query.text else {}
        bags = [set(stems(text)) for text in said]
        own = [covered(asked, bag) for bag in bags]
        both = [
            max((covered(asked, bag | bags[other]) for other in near[at]), default=own[at])
            for at, bag in enumerate(bags)
        ]
        return own, both

    def _kept(self, ranked: Sequence[Piece], texts: Sequence[str], budget: int, counter: TokenCounter) -> list[Piece]:
        """The best pieces, up to the first that does not fit: a larger budget keeps what a smaller one does."""
        kept: list[Piece] = []
        known: dict[int, set[Span]] = {}
        left = budget
        for one in ranked[: self.most]:
            text, own = texts[one.at], known.get(one.at, set())
            if (one.start, one.end) in own:  # another one needed it
                continue
            needs = tuple(span for span in one.needs if span not in own)
            cost = one.tokens + sum(counter.count([text[start:end] for start, end in needs])) if needs else one.tokens
            cost += 0 if one.at in known else self.head
            if cost > left:
                break
            known[one.at] = own | {(one.start, one.end), *needs}
            kept += [replace(one, start=start, end=end) for start, end in needs] + [one]
            left -= cost
        if not kept and ranked:
            first = ranked[0]
            room = max(1, budget - self.head)
            kept.append(replace(first, end=_shortened(texts[first.at], first, room, counter)))
        return kept


def _order(one: Piece) -> tuple[float, int, int]:
    return (-one.score, one.at, one.start)


def _sums(own: Sequence[float], beside: Sequence[float]) -> list[float]:
    return [one + BESIDE * other for one, other in zip(own, beside, strict=True)]


def _same(pieces: Sequence[Piece], at: int, other: int) -> bool:
    return 0 <= other < len(pieces) and pieces[other].at == pieces[at].at


def _pieces(evidence: Sequence[Evidence], counter: TokenCounter) -> list[Piece]:
    """The pieces of each evidence, in order."""
    found = [(at, one) for at, each in enumerate(evidence) for one in cuts(each.hit.chunk)]
    said = [evidence[at].hit.chunk.text[one.start : one.end] for at, one in found]
    counted = counter.count(said) if said else []
    return [Piece(at, one.start, one.end, one.needs, size) for (at, one), size in zip(found, counted, strict=True)]


def _unlike(pieces: Sequence[Piece], texts: Sequence[str]) -> Iterator[Piece]:
    """Those of which no evidence before has the like: the same numbers and negations, nearly all words the same."""
    seen: dict[frozenset[str], list[tuple[int, frozenset[str]]]] = {}
    for one in pieces:
        bag = frozenset(words(texts[one.at][one.start : one.end]))
        group = seen.setdefault(frozenset(word for word in bag if _EXACT.search(word)), [])
        if len(bag) < _LEAST or not any(at != one.at and _are_alike(bag, other) for at, other in group):
            yield one
            group.append((one.at, bag))


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    least, most = sorted((len(one), len(other)))
    return least >= ALIKE * most and len(one & other) >= ALIKE * len(one | other)


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


def _narrowed(
    one: Evidence, pieces: Sequence[Piece], counter: TokenCounter, catalog: Catalog | None
) -> Evidence | None:
    """The evidence with these pieces of its text; None where there are none, though it has text."""
    chunk = one.hit.chunk
    if not chunk.text.strip():
        return one
    spans = sorted({(piece.start, piece.end) for piece in pieces})
    if not spans:
        return None
    joined = _joined(chunk.text, spans)
    if len(joined) == 1 and not chunk.text[: joined[0][0]].strip() and not chunk.text[joined[0][1] :].strip():
        return one
    text = "\n".join(chunk.text[start:end] for start, end in joined)
    origin = replace(chunk.origin, places=_places(chunk, spans, joined, catalog))
    narrowed = replace(chunk, text=text, tokens=counter.count([text])[0], origin=origin, views=(), coloured=())
    return replace(one, hit=replace(one.hit, chunk=narrowed))


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans between which is nothing but white space as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and not text[found[-1][1] : start].strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _elements(catalog: Catalog, chunk: Chunk) -> list[Element]:
    """Those of the document that the chunk can have been made of: of its pages, and of that before, which run on."""
    digest = chunk.origin.source.digest
    pages = {place.page for place in chunk.origin.places if isinstance(place, PageRegion)}
    if not pages:
        return catalog.elements(digest)
    first = min(pages)
    asked = sorted(pages | ({first - 1} if first > 1 else set()))
    return [one for page in asked for one in catalog.elements(digest, page)]


def _places(chunk: Chunk, spans: Sequence[Span], joined: Sequence[Span], catalog: Catalog | None) -> tuple[Place, ...]:
    """Where the spans stand; where that is not known, the places of the chunk."""
    own = chunk.origin.places
    if catalog is not None:
        elements = _elements(catalog, chunk)
        if found := part_places(chunk, spans, elements):
            return found
    spanned = [place for place in own if isinstance(place, CharSpan)]
    others = tuple(place for place in own if not isinstance(place, CharSpan))
    if len(others) > 1 or len(spanned) > 1:
        return own  # of several blocks: which of them holds a sentence is not known
    if spanned and spanned[0].end - spanned[0].start != len(chunk.text):
        return own  # of a file whose characters are not those of the text
    shift = spanned[0].start if spanned else 0
    return (*others, *(CharSpan(start + shift, end + shift) for start, end in joined))
