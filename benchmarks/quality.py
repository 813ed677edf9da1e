"""Argus and plain retrieval, side by side on questions whose places are known.

    python benchmarks/quality.py --root DIR [--questions FILE] [--half a|b|both] [--tried N]

DIR holds the documents that the lines of FILE (default: DIR/manifest.jsonl) name, in the format of
`rag evaluate`. The table has page@k with 95% intervals, searched as one corpus and within the document,
and the paired difference to the best plain fusion. Documents fall into two fixed halves by the hash of
their names: choose settings on one half, report both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.pipelines.evaluate import fetching, questions, running, tables
from rag.pipelines.evaluate.intervals import estimate, paired
from rag.pipelines.evaluate.questions import Question
from rag.pipelines.evaluate.ranking import success
from rag.pipelines.evaluate.records import SCOPES, About, Run
from rag.pipelines.evaluate.running import Placed
from rag.pipelines.evaluate.units import gold_units

from benchmarks.machine import facts
from benchmarks.plain import FUSIONS, Plain, passages
from rag import Corpus, __version__

Values = dict[str, dict[str, dict[str, float]]]
"""Scope -> measure -> question id -> value."""
CHOSEN_AT = 5
"""The k at which the best plain fusion is chosen: on these very questions, which favours it."""


def main(given: list[str] | None = None) -> int:
    """Build what is missing, ask, print; 0, or 3 if some lines could not be used."""
    options = _options(given)
    asked, faults = questions.read(options.questions)
    asked = half_of(asked, options.half)
    with tempfile.TemporaryDirectory(prefix="argus-quality-") as folder:
        work = options.corpus or Path(folder) / "corpus"
        corpus = Corpus(work)
        paths, absent = fetching.wanted(corpus, asked, options.root, str(options.questions))
        for outcome in fetching.ingested(corpus, paths) if paths else ():
            print(f"{outcome.status} {outcome.source}", file=sys.stderr)
        absent_lines = {one.line for one in absent}
        usable = [one for one in asked if one.answerable and one.doc and one.line not in absent_lines]
        placed, missing = running.placed(corpus, usable, str(options.questions))
        faults += absent + missing
        for line in tables.grouped(faults):
            print(line, file=sys.stderr)
        if not placed:
            print(f"no answerable question of half {options.half} can be asked", file=sys.stderr)
            return 2
        systems = plain_systems(corpus, placed, options.ks, options.text, options.cache or Path(folder) / "plain")
        for profile in options.profile:
            systems[f"Argus ({profile})"] = argus(Corpus(work, profile=profile), placed, options.ks)
    told = report(systems, placed, options)
    print(json.dumps(told, ensure_ascii=False) if options.json else "\n".join(lines(told)))
    return 3 if faults else 0


def half_of(asked: Sequence[Question], half: str) -> list[Question]:
    """The questions of half `a` or `b` of the documents, or of both.

    Documents are sorted by the sha256 of their name, and the first half of them (the larger, of an odd
    number) is `a`: fixed for a question set, and no one's choice.
    """
    names = {one.doc.replace("\\", "/").rpartition("/")[2] for one in asked if one.doc}
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    first = set(order[: -(-len(order) // 2)])
    kept = {"a": first, "b": names - first, "both": names}[half]
    return [one for one in asked if one.doc.replace("\\", "/").rpartition("/")[2] in kept]


def plain_systems(
    corpus: Corpus, placed: Sequence[Placed], ks: Sequence[int], text: str, cache: Path
) -> dict[str, Values]:
    """page@k of each baseline."""
    encoders = [one for one in corpus.store.encoders.values() if one.view != "pixels"]
    if not encoders:
        raise ValueError(f"{corpus.folder} has no encoder of words, which the baselines need")
    plain = Plain(passages(corpus, text), encoders[0], cache)
    systems: dict[str, Values] = {}
    for one in placed:
        question, target = one.question, one.target
        gold = gold_units(question, target) if target else ()
        units = running.marker(corpus, one)
        for scope in SCOPES:
            digest = target.digest if target and scope == "document" else ""
            for name, ranked in plain.ranked(question.text, digest).items():
                found = [units(plain.passages[id].chunk) for id, _ in ranked[: max(ks)]]
                for k in ks:
                    values = systems.setdefault(name, {}).setdefault(scope, {}).setdefault(f"page@{k}", {})
                    values[question.id] = success(found, gold, k)
    return systems


def argus(corpus: Corpus, placed: Sequence[Placed], ks: Sequence[int]) -> Values:
    """page@k of Argus with the corpus' profile."""
    about = About(str(corpus.folder), "", "", "", max(running.DEPTH, *ks), SCOPES, False, __version__)
    records, _ = running.run_questions(corpus, placed, Run(about))
    return {
        scope: {
            f"page@{k}": {one.id: success([hit.units for hit in one.hits(scope) or ()], one.gold, k) for one in records}
            for k in ks
        }
        for scope in SCOPES
    }


