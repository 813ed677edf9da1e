"""`rag remove`: forget sources."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, plural, print_json


class Remove:
    help = "forget sources"
    description = "Forget sources by path, name or glob. They are not found from the next question on."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sources", nargs="+", metavar="SRC", help="a path, a file's name, or a glob in quotes")
        corpus_arguments(parser)

    def run(self, options: Namespace) -> int:
        from rag import contract

        corpus = opened(options)
        for source in options.sources:
            for outcome in corpus.remove(source):
                if options.json:
                    print_json(contract.outcome(outcome))
                else:
                    print(f"removed    {outcome.source} ({plural(outcome.chunks, 'chunk')})")
        return 0
