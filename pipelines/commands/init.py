"""`rag init`: an empty corpus, or a profile to edit."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import corpus_arguments, print_json


class Init:
    help = "make an empty corpus, and with --profile a settings file to edit"
    description = (
        "Make an empty corpus whose corpus.toml can be edited before the first `rag add` (which otherwise\n"
        "makes one by itself). --profile FILE writes a copy of the local profile to start your own from."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--profile", metavar="FILE", help="write a profile to edit")

    def run(self, options: Namespace) -> int:
        from importlib.resources import files

        from rag.store.store import Store

        Store(options.corpus, create=True).close()
        made = [str(Path(options.corpus) / "corpus.toml")]
        if options.profile:
            target = Path(options.profile)
            if target.exists():
                raise ValueError(f"{target} is there already; it is not overwritten")
            target.write_text(files("rag").joinpath("profiles/local.toml").read_text(encoding="utf-8"))
            made.append(str(target))
        if options.json:
            print_json({"corpus": options.corpus, "files": made})
        else:
            print("\n".join(f"made {name}" for name in made))
        return 0
