"""Drawings in SVG: a picture with the words that can be seen in it. Nothing is fetched or run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.alike import LOOK
from rag.document import WHOLE, Element, Head, Notice, Origin, Page, PageRegion, Part, Place, Source, labels
from rag.errors import SourceError
from rag.identity import element_id
from rag.protocols import Assets, Recogniser

from .. import pixels
from ..image_text import Read, beside, paragraphs
from ..image_text import read as recognised
from ..image_words import humanised
from ..looks import look
from ..reading import file_name, read
from .drawn import drawn
from .safe import Drawing, cleaned
from .words import described, found, told

if TYPE_CHECKING:
    from PIL import Image as Pillow

SIDE = 1200
"""Pixels of the longer side of the picture that is kept."""
LARGEST = 4000
"""And of one that is shown."""


class SVG:
    """Reads drawings (loader) and shows regions of them (renderer).

    Scripts, foreign markup and references to other files or addresses are left out, entities refused. The
    text of the drawing that can be seen is text with its boxes; where it has none, `recogniser` reads the
    picture. `max_bytes` of the file.
    """

    VERSION = 1
    media_types: tuple[str, ...] = ("image/svg+xml",)

    def __init__(
        self, *, recogniser: Recogniser | None = None, max_bytes: int = 20_000_000, assets: Assets | None = None
    ) -> None:
        if max_bytes < 1:
            raise ValueError("max_bytes is at least 1")
        self.recogniser = recogniser
        self.max_bytes = max_bytes
        self.assets = assets

    @property
    def fingerprint(self) -> str:
        """What the words depend on beside the file and the options: the recogniser that is installed."""
        return self.recogniser.fingerprint if self.recogniser else ""

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """One Part: the drawing and its words. SourceError: limit, damaged, refused, missing, empty."""
        if start > 0:
            return
        drawing = cleaned(read(source, self.max_bytes), source.uri)
        shown = picture(drawing, source.uri, SIDE)
        words, unseen = found(drawing, shown, source.uri)
        text = told(words)
        notices = [Notice(what) for what in drawing.left_out]
        if unseen:
            notices.append(Notice(f"{unseen} texts that cannot be seen in it are left out"))
        if not words:
            text = self._recognised(shown, notices)
        about = described(drawing) or humanised(file_name(source))
        facts: dict[str, str | int | float | bool] = {"format": "svg"}
        if seen := look(shown):
            facts[LOOK] = seen
        head = Head(about.splitlines()[0][:200] if about else file_name(source), 1, "", labels(facts))
        media = None
        if self.assets is not None:
            media = pixels.kept(shown, pixels.asset_name(source.digest), "SVG", self.assets)
        photo = Element("", "image", "photo", Origin(source, (PageRegion(1, WHOLE),)), about, media=media)
        elements = [beside(photo, text), *paragraphs(source, 1, text)]
        numbered = (replace(one, id=element_id(source.digest, 0, at)) for at, one in enumerate(elements))
        page = Page(1, "1", round(drawing.width, 2), round(drawing.height, 2))
        yield Part(0, head, tuple(numbered), (page,), tuple(notices), source)

    def _recognised(self, picture: Pillow.Image, notices: list[Notice]) -> Read:
        if self.recogniser is None or not self.fingerprint:
            return Read()
        try:
            return recognised(picture, self.recogniser)
        except Exception as error:  # the drawing is still there to be seen
            why = " ".join(str(error).split())[:160] or type(error).__name__
            notices.append(Notice(f"its words could not be recognised ({why})"))
            return Read()

    def render(self, source: Source, place: Place, dpi: int) -> bytes:
        """The region as PNG, drawn at `dpi` (96 is its own size), at most 4000 pixels long as a whole."""
        if not isinstance(place, PageRegion) or place.page != 1:
            raise SourceError(f"a drawing has no place like {place}", source=source.uri, kind="unsupported")
        drawing = cleaned(read(source, self.max_bytes), source.uri)
        longest = max(drawing.width, drawing.height) * max(dpi, 1) / 96
        return pixels.crop(picture(drawing, source.uri, min(LARGEST, max(1, round(longest)))), place.box, 144)


def picture(drawing: Drawing, uri: str, side: int) -> Pillow.Image:
    """The drawing, its longer side of so many pixels."""
    share = side / max(drawing.width, drawing.height)
    width, height = max(1, round(drawing.width * share)), max(1, round(drawing.height * share))
    return drawn(drawing.markup(width, height), uri)
