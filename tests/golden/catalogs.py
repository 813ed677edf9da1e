"""An in-memory catalog and chunks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from rag.document import (
    WHOLE,
    Chunk,
    Element,
    LabelValue,
    Modality,
    Origin,
    Page,
    PageRegion,
    Source,
    labels,
)
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.identity import digest, identified
from rag.protocols import Named


def document(name: str, texts: Sequence[str], modality: Modality = "text", **tags: LabelValue) -> list[Chunk]:
    """Chunks with ids, one a page, of a document whose digest follows from its name."""
    source = Source(name, "text/plain", digest(name))
    return list(
        identified(
            Chunk("", modality, Origin(source, (PageRegion(page, WHOLE),)), text=text, labels=labels(tags))
            for page, text in enumerate(texts, 1)
        )
    )


class MemoryCatalog:
    """rag.protocols.Catalog over a list of chunks, in reading order. `calls` counts `chunks`."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self.stored: dict[str, Chunk] = {chunk.id: chunk for chunk in chunks}
        self.calls = 0
        self.labelled: dict[tuple[str, int], str] = {}

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        self.calls += 1
        return {id: self.stored[id] for id in ids if id in self.stored}

    def matching(self, where: Filter) -> frozenset[str]:
        return frozenset(id for id, chunk in self.stored.items() if admits(where, chunk))

    def resolved(self, where: Filter) -> Filter | None:
        """Never: chunks of one document may have labels of their own here."""
        return None

    def neighbours(self, id: str, before: int, after: int) -> list[Chunk]:
        chunk = self.stored.get(id)
        if chunk is None:
            return []
        digest = chunk.origin.source.digest
        row = [one for one in self.stored.values() if one.origin.source.digest == digest]
        place = row.index(chunk)
        return row[max(0, place - before) : place] + row[place + 1 : place + 1 + after]

    def pages(self, digest: str) -> list[Page]:
        """A page for each that a chunk stands on; labels are those given to `labelled`."""
        numbers = {
            place.page
            for chunk in self.stored.values()
            for place in chunk.origin.places
            if chunk.origin.source.digest == digest and isinstance(place, PageRegion)
        }
        return [Page(number, self.labelled.get((digest, number), ""), 600, 800) for number in sorted(numbers)]

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        """An element for each chunk but the pictures of pages."""
        return [
            Element(chunk.parent or chunk.id, chunk.modality, chunk.role, chunk.origin, chunk.text)
            for chunk in self.stored.values()
            if chunk.origin.source.digest == digest and chunk.role != "page"
            if page is None or page in [place.page for place in chunk.origin.places if isinstance(place, PageRegion)]
        ]

    def names(self, where: Filter | None = None) -> tuple[Named, ...]:
        found = [chunk for chunk in self.stored.values() if where is None or admits(where, chunk)]
        sources = [(chunk.origin.source, chunk.title) for chunk in found]
        return tuple(dict.fromkeys(Named(source.digest, title, source.uri) for source, title in sources))

    def remove(self, ids: Iterable[str]) -> None:
        for id in ids:
            self.stored.pop(id, None)


def admits(where: Filter, chunk: Chunk) -> bool:
    match where:
        case And(filters):
            return all(admits(one, chunk) for one in filters)
        case Or(filters):
            return any(admits(one, chunk) for one in filters)
        case Not(one):
            return not admits(one, chunk)
        case Eq(field, value):
            return value in _values(chunk, field)
        case In(field, values):
            return any(value in _values(chunk, field) for value in values)
        case Glob(field, pattern):
            return any(fnmatchcase(str(value), pattern) for value in _values(chunk, field))
        case Range(field, low, high):
            return any(
                isinstance(value, (int, float)) and (low is None or low <= value) and (high is None or value <= high)
                for value in _values(chunk, field)
            )


def _values(chunk: Chunk, field: str) -> list[LabelValue]:
    tags: Mapping[str, LabelValue] = dict(chunk.labels)
    if field.startswith("label."):
        key = field.removeprefix("label.")
        return [tags[key]] if key in tags else []
    if field == "page":
        return [place.page for place in chunk.origin.places if isinstance(place, PageRegion)]
    if field == "source":
        return [chunk.origin.source.uri]
    if field == "colour":
        return [look for run in chunk.coloured for look in (run.letters, run.ground, run.mark) if look]
    return [str(getattr(chunk, field))]
