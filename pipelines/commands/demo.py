"""`rag demo`: the sample corpus, ingested and asked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from .add import Progress, _sentence
from .ask import print_answer
from .options import SOME_FAILED, corpus_arguments, opened, print_json

QUESTIONS = "questions.jsonl"


class Demo:
    help = "ingest the sample documents and answer their questions"
    description = (
        "Ingest the sample documents that ship with Argus (a PDF with a table and a figure, a web page, two\n"
        "photos, a narrated video) into ./.rag-demo, answer the questions that come with them, and draw what\n"
        "the answers cite."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.set_defaults(corpus=".rag-demo")

    def run(self, options: Namespace) -> int:
        import json
        from importlib.resources import as_file, files

        with as_file(files("rag.examples")) as folder:
            corpus = opened(options)
            report = corpus.add(str(folder / "corpus"), progress=Progress(options.json))
            questions = [json.loads(line) for line in (folder / QUESTIONS).read_text().splitlines() if line.strip()]
            if not options.json:
                for outcome in report.outcomes:
                    print(_sentence(outcome))
            for question in questions:
                shown = corpus.ask(question["query"])
                if options.json:
                    print_json({"id": question["id"], **shown.to_json(question["query"])})
                    continue
                print(f"\n{question['query']}\n")
                print_answer(shown, options.corpus)
                self._draw(shown, Path(options.corpus))
        return SOME_FAILED if report.failed else 0

    def _draw(self, shown: Any, folder: Path) -> None:
        """The first piece of evidence that has a picture, written where a reader can open it."""
        from rag.errors import RagError

        for one in shown.cited:
            try:
                data = one.image(page=one.page is not None and one.chunk.role != "photo")
            except RagError:
                continue
            path = folder / f"evidence-{one.chunk.id[:12]}.png"
            path.write_bytes(data)
            print(f"      picture: {path}")
            return