def report(systems: dict[str, Values], placed: Sequence[Placed], options: argparse.Namespace) -> dict[str, Any]:
    """All that is printed, as plain values."""
    at = f"page@{CHOSEN_AT if CHOSEN_AT in options.ks else options.ks[0]}"
    best = {
        scope: max(FUSIONS, key=lambda name: sum(systems[name][scope][at].values())) for scope in SCOPES
    }  # fmt: skip
    return {
        "machine": facts(),
        "file": str(options.questions),
        "half": options.half,
        "text": options.text,
        "tried": options.tried,
        "questions": len(placed),
        "documents": len({one.target.digest for one in placed if one.target}),
        "systems": {
            name: {
                scope: {key: tables.estimate_json(estimate(list(per.values()))) for key, per in measures.items()}
                for scope, measures in values.items()
            }
            for name, values in systems.items()
        },
        "best_plain_fusion": best,
        "against_it": {
            name: {
                scope: {
                    key: tables.pair_json(paired(systems[best[scope]][scope][key], per))
                    for key, per in measures.items()
                }
                for scope, measures in values.items()
            }
            for name, values in systems.items()
            if name.startswith("Argus")
        },
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The table for people."""
    machine = told["machine"]
    found = [
        f"{told['questions']} answerable questions on {told['documents']} documents of {told['file']}, "
        f"half {told['half']}",
        f"argus-rag {machine['packages']['argus-rag']}, Python {machine['python']}, {machine['date']}; plain baselines "
        f"read {'PDF text by PyMuPDF' if told['text'] == 'plain' else 'the text that Argus read'}",
        *([f"configurations tried so far: {told['tried']}"] if told["tried"] is not None else []),
    ]
    for scope in SCOPES:
        found += ["", tables.GROUPS[scope]]
        keys = list(next(iter(told["systems"].values()))[scope])
        found.append(" " * 28 + "".join(f"{key:<24}" for key in keys).rstrip())
        for name, values in told["systems"].items():
            cells = "".join(f"{_cell(values[scope][key]):<24}" for key in keys)
            found.append(f"{name[:27]:<28}{cells}".rstrip())
        for name, pairs in told["against_it"].items():
            found.append(f"{name} against {told['best_plain_fusion'][scope]}:")
            for key, one in pairs[scope].items():
                change = one["difference"]
                verdict = {"B is higher": "higher", "B is lower": "lower"}.get(one["verdict"], one["verdict"])
                found.append(
                    f"  {key:<26}{change['mean']:+.3f} [{change['low']:+.3f}, {change['high']:+.3f}]   "
                    f"p {one['p']:.3f}  {verdict}"
                )
    return found


def _cell(one: dict[str, float]) -> str:
    return f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder of the documents")
    parser.add_argument("--questions", type=Path, metavar="FILE", help="question lines (default: DIR/manifest.jsonl)")
    parser.add_argument("--corpus", type=Path, help="a corpus to use, and to complete (default: a temporary one)")
    parser.add_argument("--cache", type=Path, help="keep the baselines' vectors here (default: made each time)")
    parser.add_argument("--half", choices=["a", "b", "both"], default="both", help="half of the documents")
    parser.add_argument("--tried", type=int, metavar="N", help="configurations tried so far, to be printed")
    parser.add_argument("--profile", nargs="+", default=["local"], help="how Argus searches; several make several rows")
    parser.add_argument("--ks", type=int, nargs="+", default=[1, 5, 10], metavar="K", help="hits counted")
    parser.add_argument(
        "--text", choices=["plain", "corpus"], default="plain",
        help="what the baselines read of a PDF: PyMuPDF's text, or what Argus read, OCR included",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(given)
    options.questions = options.questions or options.root / "manifest.jsonl"
    options.ks = sorted(set(options.ks))
    if options.ks[0] < 1:
        parser.error("--ks: hits count from 1")
    for name in ("root", "questions"):
        if not getattr(options, name).exists():
            parser.error(f"--{name}: {getattr(options, name)} does not exist")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
