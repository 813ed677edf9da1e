"""Adaptive top-k: a scorer's relevance, calibrated, cut by a rule, or a refusal.

The selection of Mortaheb et al. 2025 (arXiv 2501.04695), "up to k entries whose relevancy is high enough,
possibly none", over any scorer and any cutoff. N, k and tau are parameters: the paper does not give them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from rag.answer import Evidence, Hit, Query, Selection
from rag.calibration import Calibrations, checked, load, parsed
from rag.identity import findable
from rag.judging import looked
from rag.overlap import asked, is_listing, stems
from rag.protocols import Candidate, Cutoff, Lexicon, Scorer

from ..cutoffs import all_of, near_best, risk, up_to_k
from ..rerankers.features import Features

SHIPPED = "features_calibration.json"
SURE, PHOTOS = 0.5, 2
"""Of photos that are kept for what they show: the least chance, and how many."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """A Selector: up to `k` hits that are relevant enough, also cut by `cutoff`; none if nothing fits.

    `scorer` is `retrievers/rerankers/features` unless another is given, and `calibration` the file that
    `rag tune` or `rag train` wrote for it; for the default scorer "" is the one that ships with Argus. A
    calibration of another scorer is refused. What follows defaults to what the file says.

    Left out are hits with a relevance below `tau`, and those below `ratio` times the best. `risk` cuts by
    conformal risk control over the file's calibration questions instead, whatever `k` is: the promise holds for
    questions drawn like those, and a `cutoff` or a refusal may miss more. The selection is empty, and says why,
    where the scorer judges lists and gives this one a chance below `least_chance` of speaking of what is asked, or
    the best relevance is below 1 - `max_risk`; `near_misses` of the best that were not kept come with it.

    A scorer of words cannot judge what a photo shows. Photos of which `retrievers/photos` says that they show what
    is asked for, likelier than not, are kept too, two at most, at the end, and alone where all else is refused; a
    `cutoff`, threshold or risk that you give is not gone against.
    """

    scorer: Scorer | None = None
    calibration: str = ""
    k: int = 5
    tau: float | None = None
    cutoff: Cutoff | None = None
    risk: float | None = None
    max_risk: float | None = None
    near_misses: int = 3
    lexicon: Lexicon | None = None
    ratio: float | None = None
    least_chance: float | None = None

    def __post_init__(self) -> None:
        if self.k < 0 or self.near_misses < 0:
            raise ValueError(f"k and near_misses are at least 0, got {self.k} and {self.near_misses}")
        for name in ("tau", "ratio", "risk", "max_risk", "least_chance"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is between 0 and 1, got {value}")
        if self.risk is not None and (self.tau is not None or self.ratio is not None):
            raise ValueError("give tau and ratio, or risk, not both: risk chooses the threshold")
        if self.scorer is not None and not self.calibration and not isinstance(self.scorer, Features):
            raise ValueError("this scorer has no calibration that ships with Argus: give `calibration`, from rag tune")

    def select(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Selection]:
        """For each query what to rest the answer on, best first, or why there is nothing."""
        if not queries:
            return []
        scorer = self.scorer or Features(self.lexicon)
        told = _calibrations(self.calibration, scorer.fingerprint)
        usable = [_usable(found) for found in hits]
        scores, chances, costs = looked(scorer, queries, usable)
        cut = self._cut(told)
        return [
            self._selected(query, found, row, chance, told, cut, cost)
            for query, found, row, chance, cost in zip(queries, usable, scores, chances, costs, strict=True)
        ]

    @property
    def _by_the_book(self) -> bool:
        """Whether all rules are those of the calibration's file."""
        return all(
            one is None for one in (self.cutoff, self.tau, self.ratio, self.risk, self.max_risk, self.least_chance)
        )

    def _cut(self, told: Calibrations) -> Cutoff:
        """The cutoff in use."""
        if self.risk is not None:
            parts = [risk(self.risk, told.needed)]  # no k: what it left out would break the promise
        else:
            parts = [
                up_to_k(self.k, _first(self.tau, told.tau, 0.0)), near_best(_first(self.ratio, told.ratio, 0.0))
            ]  # fmt: skip
        return all_of([*parts, self.cutoff] if self.cutoff else parts)

    def _selected(
        self, query: Query, hits: Sequence[Hit], scores: Sequence[float], chance: float | None, told: Calibrations,
        cut: Cutoff, cost: dict[str, float],
    ) -> Selection:  # fmt: skip
        relevance = relevances(hits, scores, told)
        ranked = sorted(zip(relevance, scores, hits, strict=True), key=lambda one: (-one[0], -one[1], one[2].chunk.id))
        numbered = [Evidence(number, hit, round(one, 6)) for number, (one, _, hit) in enumerate(ranked, 1)]
        candidates = [
            Candidate(one.relevance, one.hit.chunk.tokens, one.hit.chunk.media is not None) for one in numbered
        ]
        missing = round(1 - numbered[0].relevance, 4) if numbered else 1.0
        why = self._refused(missing, chance, told) if numbered else ""
        count = 0 if why or not query.text else cut(candidates)
        kept = numbered[:count]
        if self._by_the_book:
            room = self.k if self.risk is None else len(numbered)
            kept = _with_photos(kept, numbered, shown(hits)[:room], room)
        if kept:
            return Selection(tuple(kept), expected_risk=missing, cost=cost)
        return Selection(
            near_misses=tuple(numbered[: self.near_misses]), reason=_reason(query, numbered) + why,
            expected_risk=missing, cost=cost,
        )  # fmt: skip

    def _refused(self, missing: float, chance: float | None, told: Calibrations) -> str:
        """Why nothing is kept; "" where something may be."""
        least = _first(self.least_chance, told.least_chance, 0.0)
        if chance is not None and chance < least:
            return f", and the chance that it speaks of what is asked is {chance:.2f}, below {least:g}"
        most = _first(self.max_risk, told.max_risk, 1.0)
        if missing > most:
            return f", and its relevance of {1 - missing:.2f} leaves a risk above {most:g}"
        return ""


