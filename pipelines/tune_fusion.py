"""A calibrated fusion fitted on questions with known places, and taken only where it finds more than the old one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.answer import Hit, Query
from rag.channels import Joint, fitted

from .evaluate.intervals import Paired, paired
from .tuning import BATCH, FOLDS, Posed

if TYPE_CHECKING:
    from rag.corpus import Corpus

DEPTH = 10
CONFIRMED = 1.645
"""Standard errors that the mean gain must be above 0."""
Lists = Mapping[str, Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class FusionTuned:
    """Reciprocal rank at 10 of the first right hit, on documents that it was not fitted on: before and after.

    `table` is the profile's retriever with the new fusion, None where nothing is gained.
    """

    change: Paired
    joint: Joint
    table: dict[str, Any] | None


def tuned_fusion(corpus: Corpus, posed: Sequence[Posed]) -> FusionTuned:
    """Fit on four fifths of the documents, five times; ValueError for a profile that fuses nothing."""
    from .tune import fused_table

    table = copy.deepcopy(corpus.profile["retriever"])
    own = fused_table(table)
    if own is None:
        raise ValueError("the profile's retriever fuses nothing: --fusion needs a retrievers/fused in it")
    now = corpus.built(own, "retriever")
    asked = [one for one in posed if not one.absent]
    lists = _lists(now.retrievers, asked, max(now.depth, DEPTH))
    right = [{hit.chunk.id for hits in found.values() for hit in hits if one.right(hit.chunk)}
             for one, found in zip(asked, lists, strict=True)]  # fmt: skip
    folds = [int(one.digest[:8] or "0", 16) % FOLDS for one in asked]
    if len(set(folds)) < 2:
        raise ValueError("a fusion is fitted on some documents and tried on others: ask about more documents")
    before, after = {}, {}
    for fold in sorted(set(folds)):
        joint = fitted([_plain(lists[at], right[at]) for at in range(len(asked)) if folds[at] != fold])
        for at in (at for at in range(len(asked)) if folds[at] == fold):
            query = Query((asked[at].text,))
            before[asked[at].id] = _reciprocal(_again(now, lists[at]), query, right[at])
            new = replace(now, method="calibrated", bias=joint.bias, curves=joint.channels, weights={})
            after[asked[at].id] = _reciprocal(_again(new, lists[at]), query, right[at])
    change = paired(before, after)
    gains = [after[id] - before[id] for id in before]
    joint = fitted([_plain(found, wanted) for found, wanted in zip(lists, right, strict=True)])
    if not _confirmed(gains):
        return FusionTuned(change, joint, None)
    own.pop("weights", None)
    own |= {"method": "calibrated", "bias": joint.bias, "made_of": now.channels}
    own["curves"] = {name: dict(one) for name, one in joint.channels.items()}
    return FusionTuned(change, joint, table)


def _lists(channels: Mapping[str, Any], asked: Sequence[Posed], depth: int) -> list[dict[str, Sequence[Hit]]]:
    """For each question what each channel finds."""
    found: list[dict[str, Sequence[Hit]]] = [{} for _ in asked]
    for start in range(0, len(asked), BATCH):
        queries = [Query((one.text,)) for one in asked[start : start + BATCH]]
        for name, channel in channels.items():
            for at, hits in enumerate(channel.retrieve(queries, depth), start):
                found[at][name] = hits
    return found


def _plain(lists: Lists, right: set[str]) -> tuple[dict[str, list[tuple[str, float]]], set[str]]:
    return {name: [(hit.chunk.id, hit.score) for hit in hits] for name, hits in lists.items()}, right


@dataclass(frozen=True, slots=True)
class _Kept:
    """A channel that was asked already."""

    hits: Sequence[Hit]

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        return [list(self.hits[:k]) for _ in queries]


def _again(fused: Any, lists: Lists) -> Any:
    """The same fusion over what its channels found."""
    return replace(fused, retrievers={name: _Kept(hits) for name, hits in lists.items()}, made_of="")


def _reciprocal(fused: Any, query: Query, right: set[str]) -> float:
    hits = fused.retrieve([query], DEPTH)[0]
    return next((1 / rank for rank, hit in enumerate(hits, 1) if hit.chunk.id in right), 0.0)


def _confirmed(gains: Sequence[float]) -> bool:
    """Whether the mean gain is above 0 by more than chance would have it."""
    from statistics import fmean, stdev

    if len(gains) < 2 or fmean(gains) <= 0:
        return False
    return bool(fmean(gains) > CONFIRMED * stdev(gains) / len(gains) ** 0.5)
