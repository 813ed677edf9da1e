"""`rag ask`: an answer that shows its evidence."""

from __future__ import annotations

import shlex
import textwrap
from argparse import ArgumentParser, Namespace
from typing import Any

from .options import opened, print_json, question_arguments, questions, tell_lag


class Ask:
    help = "answer a question, each sentence with its source"
    description = (
        "Answer from the corpus alone. Every sentence cites its evidence [1]; where nothing fits there is\n"
        "no answer, and the near misses are told. Open the evidence with: rag show ID"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        question_arguments(parser)

    def run(self, options: Namespace) -> int:
        from rag.answer import Query

        corpus = opened(options)
        tell_lag(corpus)
        for id, text, where in questions(options):
            query = Query((text,) if text.strip() else (), where=where)
            shown = corpus.ask(query)
            if options.json:
                told = shown.to_json(text)
                print_json(told if id is None else {"id": id, **told})
            else:
                if id is not None:
                    print(f"{id}: {text}")
                print_answer(shown, options.corpus)
        return 0


def print_answer(shown: Any, corpus: str) -> None:
    """An answer for people: the text, then where each piece of evidence lies and how to open it."""
    from rag.contract import visible

    option = "" if corpus == ".rag" else f" --corpus {shlex.quote(corpus)}"
    if shown.abstained:
        print(f"No answer: {shown.refusal.reason}")
        listed = shown.near_misses
        if listed:
            print("Nearest:")
    else:
        print("\n".join(textwrap.fill(visible(line), 100) for line in shown.text.splitlines()))
        print()
        listed = shown.cited
    for one in listed:
        print(f"  [{one.number}] {one.where}")
        print(f"      {one.chunk.modality}, relevance {one.relevance:.2f}, rag show {one.chunk.id[:12]}{option}")
