"""What `rag.Corpus` returns: hits and answers that can draw their evidence."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

from rag import contract
from rag.answer import Answer, Citation, Claim, Evidence, Hit, Refusal, Score, Usage
from rag.document import Chunk, PageRegion, Place
from rag.errors import RagError, SourceError
from rag.outstanding import looking
from rag.store.store import Store


class Found:
    """A hit, and for what has pixels its picture. `relevance` is set where it is evidence."""

    def __init__(self, store: Store, hit: Hit, number: int = 0, relevance: float | None = None) -> None:
        self.hit = hit
        self.number = number
        self.relevance = relevance
        self._store = store

    @property
    def chunk(self) -> Chunk:
        return self.hit.chunk

    def looking(self, colour: str) -> Found:
        """The same, of the parts of its text alone that have that colour, or are `highlighted`; ValueError for none."""
        hit = replace(self.hit, chunk=looking(self.chunk, colour))
        return Found(self._store, hit, self.number, self.relevance)

    @property
    def score(self) -> float:
        return self.hit.score

    @property
    def parts(self) -> Mapping[str, Score]:
        """Each channel's own rank and score."""
        return self.hit.parts

    @property
    def text(self) -> str:
        return self.chunk.text

    @property
    def source(self) -> str:
        """The source as it was given."""
        return self.chunk.origin.source.uri

    @property
    def places(self) -> tuple[Place, ...]:
        return self.chunk.origin.places

    @property
    def page(self) -> int | None:
        """The page of the first place on one."""
        return next((place.page for place in self.places if isinstance(place, PageRegion)), None)

    @property
    def label(self) -> str:
        """What is printed on that page as its number ("iv"); "" where it is the number itself."""
        return self._store.catalog.label(self.chunk.origin.source.digest, self.page) if self.page is not None else ""

    @property
    def where(self) -> str:
        """Its place in words, for people."""
        return contract.where(self.places, self.source, self.label)

    def image(self, dpi: int = 144, *, page: bool = False) -> bytes:
        """The place as PNG with its boxes framed, in a little of its surroundings or on its whole page.

        A chunk in markup or in a recording that holds a picture gives that picture. SourceError where there is
        nothing to draw, or the linked file changed: a box is never drawn on other bytes.
        """
        from rag.drawing import as_png, framed

        assets, source = self._store.seen, self.chunk.origin.source
        if self.page is not None:
            try:
                return framed(assets, source, self.places, self.page, dpi, whole=page)
            except SourceError as error:  # a slide is not drawn, a picture on it is
                if error.kind != "unsupported" or self.chunk.media is None:
                    raise
        if self.chunk.media is not None:
            return as_png(assets.open(self.chunk.media), self.chunk.media)
        return assets.crop(source, self.places[0], dpi)

    def to_json(self) -> dict[str, Any]:
        """The hit as `rag search --json` prints it; as evidence where it is that."""
        if self.relevance is None:
            return contract.hit(self.hit, self.number or 1, self.label)
        return contract.evidence(Evidence(self.number, self.hit, self.relevance))

    def __repr__(self) -> str:
        text = " ".join(self.text.split())
        return f"<{self.where}: {text[:70]}{'…' if len(text) > 70 else ''}>"

    def _repr_html_(self) -> str:
        number = f"[{self.number}] " if self.number else ""
        caption = f"<b>{number}{escape(self.where)}</b>"
        try:
            picture = f'<img style="max-width:40em" src="data:image/png;base64,{b64encode(self.image(96)).decode()}">'
        except RagError:
            picture = f"<blockquote>{escape(self.text[:600])}</blockquote>"
        return f"<figure><figcaption>{caption}</figcaption>{picture}</figure>"


class Shown:
    """An answer whose evidence can be opened; `.answer` is the plain noun."""

    def __init__(self, store: Store, answer: Answer) -> None:
        self.answer = answer
        self.evidence = [Found(store, one.hit, one.number, one.relevance) for one in answer.evidence]
        misses = answer.refusal.near_misses if answer.refusal else ()
        self.near_misses = [Found(store, one.hit, one.number, one.relevance) for one in misses]

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def abstained(self) -> bool:
        return self.answer.refusal is not None

    @property
    def refusal(self) -> Refusal | None:
        return self.answer.refusal

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self.answer.citations

    @property
    def claims(self) -> tuple[Claim, ...]:
        return self.answer.claims

    @property
    def cited(self) -> list[Found]:
        """The evidence that the text points at, in the order of its numbers."""
        numbers = {number for one in self.citations for number in one.evidence}
        return [one for one in self.evidence if one.number in numbers]

    @property
    def usage(self) -> Usage:
        return self.answer.usage

    def to_json(self, query: str = "") -> dict[str, Any]:
        """The answer as `rag ask --json` prints it."""
        return contract.answer(query, self.answer)

    def __str__(self) -> str:
        if self.refusal:
            near = "".join(f"\n  near: {one.where}" for one in self.near_misses)
            return f"No answer: {self.refusal.reason}{near}"
        return self.text + "".join(f"\n  [{one.number}] {one.where}" for one in self.cited)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if self.refusal:
            return f"<p><i>No answer: {escape(self.refusal.reason)}</i></p>" + "".join(
                one._repr_html_() for one in self.near_misses
            )
        return f"<p>{escape(self.text)}</p>" + "".join(one._repr_html_() for one in self.cited)
