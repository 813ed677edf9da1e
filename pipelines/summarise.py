"""Summaries by which pictures and tables are found: each figure, photo, key frame and table is described once.

Riedler and Langer, "Beyond Text: Optimizing RAG with Multimodal Inputs for Industrial Applications" (arXiv
2410.21943), section on image summaries: the vector is the summary's, the evidence is the picture. Theirs are
keyed by row; here by the digest of pixels, words beside them, prompt and model, so that rows may change.
Pictures are left out as there: whose shorter side is 50 pixels or less, or that are 1024 bytes or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from threading import Event

from rag.answer import Usage
from rag.document import Chunk, PageRegion, Role, Summary
from rag.errors import RagError
from rag.identity import combined
from rag.protocols import Captioner, ProgressCallback
from rag.store.store import Store
from rag.store.writer import Writer
from rag.vlm import has_pixels, pixels

from .encode import Encoding, encode_missing
from .summaries import Storing

ROLES: tuple[Role, ...] = ("figure", "photo", "keyframe", "table")
READ = 64
"""Chunks that are read at a time."""
WORDS = 1500
"""Characters of a chunk's own text that stand beside its picture in the prompt."""
IN_A_ROW = 10
"""Failures one after the other that end a run: then it is not the pictures."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A chunk to describe: its row, its picture ("" for a table of markup: its words are all), and its key."""

    row: int
    chunk: Chunk
    image: bytes
    words: str
    key: str


@dataclass(slots=True)
class Told:
    """What a run found and did, or would do. `calls` of the model; `usage` and `price` of them."""

    pictures: int = 0
    """Chunks that are to have a summary."""
    small: int = 0
    """Left out as too small."""
    known: int = 0
    """That have theirs, or get one that is kept: no call."""
    calls: int = 0
    left: int = 0
    """Calls that `max_calls` left for the next run."""
    usage: Usage = field(default_factory=Usage)
    price: float | None = None
    failed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summarise:
    """The stage over a store. It can be stopped at any time: summaries are stored as they come."""

    store: Store
    captioner: Captioner
    roles: Sequence[Role] = ROLES
    least_side: int = 50
    least_bytes: int = 1024
    dpi: int = 144
    progress: ProgressCallback = lambda _: None
    cancel: Event = field(default_factory=Event)

    def planned(self, max_calls: int | None = None) -> Told:
        """What a run with `max_calls` would do and cost; no model is called, nothing is stored but cached drawings."""
        told, seen = Told(), set[str]()
        with self.store.writing(timeout=10) as writer:
            for one in self._pictured(writer, told):
                if one.key in seen or writer.summary(one.key):
                    told.known += 1
                    continue
                if max_calls is not None and told.calls >= max_calls:
                    told.left += 1
                    continue
                seen.add(one.key)
                told.calls += 1
                told.usage = _sum(told.usage, self.captioner.estimate([one.image], [one.words]))
        told.price = self.captioner.price(told.usage)
        return told

    def run(self, max_calls: int | None = None) -> Told:
        """Describe what has no summary yet, at most `max_calls` pictures of it, and index what came of it.

        A picture that fails is told of and asked about again by the next run; ten in a row end this one.
        """
        with self.store.writing(timeout=10) as writer:
            told = Told()
            run = _Run(self, writer, max_calls, told, Storing(self.store, writer, told.warnings.append))
            for one in self._pictured(writer, run.told):
                run.take(one)
                if run.ended():
                    break
            run.ask()
            run.storing.end()
            encode_missing(self.store, writer, Encoding(self.store, told.warnings.append), self.progress)
        told.price = self.captioner.price(told.usage)
        return told

    def _pictured(self, writer: Writer, told: Told) -> Iterator[Pictured]:
        """The chunks with their pictures; those that cannot be drawn are told of."""
        rows = writer.described(self.roles)
        for start in range(0, len(rows), READ):
            chunks = self.store.catalog.chunks([id for _, id in rows[start : start + READ]])
            for row, id in rows[start : start + READ]:
                try:
                    image = self._image(chunks[id])
                except RagError as error:
                    told.failed.append(f"{_named(chunks[id])}: {error}")
                    continue
                words = chunks[id].text.strip()[:WORDS]
                if image is None or not (image or words):
                    told.small += 1
                    continue
                told.pictures += 1
                key = combined("summary", sha256(image).hexdigest(), words, self.captioner.fingerprint)
                yield Pictured(row, chunks[id], image, words, key)

    def _image(self, chunk: Chunk) -> bytes | None:
        """The picture as stored or drawn; b"" for a table that has none, None for what is too small."""
        if not has_pixels(chunk) and not any(isinstance(place, PageRegion) for place in chunk.origin.places):
            return b""
        data = pixels(self.store.assets, chunk, self.dpi)
        if chunk.role in ("table", "page"):
            return data
        return data if len(data) > self.least_bytes and _shorter(data) > self.least_side else None


