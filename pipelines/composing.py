"""Captions composed of what is known of a picture, where no model has looked at it.

The heading path, the caption, alternative text and words in the picture, the names of what a classifier sees
in a photo (the tags of ConSE), and the sentences that mention it, one after the other. It is marked as
composed; a summary by a model takes its place, and is never replaced by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.document import Chunk, Role, Summary
from rag.errors import MissingExtra, SourceError
from rag.identity import combined
from rag.protocols import ProgressCallback
from rag.store.store import Store
from rag.store.writer import Writer

from .summaries import Storing

VERSION = 1
ROLES: tuple[Role, ...] = ("figure", "photo", "keyframe")
TAGGED = frozenset({"photo", "keyframe", "speech"})
TAGS = 5
WORDS = 600
"""Characters of the caption and of the words in the picture."""
READ = 64


@dataclass(slots=True)
class Composed:
    """How many captions were composed, and how many chunks had what they needed."""

    composed: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Compose:
    """The stage over a store. With `tags` what a photo shows is named too, where that is installed."""

    store: Store
    tags: bool = True
    roles: Sequence[Role] = ROLES
    progress: ProgressCallback = lambda _: None
    warn: Callable[[str], None] = lambda _: None

    def run(self) -> Composed:
        """Compose the captions of all pictures, also where they were composed of something else, and index them."""
        with self.store.writing(timeout=10) as writer:
            return self.compose(writer)

    def compose(self, writer: Writer, missing: bool = False) -> Composed:
        """Give each picture its caption, those alone that have no summary where `missing`."""
        told = Composed()
        storing = Storing(self.store, writer, self.warn)
        rows = writer.described(self.roles, missing)
        seer = tagger(self.store) if rows and self.tags else None
        by = f"composed-{VERSION}.{seer.fingerprint if seer else 'untagged'}"
        for start in range(0, len(rows), READ):
            chunks = self.store.catalog.chunks([id for _, id in rows[start : start + READ]])
            self.progress({"stage": "compose", "done": start, "total": len(rows), "item": ""})
            made: dict[int, Summary] = {}
            for row, id in rows[start : start + READ]:
                known, key = chunks[id].summary, _key(chunks[id], by)
                if known and (known.made == "written" or known.key == key):
                    told.known += 1
                elif text := composed(chunks[id], _tags(chunks[id], seer)):
                    made[row] = Summary(text, "composed", by, key)
            if made:
                storing.add(made)
            told.composed += len(made)
        storing.end()
        return told


def _key(chunk: Chunk, by: str) -> str:
    """All that a caption is a function of."""
    media = chunk.media.digest if chunk.media else ""
    return combined(by, chunk.title, chunk.headings, chunk.text, [one.text for one in chunk.mentions], media)


def _tags(chunk: Chunk, seer: Any) -> list[str]:
    if seer is None or chunk.role not in TAGGED or chunk.media is None:
        return []
    try:
        return [name for name, _ in seer.tags([chunk])[0][:TAGS]]
    except (SourceError, MissingExtra):  # it is composed of the rest
        return []


def composed(chunk: Chunk, tags: Sequence[str]) -> str:
    """The caption of a chunk with these tags; the document's title where nothing else is known."""
    seen = f"a photo of {', '.join(tags)}" if tags else ""
    said = " ".join(chunk.text.split())[:WORDS]
    parts = [seen, " > ".join(chunk.headings), said, *(one.text for one in chunk.mentions)]
    return ". ".join(one.rstrip(". ") for one in parts if one.strip()) or chunk.title.strip()


def tagger(store: Store) -> Any:
    """The first encoder of the corpus that names what it sees, else the one that ships, where its extra is there."""
    from rag.config import Builder
    from rag.registry import load

    if found := next((one for one in store.encoders.values() if hasattr(one, "tags")), None):
        return found if getattr(found, "available", lambda: True)() else None
    kind: Any = load("retrievers/encoders/conse")
    use = {"use": "retrievers/encoders/conse"}
    return Builder({"assets": store.assets}).build(use) if kind.available() else None
