"""Paged: passages on pages that fit as a whole come first; others keep their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rag.retrievers.paged import Paged

from rag.answer import query
from rag.corpus import Corpus
from rag.document import WHOLE, CharSpan, Chunk, Origin, PageRegion, Source
from rag.filters import Filter
from rag.identity import digest, identified
from rag.protocols import Scored
from tests.golden import pdfs
from tests.golden.catalogs import MemoryCatalog, document
from tests.pipelines.conftest import hashed  # noqa: F401
from tests.retrievers.lists import Listed

LONG = document("long", [f"page {number}" for number in range(1, 6)])
WEB = list(
    identified(
        Chunk("", "text", Origin(Source("w", "text/plain", digest("w")), (CharSpan(n, n + 1),)), text=f"block {n}")
        for n in range(2)
    )
)
CATALOG = MemoryCatalog([*LONG, *WEB])


class Pages:
    """An index of pages that knows its answers."""

    def __init__(self, *ranked: tuple[Chunk, float]) -> None:
        self.ranked = [(chunk.id, score) for chunk, score in ranked]

    def search(self, queries: Sequence[Sequence[str]], k: int, where: Filter | None = None) -> Scored:
        return [self.ranked[:k] if terms else [] for terms in queries]


def texts(paged: Paged, question: str = "words", k: int = 9) -> list[str]:
    return [hit.chunk.text for hit in paged.retrieve([query(question)], k)[0]]


def test_a_hit_counts_with_its_page() -> None:
    listed = Listed([(LONG[0], 1.0), (LONG[1], 0.9), (LONG[2], 0.2)])
    assert texts(Paged(listed, Pages((LONG[2], 10.0), (LONG[1], 4.0)), CATALOG)) == ["page 2", "page 3", "page 1"]
    assert texts(Paged(listed, Pages((LONG[2], 10.0)), CATALOG, weight=0)) == ["page 1", "page 2", "page 3"]


def test_scores_are_of_the_ranks_and_parts_tell_the_page() -> None:
    listed = Listed([(LONG[0], 1.0), (LONG[1], 0.9)])
    first, second = Paged(listed, Pages((LONG[1], 3.0)), CATALOG).retrieve([query("words")], 5)[0]
    assert (first.chunk, first.score, second.score) == (LONG[1], 1.0, 0.9)
    assert (first.parts["page"].rank, first.parts["page"].score) == (1, 3.0)
    assert set(second.parts) == {"listed"}


def test_what_has_no_page_keeps_its_rank() -> None:
    listed = Listed([(WEB[0], 1.0), (LONG[0], 0.9), (WEB[1], 0.8), (LONG[1], 0.7)])
    assert texts(Paged(listed, Pages((LONG[1], 3.0)), CATALOG)) == ["block 0", "page 2", "block 1", "page 1"]


def test_a_photo_keeps_its_rank_as_its_page_knows_no_more_than_itself() -> None:
    (photo,) = identified(
        [Chunk("", "image", Origin(Source("p", "image/jpeg", digest("p")), (PageRegion(1, WHOLE),)), role="photo")]
    )
    listed = Listed([(photo, 1.0), (LONG[0], 0.9), (LONG[1], 0.8)])
    ranked = Paged(listed, Pages((LONG[1], 3.0)), CATALOG).retrieve([query("words")], 3)[0]
    assert [hit.chunk for hit in ranked] == [photo, LONG[1], LONG[0]]


def test_without_pages_or_words_nothing_changes() -> None:
    listed = Listed([(LONG[0], 1.0), (LONG[1], 0.9)])
    assert texts(Paged(listed, Pages(), CATALOG)) == ["page 1", "page 2"]
    assert texts(Paged(listed, Pages((LONG[1], 3.0)), CATALOG), question="") == ["page 1", "page 2"]
    assert texts(Paged(Listed([]), Pages((LONG[1], 3.0)), CATALOG)) == []
    assert texts(Paged(listed, Pages((LONG[1], 3.0)), CATALOG), k=0) == []


def test_a_page_far_down_the_list_is_still_seen() -> None:
    listed = Listed([(LONG[number], 1.0 - number / 10) for number in range(5)])
    assert texts(Paged(listed, Pages((LONG[4], 3.0)), CATALOG), k=1) == ["page 5"]
    assert listed.asked == [60]


@pytest.mark.parametrize("options", [{"weight": -1.0}, {"depth": 0}, {"pages": 0}])
def test_options_are_checked(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        Paged(Listed([]), Pages(), CATALOG, **options)  # type: ignore[arg-type]


def test_a_corpus_indexes_its_pages(hashed: Path) -> None:  # noqa: F811
    """Words that stand apart on a page find it, though no chunk holds them all."""
    with Corpus(hashed) as corpus:
        corpus.add([("pages.pdf", pdfs.many_pages(6))], keep=True, workers=0)
        pages = corpus.store.pages
        assert len(pages) == 6
        hit = corpus.search("page", k=1)[0]
        assert "page" in hit.parts
        corpus.remove("pages.pdf")
        assert len(pages) == 0
