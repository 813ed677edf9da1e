"""Evidence narrowed to the words that a question points at by their look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer import Evidence, Hit, Query, Selection
from rag.document import Chunk, Coloured, Origin, Place
from rag.hues import hued

PART = "coloured"
"""The channel of a hit that was found by how its words look: its chunk's `coloured` are those words alone."""


def said(chunk: Chunk, run: Coloured) -> str:
    """The words of a part of a chunk that stands out."""
    text = chunk.headings[run.heading] if 0 <= run.heading < len(chunk.headings) else chunk.text
    return text[run.start : run.end]


def narrowed(query: Query, selection: Selection) -> Selection:
    """The evidence that was found by its look as nothing but the words meant, each with its own place.

    Only where what those words say is all that is asked; a line for each part. Ids and numbers stay: it is the
    same evidence, of which less is shown.
    """
    asked = hued(query.text) if any(PART in one.hit.parts for one in selection.evidence) else None
    if asked is None or not asked[1].says:
        return selection
    return replace(selection, evidence=tuple(map(_narrowed, selection.evidence)))


def _narrowed(one: Evidence) -> Evidence:
    chunk = one.hit.chunk
    if PART not in one.hit.parts or not chunk.coloured:
        return one
    return replace(one, hit=replace(one.hit, chunk=alone(chunk)))


def alone(chunk: Chunk) -> Chunk:
    """What stands out in a chunk as its text, a line for each part, with the places of the parts."""
    lines = [" ".join(said(chunk, run).split()) for run in chunk.coloured]
    text = "\n".join(lines)
    places: dict[Place, None] = dict.fromkeys(place for run in chunk.coloured for place in run.places)
    origin = Origin(chunk.origin.source, tuple(places) or chunk.origin.places)
    return replace(
        chunk, text=text, origin=origin, tokens=len(text.split()), views=(), coloured=_moved(chunk.coloured, lines),
        modality="text" if chunk.modality == "table" else chunk.modality,
    )  # fmt: skip


def looking(chunk: Chunk, name: str) -> Chunk:
    """`alone`, of the parts of one look: a colour of letters or ground, or a mark. ValueError where there are none."""
    runs = tuple(run for run in chunk.coloured if name in (run.letters, run.ground, run.mark))
    if not runs:
        looks = dict.fromkeys(look for run in chunk.coloured for look in (run.letters, run.ground, run.mark) if look)
        raise ValueError(f"nothing in it is {name}; what stands out in it is {', '.join(looks) or 'nothing'}")
    return alone(replace(chunk, coloured=runs))


def _moved(runs: Sequence[Coloured], lines: Sequence[str]) -> tuple[Coloured, ...]:
    """The parts as lines of their own."""
    found, at = [], 0
    for run, line in zip(runs, lines, strict=True):
        found.append(replace(run, start=at, end=at + len(line), heading=-1))
        at += len(line) + 1
    return tuple(found)


def is_narrowed(hit: Hit) -> bool:
    """Is the text nothing but the words that a question points at by their look, a line for each part?"""
    chunk = hit.chunk
    if PART not in hit.parts or not chunk.coloured:
        return False
    return "\n".join(chunk.text[run.start : run.end] for run in chunk.coloured) == chunk.text
