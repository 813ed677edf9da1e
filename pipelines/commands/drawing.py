"""The pictures of `rag show --elements`: a page with the boxes of what was read of it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .crawling import browser_rules
from .options import plural

if TYPE_CHECKING:
    from rag.corpus import Corpus
    from rag.document import Box, Element, Role, Source


@dataclass(frozen=True, slots=True)
class Drawing:
    """The file that was written, or why there is none; of a web page its sheet and the elements on it."""

    picture: str | None = None
    why: str = ""
    note: str = ""
    sheet: int = 0
    on: frozenset[int] = frozenset()


def is_page(source: Source) -> bool:
    """Is it a web page, which a browser can draw?"""
    return source.media_type in ("text/html", "application/xhtml+xml")


def of_markup(
    corpus: Corpus, source: Source, found: Sequence[tuple[int, Element]], sheet: int, options: Namespace
) -> Drawing:
    """A web page as Chromium shows it, with the boxes of its elements."""
    from rag.document import MarkupPath
    from rag.errors import RagError

    from ..portrait import portrait

    places = [
        (number, one.role, place.path)
        for number, one in found
        for place in one.origin.places
        if isinstance(place, MarkupPath)
    ]
    try:
        original = corpus.store.assets.original(source)
        drawn = portrait(original, [path for _, _, path in places], sheet, options.dpi, browser_rules(options))
    except RagError as error:  # without Playwright or Chromium there is still the list
        return Drawing(why=str(error))
    boxes = [(places[at][0], places[at][1], box) for at, box in drawn.boxes]
    unseen = {number for number, _, _ in places} - {places[at][0] for at in drawn.seen}
    note = f", sheet {sheet} of {drawn.sheets} (--page N)" if drawn.sheets > 1 else ""
    note += f"; {plural(len(unseen), 'element')} without a box there" if unseen else ""
    made = written(drawn.png, boxes, source, sheet, options, margin=True)
    return replace(made, note=note, sheet=sheet, on=frozenset(number for number, _, _ in boxes))


def written(
    data: bytes, boxes: Sequence[tuple[int, Role, Box]], source: Source, page: int, options: Namespace,
    *, margin: bool = False,
) -> Drawing:  # fmt: skip
    """The picture with the boxes drawn, in the file that the options name."""
    from rag.drawing import numbered

    path = Path(options.out or f"{Path(source.uri).stem[:40] or 'page'}-{page}.png")
    try:
        path.write_bytes(numbered(data, boxes, margin=margin))
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}; name another with --out") from error
    return Drawing(str(path))
