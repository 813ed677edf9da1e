"""The first hits as they come, pictures among them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rag.retrievers.selectors.top import Top

from rag.answer import Hit, Query, query
from rag.document import Media
from tests.generators.build import hit


def scored(*scores: float) -> list[Hit]:
    return [replace(hit(f"text {n}", f"c{n}"), score=score) for n, score in enumerate(scores)]


def test_a_page_without_a_word_is_evidence_also_for_a_picture_alone() -> None:
    page = hit("", "p1", modality="image", role="page")
    for asked in (query("What is shown?"), Query((Media("image/png", "a" * 64, 1),))):
        (chosen,) = Top().select([asked], [[page, hit("", "c1")]])
        assert [one.hit.chunk.id for one in chosen.evidence] == ["p1"]
        assert chosen.expected_risk is None, "nothing is estimated"


def test_none_below_the_least_score_is_kept() -> None:
    (some,) = Top(k=5, least=0.5).select([query("x")], [scored(0.9, 0.2, 0.6, 3.0)])
    assert [one.hit.score for one in some.evidence] == [3.0, 0.9, 0.6]
    assert [one.relevance for one in some.evidence] == [1.0, 0.9, 0.6]
    (none,) = Top(least=0.95, near_misses=1).select([query("x")], [scored(0.9, 0.2)])
    assert not none.evidence
    assert "0.90, below 0.95" in none.reason
    assert [one.hit.score for one in none.near_misses] == [0.9]


def test_nothing_found_and_nothing_wanted() -> None:
    assert "nothing in the corpus" in Top().select([query("x")], [[]])[0].reason
    assert "k = 0" in Top(k=0).select([query("x")], [scored(1.0)])[0].reason


@pytest.mark.parametrize("options", [{"k": -1}, {"least": 2.0}, {"near_misses": -1}])
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Top(**options)  # type: ignore[arg-type]
