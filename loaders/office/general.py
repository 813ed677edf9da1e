"""Formats whose files have no places of their own to keep (rtf, odt), by the library `unstructured`."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rag.document import Cell, CharSpan, Head, Part, Role, Source
from rag.errors import SourceError
from rag.extras import extra
from rag.markup import parse

from ..html.tables import data_table
from ..html.tree import Tree
from ..parts import Found, parts
from ..reading import file_name, read
from ..tables import markdown
from .package import Package, parsing

_ROLES: dict[str, Role] = {
    "Title": "heading", "ListItem": "list", "Table": "table", "CodeSnippet": "code", "Formula": "equation",
    "Header": "header", "Footer": "footer", "FigureCaption": "caption", "Footnote": "footnote",
}  # fmt: skip
_MARKED = re.compile(r"[-*•]\s|\(?\w{1,3}[.)]\s")
_ODT = "application/vnd.oasis.opendocument.text"


class Unstructured:
    """Reads rich text (rtf) and OpenDocument texts (odt) as `unstructured` partitions them, by way of pandoc.

    Both formats lose their places on that way: a place is the characters of the text read, its elements parted by an
    empty line. No model is loaded and nothing is fetched: `unstructured` asks a language model whether a text is
    prose, which it downloads at first use, and is given rules instead.
    """

    VERSION = 1
    media_types: tuple[str, ...] = ("application/rtf", "text/rtf", _ODT)

    def __init__(self, *, max_bytes: int = 50_000_000, max_unpacked: int = 500_000_000) -> None:
        if min(max_bytes, max_unpacked) < 1:
            raise ValueError(f"max_bytes and max_unpacked are at least 1, got {max_bytes} and {max_unpacked}")
        self.max_bytes = max_bytes
        self.max_unpacked = max_unpacked

    @property
    def fingerprint(self) -> str:
        """The version of `unstructured`, whose output may change with it; "" where it is not installed."""
        try:
            return f"unstructured {version('unstructured')}"
        except PackageNotFoundError:
            return ""

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. The document is in memory as a whole.

        Raises SourceError: damaged, encrypted, refused (entities), limit, empty, missing; MissingExtra.
        """
        if source.media_type == _ODT:
            package = Package(source, self.max_bytes, self.max_unpacked)
            package.refuse_entities()
            if package.xml("content.xml") is None:
                raise SourceError("no text document: content.xml is missing", source=source.uri, kind="damaged")
            data = package.data
        else:
            data = read(source, self.max_bytes)
            if not data.lstrip()[:5] == b"{\\rtf":
                raise SourceError("no rich text: it does not begin with {\\rtf", source=source.uri, kind="damaged")
        with parsing(source.uri):
            elements = _partitioned(data, source.media_type)
        yield from parts(source, Head(_title(elements) or file_name(source)), _found(elements), start)


def _partitioned(data: bytes, media_type: str) -> list[Any]:
    """The elements that `unstructured` finds."""
    _without_model()
    with extra("office"):
        import pypandoc  # noqa: F401  # it brings the program that both ways need
        from unstructured.partition.odt import partition_odt
        from unstructured.partition.rtf import partition_rtf
    partition = partition_odt if media_type == _ODT else partition_rtf
    return list(partition(file=io.BytesIO(data), languages=[""], detect_language_per_element=False))


def _without_model() -> None:
    """Give `unstructured` rules for sentences and words instead of the model that it would download.

    It also reports its use to its makers at import unless it is told not to.
    """
    os.environ.update(DO_NOT_TRACK="1", SCARF_NO_ANALYTICS="1", UNSTRUCTURED_DISABLE_NOTICE="1")
    with extra("office"):
        from unstructured.nlp import tokenize
    if getattr(tokenize, "_given_by_argus", False):
        return
    if not hasattr(tokenize, "_get_nlp"):
        raise SourceError(
            "this version of `unstructured` loads its model another way; install one that argus-rag[office] allows",
            source="unstructured", kind="unsupported",
        )  # fmt: skip
    import spacy

    rules = spacy.blank("xx")
    rules.add_pipe("sentencizer")
    tokenize._get_nlp = lambda: rules  # type: ignore[assignment]
    tokenize._given_by_argus = True  # type: ignore[attr-defined]


def _title(elements: list[Any]) -> str:
    heads = (one for one in elements if one.category == "Title" and one.metadata.category_depth == 0)
    return next((" ".join(one.text.split())[:200] for one in heads), "")


def _found(elements: list[Any]) -> Iterator[Found]:
    """The elements with the characters of the joined text."""
    at = 0
    for one in elements:
        text, cells = one.text.strip(), tuple[Cell, ...]()
        role = _ROLES.get(one.category, "paragraph")
        depth = one.metadata.category_depth
        if role == "heading" and depth is None:
            role = "paragraph"  # a guess from the words, not a heading of the file
        if role == "table" and one.metadata.text_as_html:
            cells = _cells(one.metadata.text_as_html)
            text = markdown(cells) if cells else text
        if role == "list":
            text = f"{'  ' * min(depth or 0, 8)}{'' if _MARKED.match(text) else '- '}{text}"
        if not text:
            continue
        place = CharSpan(at, at + len(text))
        at += len(text) + 2
        if role == "heading":
            yield Found(role, " ".join(text.split()), (place,), level=min(9, (depth or 0) + 1))
        else:
            yield Found(role, text, (place,), "table" if role == "table" else "text", cells=cells)


def _cells(html: str) -> tuple[Cell, ...]:
    page = parse(html.encode())
    tables = list(page.root.iter("table")) if page else []
    table = data_table(tables[0], Tree(page.root)) if tables and page else None
    return table.cells if table else ()
