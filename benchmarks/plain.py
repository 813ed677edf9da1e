"""Plain retrieval, as anyone would set it up in an afternoon: what Argus is measured against.

Chunks of 180 words by the encoder (a page by its best chunk), BM25 over pages without stemming, and the
two fused. What has no pages (web pages, recordings, text) is cut into the same chunks for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import registry, words
from rag.answer import Query
from rag.document import WHOLE, Chunk, Origin, PageRegion, Place, Source
from rag.identity import combined

if TYPE_CHECKING:
    from rag.corpus import Corpus
    from rag.store.catalog import Document

WORDS = 180
CONSTANT = 60
"""Of reciprocal rank fusion: Cormack, Clarke and Buettcher 2009."""
DEPTH = 100
"""Of each list that is fused by rank."""
NAMES = ("180-word chunks, encoder", "page BM25", "fusion, reciprocal rank", "fusion, z-scores")
FUSIONS = NAMES[2:]


@dataclass(frozen=True)
class Passage:
    """A page, or a chunk of what has none, with the 180-word chunks that it is encoded in."""

    id: str
    chunk: Chunk
    windows: tuple[str, ...]


def passages(corpus: Corpus, text: str = "plain") -> list[Passage]:
    """Every page of every document.

    `text` is `plain` for what PyMuPDF gives for a PDF page, as most would read it, or `corpus` for what
    Argus has read (OCR included), so that retrieval alone is compared.
    """
    return [one for document in corpus.documents() for one in _passages(corpus, document, text)]


def _passages(corpus: Corpus, document: Document, text: str) -> Iterator[Passage]:
    source = document.sources[0]
    if text == "plain" and source.media_type == "application/pdf":
        pages = dict(enumerate(_pdf(source), 1))
    else:
        pages, blocks = _read(corpus, document)
        for at, (body, places) in enumerate(_windows(blocks)):
            yield _passage(source, f"w{at}", body, places, (body,))
    for number, body in sorted(pages.items()):
        cut = tuple(window for window, _ in _windows([(body, ())]))
        if cut:
            yield _passage(source, f"p{number}", body, (PageRegion(number, WHOLE),), cut)


def _passage(source: Source, name: str, body: str, places: tuple[Place, ...], cut: tuple[str, ...]) -> Passage:
    id = f"{source.digest[:16]}/{name}"
    return Passage(id, Chunk(id, "text", Origin(source, places), body), cut)


def _pdf(source: Source) -> Iterator[str]:
    import pymupdf

    with pymupdf.open(source.path) as document:
        for page in document:
            yield page.get_text()


def _read(corpus: Corpus, document: Document) -> tuple[dict[int, str], list[tuple[str, tuple[Place, ...]]]]:
    """What the corpus holds: text by page, and the elements that lie on none."""
    pages: dict[int, str] = {}
    blocks: list[tuple[str, tuple[Place, ...]]] = []
    for element in corpus.store.catalog.elements(document.digest):
        body = f"{element.text}\n{element.caption}".strip()
        page = next((place.page for place in element.origin.places if isinstance(place, PageRegion)), None)
        if page is not None:
            pages[page] = f"{pages.get(page, '')}\n{body}"
        elif body:
            blocks.append((body, element.origin.places))
    return pages, blocks


def _windows(blocks: Sequence[tuple[str, tuple[Place, ...]]]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Runs of 180 words, each with the places of the blocks that it has words of."""
    run = [(word, number) for number, (body, _) in enumerate(blocks) for word in body.split()]
    for start, end in pairwise([*range(0, len(run), WORDS), len(run)]):
        part = run[start:end]
        numbers = dict.fromkeys(number for _, number in part)
        places = dict.fromkeys(place for number in numbers for place in blocks[number][1])
        yield " ".join(word for word, _ in part), tuple(places)


class Plain:
    """The baselines over a list of passages; indexes are kept in `folder` and used again."""

    def __init__(self, given: Sequence[Passage], encoder: Any, folder: Path) -> None:
        self.passages = {one.id: one for one in given}
        self._encoder = encoder
        self._windows = {f"{one.id}/{at}": text for one in given for at, text in enumerate(one.windows)}
        name = combined(encoder.fingerprint, [(one.id, one.chunk.text) for one in given])[:16]
        self._vectors = registry.load("retrievers/indexes/exact")(folder / name / "vectors", encoder.dim)
        self._words = registry.load("retrievers/indexes/tantivy")(folder / name / "words", stemmer="")
        if self._vectors.generation < 1 or self._words.generation < 1:
            self._build()

    def _build(self) -> None:
        ids = list(self._windows)
        self._vectors.clear()
        for start in range(0, len(ids), 64):
            part = ids[start : start + 64]
            source = self.passages[part[0].rpartition("/")[0]].chunk.origin
            chunks = [Chunk(id, "text", source, self._windows[id]) for id in part]
            self._vectors.add(part, self._encoder.encode_chunks(chunks))
        self._vectors.commit(1)
        self._words.clear()
        self._words.add(list(self.passages), [one.chunk.text for one in self.passages.values()])
        self._words.commit(1)

    def ranked(self, question: str, digest: str = "") -> dict[str, list[tuple[str, float]]]:
        """(passage id, score), best first, by the name of each baseline; in one document if asked."""
        dense, lexical = self._scores(question, digest)
        lists = {"dense": by_score(dense), "lexical": by_score(lexical)}
        every = {id: lexical.get(id, 0.0) for id in dense}
        return dict(
            zip(
                NAMES,
                (
                    lists["dense"],
                    lists["lexical"],
                    reciprocal(list(lists.values())),
                    by_score(summed_z([dense, every])),
                ),
                strict=True,
            )
        )

    def _scores(self, question: str, digest: str) -> tuple[dict[str, float], dict[str, float]]:
        """The cosine of each passage's best chunk, and BM25 of the passages that hold a word of the question."""
        vector = self._encoder.encode_queries([Query((question,))])
        dense: dict[str, float] = {}
        for window, score in self._vectors.search(vector, len(self._windows))[0]:
            id = window.rpartition("/")[0]
            dense[id] = max(score, dense.get(id, score))
        found = self._words.search([words.content_words(question)], len(self.passages))[0]
        return _within(dense, digest), _within(dict(found), digest)


def _within(scores: Mapping[str, float], digest: str) -> dict[str, float]:
    return {id: score for id, score in scores.items() if id.startswith(digest[:16])}


def by_score(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Best first, ties by id."""
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


def reciprocal(lists: Sequence[Sequence[tuple[str, float]]]) -> list[tuple[str, float]]:
    """Reciprocal rank fusion: the sum of 1 / (60 + rank) over the lists that have an id among their first 100."""
    scores: dict[str, float] = {}
    for one in lists:
        for rank, (id, _) in enumerate(one[:DEPTH], 1):
            scores[id] = scores.get(id, 0.0) + 1 / (CONSTANT + rank)
    return by_score(scores)


def summed_z(lists: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sum of each list's (score - mean) / standard deviation; a list of equal scores adds nothing."""
    from statistics import fmean, pstdev

    total: dict[str, float] = {}
    for scores in lists:
        mean, spread = (fmean(scores.values()), pstdev(scores.values())) if scores else (0.0, 0.0)
        for id, score in scores.items():
            total[id] = total.get(id, 0.0) + ((score - mean) / spread if spread else 0.0)
    return total