def shown(hits: Sequence[Hit]) -> list[str]:
    """The ids of the first photos that likelier than not show what a question asks for."""
    return [one.chunk.id for one in hits if one.score_by("photos") >= SURE][:PHOTOS]


def _with_photos(
    kept: Sequence[Evidence], numbered: Sequence[Evidence], photos: Sequence[str], k: int
) -> list[Evidence]:
    """What was kept, with these photos at the end where they were not; the last others make room in `k`."""
    there = {one.hit.chunk.id for one in kept}
    known = {one.hit.chunk.id: one for one in numbered}
    added = [known[id] for id in photos if id not in there]
    order = list(kept)
    for one in reversed(kept):
        if len(order) + len(added) > k and one.hit.chunk.id not in photos:
            order.remove(one)
    return [replace(one, number=number) for number, one in enumerate([*order, *added], 1)]


def _first(*values: float | None) -> float:
    """The first that is given."""
    return next((value for value in values if value is not None), 0.0)


def relevances(hits: Sequence[Hit], scores: Sequence[float], told: Calibrations) -> list[float]:
    """Each hit's score as a probability, by the calibration of its modality where there is one."""
    channel = "dense" if any("dense" in hit.parts for hit in hits) else "lexical"
    known = {
        hit.chunk.modality: told.of(f"{channel}.{hit.chunk.modality}", channel, hit.chunk.modality) for hit in hits
    }
    return [known[hit.chunk.modality]([score])[0] for hit, score in zip(hits, scores, strict=True)]


def _usable(hits: Sequence[Hit]) -> list[Hit]:
    """Each chunk once, those that can be evidence: with words that are no table of contents, or a picture."""
    once = {hit.chunk.id: hit for hit in hits}
    return [hit for hit in once.values() if findable(hit.chunk).strip() and not is_listing(hit.chunk.text)]


def _reason(query: Query, ranked: Sequence[Evidence]) -> str:
    words = dict.fromkeys(word for one in asked(query.text) for word in stems(one)) if query.text else {}
    if not words:
        return "the question has no words"
    if not ranked:
        return "nothing in the corpus fits: no text was found for the question"
    best = max(sum(word in there for word in words) for there in map(_said, ranked[:10]))
    count = f"{best} of {len(words)} word{'s' if len(words) != 1 else ''}"
    return f"nothing in the corpus fits: the best match covers {count} of the question"


def _said(one: Evidence) -> set[str]:
    chunk = one.hit.chunk
    return set(stems("\n".join((chunk.title, *chunk.headings, findable(chunk)))))


@cache
def _calibrations(path: str, fingerprint: str) -> Calibrations:
    if path:
        return load(path, fingerprint)
    found = files(f"{__package__.rpartition('.')[0]}.rerankers").joinpath(SHIPPED)
    return checked(parsed(found.read_text(encoding="utf-8"), SHIPPED), fingerprint, SHIPPED)
