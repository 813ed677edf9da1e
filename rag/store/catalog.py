"""Reading the catalog: the truth about what exists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.document import Chunk, Element, Head, Labels, LabelValue, Page, Source, labels
from rag.errors import CorpusError
from rag.filters import And, Eq, Filter, condition
from rag.members import WITHIN
from rag.protocols import Named
from rag.recent import Recent
from rag.serialise import loads
from rag.store.conditions import compiled, concerns, paired
from rag.store.resolving import MOST_QUESTIONS, Resolved, questions, resolved
from rag.store.rows import chunk_from, element_from, page_from, source_from
from rag.store.upkeep import LIVE, Upkeep

_BATCH = 500
_REMEMBERED = 500_000
"""Ids that filters admitted, kept for the next stage or question with the same filter."""
_READ = 2000
"""Chunks kept as read, of all catalogs: the channels of a search, and questions in a row, ask for the same ones."""
_SOURCES = "FROM sources s JOIN documents d ON d.digest = s.digest AND d.state = 'live'"
# Seen as chunks, so that a restriction to pages or roles holds for elements too.
_SEEN_ELEMENTS = (
    "(SELECT row, document, role, media, page AS first_page, page AS last_page, "
    "json_extract(body, '$.modality') AS modality, body FROM elements)"
)
_FEW = LIVE.replace("JOIN", "CROSS JOIN")
"""For conditions that choose few chunks. CROSS JOIN keeps SQLite from walking all documents, which it takes for
cheaper above some dozens of ids: 10 ms instead of 0.3 for 100 of 10,000 chunks."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the catalog holds it; `sources` are all that share its bytes, oldest first."""

    digest: str
    media_type: str
    title: str
    language: str
    head: Head
    sources: tuple[Source, ...]
    labels: Labels
    pages: int
    chunks: int
    elements: int
    derivation: str
    warnings: tuple[str, ...] = ()


