"""`rag ask`: an answer that shows its evidence."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from rag.errors import GenerationError

from .flowing import Flowing
from .looking import looking, picture_arguments
from .options import SOME_FAILED, print_json, question_arguments, questions, tell_error, tell_lag

if TYPE_CHECKING:
    from rag.answer import Query
    from rag.corpus import Corpus
    from rag.shown import Shown


MOST_LISTED = 12
"""Places that are printed for people; a count may rest on hundreds."""


class Ask:
    help = "answer a question, each sentence with its source"
    description = (
        "Answer from the corpus alone. Every sentence cites its evidence [1]; where nothing fits there is\n"
        "no answer, and the near misses are told. Open the evidence with: rag show ID"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        question_arguments(parser)
        picture_arguments(parser)

    def run(self, options: Namespace) -> int:
        corpus, shown = looking(options)
        tell_lag(corpus)
        failed = 0
        for asked in questions(options):
            if asked.error:
                failed += 1
                tell_error(asked, options)
            elif options.json:
                print_json({**asked.named, **corpus.ask(shown(asked.query)).to_json(asked.text)})
            else:
                if asked.named:
                    print(f"{asked.id}: {asked.text}")
                print_answer(_streamed(corpus, shown(asked.query)), options.corpus, text=False)
        return SOME_FAILED if failed else 0


def _streamed(corpus: Corpus, query: Query) -> Shown:
    """The answer, its text written while it comes."""
    import asyncio

    from rag.answer import Done, TextPiece
    from rag.shown import Shown

    async def answered() -> Shown:
        flowing = Flowing(sys.stdout)
        async for event in corpus.stream(query):
            match event:
                case TextPiece(text):
                    flowing.write(text)
                case Done(answer):
                    flowing.end()
                    return Shown(corpus.store, answer)
        raise GenerationError("the stream ended without an answer", model="the generator")

    return asyncio.run(answered())


def print_answer(shown: Shown, corpus: str, *, text: bool = True) -> None:
    """An answer for people: the text, then where each piece of evidence lies and how to open it."""
    from rag.outstanding import is_narrowed

    option = "" if corpus == ".rag" else f" --corpus {shlex.quote(corpus)}"
    if shown.refusal:
        print(f"No answer: {shown.refusal.reason}")
        listed = shown.near_misses
        if listed:
            print("Nearest:")
    else:
        if text:
            flowing = Flowing(sys.stdout)
            flowing.write(shown.text)
            flowing.end()
        print()
        listed = shown.cited
    for note in shown.answer.notes:
        print(f"  note: {note}")
    for one in listed[:MOST_LISTED]:
        print(f"  [{one.number}] {one.where}")
        relevance = f", relevance {one.relevance:.2f}" if one.relevance is not None else ""
        first = one.chunk.coloured[0] if is_narrowed(one.hit) else None
        look = f" --colour {shlex.quote(first.letters or first.ground or first.mark)}" if first else ""
        print(f"      {one.chunk.modality}{relevance}, rag show {one.chunk.id[:12]}{look}{option}")
    if len(listed) > MOST_LISTED:
        print(f"  and {len(listed) - MOST_LISTED} more places (--json prints them all)")
