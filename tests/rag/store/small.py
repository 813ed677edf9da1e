"""Small corpora, written by the writer itself, and what a filter means in plain Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.document import (
    Box,
    Chunk,
    Element,
    Head,
    LabelValue,
    MarkupPath,
    Media,
    Modality,
    Notice,
    Origin,
    Page,
    PageRegion,
    Part,
    Place,
    Role,
    Source,
)
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.identity import digest, element_id, identified
from rag.store.rows import part_rows
from rag.store.writer import Writer

Piece = tuple[str, int | None, Role, Modality]
"""Text, page (None: no page), role and modality of a chunk."""


def piece(text: str, page: int | None = 1, role: Role = "paragraph", modality: Modality = "text") -> Piece:
    return text, page, role, modality


@dataclass(frozen=True)
class Doc:
    """A document and the sources that name its bytes: (uri, labels), oldest first."""

    name: str
    pieces: Sequence[Piece]
    sources: Sequence[tuple[str, Mapping[str, LabelValue]]] = ()
    title: str = ""
    media_type: str = "application/pdf"
    warnings: Sequence[str] = ()
    media: Media | None = None

    @property
    def digest(self) -> str:
        return digest(self.name)

    @property
    def named(self) -> Sequence[tuple[str, Mapping[str, LabelValue]]]:
        return self.sources or ((self.name, {}),)

    def source(self, uri: str = "") -> Source:
        uri = uri or self.named[0][0]
        return Source(uri, self.media_type, self.digest, key(uri))

    def part(self, number: int = 0, parts: int = 1) -> Part:
        """Part `number` of `parts`, which share the pieces out evenly."""
        size = -(-len(self.pieces) // parts)
        pieces = self.pieces[number * size : (number + 1) * size]
        pages = sorted({page for _, page, _, _ in pieces if page is not None})
        return Part(
            number,
            Head(title=self.title, pages=len(pages)),
            tuple(
                Element(element_id(self.digest, number, n), modality, role, self._origin(page, n), text=text)
                for n, (text, page, role, modality) in enumerate(pieces)
            ),
            tuple(Page(page, str(page), 595.0, 842.0) for page in pages),
            tuple(Notice(one) for one in self.warnings),
            self.source(),
        )

    def chunks(self) -> list[Chunk]:
        return list(
            identified(
                Chunk(
                    "", modality, self._origin(page, n), text=text, role=role, title=self.title, tokens=len(text),
                    media=self.media,
                )
                for n, (text, page, role, modality) in enumerate(self.pieces)
            )
        )  # fmt: skip

    def _origin(self, page: int | None, number: int) -> Origin:
        place: Place = MarkupPath(f"/p[{number}]") if page is None else PageRegion(page, Box(0, 0, 1, 0.5))
        return Origin(self.source(), (place,))


def key(uri: str) -> str:
    return f"/data/{uri}"


def ingested(writer: Writer, doc: Doc, derivation: str = "d1", parts: int = 1, vectors: int | None = None) -> None:
    """The whole document, as ingest writes it; with the encoder of that row, a vector a chunk."""
    import numpy as np

    uri, given = doc.named[0]
    building = writer.begin(key(uri), doc.source(), derivation)
    chunks = doc.chunks()
    size = -(-len(chunks) // parts) or 1
    for number in range(building.parts, parts):
        own = chunks[number * size : (number + 1) * size]
        made = {view.digest: np.array([len(one.text), 1], np.float32) for one in own for view in one.views[:1]}
        rows = part_rows(doc.part(number, parts), own)
        writer.add_part(building.row, rows, {} if vectors is None else {vectors: made})
    writer.finish(building.row, key(uri), doc.source(), given, title=doc.title, language="en", kept=False)
    for uri, given in doc.named[1:]:
        writer.add_source(key(uri), doc.source(uri), given)


def filled(path: Path, *docs: Doc) -> Path:
    """A catalog of these documents."""
    writer = Writer(path)
    for doc in docs:
        ingested(writer, doc)
    writer.close()
    return path


def admitted(where: Filter, docs: Sequence[Doc]) -> set[str]:
    """Ids of the chunks that a filter admits, by its definition: with some one source of its document."""
    return {
        chunk.id
        for doc in docs
        for chunk in doc.chunks()
        if any(holds(where, chunk, doc.title, uri, given) for uri, given in doc.named)
    }


def holds(where: Filter, chunk: Chunk, title: str, uri: str, given: Mapping[str, LabelValue]) -> bool:
    match where:
        case And(filters):
            return all(holds(one, chunk, title, uri, given) for one in filters)
        case Or(filters):
            return any(holds(one, chunk, title, uri, given) for one in filters)
        case Not(inner):
            return not holds(inner, chunk, title, uri, given)
        case In(name, values):
            return any(holds(Eq(name, value), chunk, title, uri, given) for value in values)
        case _:
            return _meets(where, chunk, title, uri, given)


def _meets(where: Eq | Range | Glob, chunk: Chunk, title: str, uri: str, given: Mapping[str, LabelValue]) -> bool:
    pages = [place.page for place in chunk.origin.places if isinstance(place, PageRegion)]
    kind, _, label = where.field.partition(".")
    texts = {
        "source": [uri, key(uri)], "title": [title], "modality": [chunk.modality], "role": [chunk.role],
        "label": [written(given[label])] if label in given else [], "page": [],
    }[kind]  # fmt: skip
    match where:
        case Eq("page", value):
            return value in pages
        case Eq(_, value) if kind == "source":
            return str(value) in texts or uri.endswith(f"/{value}")
        case Eq(_, value):
            return written(value) in texts or (label in given and same_number(given[label], value))
        case Glob(_, pattern):
            ends = [uri[n + 1 :] for n, letter in enumerate(uri) if letter == "/" and kind == "source"]
            return any(globbed(pattern, text) for text in [*texts, *ends])
        case Range("page", low, high):
            return any((low is None or low <= page) and (high is None or page <= high) for page in pages)
        case Range(_, low, high):
            number = amount(given.get(label))
            return number is not None and (low is None or low <= number) and (high is None or number <= high)


def written(value: LabelValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def same_number(stored: LabelValue, asked: LabelValue) -> bool:
    if isinstance(stored, (bool, str)) or isinstance(asked, bool):
        return False
    return bool(re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", str(asked))) and stored == float(asked)


def amount(value: LabelValue | None) -> float | None:
    if isinstance(value, str):
        found = re.match(r"-?[0-9]+(\.[0-9]+)?(e[0-9]+)?", value)
        return float(found[0]) if found else None
    return None if value is None or isinstance(value, bool) else float(value)


def globbed(pattern: str, text: str) -> bool:
    """`*` and `?`, the case of ASCII letters ignored."""
    cut = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in lowered(pattern))
    return re.fullmatch(cut, lowered(text), re.DOTALL) is not None


def lowered(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
