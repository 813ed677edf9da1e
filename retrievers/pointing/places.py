"""From what a question points at to the chunks of a document that stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Protocol

from rag import words
from rag.document import Box, Chunk, Coloured, PageRegion, Source, TimeSpan
from rag.filters import And, Eq, Filter, In, Or, Range
from rag.hues import Hued
from rag.pointing import Band, Kind, Labelled, Moment, PageAt, Pointer, Pointers, Titled, same_number
from rag.protocols import Catalog, Scored

ALIKE = 0.84
"""How alike two titles are (ratio of difflib) to be one, spelled otherwise."""
_LOOKED_AT = 40
"""Chunks that hold the words of a label or title and are looked at, of all documents in question."""
_MENTION = 0.3
_NOT_SO = 0.4
"""At the place, and of another look; or of that look, and elsewhere."""
_UNDER = 0.8
_ELSEWHERE = 0.7
"""On the page, and not in the part of it that is named."""
_FORMS = {"figure": ("figure", "fig"), "table": ("table", "tab"), "equation": ("equation", "eq")}
_BARE = ("section", "chapter", "appendix")
"""What may be told by its number alone, as "3.4 Results" is."""
_ASIDE = ("footnote", "list", "table", "code")
"""Roles whose lines begin with numbers of their own."""
_NAMED = {
    "figure": r"fig(?:ure)?s?\.?", "table": r"tab(?:le)?s?\.?", "equation": r"eq(?:uation)?s?\.?",
    "section": "(?:sub)*sections?", "appendix": "appendi(?:x|ces)",
}  # fmt: skip


class TextIndex(Protocol):
    """Finds ids by words, as `rag.words.words` cuts them."""

    def search(self, queries: Sequence[Sequence[str]], k: int, where: Filter | None = None) -> Scored: ...


@dataclass(frozen=True, slots=True)
class Finder:
    """Chunks that pointers mean, in the documents of some sources, under a filter."""

    catalog: Catalog
    index: TextIndex
    where: Filter | None

    def found(self, asked: Pointers, sources: Sequence[Source]) -> dict[str, tuple[Chunk, float]]:
        """Chunk id to the chunk and how well it is meant, 0..1: the sum of what points at it, at most 1.

        Where text of a look is asked for ("the red text on page 2"), its chunk has that text alone as `coloured`,
        and what stands at the place and looks otherwise is meant less, as is such text elsewhere.
        """
        strengths: dict[str, float] = {}
        chunks: dict[str, Chunk] = {}
        for pointer in asked.all:
            for chunk, strength in self._meant(pointer, asked.band, sources):
                chunks[chunk.id] = chunk
                strengths[chunk.id] = strengths.get(chunk.id, 0.0) + strength
        found = {id: (chunk, min(1.0, strengths[id])) for id, chunk in chunks.items()}
        return self._looking_so(asked.hued, asked, found, sources) if asked.hued else found

    def _looking_so(
        self, look: Hued, asked: Pointers, found: dict[str, tuple[Chunk, float]], sources: Sequence[Source]
    ) -> dict[str, tuple[Chunk, float]]:
        """The chunks found, and those with text of a look: that text raises them above what only stands there.

        Where no such text is known, the place alone counts: colours of what was read from pixels are not known.
        """
        placed = any(not isinstance(one, (Hued, Kind)) for one in asked.all)
        pages = {source.digest: self._pages(asked, source) for source in sources}
        meant: dict[str, tuple[Chunk, float]] = {}
        where = Or(tuple(Eq("colour", name) for name in look.looks))
        for chunk in (one for source in sources for one in self._chunks(source, where)):
            own = pages[chunk.origin.source.digest]
            here = [run for run in chunk.coloured if own is None or not _pages_of(run) or _pages_of(run) & own]
            fits = {run: look.fits(run, chunk.role) for run in here}
            best = max(fits.values(), default=0.0)
            if best > 0:
                at = found[chunk.id][1] if chunk.id in found else 0.0
                runs = tuple(run for run, fit in fits.items() if fit == best)
                meant[chunk.id] = replace(chunk, coloured=runs), best * (max(_NOT_SO, at) if placed else 1.0)
        if not meant:
            return {id: (replace(chunk, coloured=()), strength) for id, (chunk, strength) in found.items()}
        others = {id: (replace(chunk, coloured=()), _NOT_SO * strength) for id, (chunk, strength) in found.items()}
        return {**others, **meant}

    def _pages(self, asked: Pointers, source: Source) -> set[int] | None:
        """The pages of a document that are named; None where none are."""
        named = [one for one in asked.all if isinstance(one, PageAt)]
        pages = self.catalog.pages(source.digest) if named else []
        return set().union(*(one.among(pages) for one in named)) if named else None

    def _meant(self, pointer: Pointer, band: Band, sources: Sequence[Source]) -> Iterator[tuple[Chunk, float]]:
        match pointer:
            case PageAt():
                for source in sources:
                    yield from self._on_page(pointer, band, source)
            case Labelled(kind, number):
                yield from self._labelled(kind, number, sources)
            case Titled(title):
                yield from self._titled(title, sources)
            case Moment(seconds):
                yield from self._at(seconds, sources)
            case Kind() | Hued():
                return  # a kind of thing chooses among what was found; for a look see `_looking_so`

    def _on_page(self, pointer: PageAt, band: Band, source: Source) -> Iterator[tuple[Chunk, float]]:
        for number in pointer.among(self.catalog.pages(source.digest)):
            for chunk in self._chunks(source, Range("page", number, number)):
                boxes = [one.box for one in chunk.origin.places if isinstance(one, PageRegion) and one.page == number]
                inside = not band or any(in_band(box, band) for box in boxes if chunk.role != "page")
                yield chunk, 1.0 if inside else _ELSEWHERE

    def _labelled(self, kind: str, number: str, sources: Sequence[Source]) -> Iterator[tuple[Chunk, float]]:
        own, bare, mention = _rules(kind, number)
        terms = [[*words.words(form), *words.words(number)] for form in _FORMS.get(kind, (kind,))]
        if kind in (*_BARE, "unit"):
            terms.append(words.words(number))
        if kind == "chapter":  # its own title may not say so: "3 Duties", "3.1 Tasks"
            terms += [[f"{number}.{at}"] for at in range(1, 4)]
        for chunk in self._holding(terms, sources, alone=2):
            lines = (*chunk.text.splitlines()[:40], *_captions(chunk))
            titled = kind in _BARE and chunk.role not in _ASIDE
            if any(own.match(line) or (titled and bare.match(line) and _is_title(line)) for line in lines):
                yield chunk, 1.0
            elif any(own.match(title) or (kind in _BARE and bare.match(title)) for title in chunk.headings):
                yield chunk, 1.0 if kind in _BARE else _UNDER
            elif mention.search(chunk.text):
                yield chunk, _MENTION

    def _titled(self, title: str, sources: Sequence[Source]) -> Iterator[tuple[Chunk, float]]:
        for chunk in self._holding([words.content_words(title)], sources):
            if any(alike(title, line) >= ALIKE for line in chunk.text.splitlines()[:2]):
                yield chunk, 1.0
            elif any(alike(title, heading) >= ALIKE for heading in chunk.headings):
                yield chunk, _UNDER

    def _at(self, seconds: float, sources: Sequence[Source]) -> Iterator[tuple[Chunk, float]]:
        for source in sources:
            if source.media_type.partition("/")[0] in ("video", "audio", ""):
                for chunk in self._chunks(source, None):
                    spans = [one for one in chunk.origin.places if isinstance(one, TimeSpan)]
                    if any(span.start <= seconds <= span.end for span in spans):
                        yield chunk, 1.0

    def _chunks(self, source: Source, where: Filter | None) -> list[Chunk]:
        ids = self.catalog.matching(self._within([source], where))
        return list(self.catalog.chunks(sorted(ids)).values())

    def _holding(self, terms: Sequence[Sequence[str]], sources: Sequence[Source], alone: int = 0) -> list[Chunk]:
        """The chunks that hold the words of one of `terms`, those first that hold most.

        The first `alone` documents are looked through each for itself: a number stands everywhere in the others.
        """
        terms = [one for one in terms if one]
        scopes: list[Sequence[Source]] = [*([one] for one in sources[:alone]), sources[alone:]]
        lists = [
            found
            for scope in scopes
            if terms and scope
            for found in self.index.search(terms, _LOOKED_AT, self._within(scope, None))
        ]
        ids = list(dict.fromkeys(id for found in lists for id, _ in found))
        return list(self.catalog.chunks(ids).values())

    def _within(self, sources: Sequence[Source], where: Filter | None) -> Filter:
        these = In("source", tuple(source.uri for source in sources)) if len(sources) > 1 else None
        parts = (self.where, these or Eq("source", sources[0].uri), where)
        return And(tuple(part for part in parts if part is not None))


def _pages_of(run: Coloured) -> set[int]:
    return {place.page for place in run.places if isinstance(place, PageRegion)}


def _captions(chunk: Chunk) -> tuple[str, ...]:
    """The last lines too: a caption may stand under its table."""
    return tuple(chunk.text.splitlines()[-3:])


def _is_title(line: str) -> bool:
    """Whether a line of a text reads as a small heading: a number and some words without an end."""
    return 2 <= len(line.split()) <= 10 and line.rstrip()[-1:] not in ".;:,"


def _rules(kind: str, number: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What a line begins with that has this label, or its number alone, and what mentions it."""
    numbers = "|".join(re.escape(form) for form in _spellings(number))
    named = _NAMED.get(kind, rf"{kind}e?s?")
    end = r"(?![\w%]|\.\d|[-–]\d)"
    nested = r"(?:\.\d+)*" if kind in ("section", "chapter") else ""
    own = re.compile(rf"\W*(?:{named}[\s-]*(?:no\.?\s*)?)(?:{numbers}){nested}{end}", re.IGNORECASE)
    if len(number) == 1 and number.isalpha():  # "A small gauge" is no title of Appendix A
        bare = re.compile(rf"\W*{number.upper()}(?:[.:)]|\s+(?=[A-Z]))")
    else:
        bare = re.compile(rf"\W*(?:{numbers}){nested}{end}", re.IGNORECASE)
    mention = re.compile(rf"(?<!\w){named}[\s-]*(?:no\.?\s*)?(?:\w+(?:,| and)\s+)*(?:{numbers}){end}", re.IGNORECASE)
    return own, bare, mention


def _spellings(number: str) -> list[str]:
    romans = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv"]
    found = [number, *(one for one in romans if same_number(one, number)), *map(str, range(1, 16))]
    return list(dict.fromkeys(one for one in found if same_number(one, number)))


def alike(title: str, other: str) -> float:
    """How alike two titles are, 0..1: numbers before them, case and marks left out."""
    one, two = _bare(title), _bare(other)
    if not one or not two:
        return 0.0
    if len(two) > 4 * len(one) or len(one) > 4 * len(two):
        return 0.0
    return 1.0 if one == two else SequenceMatcher(None, one, two, autojunk=False).ratio()


def _bare(title: str) -> str:
    cut = re.sub(r"^\W*(?:\d+(?:\.\d+)*\.?|[IVXLC]+\.|[A-Z]\.(?:\d+\.?)*)\s+", "", title.strip())
    return " ".join(words.words(cut))


def in_band(box: Box, band: Band) -> bool:
    """Whether the middle of a box lies in a part of its page."""
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return {
        "top": y < 0.4, "bottom": y > 0.6, "left": x < 0.5, "right": x > 0.5, "middle": 0.25 < y < 0.75, "": True,
    }[band]  # fmt: skip
