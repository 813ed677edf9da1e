"""`rag evaluate`: questions with known answers, asked and scored."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .add import Progress
from .options import SOME_FAILED, corpus_arguments, opened, print_json, profile_argument, tell, tell_lag
from .steps import Steps

if TYPE_CHECKING:
    from rag.corpus import Corpus

    from ..evaluate.questions import Fault, Question
    from ..evaluate.records import About


class Evaluate:
    help = "score answers to questions whose answers and places are known"
    description = (
        "Ask the questions of a file and score what is found, answered and cited, with 95% intervals.\n"
        'A line is {"id", "question", "answers": [..], "doc", "pages": [..]}: doc is the end of a document\'s\n'
        'path. For a web page "path" or "block_text" stands for pages, for a recording "start" and "end" in\n'
        'seconds. "boxes": [{"page", "box"}], "kinds": [..] and "answerable": false may be added.\n'
        "  rag evaluate questions.jsonl --root documents/ --runs run-a --html report.html\n"
        "  rag evaluate --compare run-a run-b"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "questions", nargs="?", metavar="QUESTIONS.jsonl", help="the questions, a JSON object a line"
        )
        corpus_arguments(parser)
        profile_argument(parser)
        parser.add_argument(
            "--root", metavar="DIR", type=Path, help="first ingest the documents under DIR that lines name"
        )
        parser.add_argument(
            "--ks", type=int, nargs="+", default=[1, 5, 10], metavar="K", help="hits counted (default: 1 5 10)"
        )
        parser.add_argument("--limit", type=int, metavar="N", help="only the first N lines")
        parser.add_argument("--no-answers", action="store_true", help="search only")
        parser.add_argument(
            "--scopes", nargs="+", choices=["corpus", "document"], default=["corpus", "document"],
            help="search as one corpus, within the gold document, or both; answers come from the first named",
        )  # fmt: skip
        parser.add_argument(
            "--by", choices=["modality"],
            help="also ask each channel alone (full text, each encoder) and the profile's, by what is asked for",
        )  # fmt: skip
        parser.add_argument(
            "--runs", metavar="DIR", type=Path,
            help="keep the run, also in TREC format; after a stop the same command goes on",
        )  # fmt: skip
        parser.add_argument("--html", metavar="FILE", type=Path, help="write one page with plots, for a browser")
        parser.add_argument("--compare", nargs=2, metavar=("RUN_A", "RUN_B"), help="compare two kept runs")

    def run(self, options: Namespace) -> int:
        _check(options)
        return _compare(options) if options.compare else _evaluate(options)


def _check(options: Namespace) -> None:
    if (options.questions is None) == (options.compare is None):
        raise ValueError("give QUESTIONS.jsonl, or --compare RUN_A RUN_B, and not both")
    if min(options.ks) < 1:
        raise ValueError(f"--ks: hits count from 1, got {min(options.ks)}")
    if options.limit is not None and options.limit < 1:
        raise ValueError(f"--limit: must be at least 1, got {options.limit}")
    options.ks = sorted(set(options.ks))
    from rag.extras import extra

    with extra("evaluate"):  # said at once, and not after an hour
        import ir_measures  # noqa: F401


def _compare(options: Namespace) -> int:
    from ..evaluate import page, records, summary, tables

    (about_a, a), (about_b, b) = (records.load(folder) for folder in options.compare)
    told = summary.compared(a, b, options.ks)
    names = [
        f"{folder} (profile {about.profile})" for folder, about in zip(options.compare, (about_a, about_b), strict=True)
    ]
    if options.json:
        print_json({"a": names[0], "b": names[1], **tables.comparison_json(told)})
    else:
        print("\n".join(tables.comparison_lines(told, *names)))
    if options.html:
        options.html.write_text(page.comparison_page(told, *names), encoding="utf-8")
    return 0


def _evaluate(options: Namespace) -> int:
    from ..evaluate import modality, page, questions, records, running, summary, tables, trec

    asked, faults = questions.read(options.questions, options.limit)
    with records.writing(options.runs), opened(options) as corpus:
        if options.root is not None:
            absent = _ingest(corpus, asked, options)
            lines = {one.line for one in absent}
            asked, faults = [one for one in asked if one.line not in lines], faults + absent
        tell_lag(corpus)
        given, missing = running.placed(corpus, asked, options.questions)
        faults += missing
        _tell_faults(faults)
        if not given:
            raise ValueError(f"no line of {options.questions} can be asked")
        about = _about(corpus, options)
        progress = Steps("question")
        try:
            kept, unanswered = running.run_questions(corpus, given, records.Run(about, options.runs), progress)
            table = modality.by_modality(corpus, given, options.ks, progress) if options.by else None
        finally:
            progress.close()
        _tell_faults(unanswered)
        faults += unanswered
    if not kept:
        raise ValueError("no question was answered")
    told, notes = summary.summarised(kept, options.ks), running.notes(given)
    if options.runs:
        trec.write(options.runs, kept, about.profile)
    if options.json:
        by = {"by_modality": modality.plain(table)} if table else {}
        print_json({**_json(options, about, tables.summary_json(told), notes, faults), **by})
    else:
        by_lines = ["", *modality.lines(table)] if table else []
        print("\n".join([*tables.summary_lines(told), *by_lines, *(f"note: {one}" for one in _short(notes))]))
    if options.html:
        options.html.write_text(
            page.run_page(told, kept, about, notes, str(options.questions), table), encoding="utf-8"
        )
    return SOME_FAILED if faults else 0


def _ingest(corpus: Corpus, asked: list[Question], options: Namespace) -> list[Fault]:
    """Bring in what is named and not there; the lines whose document is not under the folder either."""
    from ..evaluate import fetching
    from .add import _sentence

    paths, faults = fetching.wanted(corpus, asked, options.root, options.questions)
    if not paths:
        return faults
    progress = Progress(options.json)
    try:
        for outcome in fetching.ingested(corpus, paths, progress=progress):
            if not options.json:
                progress.line(_sentence(outcome))
            elif outcome.error:
                tell(f"{outcome.source}: {outcome.error.message}")
    finally:
        progress.close()
    return faults


def _about(corpus: Corpus, options: Namespace) -> About:
    from rag import __version__
    from rag.describe import describe
    from rag.identity import combined

    from ..evaluate.records import About
    from ..evaluate.running import DEPTH

    answers = not options.no_answers
    held = sorted((one.digest, one.derivation) for one in corpus.documents())
    encoders = sorted(one.fingerprint for one in corpus.store.encoders.values())
    tree = corpus.describe() if answers else describe(corpus.retriever, "search")
    tree = tree.replace(str(corpus.folder), "")  # a corpus that was moved is the same
    if answers and (judge := corpus.profile.get("parts", {}).get("correctness")):
        tree += f"\ncorrectness: {judge}"
    return About(
        corpus=str(options.corpus), profile=str(options.profile), documents=combined(held, encoders)[:32],
        pipeline=combined(tree)[:32], depth=max(DEPTH, *options.ks), scopes=tuple(dict.fromkeys(options.scopes)),
        answers=answers, version=__version__,
    )  # fmt: skip


def _json(
    options: Namespace, about: About, told: dict[str, Any], notes: list[str], faults: list[Fault]
) -> dict[str, Any]:
    return {
        "file": str(options.questions),
        "corpus": about.corpus,
        "profile": about.profile,
        "version": about.version,
        **told,
        "notes": notes,
        "faults": [{"line": one.line, "message": one.message} for one in faults],
    }


def _tell_faults(faults: list[Fault]) -> None:
    from ..evaluate.tables import grouped

    for line in grouped(faults):
        tell(line)


def _short(notes: list[str], most: int = 10) -> list[str]:
    return notes if len(notes) <= most else [*notes[: most - 1], f"and {len(notes) - most + 1} more"]
