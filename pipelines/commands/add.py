"""`rag add`: ingest files and folders."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from .crawling import crawl_arguments, crawl_rules, render_rules
from .options import SOME_FAILED, corpus_arguments, opened, pairs, plural, print_json, tell
from .summarise import summarised, summary_arguments


class Add:
    help = "ingest files, folders and globs"
    description = (
        "Ingest PDF, HTML, images, recordings, office documents, mails, books, notebooks, Markdown and text, and\n"
        "what lies in archives. Unchanged files cost nothing; changed ones are read again; moved ones are recognised.\n"
        "A broken file is reported and the others go on. After a kill the same command goes on where it stopped.\n"
        "Labels beside a file: NAME.meta.json, one JSON object.\n"
        "A web address is fetched with its pictures from the public internet alone; its links are followed with\n"
        "--crawl, within its site and as its robots.txt allows."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "sources", nargs="+", metavar="SRC", help="a file, a folder, a glob in quotes, or a web address"
        )
        corpus_arguments(parser)
        parser.add_argument(
            "--label", metavar="KEY=VALUE", action="append", default=[], help="label every source; repeatable"
        )
        parser.add_argument("--refresh", action="store_true", help="derive stale documents again")
        parser.add_argument(
            "--sync", action="store_true", help="remove what is gone under named folders, or at addresses"
        )
        parser.add_argument("--yes", action="store_true", help="let --sync remove more than half")
        parser.add_argument(
            "--linked-pdfs", action="store_true", help="also take the PDFs of its own site that a web page links to"
        )
        parser.add_argument("--pages", default="", metavar="RANGES", help='of PDFs take these pages alone: "1-20,35"')
        parser.add_argument(
            "--password-file", metavar="FILE",
            help="passwords of encrypted PDFs, one a line, or NAME, a tab and a password; kept nowhere",
        )  # fmt: skip
        crawl_arguments(parser)
        parser.add_argument(
            "--summarise", action="store_true", help="then describe pictures and tables; see rag summarise"
        )
        parser.add_argument("--profile", default="server", help="with --summarise: whose model describes (server)")
        summary_arguments(parser)
        parser.add_argument(
            "--keep", choices=["link", "copy"], default="link", help="copy files into the corpus (default: link)"
        )
        parser.add_argument(
            "--workers", type=int, default=2, metavar="N", help="parser processes, 0 for none (default: 2)"
        )
        parser.add_argument("--part-seconds", type=float, default=300, help="time limit of 32 pages (default: 300)")
        parser.add_argument("--memory-mb", type=int, default=3072, help="memory limit of a parser (default: 3072)")
        parser.add_argument("--output-mb", type=int, default=512, help="limit of what 32 pages give (default: 512)")

    def run(self, options: Namespace) -> int:
        from rag import contract
        from rag.registry import load
        from rag.report import report

        if options.password_file:
            if not os.path.isfile(options.password_file):
                raise ValueError(f"--password-file: no such file: {options.password_file}")
            # The parsers' processes read it themselves: the passwords pass through no message.
            os.environ["RAG_PASSWORD_FILE"] = os.path.abspath(options.password_file)
        limits = load("pipelines/limits")(
            seconds=options.part_seconds, memory=options.memory_mb * 2**20, output=options.output_mb * 2**20
        )
        progress = Progress(options.json)
        adding = opened(options).adding(
            labels=pairs(options.label), refresh=options.refresh, sync=options.sync, yes=options.yes,
            keep=options.keep == "copy", linked_pdfs=options.linked_pdfs, workers=options.workers,
            pages=options.pages, limits=limits, progress=progress, crawl=crawl_rules(options),
            render=render_rules(options),
        )  # fmt: skip
        outcomes = []
        try:
            for outcome in adding.outcomes(options.sources):
                outcomes.append(outcome)
                if options.json:
                    print_json(contract.outcome(outcome))
                elif outcome.status != "unchanged":
                    progress.line(_sentence(outcome))
        finally:
            progress.close()
        told = report(outcomes, progress.seconds, adding.embedded, adding.warnings)
        if options.json:
            print_json({"summary": told.summary()})
        else:
            _tell_sum(told)
        described = summarised(opened(options), options) if options.summarise else 0
        return SOME_FAILED if told.failed else described


TELL_EVERY = 30.0
"""Seconds between words of progress within a document where there is no terminal."""


class Progress:
    """A bar on a terminal; elsewhere the outcome lines, and a word now and then where a document takes long."""

    def __init__(self, quiet: bool) -> None:
        import time

        self._clock = time.monotonic
        self._started = self._clock()
        self._bar: Any = None
        self._quiet = quiet
        self._lines = not sys.stderr.isatty()
        self._told, self._item = self._started, ""

    @property
    def seconds(self) -> float:
        return self._clock() - self._started

    def __call__(self, told: Mapping[str, object]) -> None:
        if self._quiet:
            return
        pages = f", page {told['pages']}" if told.get("pages") else ""
        pages += f" of {told['of']}" if pages and told.get("of") else ""
        if self._lines:
            self._tell(str(told["item"]), pages)
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(unit="doc", dynamic_ncols=True, leave=False)
        self._bar.total = told["total"]
        self._bar.n = told["done"]
        self._bar.set_description(f"{told['stage']} {str(told['item'])[-40:]}{pages}", refresh=True)

    def _tell(self, item: str, pages: str) -> None:
        from rag.contract import visible

        if item != self._item:
            self._told, self._item = self._clock(), item
        elif pages and self._clock() - self._told >= TELL_EVERY:
            self._told = self._clock()
            tell(f"{visible(item)}{pages}")

    def line(self, text: str) -> None:
        """A line of output above the bar."""
        if self._bar is not None:
            self._bar.clear()
        print(text, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _sentence(outcome: Any) -> str:
    from rag.contract import visible

    if outcome.error:
        place = f", {outcome.error.place}" if outcome.error.place else ""
        return f"failed     {visible(outcome.source)}{place}: {outcome.error.message}"
    what = ", ".join(
        text for text in (
            plural(outcome.pages, "page") if outcome.pages else "",
            plural(outcome.chunks, "chunk") if outcome.chunks else "",
            f"{outcome.seconds:.1f} s" if outcome.status in ("done", "updated") else "",
        ) if text
    )  # fmt: skip
    warnings = "".join(f"\n           {warning}" for warning in outcome.warnings)
    return f"{outcome.status:<10} {visible(outcome.source)}{f' ({what})' if what else ''}{warnings}"


def _tell_sum(told: Any) -> None:
    counts = [f"{count} {name}" for name, count in told.counts.items() if name != "documents"]
    print(f"{plural(told.counts['documents'], 'document')}: {', '.join(counts) or 'none'} in {told.seconds:.1f} s")
    for warning in told.warnings:
        tell(f"note: {warning}")