@dataclass(slots=True)
class _Run:
    """A run over the pictures: those that wait for the next call, and what became of the others."""

    stage: Summarise
    writer: Writer
    most: int | None
    told: Told
    storing: Storing
    made: dict[str, Summary | None] = field(default_factory=dict)
    """By key what was asked for in this run; None where that failed."""
    waiting: dict[str, list[Pictured]] = field(default_factory=dict)
    in_a_row: int = 0

    def take(self, one: Pictured) -> None:
        """Give it the summary that is kept, or let it wait for a call."""
        known = self.made.get(one.key) or self.writer.summary(one.key)
        if known or one.key in self.waiting:
            self.told.known += 1
            if known and one.chunk.summary != known:
                self.storing.add({one.row: known})
            elif not known:
                self.waiting[one.key].append(one)
        elif one.key in self.made:
            self.told.left += self.made[one.key] is None
        elif self.most is not None and self.told.calls + len(self.waiting) >= self.most:
            self.told.left += 1
        else:
            self.waiting[one.key] = [one]
            if len(self.waiting) >= self.stage.captioner.together:
                self.ask()

    def ended(self) -> bool:
        """Whether to go no further, and why."""
        if self.in_a_row >= IN_A_ROW:
            self.told.warnings.append(f"{self.in_a_row} failures in a row: stopped; the same command goes on from here")
            return True
        if self.stage.cancel.is_set():
            self.told.warnings.append("cancelled; the same command goes on where this one stopped")
            return True
        return False

    def ask(self) -> None:
        """Have the waiting pictures described, and store what came of it."""
        if not self.waiting:
            return
        firsts = [ones[0] for ones in self.waiting.values()]
        item = firsts[0].chunk.origin.source.uri
        self.stage.progress({"stage": "summarise", "done": self.told.calls, "total": 0, "item": item})
        replies = self.stage.captioner.caption([one.image for one in firsts], [one.words for one in firsts])
        found: dict[int, Summary] = {}
        for first, reply in zip(firsts, replies, strict=True):
            self.told.calls += 1
            self.told.usage = _sum(self.told.usage, reply.usage)
            self.in_a_row = 0 if reply.text else self.in_a_row + 1
            if not reply.text:
                self.told.failed.append(f"{_named(first.chunk)}: {reply.error}")
                self.made[first.key] = None
                continue
            summary = Summary(reply.text, "written", self.stage.captioner.fingerprint, first.key)
            self.made[first.key] = summary
            found.update({one.row: summary for one in self.waiting[first.key]})
        self.waiting.clear()
        if found:
            self.storing.add(found)


def _shorter(data: bytes) -> int:
    """Pixels of a picture's shorter side; 0 for what is none."""
    from PIL import Image as pillow

    try:
        with pillow.open(BytesIO(data)) as image:
            return min(image.size)
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
        return 0


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens,
        one.images + other.images, one.calls + other.calls,
    )  # fmt: skip


def _named(chunk: Chunk) -> str:
    from rag.contract import where

    return where(chunk.origin.places, chunk.origin.source.uri)
