"""Pictures in the questions of the command line: `--image` and `--minus`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.document import WORDED
from rag.errors import CorpusError

from .options import opened

if TYPE_CHECKING:
    from rag.answer import Query
    from rag.corpus import Corpus


def picture_arguments(parser: ArgumentParser) -> None:
    """A picture to ask with, and words that are not wanted."""
    parser.add_argument(
        "--image", metavar="PICTURE", action="append", default=[],
        help="a picture to ask with, alone or with words: a file, or SOURCE#page=3&box=LEFT,TOP,RIGHT,BOTTOM "
        "(fractions of the page) of a source in the corpus; repeatable; needs an encoder of pictures",
    )  # fmt: skip
    parser.add_argument(
        "--minus", metavar="WORDS", action="append", default=[],
        help="words that what is found should be less like; repeatable",
    )  # fmt: skip


def looking(options: Namespace) -> tuple[Corpus, Callable[[Query], Query]]:
    """The corpus, and what puts the pictures and unwanted words of the options into a question.

    With pictures the profile `pictures` stands for the default one. CorpusError where nothing in the corpus looks.
    """
    if options.image and options.profile == "local":
        options.profile = "pictures"
    if options.image and options.question is None and options.queries is None:
        options.question = ""  # the picture is the question
    corpus = opened(options)
    if options.image and not any(one.view not in WORDED for one in corpus.store.encoders.values()):
        raise CorpusError(
            "this corpus has no encoder of pictures; name one in its corpus.toml, such as [encoders.photos] with "
            'use = "retrievers/encoders/conse" and then run: rag reindex'
        )
    shown = [corpus.picture(one) for one in options.image]
    return corpus, lambda query: replace(query, parts=(*shown, *query.parts), minus=tuple(options.minus))
