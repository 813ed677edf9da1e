"""What a scorer tells beside its scores."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Hit, Query, query
from rag.judging import looked
from tests.generators.build import hit

FOUND = [[hit("rain", "c1"), hit("snow", "c2")], []]
ASKED = [query("rain"), query("snow")]


class Plain:
    fingerprint = "plain-1"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        return [[float(len(found)) for _ in found] for found in hits]


class Judging(Plain):
    def judged(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> tuple[list[list[float]], list[float]]:
        return self.score(queries, hits), [0.7, 0.0]


class Dear(Plain):
    def scored(
        self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]
    ) -> tuple[list[list[float]], list[dict[str, float]]]:
        return self.score(queries, hits), [{"calls": 2.0, "chance": 0.7}, {"calls": 0.0}]


def test_scores_chances_and_costs_of_each_capability() -> None:
    scores = [[2.0, 2.0], []]
    for scorer, chances in ((Plain(), [None, None]), (Judging(), [0.7, 0.0]), (Dear(), [0.7, None])):
        found, told, costs = looked(scorer, ASKED, FOUND)
        assert (found, told) == (scores, chances)
        if isinstance(scorer, Dear):
            assert costs == [{"calls": 2.0}, {"calls": 0.0}]  # a chance is no cost
        else:
            assert [set(one) for one in costs] == [{"score"}, {"score"}]
    assert looked(Plain(), [], []) == ([], [], [])
