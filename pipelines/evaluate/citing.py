"""Whether an answer cites what it should: its places against the gold ones.

Recall and precision as in Gao et al. 2023, "Enabling Large Language Models to Generate Text with
Citations" (ALCE), but of places: there a model judges whether a passage supports a sentence, here a
cited page either is a gold page or not.
"""

from __future__ import annotations

from collections.abc import Collection


def precision(cited: Collection[str], gold: Collection[str]) -> float:
    """The share of the cited units that are gold; 0.0 where nothing is cited."""
    units = set(cited)
    return len(units & set(gold)) / len(units) if units else 0.0


def recall(cited: Collection[str], gold: Collection[str]) -> float:
    """The share of the gold units that are cited; 0.0 where there is no gold."""
    units = set(gold)
    return len(units & set(cited)) / len(units) if units else 0.0
