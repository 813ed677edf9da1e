"""`rag list`: the documents of a corpus."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, plural, print_json


class List:
    help = "list the documents"
    description = "List the documents with their pages, chunks, language, labels and warnings."

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--where", metavar="KEY=VALUE", action="append", default=[], help="as in rag search")

    def run(self, options: Namespace) -> int:
        from rag.contract import visible
        from rag.filters import where

        documents = opened(options).store.catalog.documents(where(options.where))
        for document in documents:
            labels = dict(document.labels)
            if options.json:
                print_json({
                    "sources": [source.uri for source in document.sources], "title": document.title,
                    "media_type": document.media_type, "language": document.language, "pages": document.pages,
                    "elements": document.elements, "chunks": document.chunks, "labels": labels,
                    "digest": document.digest, "warnings": list(document.warnings),
                })  # fmt: skip
                continue
            print(visible(document.sources[0].uri))
            facts = [document.media_type, plural(document.pages, "page") if document.pages else "",
                     plural(document.chunks, "chunk"), document.language]  # fmt: skip
            print(f"    {visible(document.title)}  ({', '.join(fact for fact in facts if fact)})")
            for source in document.sources[1:]:
                print(f"    also {visible(source.uri)}")
            if labels:
                print("    " + ", ".join(f"{key}={value}" for key, value in labels.items()))
            for warning in document.warnings:
                print(f"    note: {warning}")
        return 0