class Catalog(Upkeep):
    """`rag.protocols.Catalog` over SQLite, for any number of threads.

    A `restriction` is ANDed below every read: no chunk, element, page, source or label that it does
    not admit is told, nor counted. What only maintenance asks is refused there.
    """

    def __init__(self, path: Path, restriction: Filter | None = None, *, write: bool = False) -> None:
        super().__init__(path, restriction, write=write)
        self._matched: Recent[object, frozenset[str]] = Recent(_REMEMBERED)
        self._named: Recent[object, tuple[Named, ...]] = Recent(_REMEMBERED)
        self._resolved: Recent[object, Resolved] = Recent(_REMEMBERED)

    # --- rag.protocols.Catalog -------------------------------------------------------------------

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The chunks that exist, by id; ids that are gone are left out. One transaction."""
        found: dict[str, Chunk] = {}
        with self._transaction():
            for start in range(0, len(ids), _BATCH):
                batch = list(ids[start : start + _BATCH])
                marks = ",".join("?" * len(batch))
                for chunk in self._chunks(f"c.id IN ({marks})", batch):
                    found[chunk.id] = chunk
        return found

    def matching(self, where: Filter) -> frozenset[str]:
        """Ids of the chunks that a filter admits; the same object while it is asked again and nothing changed."""
        text, values = self._condition(where)
        # The version is read first: what a writer commits in between is then told too soon, and asked
        # for again, but never too late. True and 1 are equal in Python and not here, hence the types.
        version = self._one("PRAGMA data_version", [])[0]
        asked = version, text, tuple((type(value), value) for value in values)
        return self._matched(
            asked, lambda: frozenset(id for (id,) in self._rows(f"SELECT c.id {LIVE} WHERE {text}", values))
        )

    def resolved(self, where: Filter) -> Filter | None:
        """A filter by documents, modality, role and page; None where too many groups of documents would be told.

        None also for a filter by colours: an index is not given them.
        """
        both = And(self._given(where))
        paired(both)  # refuses what `matching` refuses
        asked = questions(both)
        if len(asked) > MOST_QUESTIONS or concerns(both, "colour"):
            return None
        if not asked:
            return both
        columns = [paired(one) for one in asked]
        values = [value for _, given in columns for value in given]
        sql = f"SELECT s.digest, {', '.join(f'({text}) IS TRUE' for text, _ in columns)} {_SOURCES} ORDER BY s.row"
        version = self._one("PRAGMA data_version", [])[0]
        key = version, repr(both)
        return self._resolved(key, lambda: resolved(both, self._rows(sql, values))).where

    def names(self, where: Filter | None = None) -> tuple[Named, ...]:
        """What the documents are called, a line for each source; the same object while nothing changed."""
        allowed, values = self._of_source(where)
        version = self._one("PRAGMA data_version", [])[0]
        sql = f"SELECT d.digest, d.title, s.uri {_SOURCES} WHERE {allowed} ORDER BY s.row"
        return self._named((version, allowed, *values), lambda: tuple(Named(*row) for row in self._rows(sql, values)))

    def neighbours(self, id: str, before: int, after: int) -> list[Chunk]:
        """The chunks around one in its document's reading order, pages' pictures and itself left out."""
        with self._transaction():
            allowed, extra = self._condition(None)
            row = self._one(f"SELECT c.document, c.number {LIVE} WHERE c.id = ? AND {allowed}", [id, *extra])
            if row is None:
                return []
            document, number = row
            sides = [("<", "DESC", max(0, before)), (">", "ASC", max(0, after))]
            found: list[Chunk] = []
            for sign, order, limit in sides:
                condition = f"c.document = ? AND c.role != 'page' AND c.number {sign} ?"
                side = list(self._chunks(condition, [document, number], f"c.number {order} LIMIT {int(limit)}"))
                found.extend(reversed(side) if sign == "<" else side)
        return found

    # --- what the facade and the pipelines ask ------------------------------------------------------

    def document_chunks(self, digest: str) -> list[Chunk]:
        """All chunks of a document in its reading order, pages' pictures included."""
        with self._transaction():
            return list(self._chunks("d.digest = ?", [digest], "c.number"))

    def live_ids(self, after: int = 0, limit: int = -1) -> list[tuple[int, str]]:
        """(row, id) of live chunks in row order, from after a row on."""
        text, values = self._condition(None)
        sql = f"SELECT c.row, c.id {LIVE} WHERE c.row > ? AND {text} ORDER BY c.row LIMIT ?"
        return [(row[0], row[1]) for row in self._rows(sql, [after, *values, limit])]

    def resolve(self, prefix: str) -> Chunk:
        """The one chunk whose id starts so; ValueError if none or several do."""
        if not prefix or not all(letter in "0123456789abcdef" for letter in prefix):
            raise ValueError(f"an id is hexadecimal digits, got {prefix!r}")
        with self._transaction():
            found = list(self._chunks("c.id >= ? AND c.id < ?", [prefix, prefix + "g"], "c.id LIMIT 2"))
        if len(found) != 1:
            raise ValueError(f"{'no' if not found else 'more than one'} chunk has an id that starts with {prefix}")
        return found[0]

    def documents(self, where: Filter | None = None) -> Iterator[Document]:
        """The live documents in the order they were added, those of which `where` admits something."""
        allowed, values = self._of_document(where)
        inner, extra = self._condition(None)
        sql = (
            "SELECT d.row, d.digest, d.media_type, d.title, d.language, d.head, d.derivation, "
            f"(SELECT count(*) FROM chunks c WHERE c.document = d.row AND {inner}), "
            "(SELECT count(*) FROM elements e WHERE e.document = d.row), "
            "(SELECT count(*) FROM pages p WHERE p.document = d.row) "
            f"FROM documents d WHERE d.state = 'live' AND {allowed} ORDER BY d.row"
        )
        with self._transaction():
            return iter([self._document(row) for row in self._rows(sql, [*extra, *values])])

    def _document(self, row: Sequence[Any]) -> Document:
        number, digest, media_type, title, language, head, derivation, chunks, elements, pages = row
        rows = self._rows("SELECT warnings FROM parts WHERE document = ? ORDER BY number", [number])
        warnings = [notice["message"] for (text,) in rows for notice in self._parsed(json.loads, text)]
        return Document(
            digest, media_type, title, language, self._parsed(loads, Head, head), tuple(self.sources(digest)),
            self._labels(digest), pages, chunks, elements, derivation, tuple(warnings),
        )  # fmt: skip

    def named(self, name: str) -> dict[str, str]:
        """key -> uri of the sources that a path, a file's name or a glob means; what is so called goes first."""
        return self._sources(Eq("source", name)) or self._sources(condition("source", name))

    def keyed(self, key: str) -> dict[str, str]:
        """key -> uri of the source of that key, such as a canonical address; empty where there is none."""
        allowed, values = self._of_source()
        sql = f"SELECT s.key, s.uri {_SOURCES} WHERE s.key = ? AND {allowed}"
        return dict(self._rows(sql, [key, *values]))

    def within(self, container: str) -> dict[str, str]:
        """key -> uri of the members of a container that is named by its key, path or file name."""
        allowed, values = self._of_source()
        name = container + WITHIN
        beginning = "substr(s.key, 1, ?) = ? OR substr(s.uri, 1, ?) = ? OR instr(s.uri, ?)"
        sql = f"SELECT s.key, s.uri {_SOURCES} WHERE ({beginning}) AND {allowed} ORDER BY s.row"
        return dict(self._rows(sql, [len(name), name, len(name), name, f"/{name}", *values]))

    def _sources(self, where: Filter) -> dict[str, str]:
        text, values = paired(where)
        allowed, extra = self._of_source()
        sql = f"SELECT s.key, s.uri {_SOURCES} WHERE ({text}) AND {allowed} ORDER BY s.row"
        return dict(self._rows(sql, [*values, *extra]))

    def sources(self, digest: str) -> list[Source]:
        """The sources of a document, oldest first; of a restricted view those that it admits."""
        allowed, values = self._of_source()
        sql = f"SELECT s.uri, d.media_type, s.digest, s.path {_SOURCES} WHERE s.digest = ? AND {allowed} ORDER BY s.row"
        return [source_from(row) for row in self._rows(sql, [digest, *values])]

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        """The elements of a document in reading order, of one page if asked."""
        allowed, values = self._condition(None)
        sql = (
            f"SELECT c.body FROM {_SEEN_ELEMENTS} c JOIN documents d ON d.row = c.document "
            f"WHERE d.digest = ? AND d.state = 'live' AND (? IS NULL OR c.first_page = ?) AND {allowed} ORDER BY c.row"
        )
        with self._transaction():
            sources = self.sources(digest)
            rows = self._rows(sql, [digest, page, page, *values]) if sources else []
        return [self._parsed(element_from, body, sources[0]) for (body,) in rows]

    def pages(self, digest: str) -> list[Page]:
        """The pages of a document."""
        allowed, values = self._condition(None)
        if self.restriction is not None:
            allowed = (
                "EXISTS (SELECT 1 FROM chunks c WHERE c.document = d.row AND c.first_page <= p.number "
                f"AND c.last_page >= p.number AND {allowed})"
            )
        sql = (
            "SELECT p.body FROM pages p JOIN documents d ON d.row = p.document "
            f"WHERE d.digest = ? AND d.state = 'live' AND {allowed} ORDER BY p.number"
        )
        return [self._parsed(page_from, body) for (body,) in self._rows(sql, [digest, *values])]

    def label(self, digest: str, number: int) -> str:
        """The printed label ("iv") of a page of a document; "" where it is the number itself, or there is none.

        For pages of chunks that the caller was given: a restriction is not asked again.
        """
        sql = "SELECT p.body FROM pages p JOIN documents d ON d.row = p.document WHERE d.digest = ? AND p.number = ?"
        label = next((self._parsed(page_from, body).label for (body,) in self._rows(sql, [digest, number])), "")
        return "" if label == str(number) else label

    def counts(self) -> dict[str, int]:
        """How many documents, sources, pages, elements, chunks and vectors there are."""
        with self._transaction():
            if self.restriction is not None:
                return self._counts_admitted()
            told = {}
            for table in ("documents", "pages", "elements", "chunks"):
                join = "" if table == "documents" else "JOIN documents d ON d.row = t.document"
                state = "t.state" if table == "documents" else "d.state"
                told[table] = self._one(f"SELECT count(*) FROM {table} t {join} WHERE {state} = 'live'", [])[0]
            for table in ("sources", "vectors"):
                told[table] = self._one(f"SELECT count(*) FROM {table}", [])[0]
            return told

    def _counts_admitted(self) -> dict[str, int]:
        """The counts of what the restriction admits."""
        allowed, values = self._condition(None)
        digests = [one.digest for one in self.documents()]
        vectors = (
            f"SELECT count(DISTINCT v.row) {LIVE} JOIN views w ON w.chunk = c.row "
            f"JOIN vectors v ON v.digest = w.digest WHERE {allowed}"
        )
        return {
            "documents": len(digests),
            "pages": sum(len(self.pages(digest)) for digest in digests),
            "elements": sum(len(self.elements(digest)) for digest in digests),
            "chunks": self._one(f"SELECT count(*) {LIVE} WHERE {allowed}", values)[0],
            "sources": sum(len(self.sources(digest)) for digest in digests),
            "vectors": self._one(vectors, values)[0],
        }

    def shows(self, media: str) -> bool:
        """Whether an admitted chunk or element has the asset of that name."""
        allowed, values = self._condition(None)
        sql = (
            f"SELECT 1 FROM chunks c JOIN documents d ON d.row = c.document WHERE c.media = ? AND d.state = 'live' "
            f"AND {allowed} UNION ALL SELECT 1 FROM {_SEEN_ELEMENTS} c JOIN documents d ON d.row = c.document "
            f"WHERE c.media = ? AND d.state = 'live' AND {allowed} LIMIT 1"
        )
        return self._one(sql, [media, *values, media, *values]) is not None

    # --- reading rows -------------------------------------------------------------------------------

    def _chunks(self, condition: str, values: Sequence[object], order: str = "c.row") -> Iterator[Chunk]:
        allowed, extra = self._condition(None)
        sql = f"SELECT c.body, d.digest {_FEW} WHERE {condition} AND {allowed} ORDER BY {order}"
        rows = self._rows(sql, [*values, *extra])
        heads = self._heads(list({digest for _, digest in rows}))
        for body, digest in rows:
            if digest not in heads:
                raise CorpusError(f"{self.path}: document {digest[:12]} has no source; try: rag check --repair")
            source, given = heads[digest]
            yield self._parsed(_chunk, body, source, given)

    def _heads(self, digests: Sequence[str]) -> dict[str, tuple[Source, Labels]]:
        """The oldest source and the labels of each document, in few queries: a search finds in many documents."""
        allowed, values = self._of_source()
        found: dict[str, tuple[Source, dict[str, LabelValue]]] = {}
        for start in range(0, len(digests), _BATCH):
            batch = digests[start : start + _BATCH]
            sql = (
                f"SELECT s.uri, d.media_type, s.digest, s.path, s.labels {_SOURCES} "
                f"WHERE s.digest IN ({','.join('?' * len(batch))}) AND {allowed} ORDER BY s.row"
            )
            for *row, text in self._rows(sql, [*batch, *values]):
                source = source_from(tuple(row))
                oldest, merged = found.setdefault(source.digest, (source, {}))
                found[source.digest] = oldest, {**self._parsed(_object, text), **merged}
        return {digest: (source, labels(merged)) for digest, (source, merged) in found.items()}

    def _labels(self, digest: str) -> Labels:
        """The labels of the sources of a document; the oldest source wins."""
        allowed, values = self._of_source()
        sql = f"SELECT s.labels {_SOURCES} WHERE s.digest = ? AND {allowed} ORDER BY s.row DESC"
        merged: dict[str, LabelValue] = {}
        for (text,) in self._rows(sql, [digest, *values]):
            merged.update(self._parsed(_object, text))
        return labels(merged)

    def _condition(self, where: Filter | None) -> tuple[str, list[object]]:
        """Over chunks c and documents d: what the restriction and `where` admit."""
        text, values = compiled(And(self._given(where)))
        return f"({text})", values

    def _of_source(self, where: Filter | None = None) -> tuple[str, list[object]]:
        """Over sources s and documents d: those of which something is admitted."""
        both = And(self._given(where))
        text, values = paired(both)
        if concerns(both, "page", "modality", "role", "colour"):
            text = f"EXISTS (SELECT 1 FROM chunks c WHERE c.document = d.row AND ({text}))"
        return f"({text})", values

    def _of_document(self, where: Filter | None) -> tuple[str, list[object]]:
        """Over documents d: those of which something is admitted."""
        text, values = self._of_source(where)
        return f"EXISTS (SELECT 1 FROM sources s WHERE s.digest = d.digest AND {text})", values

    def _given(self, where: Filter | None) -> tuple[Filter, ...]:
        return tuple(one for one in (self.restriction, where) if one is not None)


@lru_cache(_READ)
def _chunk(body: str, source: Source, given: Labels) -> Chunk:
    """A function of its arguments alone: what the catalog holds now is asked of it each time."""
    return chunk_from(body, source, given)


def _object(text: str) -> dict[str, Any]:
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError(f"expected an object, got {told!r:.60}")
    return told
