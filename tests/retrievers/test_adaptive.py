"""Adaptive selection: cut, refusal, risk, and a calibration that is its scorer's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.cutoffs import budget
from rag.retrievers.rerankers.chain import Chain, Stage
from rag.retrievers.selectors.adaptive import Adaptive

from rag.answer import Hit, Query, Score, query
from rag.calibration import Calibrations, Curve, dumped
from rag.errors import ConfigError
from tests.generators.build import hit

QUESTION = query("How much rain fell in September?")
LINE = Curve((0.0, 1.0), (0.0, 1.0))


class Given:
    """The score that stands in the text."""

    fingerprint = "given-1"

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
        return [[float(one.chunk.text.split()[0]) for one in found] for found in hits]


def hits(*scores: float) -> list[Hit]:
    return [hit(f"{score} rain", f"c{at}", 0.5) for at, score in enumerate(scores)]


def kept(file: Path, found: list[Hit], **options: object) -> list[float]:
    selector = Adaptive(Given(), str(file), **options)  # type: ignore[arg-type]
    return [one.relevance for one in selector.select([QUESTION], [found])[0].evidence]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    needed = tuple((at / 100,) for at in range(1, 100))
    path = tmp_path / "c.json"
    path.write_text(dumped(Calibrations("given-1", {"": LINE}, 0.4, 0.5, needed)), encoding="utf-8")
    return path


def test_tau_and_k_of_the_file_and_of_the_profile(file: Path) -> None:
    found = hits(0.2, 0.9, 0.41, 0.5, 0.39)
    assert kept(file, found) == [0.9, 0.5, 0.41]
    assert kept(file, found, k=2) == [0.9, 0.5]
    assert kept(file, found, tau=0.1) == [0.9, 0.5, 0.41, 0.39, 0.2]
    assert kept(file, found, tau=0.1, cutoff=budget(4)) == [0.9, 0.5]


def test_a_risk_above_the_level_is_refused_with_near_misses(file: Path) -> None:
    (told,) = Adaptive(Given(), str(file), near_misses=2).select([QUESTION], [hits(0.2, 0.45, 0.1)])
    assert told.evidence == ()
    assert [one.relevance for one in told.near_misses] == [0.45, 0.2]
    assert told.expected_risk == pytest.approx(0.55)
    assert "covers 1 of 3 words" in told.reason
    assert "leaves a risk above 0.5" in told.reason
    assert kept(file, hits(0.2, 0.45, 0.1), max_risk=0.6) == [0.45]


def seen(chance: float, score: float, id: str, relevance: float = 0.1) -> Hit:
    """A photo that was found by what it shows."""
    found = hit(f"{relevance} rain", id, 0.5, role="photo", modality="image")
    return replace(found, score=score, parts={**found.parts, "photos": Score(1, chance)})


def chosen(file: Path, found: list[Hit], **options: object) -> list[str]:
    (told,) = Adaptive(Given(), str(file), **options).select([QUESTION], [found])  # type: ignore[arg-type]
    assert [one.number for one in told.evidence] == list(range(1, len(told.evidence) + 1))
    return [one.hit.chunk.id for one in told.evidence]


def test_photos_that_are_asked_for_are_kept_whatever_their_words_say(file: Path) -> None:
    photos = [seen(0.9, 1.0, "p1"), seen(0.6, 0.9, "p2"), seen(0.9, 0.8, "p3")]
    assert chosen(file, [photos[0], seen(0.4, 0.9, "p4")]) == ["p1"]
    assert chosen(file, [*photos, *hits(0.2, 0.3)]) == ["p1", "p2"]  # all else is refused
    assert chosen(file, [*photos, *hits(0.2, 0.9)]) == ["c1", "p1", "p2"]
    assert chosen(file, [*hits(0.9, 0.8, 0.7), *photos[:1]], k=3) == ["c0", "c1", "p1"]
    assert chosen(file, [seen(0.9, 1.0, "p1", 0.95), *hits(0.9, 0.8)], k=2) == ["p1", "c0"]
    assert chosen(file, photos, k=1) == ["p1"]
    assert chosen(file, photos, k=0) == []


def test_photos_that_may_not_be_asked_for_are_as_other_hits(file: Path) -> None:
    assert chosen(file, [seen(0.4, 1.0, "p1"), *hits(0.2)]) == []
    assert chosen(file, [seen(0.4, 1.0, "p1"), *hits(0.9)]) == ["c0"]
    assert chosen(file, [seen(0.9, 1.0, "p1"), *hits(0.9)], cutoff=budget(4)) == ["c0"]
    for own in ({"tau": 0.99}, {"max_risk": 0.01}):  # neither does a threshold of the user's own
        assert chosen(file, [seen(0.6, 1.0, "p1")], **own) == []


def test_the_cut_by_risk_keeps_what_the_calibration_set_asks_for(file: Path) -> None:
    # 99 levels of 0.01 to 0.99: at a risk of 0.2, (19 lost + 1) / 100 are allowed, so the threshold is 0.2.
    found = hits(0.8, 0.21, 0.2, 0.19)
    assert kept(file, found, risk=0.2, max_risk=1.0) == [0.8, 0.21, 0.2]
    with pytest.raises(ValueError, match="cannot be promised"):
        kept(file, found, risk=0.005)


def test_k_does_not_break_the_promise_of_a_risk_and_a_cutoff_that_is_asked_for_does(file: Path) -> None:
    found = hits(*(0.3 + at / 100 for at in range(20)))
    assert len(kept(file, found, risk=0.2, max_risk=1.0)) == 20
    assert len(kept(file, found, risk=0.2, max_risk=1.0, k=1)) == 20
    assert len(kept(file, found, risk=0.2, max_risk=1.0, cutoff=budget(7))) < 20


class Judging(Given):
    """The chance of a list is the largest number behind a slash."""

    def judged(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> tuple[list[list[float]], list[float]]:
        return self.score(queries, hits), [
            max(float(one.chunk.text.split()[1]) for one in found) for found in hits
        ]  # fmt: skip


def test_a_list_that_the_scorer_gives_no_chance_is_refused_whatever_its_best(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(dumped(Calibrations("given-1", {"": LINE}, 0.0, least_chance=0.5)), encoding="utf-8")
    fits, other = [hit("0.4 0.5 rain", "c1", 0.5)], [hit("0.9 0.49 rain", "c1", 0.5)]
    kept_, refused = Adaptive(Judging(), str(path)).select([QUESTION, QUESTION], [fits, other])
    assert [one.relevance for one in kept_.evidence] == [0.4]
    assert not refused.evidence
    assert [one.relevance for one in refused.near_misses] == [0.9]
    assert "the chance that it speaks of what is asked is 0.49, below 0.5" in refused.reason
    (open_,) = Adaptive(Judging(), str(path), least_chance=0.0).select([QUESTION], [other])
    assert [one.relevance for one in open_.evidence] == [0.9]


def test_a_chain_passes_on_what_its_first_scorer_says_of_the_list(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    other = [hit("0.9 0.49 rain", "c1", 0.5), hit("0.1 0.3 rain", "c2", 0.5)]
    for chain, refused in (
        (Chain([Stage(Judging()), Stage(Given(), best=1)]), True),
        (Chain([Stage(Given()), Stage(Judging(), best=1)]), False),
        (Chain([Stage(Judging(), seconds=9, batch=1), Stage(Given(), best=1)]), False),  # no list was seen whole
    ):
        curve = Curve((0.0, 2.0), (0.0, 1.0))
        path.write_text(dumped(Calibrations(chain.fingerprint, {"": curve}, 0.0, least_chance=0.5)), encoding="utf-8")
        (told,) = Adaptive(chain, str(path)).select([QUESTION], [other])
        assert (not told.evidence) == refused
        assert set(told.cost) == {"calls", "1.given", "2.given"}


@given(scores=st.lists(st.floats(0, 1), max_size=12), k=st.integers(0, 12), low=st.floats(0, 1), high=st.floats(0, 1))
def test_each_candidate_is_scored_once_and_without_a_threshold_it_is_a_reranked_top_k(
    scores: list[float], k: int, low: float, high: float
) -> None:
    class Counting(Given):
        seen: ClassVar[list[str]] = []

        def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]:
            self.seen.extend(one.chunk.id for found in hits for one in found)
            return super().score(queries, hits)

    with TemporaryDirectory() as folder:
        file = Path(folder) / "c.json"
        file.write_text(dumped(Calibrations("given-1", {"": LINE})), encoding="utf-8")

        def ids(k: int, tau: float) -> list[str]:
            Counting.seen.clear()
            (told,) = Adaptive(Counting(), str(file), k=k, tau=tau).select([QUESTION], [hits(*scores)])
            assert sorted(Counting.seen) == sorted(one.chunk.id for one in hits(*scores))
            return [one.hit.chunk.id for one in told.evidence]

        ranked = sorted(hits(*scores), key=lambda one: (-float(one.chunk.text.split()[0]), one.chunk.id))
        assert ids(k, 0.0) == [one.chunk.id for one in ranked][:k]
        assert set(ids(k, max(low, high))) <= set(ids(k, min(low, high))) <= set(ids(k + 1, min(low, high)))


def test_what_is_far_below_the_best_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(dumped(Calibrations("given-1", {"": LINE}, 0.0, ratio=0.25)), encoding="utf-8")
    assert kept(path, hits(0.8, 0.2, 0.19)) == [0.8, 0.2]
    assert kept(path, hits(0.08, 0.02, 0.019)) == [0.08, 0.02]
    assert kept(path, hits(0.8, 0.2, 0.19), ratio=0.5) == [0.8]
    assert kept(path, hits(0.8, 0.2, 0.19), ratio=0.0) == [0.8, 0.2, 0.19]


def test_a_calibration_of_another_scorer_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="given-1"):
        Adaptive(calibration=str(file)).select([QUESTION], [hits(0.5)])
    with pytest.raises(ValueError, match="no calibration that ships"):
        Adaptive(Given())


def test_the_cost_of_a_chain_is_told(tmp_path: Path) -> None:
    chain = Chain([Stage(Given()), Stage(Given(), best=1)])
    path = tmp_path / "c.json"
    path.write_text(dumped(Calibrations(chain.fingerprint, {"": Curve((0.0, 2.0), (0.0, 1.0))})), encoding="utf-8")
    (told,) = Adaptive(chain, str(path), tau=0.0).select([QUESTION], [hits(0.5, 0.9)])
    assert told.cost["calls"] == 1
    assert [one.hit.chunk.id for one in told.evidence] == ["c1", "c0"]


def test_each_kind_has_the_calibration_fitted_for_it(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    curves = {"": LINE, "dense": Curve((0.0, 1.0), (0.0, 0.5)), "dense.table": Curve((0.0, 1.0), (0.5, 1.0))}
    path.write_text(dumped(Calibrations("given-1", curves)), encoding="utf-8")
    found = [hit("0.4 rain", "c1", 0.5), hit("0.2 rain", "c2", 0.5, modality="table")]
    assert kept(path, found) == [pytest.approx(0.6), pytest.approx(0.2)]
    assert kept(path, [hit("0.4 rain", "c1")]) == [0.4]


def test_nothing_to_ask_and_nothing_found(file: Path) -> None:
    selector = Adaptive(Given(), str(file))
    assert selector.select([], []) == []
    none, wordless = selector.select([QUESTION, query("")], [[], hits(0.9)])
    assert none.reason == "nothing in the corpus fits: no text was found for the question"
    assert wordless.reason == "the question has no words"
    for wrong in (
        {"k": -1},
        {"tau": 2.0},
        {"tau": 0.5, "risk": 0.1},
        {"ratio": 0.5, "risk": 0.1},
        {"least_chance": -1},
    ):
        with pytest.raises(ValueError):
            Adaptive(**wrong)  # type: ignore[arg-type]
