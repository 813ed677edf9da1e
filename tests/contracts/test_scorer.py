"""What holds for every scorer, over any hits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer import Hit, query
from rag.protocols import Scorer
from tests.generators.build import hit
from tests.retrievers.rerankers.scorers import SCORERS

QUESTION = query("How much rain fell in September?")
TEXT = st.lists(st.sampled_from("rain fell in September 81 mm . The gauge stands much how".split()), max_size=12)
every = pytest.mark.parametrize("make", SCORERS.values(), ids=SCORERS)


@st.composite
def hits(draw: st.DrawFn) -> list[Hit]:
    dense = draw(st.booleans())
    texts = draw(st.lists(TEXT, max_size=6))
    return [hit(" ".join(text), f"c{at}", draw(st.floats(-1, 1)) if dense else None) for at, text in enumerate(texts)]


@every
@settings(max_examples=20, deadline=None)
@given(found=hits(), data=st.data())
def test_the_order_of_hits_changes_no_score(make: Callable[[], Scorer], found: list[Hit], data: st.DataObject) -> None:
    scorer = make()
    shuffled = data.draw(st.permutations(found))
    first = dict(zip([one.chunk.id for one in found], scorer.score([QUESTION], [found])[0], strict=True))
    second = dict(zip([one.chunk.id for one in shuffled], scorer.score([QUESTION], [shuffled])[0], strict=True))
    assert first == pytest.approx(second, abs=1e-5)


@every
@settings(max_examples=20, deadline=None)
@given(found=hits())
def test_a_score_for_each_hit_and_none_for_none(make: Callable[[], Scorer], found: list[Hit]) -> None:
    scorer = make()
    assert scorer.score([], []) == []
    scores = scorer.score([QUESTION, QUESTION, query("")], [found, [], found])
    assert [len(one) for one in scores] == [len(found), 0, len(found)]
    assert all(isinstance(score, float) and score == score for one in scores for score in one)


@every
def test_a_query_is_scored_alone_as_in_a_batch(make: Callable[[], Scorer]) -> None:
    scorer = make()
    found = [hit("In September 81 mm of rain fell.", "c1", 0.7), hit("The gauge stands.", "c2", 0.2)]
    other = query("Where does the gauge stand?")
    alone = [*scorer.score([QUESTION], [found]), *scorer.score([other], [found])]
    both = scorer.score([QUESTION, other], [found, found])
    assert [value for row in both for value in row] == pytest.approx(
        [value for row in alone for value in row], abs=1e-5
    )


@every
def test_a_fingerprint_names_it_and_stays(make: Callable[[], Scorer]) -> None:
    assert make().fingerprint
    assert make().fingerprint == make().fingerprint


def test_fingerprints_tell_scorers_apart() -> None:
    names = [make().fingerprint for make in SCORERS.values()]
    assert len(set(names)) == len(names)
