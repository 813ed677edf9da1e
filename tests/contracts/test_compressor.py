"""What holds for every compressor, over any selection."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.compressors.focus import Focus
from rag.retrievers.compressors.html_prune import HtmlPrune

from rag.answer import Evidence, Selection, query
from rag.document import CharSpan, MarkupPath
from rag.protocols import Compressor
from rag.words import WordCounter
from tests.generators.build import selection as plain_selection
from tests.golden import causal, evidences
from tests.golden.encoders import HashEncoder


@cache
def _model() -> str:
    return str(causal.made(Path(mkdtemp(prefix="argus-")) / "model"))


COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "html_prune": lambda: HtmlPrune(max_words=12, encoder=HashEncoder()),
    "html_prune-bm25": lambda: HtmlPrune("bm25", max_words=4),
    "focus": lambda: Focus(head=0),
    "html_prune-generative": lambda: HtmlPrune("generative", _model(), max_words=30),
}
every = pytest.mark.parametrize("make", COMPRESSORS.values(), ids=COMPRESSORS)
ASKED = query("How is the funnel of a rain gauge read?")
CHOSEN = evidences.of_pages()
few = settings(max_examples=15, deadline=None)


def tokens(selection: Selection) -> int:
    return sum(WordCounter().count([one.hit.chunk.text for one in selection.evidence]))


def letters(text: str) -> str:
    return "".join(text.split())


def by_number(selection: Selection) -> dict[int, Evidence]:
    return {one.number: one for one in selection.evidence}


@every
@few
@given(budget=st.integers(1, 400))
def test_the_budget_is_held_and_something_stays(make: Callable[[], Compressor], budget: int) -> None:
    out = make().compress(ASKED, CHOSEN, budget)
    assert 0 < tokens(out) <= max(budget, 0)


@every
@few
@given(one=st.integers(1, 400), other=st.integers(1, 400))
def test_a_larger_budget_keeps_what_a_smaller_one_keeps(make: Callable[[], Compressor], one: int, other: int) -> None:
    compressor = make()
    small, large = (by_number(compressor.compress(ASKED, CHOSEN, budget)) for budget in sorted((one, other)))
    for number, evidence in small.items():
        kept = large[number].hit.chunk
        whole = {place for place in kept.origin.places if not isinstance(place, CharSpan)}
        assert {place for place in evidence.hit.chunk.origin.places if not isinstance(place, CharSpan)} <= whole
        assert all(letters(line) in letters(kept.text) for line in evidence.hit.chunk.text.split("\n"))


@every
@few
@given(budget=st.integers(1, 400))
def test_places_are_narrowed_and_no_text_is_new(make: Callable[[], Compressor], budget: int) -> None:
    out = make().compress(ASKED, CHOSEN, budget)
    given_ = by_number(CHOSEN)
    assert [one.number for one in out.evidence] == [number for number in given_ if number in by_number(out)]
    for one in out.evidence:
        before, after = given_[one.number].hit.chunk, one.hit.chunk
        assert after.id == before.id
        assert after.origin.source == before.origin.source
        assert {p for p in after.origin.places if not isinstance(p, CharSpan)} <= set(before.origin.places)
        assert all(line.strip() in before.text for line in after.text.split("\n"))
        if after.text != before.text:
            assert after.tokens == WordCounter().count([after.text])[0]


@every
def test_a_selection_within_the_budget_is_left_as_it_is(make: Callable[[], Compressor]) -> None:
    assert make().compress(ASKED, CHOSEN, tokens(CHOSEN)) == CHOSEN
    near = Selection((), CHOSEN.evidence[:1], "nothing fits")
    assert make().compress(ASKED, near, 1) == near
    assert make().compress(query(""), Selection(), 10) == Selection()


@every
def test_the_same_is_kept_each_time_and_by_each_of_its_kind(make: Callable[[], Compressor]) -> None:
    one, other = make(), make()
    for budget in (5, 40, 90):
        first = one.compress(ASKED, CHOSEN, budget)
        assert first == one.compress(ASKED, CHOSEN, budget) == other.compress(ASKED, CHOSEN, budget)


@every
def test_a_budget_of_nothing_is_refused(make: Callable[[], Compressor]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make().compress(ASKED, CHOSEN, 0)


@every
def test_evidence_that_is_no_web_page_is_kept_or_left_out_whole(make: Callable[[], Compressor]) -> None:
    texts = ["The funnel of a rain gauge is read at nine.", "Nothing of it stands here at all.", "Boats sail."]
    chosen = plain_selection(*texts)
    out = make().compress(ASKED, chosen, 14)
    assert all(one in chosen.evidence for one in out.evidence)
    assert 1 <= len(out.evidence) < 3
    assert not any(isinstance(place, MarkupPath) for one in out.evidence for place in one.hit.chunk.origin.places)
