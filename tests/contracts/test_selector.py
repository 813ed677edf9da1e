"""What holds for every selector, over any hits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.selectors.adaptive import Adaptive
from rag.retrievers.selectors.top import Top

from rag.answer import Hit, query
from rag.protocols import Selector
from tests.generators.build import hit

K = 3
SELECTORS: dict[str, Callable[[], Selector]] = {
    "adaptive": lambda: Adaptive(k=K),
    "adaptive-all": lambda: Adaptive(k=K, tau=0.0, ratio=0.0, least_chance=0.0),
    "top": lambda: Top(k=K),
}
every = pytest.mark.parametrize("selector", [make() for make in SELECTORS.values()], ids=SELECTORS)
QUESTION = query("How much rain fell in September?")
TEXT = st.lists(st.sampled_from("rain fell in September 81 mm . The gauge stands much how".split()), max_size=15)


@st.composite
def hits(draw: st.DrawFn) -> list[Hit]:
    dense = draw(st.booleans())
    texts = draw(st.lists(TEXT, max_size=8))
    scores = st.floats(-1, 1) if dense else st.none()
    return [hit(" ".join(text), f"c{number}", draw(scores)) for number, text in enumerate(texts)]


@every
@given(found=hits(), data=st.data())
def test_the_order_of_hits_changes_nothing(selector: Selector, found: list[Hit], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(found))
    assert selector.select([QUESTION], [found]) == selector.select([QUESTION], [shuffled])


@every
@given(found=hits())
def test_at_most_k_numbered_from_one_best_first(selector: Selector, found: list[Hit]) -> None:
    (chosen,) = selector.select([QUESTION], [found])
    assert len(chosen.evidence) <= K
    assert [one.number for one in chosen.evidence] == list(range(1, len(chosen.evidence) + 1))
    chances = [one.relevance for one in chosen.evidence]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)
    assert bool(chosen.reason) != bool(chosen.evidence)
    assert {one.hit.chunk.id for one in chosen.evidence} <= {one.chunk.id for one in found}
    assert all(one.hit.chunk.text.strip() for one in chosen.evidence)


@every
@given(found=hits())
def test_a_hit_below_the_cut_changes_nothing(selector: Selector, found: list[Hit]) -> None:
    (before,) = selector.select([QUESTION], [found])
    dense = next((one.parts["dense"].score for one in found if "dense" in one.parts), None)
    worse = hit("", "zz", dense)
    (after,) = selector.select([QUESTION], [[*found, worse]])
    assert after.evidence == before.evidence
    # The default scorer of Adaptive looks at how far a hit is from the others, so a twin of one moves both.
    if len(before.evidence) == K and not isinstance(selector, Adaptive):
        last = before.evidence[-1].hit
        twin = hit(last.chunk.text, "zzz", None if dense is None else last.parts["dense"].score)
        (doubled,) = selector.select([QUESTION], [[*found, twin]])
        assert doubled.evidence == before.evidence


@every
def test_n_queries_give_n_selections_and_none_give_none(selector: Selector) -> None:
    assert selector.select([], []) == []
    found = [hit("In September 81 mm of rain fell.", "c1", 0.7)]
    first, second = selector.select([QUESTION, QUESTION], [found, []])
    assert first.evidence
    assert not second.evidence
    assert second.reason
