"""The words in a picture: beside it where they are few (a sign, a label), else as a page's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.document import WHOLE, Box, Element, Origin, PageRegion, Source, Word
from rag.protocols import Recogniser

from .ocr.picture import MAX_PIXELS, png, smaller
from .parts import Found, Sections
from .pdf.recognised import Written, together, written

if TYPE_CHECKING:
    from PIL import Image as Pillow

FEW_WORDS = 12
MOST_BOXES = 8


@dataclass(frozen=True, slots=True)
class Read:
    """What was recognised: words that belong to the picture itself, or the blocks of a page."""

    text: str = ""
    words: tuple[Word, ...] = ()
    boxes: tuple[Box, ...] = ()
    blocks: tuple[Written, ...] = ()


def read(picture: Pillow.Image, recogniser: Recogniser) -> Read:
    """The words of an upright picture. Raises what the recogniser raises."""
    (found,) = recogniser.recognise([png(smaller(picture, MAX_PIXELS))])
    blocks = written(found, float(picture.width), float(picture.height))
    if sum(block.text.count(" ") + 1 for block in blocks) > FEW_WORDS:
        return Read(blocks=tuple(blocks))
    text, words = together(blocks, WHOLE)
    return Read(text, words, tuple(block.box for block in blocks)[:MOST_BOXES])


def beside(photo: Element, text: Read) -> Element:
    """The picture's element with the few words that are in it after its description."""
    if not text.text:
        return photo
    shift = len(photo.text) + 1 if photo.text else 0
    page = next(place.page for place in photo.origin.places if isinstance(place, PageRegion))
    return replace(
        photo,
        text="\n".join(filter(None, (photo.text, text.text))),
        origin=Origin(photo.origin.source, (*photo.origin.places, *(PageRegion(page, box) for box in text.boxes))),
        words=tuple(replace(word, start=word.start + shift, end=word.end + shift) for word in text.words),
    )


def paragraphs(source: Source, page: int, text: Read) -> Iterator[Element]:
    """The elements of a page's text, without ids."""
    sections = Sections()
    for block in text.blocks:
        places = (PageRegion(page, block.box),)
        headings = sections.place(Found(block.role, block.text, places, level=block.level))
        yield Element(
            "", "text", block.role, Origin(source, places), block.text,
            headings=headings, level=block.level, words=block.words,
        )  # fmt: skip
