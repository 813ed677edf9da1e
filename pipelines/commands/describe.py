"""`rag describe`: the pipeline in use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, print_json


class Describe:
    help = "print the pipeline and the corpus in figures"
    description = "Print how this corpus is searched and answered, as a tree, and what it holds."

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--profile", default="local", help="local, pictures, server, vision, or a TOML file")

    def run(self, options: Namespace) -> int:
        corpus = opened(options)
        counts = corpus.store.catalog.counts()
        encoders = {name: encoder.fingerprint for name, encoder in corpus.store.encoders.items()}
        if options.json:
            tree = corpus.describe().splitlines()
            print_json({"counts": counts, "encoders": encoders, "pipeline": tree, "settings": corpus.store.settings})
            return 0
        print(f"{corpus.folder}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        for name, fingerprint in encoders.items():
            print(f"encoder {name}: {fingerprint}")
        print(corpus.describe())
        return 0
