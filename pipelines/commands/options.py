"""What several commands share: arguments, and the ways to print."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.errors import RagError

if TYPE_CHECKING:
    from rag.answer import Query
    from rag.corpus import Corpus
    from rag.document import LabelValue
    from rag.filters import Filter

SOME_FAILED = 3
"""The exit code where some of many failed."""


def corpus_arguments(parser: ArgumentParser) -> None:
    """`--corpus` and `--json`."""
    parser.add_argument("--corpus", metavar="DIR", default=".rag", help="the corpus folder (default: ./.rag)")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")


def question_arguments(parser: ArgumentParser) -> None:
    """A question, or a file of them, with filters and a profile."""
    corpus_arguments(parser)
    parser.add_argument("question", nargs="?", help="the question, in quotes")
    parser.add_argument(
        "--queries",
        metavar="FILE",
        help='JSON lines {"id", "query", "where"?}, answered in order; - for standard input',
    )
    parser.add_argument(
        "--where", metavar="KEY=VALUE", action="append", default=[],
        help="only where source, title, modality, page (9 or 3..9), role, colour or label.KEY is VALUE; repeatable",
    )  # fmt: skip
    profile_argument(parser)


def profile_argument(parser: ArgumentParser) -> None:
    """How to search and answer."""
    parser.add_argument(
        "--profile", default="local", help="how to search and answer: local, pictures, server, vision, or a TOML file"
    )


def opened(options: Namespace) -> Corpus:
    """The corpus that the options name."""
    from rag.corpus import Corpus

    return Corpus(options.corpus, profile=getattr(options, "profile", "local"))


def tell_lag(corpus: Corpus) -> None:
    """A note for each index that does not hold what the catalog holds: answers then miss documents."""
    store = corpus.store
    newest = store.catalog.sequence()
    for sink in store.sinks():
        if sink.index.generation != newest:
            tell(
                f"note: the index {sink.name!r} is behind the documents, so some are not found; it is brought up "
                "to date by the `rag add` that is running, or by the next one, or by: rag check --repair"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its filter; of a line that holds none, what is wrong with it."""

    query: Query
    text: str = ""
    id: object = None
    """None for a question of the command line."""
    error: str = ""

    @property
    def named(self) -> dict[str, object]:
        """What the printed object says of where the question came from."""
        return {} if self.id is None else {"id": self.id}


def questions(options: Namespace) -> Iterator[Asked]:
    """The one question, or that of each line of the file; a line that holds none does not end the others."""
    from rag.answer import Query
    from rag.filters import where

    given = where(options.where)
    if (options.question is None) == (options.queries is None):
        raise ValueError("give a question, or --queries FILE, and not both")
    if options.queries is None:
        yield Asked(_query(options.question, given), options.question)
        return
    for number, line in enumerate(_lines(options.queries), 1):
        if line.strip():
            try:
                yield _asked(line, number, given)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                what = f"no {error}" if isinstance(error, KeyError) else str(error)
                why = f'{options.queries}, line {number}: expected {{"id", "query"}} as JSON ({what})'
                yield Asked(Query(()), id=number, error=why)


def _asked(line: str, number: int, given: Filter | None) -> Asked:
    from rag.filters import all_of, where

    told = json.loads(line)
    text = told["query"]
    if not isinstance(text, str):
        raise TypeError("`query` must be text")
    return Asked(_query(text, all_of([given, where(told.get("where"))])), text, told.get("id", number))


def _query(text: str, where: Filter | None) -> Query:
    from rag.answer import Query

    return Query((text,) if text.strip() else (), where=where)


def tell_error(asked: Asked, options: Namespace) -> None:
    """What is wrong with a line, in its place among the answers."""
    if options.json:
        print_json({**asked.named, "query": None, "error": {"type": "unreadable", "message": asked.error}})
    else:
        tell(asked.error)


def _lines(name: str) -> Iterator[str]:
    if name == "-":
        yield from sys.stdin
        return
    try:
        with open(name, encoding="utf-8-sig") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {name}: {error}") from error


def pairs(given: list[str]) -> dict[str, LabelValue]:
    """`KEY=VALUE` strings as labels."""
    from rag.filters import check_labels

    told: dict[str, str] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"a label is KEY=VALUE, got {pair!r}")
        told[key] = value
    return check_labels(told)


def print_json(value: Mapping[str, object] | list[Any]) -> None:
    """One object on one line; escaped where the output cannot take its letters."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    print(line, flush=True)


def tell(message: str) -> None:
    """A word to the person at the terminal, kept out of the output."""
    print(message, file=sys.stderr)


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise RagError("unreachable")


def plural(count: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
