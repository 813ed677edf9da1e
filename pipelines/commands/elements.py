"""`rag show --elements`: what was read of a source, listed and drawn."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .drawing import Drawing, is_page, of_markup, written
from .options import opened, print_json, tell

if TYPE_CHECKING:
    from rag.corpus import Corpus
    from rag.document import Element, Source

SHOWN = 100
"""Characters of each text in the list."""


def told(options: Namespace) -> int:
    """Lists the elements of a source, or of one page, and writes the page with their boxes."""
    from rag import contract
    from rag.document import PageRegion
    from rag.serialise import to_plain

    corpus = opened(options)
    source, found = corpus.elements(options.id)
    numbered = list(enumerate(found, 1))
    paged = any(isinstance(place, PageRegion) for one in found for place in one.origin.places)
    drawing = Drawing()
    page = None
    if paged or (options.page and not is_page(source)):
        page = _number(options.page)
        numbered = list(enumerate(corpus.elements(options.id, page)[1], 1))
        drawing = _of_pages(corpus, source, numbered, page, options)
    elif is_page(source):
        drawing = of_markup(corpus, source, numbered, _number(options.page), options)
        page = drawing.sheet or None
        if options.page and page:
            numbered = [(number, one) for number, one in numbered if number in drawing.on]
    if options.json:
        listed = [_plain(to_plain(one)) for _, one in numbered]
        print_json({
            "source": source.uri, "page": page, "elements": listed, "picture": drawing.picture,
            "picture_error": drawing.why or None,
        })  # fmt: skip
        return 0
    for number, one in numbered:
        place = next(
            (each for each in one.origin.places if isinstance(each, PageRegion) and each.page == page),
            one.origin.places[0],
        )
        print(f"{number:>3}. {one.role:<9} {contract.where_it_lies(place, source.uri)}")
        text = " ".join(filter(None, (one.caption, one.text))).split()
        print(f"     {contract.visible(' '.join(text))[:SHOWN]}")
    if not numbered:
        print("no elements" + (f" on page {page}" if page else ""))
    if drawing.picture:
        tell(f"\npicture: {drawing.picture}{drawing.note}")
    else:
        tell(f"\nno picture: {drawing.why or 'this source has no pages to draw'}")
    return 0


def _number(said: str | None) -> int:
    if not said:
        return 1
    if not said.isdecimal() or not int(said):
        raise ValueError(f"--page takes the number of a page, got {said!r}")
    return int(said)


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    """An element without its source, which is told once."""
    return {**one, "origin": {"places": one["origin"]["places"]}}


def _of_pages(
    corpus: Corpus, source: Source, found: Sequence[tuple[int, Element]], page: int, options: Namespace
) -> Drawing:
    """A page of paper, or a picture, with the boxes on it."""
    from rag.document import WHOLE, PageRegion
    from rag.errors import SourceError

    boxes = [
        (number, one.role, place.box)
        for number, one in found
        for place in one.origin.places
        if isinstance(place, PageRegion) and place.page == page
    ]
    try:
        data = corpus.store.seen.crop(source, PageRegion(page, WHOLE), options.dpi)
    except SourceError as error:
        return Drawing(why=str(error))
    return written(data, boxes, source, page, options)
