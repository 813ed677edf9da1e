"""Fixed k against adaptive top-k, and when nothing should be kept, on questions whose places are known.

    python benchmarks/relevancy.py --corpus DIR [--questions FILE] [--made N] [--off-topic DIR]

DIR is a corpus; the questions are those of FILE (as `rag evaluate` reads them), or N made from the corpus by
rule. Four kinds of questions should be refused: off-topic (made from the corpus of --off-topic), small talk, absent
(the same questions, with the document that answers taken out), and those that FILE marks as not answerable.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.pipelines.commands.tune import covering
from rag.pipelines.evaluate import questions as asked_questions
from rag.pipelines.evaluate import running
from rag.pipelines.evaluate.intervals import estimate, paired
from rag.pipelines.evaluate.trust import aurc, aurc_bounds, risk_coverage
from rag.pipelines.evaluate.units import gold_units
from rag.pipelines.questions import made
from rag.pipelines.tuning import Posed
from rag.retrievers.selectors.adaptive import Adaptive

from benchmarks.relevancy_lists import SMALL_TALK
from rag import Corpus
from rag.answer import Hit, Query, Selection
from rag.calibration import calibration_error
from rag.filters import Eq, Filter, Not

DEPTH = 50
Keeps = Callable[[Query, list[Hit]], tuple[list[Hit], float, Hit | None]]
"""What a system keeps, the relevance of its best, kept or not, and that best."""
Asked = tuple[Query, list[Hit]]


def systems(corpus: Corpus, calibration: str) -> dict[str, Keeps]:
    """Each way of choosing evidence."""
    lexicon = corpus.store.text
    chosen: dict[str, Keeps] = {f"fixed {k}": _first(k) for k in (1, 3, 5, 10)}
    adaptive = Adaptive(lexicon=lexicon, calibration=calibration)
    chosen["adaptive"] = _selected(adaptive.select, DEPTH)
    for k in (2, 3):
        chosen[f"adaptive, k {k}"] = _selected(Adaptive(k=k, lexicon=lexicon, calibration=calibration).select, DEPTH)
    open_ = Adaptive(lexicon=lexicon, calibration=calibration, max_risk=1.0, least_chance=0.0)
    chosen["adaptive, never refusing"] = _selected(open_.select, DEPTH)
    return chosen


def _first(k: int) -> Keeps:
    def keeps(_: Query, hits: list[Hit]) -> tuple[list[Hit], float, Hit | None]:
        usable = [hit for hit in hits if hit.chunk.text.strip()]
        return usable[:k], usable[0].score if usable else 0.0, usable[0] if usable else None

    return keeps


def _selected(select: Callable[[Sequence[Query], Sequence[Sequence[Hit]]], list[Selection]], depth: int) -> Keeps:
    def keeps(query: Query, hits: list[Hit]) -> tuple[list[Hit], float, Hit | None]:
        (told,) = select([query], [hits[:depth]])
        shown = told.evidence or told.near_misses
        best = shown[0] if shown else None
        return [one.hit for one in told.evidence], best.relevance if best else 0.0, best.hit if best else None

    return keeps


def posed(corpus: Corpus, file: Path | None, count: int) -> tuple[list[Posed], list[str]]:
    """Answerable questions with their right chunks, and the texts of those that are not answerable."""
    if file is None:
        found = made(corpus, count, seed=1)
        return [
            Posed(one.id, one.text, one.digest, lambda chunk, ids=frozenset(one.chunks): chunk.id in ids)
            for one in found
        ], []
    asked, _ = asked_questions.read(file)
    placed, _ = running.placed(corpus, asked, str(file))
    known = [
        Posed(
            one.question.id, one.question.text, one.target.digest,
            covering(frozenset(gold_units(one.question, one.target)), running.marker(corpus, one)),
        )
        for one in placed
        if one.question.answerable and one.target and gold_units(one.question, one.target)
    ]  # fmt: skip
    return known, [one.text for one in asked if not one.answerable]


def searched(corpus: Corpus, texts: Sequence[str], filters: Sequence[Filter | None]) -> list[tuple[Query, list[Hit]]]:
    queries = [Query((text,), where=where) for text, where in zip(texts, filters, strict=True)]
    hits = [one for at in range(0, len(queries), 32) for one in corpus.hits(queries[at : at + 32], DEPTH)]
    return list(zip(queries, hits, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--made", type=int, default=500)
    parser.add_argument("--off-topic", type=Path, help="a corpus about other things")
    parser.add_argument("--away", type=int, default=200, help="off-topic questions")
    parser.add_argument("--calibration", default="", help="a calibration of rag tune instead of the one that ships")
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    known, unanswerable = posed(corpus, given.questions, given.made)
    uris = {one.digest: one.sources[0].uri for one in corpus.documents()}
    there = searched(corpus, [one.text for one in known], [None] * len(known))
    absent = searched(corpus, [one.text for one in known], [Not(Eq("source", uris[one.digest])) for one in known])
    kinds = {"absent": absent, "not answerable": searched(corpus, unanswerable, [None] * len(unanswerable))}
    talk = SMALL_TALK.read_text(encoding="utf-8").splitlines()[1::2]  # the other half is fitted on
    kinds["small talk"] = searched(corpus, talk, [None] * len(talk))
    if given.off_topic:
        away = [one.text for one in made(Corpus(given.off_topic), given.away, seed=2)]
        kinds["off-topic"] = searched(corpus, away, [None] * len(away))
    told = {name: _figures(keeps, known, there, kinds) for name, keeps in systems(corpus, given.calibration).items()}
    for name, one in told.items():
        print(name, json.dumps(one["figures"]))
    base = told["fixed 5"]
    for name in told:
        if name != "fixed 5":
            for measure in ("tokens", "gold"):
                pair = paired(base[measure], told[name][measure])
                d = pair.difference
                print(f"{name} - fixed 5, {measure}: {d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}] p {pair.p:.4f}")
    _latency(corpus, [one.text for one in known[:60]])


def _figures(
    keeps: Keeps, known: Sequence[Posed], there: Sequence[Asked], kinds: Mapping[str, Sequence[Asked]]
) -> dict[str, Any]:
    rows = [(one, *keeps(query, hits)) for one, (query, hits) in zip(known, there, strict=True)]
    tokens = {one.id: float(sum(hit.chunk.tokens for hit in kept)) for one, kept, *_ in rows}
    gold = {one.id: float(any(one.right(hit.chunk) for hit in kept)) for one, kept, *_ in rows}
    pieces = sum(len(kept) for _, kept, *_ in rows)
    right = sum(one.right(hit.chunk) for one, kept, *_ in rows for hit in kept)
    images = sum(hit.chunk.media is not None for _, kept, *_ in rows for hit in kept)
    figures: dict[str, Any] = {
        "n": len(rows), "tokens": _told(list(tokens.values())), "gold_kept": _told(list(gold.values())),
        "pieces": round(pieces / len(rows), 2), "images": round(images / len(rows), 3),
        "precision": round(right / max(1, pieces), 3),
        "refused_answerable": _told([float(not kept) for _, kept, *_ in rows]),
    }  # fmt: skip
    firsts = [(best, first is not None and one.right(first.chunk)) for one, _, best, first in rows]
    for name, asked in kinds.items():
        if asked:
            outcomes = [keeps(query, hits) for query, hits in asked]
            figures[f"refused_{name}"] = _told([float(not kept) for kept, _, _ in outcomes])
            pairs = firsts + [(best, False) for _, best, _ in outcomes]
            area = aurc(risk_coverage(pairs)), *aurc_bounds(pairs)
            figures[f"aurc_with_{name}"] = [round(one, 3) for one in area]
    error, perfect = calibration_error([min(1.0, max(0.0, p)) for p, _ in firsts], [r for _, r in firsts], 20)
    figures["ece_answerable"] = [round(error, 3), round(perfect, 3)]
    return {"figures": figures, "tokens": tokens, "gold": gold}


def _told(values: Sequence[float]) -> list[float]:
    one = estimate(values)
    return [round(one.mean, 3), round(one.low, 3), round(one.high, 3)]


def _latency(corpus: Corpus, texts: Sequence[str]) -> None:
    """Seconds of the default chain, one question at a time: encoder, search of 50, scorer, cut."""
    selector = Adaptive(lexicon=corpus.store.text)
    times, cpu = [], []
    for text in texts:
        started, used = time.perf_counter(), time.process_time()
        query = Query((text,))
        selector.select([query], corpus.hits([query], DEPTH))
        times.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    print(
        f"search and selection, N = {DEPTH}: p50 {1000 * median(times):.1f} ms, processor {1000 * median(cpu):.1f} ms"
    )


if __name__ == "__main__":
    main()
