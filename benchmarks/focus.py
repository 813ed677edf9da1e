"""What narrowing the evidence saves and what it costs: tokens sent, gold kept, and the answer in what is sent.

    python benchmarks/focus.py --corpus DIR [--questions FILE] [--made N]

DIR is a corpus; the questions are those of FILE (as `rag evaluate` reads them), or N made from the corpus by rule.
For the first k hits and for each selector, whole and narrowed by `compressors/focus` to some budgets. Tokens are
those of whole blocks as generators write them, number, source and section included. The answer counts as sent
where its words stand, in their order, in what is sent of a place that is known to be right (a list: each of them);
`anywhere` counts any evidence. Made questions count for answers where they were made of a sentence or a cell.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.generators.prompts.escaped import block, escaped
from rag.pipelines.evaluate.intervals import estimate, paired
from rag.pipelines.questions import made
from rag.pipelines.tuning import Posed
from rag.retrievers.compressors.focus import Focus
from rag.retrievers.selectors.adaptive import Adaptive

from benchmarks.relevancy import DEPTH, posed, searched
from rag import Corpus
from rag.answer import Evidence, Hit, Query, Selection
from rag.words import words

SELECTS = Callable[[Query, Sequence[Hit]], Selection]
ANSWERED = ("sentence", "keywords", "cell")
"""Kinds of made questions whose answer is a text of the page."""
BUDGET = 900
SWEPT = ("fixed 10", "adaptive", "adaptive, k 10", "the profile's")
"""Choices that are narrowed to each budget; the others to `BUDGET`."""
MEASURES = ("tokens", "pieces", "gold", "answer", "anywhere")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its hits, its right chunks, and the texts that answer it (none: not measured)."""

    posed: Posed
    query: Query
    hits: tuple[Hit, ...]
    answers: tuple[str, ...]


def selectors(corpus: Corpus) -> dict[str, SELECTS]:
    """Each way of choosing evidence."""
    lexicon = corpus.store.text
    chosen: dict[str, SELECTS] = {f"fixed {k}": _first(k) for k in (1, 3, 5, 10)}
    open_ = {k: Adaptive(k=k, tau=0.0, ratio=0.0, max_risk=1.0, least_chance=0.0, lexicon=lexicon) for k in (5, 10)}
    for k, one in open_.items():
        chosen[f"features {k}"] = _by(one.select, DEPTH)
    chosen["adaptive"] = _by(Adaptive(lexicon=lexicon).select, DEPTH)
    chosen["adaptive, k 10"] = _by(Adaptive(k=10, lexicon=lexicon).select, DEPTH)
    chosen["the profile's"] = _by(corpus.built(corpus.profile["selector"], "selector").select, DEPTH)
    return chosen


def _first(k: int) -> SELECTS:
    def select(_: Query, hits: Sequence[Hit]) -> Selection:
        usable = [hit for hit in hits if hit.chunk.text.strip()][:k]
        return Selection(tuple(Evidence(at, hit, min(1.0, max(0.0, hit.score))) for at, hit in enumerate(usable, 1)))

    return select


def _by(select: Callable[[Sequence[Query], Sequence[Sequence[Hit]]], list[Selection]], depth: int) -> SELECTS:
    return lambda query, hits: select([query], [hits[:depth]])[0]


def asked(corpus: Corpus, file: Path | None, count: int) -> list[Asked]:
    """The questions, searched for."""
    known, _ = posed(corpus, file, count)
    answers: dict[str, tuple[str, ...]]
    if file is None:
        answers = {one.id: (one.answer,) if one.kind in ANSWERED else () for one in made(corpus, count, seed=1)}
    else:
        rows = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
        answers = {str(row["id"]): tuple(_listed(row.get("answers", []))) for row in rows}
    found = searched(corpus, [one.text for one in known], [None] * len(known))
    return [
        Asked(one, query, tuple(hits), answers.get(one.id, ())) for one, (query, hits) in zip(known, found, strict=True)
    ]


def _listed(answers: Sequence[object]) -> list[str]:
    """The answers, the items of one that is written as a list each of their own."""
    found: list[str] = []
    for one in map(str, answers):
        try:
            told = ast.literal_eval(one) if one.startswith("[") else [one]
        except (ValueError, SyntaxError):
            told = [one]
        found += [str(item) for item in told]
    return found


def holds(answers: Sequence[str], text: str) -> bool:
    """Whether each answer stands in the text, word for word."""
    there = f" {' '.join(words(text))} "
    return all(f" {' '.join(words(one))} " in there for one in answers if words(one))


def measured(
    corpus: Corpus, questions: Sequence[Asked], select: SELECTS, focus: Focus | None
) -> dict[str, dict[str, float]]:
    """Each measure by question."""
    found: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    for one in questions:
        chosen = select(one.query, one.hits)
        if focus:
            chosen = focus.compress(one.query, chosen, 10**6)
        chunks = [piece.hit.chunk for piece in chosen.evidence]
        blocks = [block(piece, escaped(piece.hit.chunk.text).strip()) for piece in chosen.evidence]
        right = [chunk for chunk in chunks if one.posed.right(chunk)]
        id = one.posed.id
        found["tokens"][id] = float(sum(corpus.store.counter.count(blocks))) if blocks else 0.0
        found["pieces"][id] = float(len(chunks))
        found["gold"][id] = float(bool(right))
        if one.answers:
            found["answer"][id] = float(holds(one.answers, "\n".join(chunk.text for chunk in right)))
            found["anywhere"][id] = float(holds(one.answers, "\n".join(chunk.text for chunk in chunks)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--made", type=int, default=500)
    parser.add_argument("--budgets", type=int, nargs="*", default=[300, 450, 600, 900])
    parser.add_argument("--systems", nargs="*", help="these choices alone, and the first 5")
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    questions = asked(corpus, given.questions, given.made)
    parts: dict[str, Any] = {"counter": corpus.store.counter, "lexicon": corpus.store.text}
    told: dict[str, dict[str, dict[str, float]]] = {}
    for name, select in selectors(corpus).items():
        if given.systems and name not in (*given.systems, "fixed 5"):
            continue
        told[name] = measured(corpus, questions, select, None)
        for budget in given.budgets if name in SWEPT else [BUDGET]:
            told[f"{name}, focus {budget}"] = measured(corpus, questions, select, Focus(budget, **parts))
    for name, one in told.items():
        print(name, " ".join(f"{measure} {_told(one[measure])}" for measure in MEASURES), flush=True)
        for base in ("fixed 5", name.partition(", focus")[0]):
            if base != name:
                compared = [measure for measure in MEASURES if measure != "pieces"]
                print(f"   against {base}:", "; ".join(_against(measure, told[base], one) for measure in compared))


def _told(values: Mapping[str, float]) -> str:
    one = estimate(list(values.values()))
    return f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _against(measure: str, base: Mapping[str, Mapping[str, float]], one: Mapping[str, Mapping[str, float]]) -> str:
    pair = paired(base[measure], one[measure])
    d = pair.difference
    return f"{measure} {d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}] p {pair.p:.3f}"


if __name__ == "__main__":
    main()
