"""The section that answers, within the best documents: a pair scorer over sections instead of passages.

The section reranker of IDentIfy (Lee et al. 2024, "Unified Multi-Modal Interleaved Document Representation
for Information Retrieval", arXiv 2410.02729): all sections of the top K documents are scored against the
query. There the scorer is a trained VLM head and K 25 (as recalled); here it is any Scorer, and K a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer import Hit, Query
from rag.document import CharSpan, PageRegion, Place, TimeSpan
from rag.protocols import Scorer
from rag.sections import Key, section_key

from .features import Features
from .ordering import reordered

MOST_TEXT = 8_000


@dataclass(frozen=True, slots=True)
class Sections:
    """A Reranker: the hits of the best `top_documents` in the order of their sections, the others behind, as they were.

    A section is what stands under the same headings of a document among the hits; its text is that of its
    hits, best first, of equals in reading order, up to 8,000 characters. Documents are ranked by their best
    hit. The scorer is called for each section once; within a section hits keep the order of their scores.
    """

    scorer: Scorer | None = None
    top_documents: int = 25

    def __post_init__(self) -> None:
        if self.top_documents < 1:
            raise ValueError(f"top_documents is at least 1, got {self.top_documents}")

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each list, best sections first."""
        ranked = [sorted(found, key=lambda hit: (-hit.score, hit.chunk.id)) for found in hits]
        grouped = [self._sections(found) for found in ranked]
        wholes = [[_whole(section) for section in one.values()] for one in grouped]
        scorer = self.scorer or Features()
        scored = scorer.score(queries, wholes) if any(wholes) else [[] for _ in queries]
        return [
            _placed(found, dict(zip(one, scores, strict=True)))
            for found, one, scores in zip(ranked, grouped, scored, strict=True)
        ]

    def _sections(self, ranked: Sequence[Hit]) -> dict[Key, list[Hit]]:
        """Sections of the best documents, with their hits best first."""
        documents = list(dict.fromkeys(hit.chunk.origin.source.digest for hit in ranked))[: self.top_documents]
        grouped: dict[Key, list[Hit]] = {}
        for hit in ranked:
            if hit.chunk.origin.source.digest in documents:
                grouped.setdefault(section_key(hit.chunk), []).append(hit)
        return grouped


def _whole(section: Sequence[Hit]) -> Hit:
    """The section as one hit: the first, with the words of all."""
    read = sorted(section, key=lambda hit: (-hit.score, _place(hit.chunk.origin.places[0]), hit.chunk.id))
    text = "\n\n".join(hit.chunk.text for hit in read)[:MOST_TEXT]
    return replace(section[0], chunk=replace(section[0].chunk, text=text, coloured=()))


def _place(place: Place) -> tuple[float, float, float]:
    """Where a place stands in its document; all places in markup stand alike."""
    match place:
        case PageRegion(page, box):
            return page, box.top, box.left
        case TimeSpan(start, end) | CharSpan(start, end):
            return start, end, 0.0
        case _:
            return 0.0, 0.0, 0.0


def _placed(ranked: Sequence[Hit], scores: dict[Key, float]) -> list[Hit]:
    inside = [hit for hit in ranked if section_key(hit.chunk) in scores]
    inside.sort(key=lambda hit: (-scores[section_key(hit.chunk)], section_key(hit.chunk), -hit.score, hit.chunk.id))
    outside = [hit for hit in ranked if section_key(hit.chunk) not in scores]
    values = [scores[section_key(hit.chunk)] for hit in inside]
    last = min(values, default=0.0)
    return reordered([*inside, *outside], [*values, *(last for _ in outside)], "sections", sort=False)
