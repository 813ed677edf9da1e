"""`rag label`: put labels on sources."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, pairs, print_json


class Label:
    help = "put labels on sources, or take them away"
    description = (
        "Label sources; questions are narrowed by them with --where label.KEY=VALUE. Nothing is read again.\n"
        "  rag label 'reports/*.pdf' year=2021 team=finance"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="SRC", help="a path, a file's name, or a glob in quotes")
        parser.add_argument("labels", nargs="*", metavar="KEY=VALUE")
        parser.add_argument("--take", metavar="KEY", action="append", default=[], help="take a label away")
        corpus_arguments(parser)

    def run(self, options: Namespace) -> int:
        labels = {**pairs(options.labels), **dict.fromkeys(options.take)}
        if not labels:
            raise ValueError("give KEY=VALUE, or --take KEY")
        for source in opened(options).label(options.source, labels):
            if options.json:
                print_json({"source": source, "labels": labels})
            else:
                print(f"labelled   {source}")
        return 0
