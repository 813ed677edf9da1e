"""Questions that count ("How many tables are there?"), answered from what the catalog holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag import naming
from rag.answer import Answer, Citation, Claim, Evidence, Hit, Query, Usage
from rag.counting import ROLES, Count, Thing, counted
from rag.document import Chunk, PageRegion, Place
from rag.filters import And, Eq, Filter
from rag.pointing import PageAt
from rag.protocols import Catalog, Named

MOST_NAMED = 20
"""Documents that are named each with its own number."""
MOST_MARKERS = 12
"""Markers that are written into the text; the citation holds all places, however many."""
_SAID: dict[Thing, tuple[str, str]] = {
    "figure": ("figure or picture", "figures and pictures"), "photo": ("figure or picture", "figures and pictures"),
    "section": ("heading", "headings"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted in a document: how many, the pages they are on, and chunks that show them."""

    name: str
    count: int
    pages: tuple[int, ...]
    chunks: tuple[Chunk, ...]
    numbered: int = 0
    """How many of them have a label ("Table 3")."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Computes answers to questions that count what documents are made of, each with all the places counted.

    Counted are the elements that the loaders found. The documents are those that the query's filter admits,
    and of them those that the question names. Charts are not told from other figures, so "how many charts" is
    left to others, and so is everything that a word of the question narrows ("tables about rain").
    """

    catalog: Catalog

    def compute(self, queries: Sequence[Query]) -> list[Answer | None]:
        """For each query its answer; None for one that counts nothing, or what the catalog does not know."""
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Answer | None:
        asked = counted(query.text)
        if asked is None:
            return None
        chosen = self._chosen(asked, query)
        if chosen is None:
            return None
        tallies = [self._tally(asked, one, query.where) for one in chosen]
        return _told(asked, tallies)

    def _chosen(self, asked: Count, query: Query) -> list[Named] | None:
        """The documents in question; None where a word is left over that names none."""
        every = {name.digest: name for name in reversed(self.catalog.names(query.where))}
        meant = naming.named(self.catalog, query)
        best = [name for digest, name in every.items() if meant.get(digest) == 1.0]
        known = {word for name in best or every.values() for word in naming.words_of(name)}
        if any(word not in known for word in naming.bare(asked.left)):
            return None
        return (best or list(every.values()))[::-1]

    def _tally(self, asked: Count, named: Named, where: Filter | None) -> Tally:
        title = named.title or named.uri
        if asked.thing == "document":
            return Tally(title, 1, (), ())
        parts = [part for part in (where, Eq("source", named.uri)) if part is not None]
        found = self.catalog.chunks(sorted(self.catalog.matching(And(tuple(parts))))).values()
        chunks = sorted(found, key=lambda chunk: _pages(chunk.origin.places))
        if asked.thing == "page":
            pages = self.catalog.pages(named.digest)
            return Tally(title, len(pages), (), tuple(one for one in chunks if one.role == "page"))
        wanted = self._pages(asked, named) if asked.pages else None
        elements = [
            one
            for one in self.catalog.elements(named.digest)
            if one.role in ROLES[asked.thing]
            and (wanted is None or wanted & set(_pages(one.origin.places)))
            and (not asked.per_page or _pages(one.origin.places))  # what a web page holds stands on no page
        ]
        on = tuple(sorted({page for one in elements for page in _pages(one.origin.places)}))
        showing = _Showing(chunks)
        shown = dict.fromkeys(chunk for one in elements if (chunk := showing.of(one.id, one.origin.places)))
        numbered = sum(bool(one.label) for one in elements)
        count, numbered = (len(on), 0) if asked.per_page else (len(elements), numbered)
        return Tally(title, count, on, tuple(shown), numbered)

    def _pages(self, asked: Count, named: Named) -> set[int]:
        pages = self.catalog.pages(named.digest)
        return {number for pointer in asked.pages for number in pointer.among(pages)}


class _Showing:
    """Finds the chunk in which an element is seen."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._standing: dict[Place, Chunk] = {}
        self._parts: dict[str, Chunk] = {}
        self._pages: dict[int, Chunk] = {}
        for chunk in chunks:
            if chunk.role == "page":
                self._pages.update((page, chunk) for page in _pages(chunk.origin.places))
                continue
            self._parts.setdefault(chunk.parent, chunk)
            for place in chunk.origin.places:
                self._standing.setdefault(place, chunk)

    def of(self, id: str, places: Sequence[Place]) -> Chunk | None:
        """The chunk that stands at the element's place, that is a part of it, or the page it is on."""
        page = next(iter(_pages(places)), 0)
        return self._standing.get(places[0]) or self._parts.get(id) or self._pages.get(page)


def _told(asked: Count, tallies: Sequence[Tally]) -> Answer:
    chunks = [chunk for tally in tallies for chunk in tally.chunks]
    evidence = tuple(Evidence(number, Hit(chunk, 1.0, "counted"), 1.0) for number, chunk in enumerate(chunks, 1))
    text = _sentence(asked, tallies)
    numbers = tuple(one.number for one in evidence)
    claim = Claim(0, len(text), "computed", numbers)
    citations = (Citation(0, len(text), numbers),) if numbers else ()
    marks = "".join(f"[{number}]" for number in numbers[:MOST_MARKERS])
    more = f" and {len(numbers) - MOST_MARKERS} more" if len(numbers) > MOST_MARKERS else ""
    written = f"{text} {marks}{more}".rstrip()
    return Answer(
        written, evidence, citations, (claim,), usage=Usage(), notes=(_NOTE,) if asked.thing != "page" else ()
    )


_NOTE = "counted from the elements that were recognised in the documents"


def _sentence(asked: Count, tallies: Sequence[Tally]) -> str:
    total = sum(tally.count for tally in tallies)
    if asked.thing == "document":
        return f"There {'is' if total == 1 else 'are'} {_many(total, 'document')}."
    one, several = _SAID.get(asked.thing, (asked.thing, f"{asked.thing}s"))
    holding = f" with {several}" if asked.per_page else ""
    what = f"{_many(total, 'page')}{holding}" if asked.per_page else f"{total} {one if total == 1 else several}"
    where = f" on {' and '.join(map(_called, asked.pages))}" if asked.pages else ""
    if len(tallies) == 1:
        told = tallies[0].numbered
        what += f", {told} of them numbered" if 0 < told < total else ""
        on = f", on {_runs(tallies[0].pages)}" if tallies[0].pages and not asked.pages else ""
        return f"{tallies[0].name} has {what}{where}{on}."
    named = [f"{tally.name} {tally.count}" for tally in sorted(tallies, key=lambda one: -one.count)[:MOST_NAMED]]
    others = len(tallies) - len(named)
    rest = f", and {others} more documents" if others else ""
    verb = "is" if total == 1 else "are"
    return f"There {verb} {what}{where} in {len(tallies)} documents: {', '.join(named)}{rest}."


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _called(page: PageAt) -> str:
    if page.number < 0:
        return "the last page" if page.number == -1 else f"page {-page.number} from the end"
    return f"page {page.label or page.number}"


def _runs(pages: Sequence[int]) -> str:
    """ "pages 2 to 14 and 17": runs of numbers that follow each other."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and runs[-1][-1] == page - 1:
            runs[-1].append(page)
        else:
            runs.append([page])
    told = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"page{'s' if len(pages) > 1 else ''} {told}"


def _pages(places: Iterable[Place]) -> list[int]:
    return [place.page for place in places if isinstance(place, PageRegion)]
