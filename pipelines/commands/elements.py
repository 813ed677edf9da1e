"""`rag show --elements`: what was read of a source, listed and drawn."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    paged = any(isinstance(place, PageRegion) for one in found for place in one.origin.places)
    page = _number(options.page) if paged or options.page else None
    if page is not None:
        source, found = corpus.elements(options.id, page)
    picture, why = None, None
    if page is not None:
        picture, why = _drawn(corpus, source, found, page, options)
    if options.json:
        listed = [_plain(to_plain(one)) for one in found]
        print_json({
            "source": source.uri, "page": page, "elements": listed, "picture": picture, "picture_error": why,
        })  # fmt: skip
        return 0
    for number, one in enumerate(found, 1):
        place = next(
            (each for each in one.origin.places if isinstance(each, PageRegion) and each.page == page),
            one.origin.places[0],
        )
        print(f"{number:>3}. {one.role:<9} {contract.where_it_lies(place, source.uri)}")
        text = " ".join(filter(None, (one.caption, one.text))).split()
        print(f"     {contract.visible(' '.join(text))[:SHOWN]}")
    if not found:
        print("no elements" + (f" on page {page}" if page else ""))
    if picture:
        tell(f"\npicture: {picture}")
    else:
        tell(f"\nno picture: {why or 'this source has no pages to draw'}")
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


def _drawn(
    corpus: Corpus, source: Source, found: Sequence[Element], page: int, options: Namespace
) -> tuple[str | None, str | None]:
    """The file written, or why there is none."""
    from rag.document import WHOLE, PageRegion
    from rag.drawing import numbered
    from rag.errors import SourceError

    boxes = [
        (number, one.role, place.box)
        for number, one in enumerate(found, 1)
        for place in one.origin.places
        if isinstance(place, PageRegion) and place.page == page
    ]
    path = Path(options.out or f"{Path(source.uri).stem[:40] or 'page'}-{page}.png")
    try:
        data = corpus.store.seen.crop(source, PageRegion(page, WHOLE), options.dpi)
        path.write_bytes(numbered(data, boxes))
    except SourceError as error:
        return None, str(error)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}; name another with --out") from error
    return str(path), None
