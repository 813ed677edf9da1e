"""Photos: raised as far as the question asks for what a photo shows, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp

import pytest
from rag.retrievers.fused import Fused
from rag.retrievers.photos import Photos

from rag.answer import Hit, Query, Score, query
from rag.document import WHOLE, Chunk, Origin, PageRegion, Source
from rag.identity import digest, identified
from rag.overlap import rarities
from rag.protocols import Retriever
from tests.golden.catalogs import document
from tests.retrievers.lists import Listed

TEXTS = document("report", [f"paragraph {number}" for number in range(4)])
DOG, CAT = identified(
    Chunk("", "image", Origin(Source(name, "image/jpeg", digest(name)), (PageRegion(1, WHOLE),)), role="photo")
    for name in ("dog", "cat")
)
ASKED = "a dog on a skateboard"


def fused(dense: Sequence[tuple[Chunk, float]], lexical: Sequence[tuple[Chunk, float]]) -> Fused:
    return Fused({"dense": Listed(dense), "lexical": Listed(lexical)}, "weighted")


def found(retriever: Retriever, text: str = ASKED, k: int = 9) -> list[Hit]:
    return retriever.retrieve([query(text)], k)[0]


def chunks(hits: Sequence[Hit]) -> list[Chunk]:
    return [hit.chunk for hit in hits]


CAPTION = fused(
    [(DOG, 0.5), (CAT, 0.4), (TEXTS[0], 0.2), (TEXTS[1], 0.15)],
    [(TEXTS[0], 3.0), (TEXTS[1], 2.9), (TEXTS[2], 1.0), (TEXTS[3], 0.5)],
)
"""What a caption finds: photos are near, and no text has many of its words."""
WRITTEN = fused(
    [(TEXTS[0], 0.7), (TEXTS[1], 0.5), (DOG, 0.25), (CAT, 0.2)],
    [(TEXTS[0], 40.0), (TEXTS[1], 30.0), (TEXTS[2], 20.0), (TEXTS[3], 10.0)],
)
"""What a question finds that a text answers."""


def test_photos_come_first_where_they_are_near_and_no_text_is() -> None:
    assert chunks(found(CAPTION))[0] == TEXTS[0]  # its words are in both lists
    first, second, *rest = found(Photos(CAPTION))
    assert [first.chunk, second.chunk] == [DOG, CAT]
    assert set(chunks(rest)) == set(TEXTS)


def test_a_question_that_a_text_answers_keeps_its_hits_as_they_are() -> None:
    assert found(Photos(WRITTEN)) == found(WRITTEN)


def test_a_photo_is_never_put_lower_and_the_others_keep_their_order() -> None:
    for listed in (CAPTION, WRITTEN):
        before, after = chunks(found(listed)), chunks(found(Photos(listed)))
        assert all(after.index(photo) <= before.index(photo) for photo in (DOG, CAT))
        assert [one for one in after if one in TEXTS] == [one for one in before if one in TEXTS]


def test_the_chance_by_hand() -> None:
    photos = Photos(CAPTION, bias=0.0, seen=2.0, near=1.0, said=0.5, shows=4.0, half=0.3)
    mass = sum(rarities(ASKED, None).values())
    assert photos.signs(query(ASKED), found(CAPTION)) == (0.5, 0.2, 3.0 / mass)
    chance = 1 / (1 + exp(-(2 * 0.5 - 1 * 0.2 - 0.5 * 3.0 / mass)))
    first, second = (hit for hit in found(photos) if "photos" in hit.parts)
    assert first.parts["photos"].score == pytest.approx(chance / (1 + exp(-4 * (0.5 - 0.3))), abs=1e-4)
    assert second.parts["photos"].score == pytest.approx(chance / (1 + exp(-4 * (0.4 - 0.3))), abs=1e-4)
    # Half of the fused score is dense: 1.0 and, of 0.15 to 0.5, 0.25 / 0.35.
    assert first.score == pytest.approx(0.5 + chance * 0.5)
    assert second.score == pytest.approx(0.25 / 0.35 * (0.5 + chance * 0.5))


def test_shares_are_of_what_a_hit_has_that_is_first_in_all_channels() -> None:
    ranks = replace(CAPTION, method="rrf", weights={"lexical": 2.0})
    assert ranks.whole == pytest.approx(3 / 61)
    assert (CAPTION.whole, found(CAPTION)[0].score < 1.0) == (1.0, True)
    sure = found(Photos(ranks, bias=30.0))
    assert [sure[0].chunk, sure[0].score] == [DOG, pytest.approx(ranks.whole)]
    doubtful = found(Photos(ranks, bias=-1.0, seen=0.0, near=0.0, said=0.0))
    assert doubtful[0].chunk == TEXTS[0]


def test_a_photo_that_is_first_already_is_told_of_too() -> None:
    listed = fused([(DOG, 0.5), (TEXTS[0], 0.1)], [(DOG, 3.0), (TEXTS[0], 1.0)])
    before, after = found(listed)[0], found(Photos(listed))[0]
    assert (after.chunk, after.score) == (DOG, before.score)
    assert after.parts["photos"].score > 0.5


def test_scores_are_in_order_and_those_of_texts_stay() -> None:
    hits, before = found(Photos(CAPTION)), {hit.chunk.id: hit for hit in found(CAPTION)}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit == before[hit.chunk.id] for hit in hits if hit.chunk in TEXTS)
    assert hits[0].parts["dense"] == Score(1, 0.5)


def test_without_photos_or_words_nothing_changes() -> None:
    texts = fused([(TEXTS[0], 0.2)], [(TEXTS[1], 1.0)])
    assert found(Photos(texts)) == found(texts)
    assert found(Photos(CAPTION), text="") == found(CAPTION, text="")
    assert found(Photos(fused([], []))) == []
    assert found(Photos(CAPTION), k=0) == []


def test_a_photo_that_words_alone_found_is_left_where_it_is() -> None:
    listed = fused([(TEXTS[0], 0.2)], [(TEXTS[1], 3.0), (DOG, 1.0)])
    assert found(Photos(listed)) == found(listed)


def test_hits_below_k_are_looked_at() -> None:
    inner = Listed([(TEXTS[0], 1.0)])
    Photos(inner).retrieve([Query(("x",))], 3)
    assert inner.asked == [60]


@pytest.mark.parametrize("options", [{"seen": -1.0}, {"near": -1.0}, {"said": -1.0}, {"shows": -1.0}, {"depth": 0}])
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Photos(CAPTION, **options)  # type: ignore[arg-type]
