"""Risk against coverage, and what of a run goes into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.evaluate.plotting import paths, points
from rag.pipelines.evaluate.records import Judged, Record, Said
from rag.pipelines.evaluate.trust import aurc, aurc_bounds, risk_coverage, trusted

PAIRS = st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.7, 0.9]), st.booleans()), min_size=1, max_size=20)


def test_by_example() -> None:
    curve = risk_coverage([(0.2, False), (0.9, True), (0.5, False), (0.8, True)])
    assert curve == [(0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]
    assert aurc(curve) == pytest.approx((1 / 3 + 0.5) / 4)
    assert risk_coverage([(0.5, True), (0.5, False)]) == [(0.5, 0.5), (1.0, 0.5)]
    assert aurc([]) == 0.0


@given(pairs=PAIRS, data=st.data())
def test_the_order_decides_nothing_and_the_end_is_the_share_of_wrong(
    pairs: list[tuple[float, bool]], data: st.DataObject
) -> None:
    curve = risk_coverage(pairs)
    other = risk_coverage(data.draw(st.permutations(pairs)))
    assert [risk for _, risk in other] == pytest.approx([risk for _, risk in curve])
    assert curve[-1][1] == pytest.approx(sum(not right for _, right in pairs) / len(pairs))
    best = aurc(risk_coverage([(float(right), right) for _, right in pairs]))
    assert best <= aurc(curve) + 1e-9


def test_bounds_are_those_of_resampled_questions_and_shrink_with_more() -> None:
    # Of equals in confidence the area is the share of wrong ones, whose interval is the binomial's.
    low, high = aurc_bounds([(0.5, at % 4 > 0) for at in range(400)])
    assert (low, high) == (pytest.approx(0.25 - 1.96 * 0.02165, abs=0.006), pytest.approx(0.2924, abs=0.006))
    few = [(0.9, True), (0.8, False), (0.6, True), (0.3, False)] * 5
    many = few * 20
    for pairs in (few, many):
        low, high = aurc_bounds(pairs)
        assert low < aurc(risk_coverage(pairs)) < high
        assert aurc_bounds(pairs[::-1]) == (low, high)
    assert high - low < 0.3 * (aurc_bounds(few)[1] - aurc_bounds(few)[0])
    assert aurc_bounds([(0.9, True)] * 7) == (0.0, 0.0)
    assert aurc_bounds([]) == (0.0, 0.0)


def record(number: int, relevance: float, right: bool, *, answerable: bool = True, refused: bool = False) -> Record:
    said = Said("", refused, evidence=(Judged(relevance, right, 10), Judged(0.01, False, 5)))
    return Record(f"q{number}", "", "", answerable, gold=("d/1",) if answerable else (), said=said)


def test_unanswerable_questions_count_as_wrong_and_are_counted() -> None:
    told = trusted([
        record(1, 0.9, True), record(2, 0.6, False), record(3, 0.5, True, answerable=False),
        record(4, 0.1, False, answerable=False, refused=True), Record("q5", "", "", True),
    ])  # fmt: skip
    assert told
    assert told.n == 4
    assert (told.unanswerable, told.answered_unanswerable) == (2, 1)
    assert told.curve[-1] == (1.0, 0.75)
    assert told.aurc_random == 0.75
    assert told.aurc_best <= told.aurc
    assert told.aurc_bounds[0] <= told.aurc <= told.aurc_bounds[1]
    assert sum(one.count for one in told.bins) == 4
    assert trusted([Record("q", "", "", True, gold=("a",), said=Said("x"))]) is None


def test_plots_hold_each_point_inside_the_frame() -> None:
    plot = points([[(0.5, 2.0, 4), (0.1, 0.2, 9)]], "a < b", "x", "y", diagonal=True)
    assert plot.count("<circle") == 2
    assert "a &lt; b" in plot
    assert 'cy="12.0"' in plot  # 2.0 is held at the top
    assert paths([[(at / 5000, 0.5) for at in range(5001)]], "t", "x", "y").count(",") < 500
