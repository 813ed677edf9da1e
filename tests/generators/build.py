"""Hits, evidence and selections by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer import Evidence, Hit, Score, Selection
from rag.document import WHOLE, Chunk, Modality, Origin, PageRegion, Source
from rag.words import words

SOURCE = Source("a.pdf", "application/pdf", "a" * 64)


def chunk(text: str, id: str = "c1", modality: Modality = "text", **fields: object) -> Chunk:
    origin = Origin(SOURCE, (PageRegion(1, WHOLE),))
    return Chunk(id, modality, origin, text, tokens=len(words(text)), **fields)  # type: ignore[arg-type]


def hit(text: str, id: str = "c1", dense: float | None = None, modality: Modality = "text", **fields: object) -> Hit:
    parts: dict[str, Score] = {"lexical": Score(1, 5.0)}
    if dense is not None:
        parts["dense"] = Score(1, dense)
    return Hit(chunk(text, id, modality, **fields), 1.0, "test", parts)


def selection(*texts: str, modality: Modality = "text", **fields: object) -> Selection:
    return Selection(
        tuple(
            Evidence(number, hit(text, f"c{number}", modality=modality, **fields), 0.9)
            for number, text in enumerate(texts, 1)
        )
    )


class Frequencies:
    """A Lexicon of given counts."""

    def __init__(self, counts: Mapping[str, int], total: int) -> None:
        self._counts = counts
        self._total = total

    def frequencies(self, asked: Sequence[str]) -> tuple[dict[str, int], int]:
        return {word: self._counts.get(word, 0) for word in asked}, self._total
