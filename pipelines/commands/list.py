"""`rag list`: the documents of a corpus."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import corpus_arguments, opened, plural, print_json

MOST_ALIKE = 3


class List:
    help = "list the documents"
    description = "List the documents with their pages, chunks, language, labels, warnings and near duplicates."

    def arguments(self, parser: ArgumentParser) -> None:
        corpus_arguments(parser)
        parser.add_argument("--where", metavar="KEY=VALUE", action="append", default=[], help="as in rag search")

    def run(self, options: Namespace) -> int:
        from rag.alike import LOOK, near
        from rag.contract import visible
        from rag.filters import where

        documents = list(opened(options).store.catalog.documents(where(options.where)))
        looks = {one.digest: look for one in documents if (look := dict(one.head.metadata).get(LOOK))}
        uris = {one.digest: one.sources[0].uri for one in documents}
        alike = near(looks) if len(looks) > 1 else {}
        for document in documents:
            labels = dict(document.labels)
            like = [uris[digest] for digest in alike.get(document.digest, ())]
            if options.json:
                print_json({
                    "sources": [source.uri for source in document.sources], "title": document.title,
                    "media_type": document.media_type, "language": document.language, "pages": document.pages,
                    "elements": document.elements, "chunks": document.chunks, "labels": labels,
                    "digest": document.digest, "warnings": list(document.warnings),
                    "near_duplicates": like,
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
            if like:
                more = f" and {len(like) - MOST_ALIKE} more" if len(like) > MOST_ALIKE else ""
                print(f"    looks like {', '.join(visible(uri) for uri in like[:MOST_ALIKE])}{more}")
            for warning in document.warnings:
                print(f"    note: {warning}")
        return 0
