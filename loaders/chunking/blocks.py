"""Elements as blocks: the pieces that are packed into chunks and never split again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.document import Coloured, Element, Media, Mention, Modality, Place, Role
from rag.placing import piece_places

from .coloured import cut, moved
from .sizes import Sizer

UNSPOKEN = frozenset({"header", "footer", "hidden"})
"""Roles that a reader does not read as part of the text."""
_RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*$")
_WHOLE = 4
"""A table or a caption up to so many times the limit stays in one piece: evidence before vectors."""


@dataclass(frozen=True, slots=True)
class Block:
    """A text of a known size with its places; `alone` is never packed with others."""

    text: str
    cost: int
    places: tuple[Place, ...]
    role: Role
    modality: Modality
    headings: tuple[str, ...]
    media: Media | None = None
    parent: str = ""
    alone: bool = False
    mentions: tuple[Mention, ...] = ()
    coloured: tuple[Coloured, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether it announces what follows it."""
        return not self.alone and self.text.rstrip().endswith((":", "："))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in tokens: what a block should have, what it must not pass."""

    target: int
    limit: int
    overlap: int = 0


def is_figure(element: Element) -> bool:
    return element.modality == "image" or element.role in ("figure", "photo", "keyframe")


def is_table(element: Element) -> bool:
    return element.role == "table" or element.modality == "table"


def blocks(element: Element, cost: int, sizer: Sizer, bounds: Bounds, before: Block | None = None) -> Iterator[Block]:
    """The blocks of an element of `cost` tokens; `before` is the block that it follows."""
    if is_figure(element):
        yield from _captioned(element, cost, sizer, bounds, "image", 1)
    elif is_table(element):
        yield from _captioned(element, cost, sizer, bounds, "table", _WHOLE)
    elif element.text.strip():
        yield from _flowing(element, cost, sizer, bounds, before)


def _flowing(element: Element, cost: int, sizer: Sizer, bounds: Bounds, before: Block | None) -> Iterator[Block]:
    """Paragraphs, lists, code: whole where they fit, else cut at sentence or line ends.

    Each piece of a list repeats the sentence that leads into the list.
    """
    own = element.origin.places
    whole = _block(element, element.text, cost, own)
    if cost <= bounds.limit:
        yield (
            replace(whole, coloured=cut(element.coloured, 0, len(element.text), 0, own)) if element.coloured else whole
        )
        return
    lead = before if element.role == "list" and before and before.leads else None
    if lead and lead.cost > bounds.limit // 4:
        lead = None
    room = bounds.limit - (lead.cost if lead else 0)
    spans = sizer.pieces(
        element.text,
        room,
        min(bounds.target, room),
        lines=element.role == "code",
        overlap=bounds.overlap,
    )
    costs = sizer.costs([element.text[start:end] for start, end in spans])
    for at, ((start, end), size) in enumerate(zip(spans, costs, strict=True)):
        places = piece_places(element.origin.places, element.text, start, end)
        text = element.text[start:end].strip("\n")
        begins = element.text.index(text, start)
        runs = cut(element.coloured, begins, begins + len(text), 0, places)
        piece = replace(whole, text=text, cost=size, places=places, parent=element.id, coloured=runs)
        if lead and at:
            piece = replace(
                piece, text=f"{lead.text}\n{piece.text}", cost=size + lead.cost, places=(*lead.places, *places),
                coloured=(*lead.coloured, *moved(runs, len(lead.text) + 1)),
            )  # fmt: skip
        yield piece


def _captioned(
    element: Element, cost: int, sizer: Sizer, bounds: Bounds, modality: Modality, factor: int
) -> Iterator[Block]:
    """A figure or table with its caption: in one piece up to `factor` times the limit.

    Beyond that, rows (or sentences) are cut, and every piece has the caption, the table's header
    rows, and all places, so that each row is found and none loses its context.
    """
    caption, body = element.caption.strip(), element.text.strip("\n")
    if caption and caption in body:
        caption = ""
    caption_cost = sizer.costs([caption])[0] if caption else 0
    whole = replace(
        _block(element, "\n".join(filter(None, (caption, body))), cost + caption_cost, element.origin.places),
        modality=modality,
        alone=True,
        coloured=_runs(element, body, len(caption) + 1 if caption and body else 0),
    )
    if whole.cost <= bounds.limit * factor or (cost == 0 and caption_cost <= bounds.limit * _WHOLE):
        yield whole
        return
    lead, lead_cost = caption, caption_cost
    if caption_cost > bounds.limit // 3:
        lead, lead_cost = "", 0
        for start, end in sizer.pieces(caption, bounds.limit, bounds.target):
            yield replace(whole, text=caption[start:end], parent=element.id, coloured=())
    offset = element.text.find(body)
    header, rows = _header(body) if modality == "table" else ("", 0)
    header_cost = sizer.costs([header])[0] if header else 0
    if lead_cost + header_cost > bounds.limit // 2:
        header, rows, header_cost = "", 0, 0
    room = bounds.limit - lead_cost - header_cost
    for start, end in sizer.pieces(body[rows:], room, room, lines=modality == "table"):
        piece = body[rows + start : rows + end].strip("\n")
        places = piece_places(element.origin.places, element.text, offset + rows + start, offset + rows + end)
        before = "\n".join(filter(None, (lead, header)))
        first = element.text.index(piece, offset + rows + start)
        above = cut(element.coloured, offset, offset + len(header), len(lead) + 1 if lead else 0, places)
        runs = cut(element.coloured, first, first + len(piece), len(before) + 1 if before else 0, places)
        yield replace(
            whole,
            text="\n".join(filter(None, (before, piece))),
            places=places,
            parent=element.id,
            coloured=(*(above if header else ()), *runs),
        )


def _runs(element: Element, body: str, to: int) -> tuple[Coloured, ...]:
    """What stands out in the body of a figure or table, which begins at `to`."""
    if not element.coloured or not body:
        return ()
    start = element.text.index(body)
    return cut(element.coloured, start, start + len(body), to, element.origin.places)


def _header(table: str) -> tuple[str, int]:
    """The header rows of a Markdown table, and where its other rows start."""
    lines = table.split("\n", 3)
    for count in (2, 3):
        if len(lines) > count and _RULE.match(lines[count - 1]):
            header = "\n".join(lines[:count])
            return header, len(header) + 1
    return "", 0


def _block(element: Element, text: str, cost: int, places: tuple[Place, ...]) -> Block:
    return Block(
        text=text,
        cost=cost,
        places=places,
        role=element.role,
        modality=element.modality,
        headings=element.headings,
        media=element.media,
        mentions=element.mentions,
        alone=element.role in ("footnote", "note"),  # else it would stand in the middle of a sentence
    )
