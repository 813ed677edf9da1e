"""`rag reindex`: build derived things anew."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, print_json, tell


class Reindex:
    help = "build the indexes anew; encode what an encoder has not seen"
    description = (
        "Build the text and vector indexes anew from the catalog. Chunks that the configured encoder has not\n"
        "seen are encoded; nothing is parsed. --index NAME changes the vector index, which never re-embeds.\n"
        "To derive documents again after a change of loader or chunker: rag add SRC --refresh"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--index", metavar="NAME", help="use this vector index from now on (exact)")

    def run(self, options: Namespace) -> int:
        from rag.registry import load

        def progress(told: object) -> None:
            if isinstance(told, dict) and not options.json:
                tell(f"{told['stage']}: {told['done']} of {told['total']}")

        told = load("pipelines/reindex")(opened(options).store, index=options.index, progress=progress)
        if options.json:
            print_json(told)
        else:
            print(f"encoded {told['encoded']}, text {told['text']}, vectors {told['vectors']}")
        return 0
