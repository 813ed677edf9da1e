"""`rag summarise`: describe pictures and tables, so that they are found."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .options import SOME_FAILED, corpus_arguments, opened, plural, print_json, tell

KINDS = ("figure", "photo", "keyframe", "table", "page")
MOST_TOLD = 10


class SummariseCommand:
    help = "describe pictures and tables by a model that sees, so that they are found"
    description = (
        "Have each figure, photo, key frame and table described by the model of the profile's table [captioner], and\n"
        "index the description. What is found by it is the picture: a description is never quoted nor cited.\n"
        "Each picture is asked about once: a second run calls nothing, and a run that was stopped goes on.\n"
        "--dry-run tells the number of calls and what they would cost, and calls nothing."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--profile", default="server", help="server, vision, or a TOML file (default: server)")
        parser.add_argument("--dry-run", action="store_true", help="tell the calls and their cost, and make none")
        parser.add_argument(
            "--composed", action="store_true",
            help="without a model: compose captions anew of headings, captions, words, tags and mentions",
        )  # fmt: skip
        summary_arguments(parser)

    def run(self, options: Namespace) -> int:
        if options.composed:
            if options.dry_run or options.max_calls is not None:
                raise ValueError("--composed calls no model: it goes without --dry-run and --max-calls")
            told = opened(options).summarising(composed=True).run()
            if options.json:
                print_json({"composed": told.composed, "known": told.known})
            else:
                print(f"{plural(told.composed, 'caption')} composed, {told.known} known")
            return 0
        return summarised(opened(options), options, dry=options.dry_run)


def summary_arguments(parser: ArgumentParser) -> None:
    """What `rag summarise` and `rag add --summarise` share."""
    parser.add_argument("--max-calls", type=int, metavar="N", help="ask about at most N pictures in this run")
    parser.add_argument(
        "--kinds", default=",".join(KINDS[:4]), metavar="LIST", help="of %(default)s and page (default: all but page)"
    )


def summarised(corpus: Any, options: Namespace, dry: bool = False) -> int:
    """Run the stage over a corpus, or tell what it would do."""
    kinds = tuple(one.strip() for one in options.kinds.split(",") if one.strip())
    if unknown := [one for one in kinds if one not in KINDS]:
        raise ValueError(f"--kinds takes {', '.join(KINDS)}, got {unknown[0]!r}")
    if options.max_calls is not None and options.max_calls < 0:
        raise ValueError(f"--max-calls is 0 or more, got {options.max_calls}")

    def progress(one: Any) -> None:
        if not options.json:
            tell(f"{one['stage']}: {one['done']}{' of ' + str(one['total']) if one['total'] else ''} {one['item']}")

    stage = corpus.summarising(dry=dry, roles=kinds, progress=progress)
    if dry:
        _tell(stage.planned(options.max_calls), options, planned=True)
        return 0
    if not options.json:
        _tell(stage.planned(options.max_calls), options, planned=True)
    told = stage.run(options.max_calls)
    _tell(told, options)
    return SOME_FAILED if told.failed else 0


def _tell(told: Any, options: Namespace, planned: bool = False) -> None:
    usage = told.usage
    if options.json:
        print_json({
            "planned": planned, "pictures": told.pictures, "small": told.small, "known": told.known,
            "calls": told.calls, "left": told.left, "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens, "price": told.price, "failed": told.failed,
            "warnings": told.warnings,
        })  # fmt: skip
        return
    price = "" if told.price is None else f", {told.price:.4f} by the prices of the profile"
    left = f"; {told.left} left for the next run" if told.left else ""
    print(
        f"{told.pictures} pictures and tables ({told.small} too small): {told.known} known, "
        f"{'would call' if planned else 'called'} for {told.calls}{left}; "
        f"{'about ' if planned else ''}{usage.input_tokens} tokens read and {usage.output_tokens} written{price}"
    )
    for failure in told.failed[:MOST_TOLD]:
        tell(f"failed: {failure}")
    if len(told.failed) > MOST_TOLD:
        tell(f"and {len(told.failed) - MOST_TOLD} more failed")
    for warning in told.warnings:
        tell(f"note: {warning}")
