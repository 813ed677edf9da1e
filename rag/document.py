"""The nouns of what was read: sources, places, elements, parts, chunks.

Frozen, slotted, standard library only. A noun holds no pixels and fetches nothing; views that
touch bytes live on what `rag.Corpus` returns. Every chunk has a place: the road from an answer
back to a box on a page, a block of markup or a second of video never breaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Modality = Literal["text", "table", "image", "audio", "video"]
Role = Literal[
    "paragraph", "heading", "table", "figure", "caption", "list", "code", "equation",
    "page", "photo", "keyframe", "speech", "header", "footer", "footnote", "hidden",
    "note", "field",
]  # fmt: skip
LabelValue = str | int | float | bool
Labels = tuple[tuple[str, LabelValue], ...]
"""Sorted (key, value) pairs: hashable, and the same whatever order the user gave them in."""


def labels(values: Mapping[str, LabelValue]) -> Labels:
    """Labels in their canonical order."""
    return tuple(sorted(values.items()))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document came from. `uri` is shown as the user gave it.

    `path` is the absolute file to read the bytes from on this machine; `digest` is the sha256
    (hex) of those bytes and identifies the document.
    """

    uri: str
    media_type: str
    digest: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """Fractions 0..1 of the page or image as shown (rotation and crop applied), origin top left."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        for name in ("left", "top", "right", "bottom"):
            value = min(1.0, max(0.0, float(getattr(self, name))))
            object.__setattr__(self, name, round(value, 4))
        if self.left > self.right or self.top > self.bottom:
            raise ValueError(f"a box runs from top left to bottom right, got {self}")


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class PageRegion:
    """A box on a page; pages count from 1. A photo is page 1 of itself."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class CellRange:
    """Cells of a spreadsheet, as its program names them: a sheet and `B2:D9`, or `B2` for one cell."""

    sheet: str
    range: str


@dataclass(frozen=True, slots=True)
class MarkupPath:
    """An XPath that re-selects the block in the stored markup.

    Where the markup is a file inside the source (a chapter of a book, the body of an office document, a
    part of a mail) the path is `/name!` and then the XPath. In a notebook it is a JSON pointer.
    """

    path: str


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Seconds from the start of a recording."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class CharSpan:
    """Characters [start, end) of the decoded text, or of the block named by the place before it."""

    start: int
    end: int


Place = PageRegion | CellRange | MarkupPath | TimeSpan | CharSpan


@dataclass(frozen=True, slots=True)
class Origin:
    """A source and the places in it, first place first. Never without a place."""

    source: Source
    places: tuple[Place, ...]

    def __post_init__(self) -> None:
        if not self.places:
            raise ValueError(f"an origin needs at least one place, in {self.source.uri}")


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes in the store's assets, by name. `digest` names them; `size` is in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell; rows and columns count from 0, `rows` and `columns` are its spans."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1
    header: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Where characters [start, end) of a text stand on its page."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Link:
    """Characters [start, end) of a text lead to `target`: an address as it stands in the file, or "#..." for a
    place in the same document ("#page=12", "#section", or "#" and the id of an element)."""

    start: int
    end: int
    target: str


Mark = Literal["", "highlighted", "underlined", "struck out"]


@dataclass(frozen=True, slots=True)
class Coloured:
    """Characters [start, end) of a text that stand out: of another colour, on a coloured ground, or marked.

    `letters` is the colour of the characters where it is not that of the document's body, `ground` what is behind
    them where that is no page: both by their basic names (`rag.colours`), "" for what is usual. `places` are the
    characters' own; those of the whole text where there are none. In a chunk they may be characters of one of its
    `headings`, number `heading` from 0.
    """

    start: int
    end: int
    letters: str = ""
    ground: str = ""
    mark: Mark = ""
    places: tuple[Place, ...] = ()
    heading: int = -1


@dataclass(frozen=True, slots=True)
class Mention:
    """A sentence elsewhere in the document that names a figure or table, and the place of its paragraph."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that a reader sees: a paragraph, a heading, a table, a figure.

    `headings` are the titles of the open sections, outermost first. A figure or table carries its
    own caption (`caption`, and its place among `origin.places` after its own), so that nothing
    parts them. `text` of a table is its Markdown. `level` is the depth of a heading, from 1. `words`
    of `text` are kept where they were read from pixels, on the page of the first place. `links` lead
    out of `text`, in its order, and `coloured` are the parts of it that stand out. `label` is what a caption calls its
    figure or table ("Figure 3"), and `mentions` are the sentences that name it so. `language` is the programming
    language of code, where it is told.
    `width` and `height` are those of a picture in a page of markup, in pixels: of its bytes, or where they are not at
    hand as the page states them; 0 where nothing is known.
    """

    id: str
    modality: Modality
    role: Role
    origin: Origin
    text: str = ""
    caption: str = ""
    media: Media | None = None
    headings: tuple[str, ...] = ()
    level: int = 0
    cells: tuple[Cell, ...] = ()
    words: tuple[Word, ...] = ()
    links: tuple[Link, ...] = ()
    label: str = ""
    mentions: tuple[Mention, ...] = ()
    language: str = ""
    width: int = 0
    height: int = 0
    coloured: tuple[Coloured, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page as shown: number from 1, printed label ("iv"), size in points (pixels for images)."""

    number: int
    label: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader of the ingest report should know, with the place where there is one."""

    message: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a document as a whole. `metadata` keys are lower case (author, created)."""

    title: str = ""
    pages: int = 0
    language: str = ""
    metadata: Labels = ()


@dataclass(frozen=True, slots=True)
class Part:
    """At most 32 pages, 5 minutes or 500 elements of a document, so that memory stays flat.

    `source` lets pages become chunks where they hold no element; elements name theirs themselves.
    """

    number: int
    head: Head
    elements: tuple[Element, ...] = ()
    pages: tuple[Page, ...] = ()
    warnings: tuple[Notice, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A named input of encoders (`text`, `contextual`, `summary`, `pixels`) and its digest.

    `document` and `section` are inputs of many chunks, kept with the first of them.
    """

    name: str
    digest: str


WORDED = frozenset({"text", "contextual", "summary"})
"""Views that are words and nothing else."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A text about a chunk's picture or table, to find it by. It stands in no document: never quoted, never cited.

    `written` by a model that looked, or `composed` of what is known of it. `by` is the fingerprint of what made
    it, and `key` names all that it was made of (pixels, prompt, model).
    """

    text: str
    made: Literal["written", "composed"]
    by: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of retrieval.

    `id` is a function of the source digest, modality, places, text, media and an ordinal among
    equals (see `rag.identity`). `parent` is the id of the element that it is a part of, or "".
    `tokens` counts `text` in tokens of the encoder in use (its words where there is none).
    `labels` are the user's, `title` the document's. `mentions` are the sentences elsewhere that name its
    figure or table: words to find it by, and no part of its text. Nor is its `summary`, which was made and not read.
    `coloured` are the parts of its text, and of the headings that begin with it, that stand out.
    """

    id: str
    modality: Modality
    origin: Origin
    text: str = ""
    role: Role = "paragraph"
    title: str = ""
    media: Media | None = None
    headings: tuple[str, ...] = ()
    labels: Labels = ()
    parent: str = ""
    tokens: int = 0
    views: tuple[View, ...] = field(default=())
    mentions: tuple[Mention, ...] = ()
    summary: Summary | None = None
    coloured: tuple[Coloured, ...] = ()
