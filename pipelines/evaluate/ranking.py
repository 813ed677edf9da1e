"""Measures of a ranking: by our own lines where k counts hits, by ir_measures where it counts units.

MacAvaney, Macdonald and Ounis 2022, "Streamlining Evaluation with ir-measures"; the figures are those of
trec_eval.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rag.extras import extra

from .units import ranked_units


def success(hits: Sequence[Collection[str]], gold: Collection[str], k: int) -> float:
    """Success@k: 1.0 if one of the first k hits covers something of the gold, else 0.0.

    Its mean over questions is page@k. k counts hits; a hit over two pages covers both.
    """
    wanted = set(gold)
    return float(any(not wanted.isdisjoint(units) for units in hits[:k]))


def by_units(
    found: Mapping[str, Sequence[Sequence[str]]], gold: Mapping[str, Collection[str]], ks: Sequence[int]
) -> dict[str, dict[str, float]]:
    """R@k for each k, and RR and nDCG at the largest: measure -> question id -> value.

    Units are ranked in order of first hit, and k counts units. With g gold units and rel(r) 1 where
    the unit of rank r is gold: R@k = sum rel(1..k) / g; RR@k = 1 / rank of the first gold one within
    k, or 0; nDCG@k = sum rel(r) / log2(r + 1) over the same sum for a perfect ranking (Järvelin and
    Kekäläinen 2002). A question without gold counts 0.
    """
    with extra("evaluate"):
        import ir_measures

    top = max(ks)
    measures = [*(ir_measures.R @ k for k in ks), ir_measures.RR @ top, ir_measures.nDCG @ top]
    scores = {str(measure): dict.fromkeys(gold, 0.0) for measure in measures}
    qrels = {id: dict.fromkeys(units, 1) for id, units in gold.items() if units}
    if qrels:
        for one in ir_measures.iter_calc(measures, qrels, {id: _scored(found[id]) for id in qrels}):
            scores[str(one.measure)][one.query_id] = float(one.value)
    return scores


def _scored(hits: Sequence[Sequence[str]]) -> dict[str, float]:
    """A ranking as falling scores, so that no tie is left to be broken."""
    units = ranked_units(hits)
    return {unit: float(len(units) - at) for at, unit in enumerate(units)}
