"""`rag gc`: delete what no document names."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, print_json, size


class GC:
    help = "delete what no document names any more"
    description = "Delete pictures, kept bytes, vectors and unfinished documents that nothing names, and the cache."

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)

    def run(self, options: Namespace) -> int:
        from rag.registry import load

        freed = load("pipelines/sweep")(opened(options).store)
        if options.json:
            print_json(freed)
        else:
            for name, value in freed.items():
                print(f"{name}: {size(value) if name == 'bytes' else value}")
        return 0
