"""Photos, screenshots, scans: each picture is a page of itself, upright and on white."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.alike import LOOK
from rag.document import (
    WHOLE,
    Box,
    Element,
    Head,
    Notice,
    Origin,
    Page,
    PageRegion,
    Part,
    Place,
    Source,
    labels,
)  # fmt: skip
from rag.errors import SourceError
from rag.identity import element_id
from rag.protocols import Assets, Recogniser

from . import pixels
from .image_text import Read, beside, paragraphs, read
from .image_words import described, facts, humanised
from .looks import look
from .reading import file_name, opened

if TYPE_CHECKING:
    from PIL import Image as Pillow

PART_PAGES = 32
PART_RECOGNISED = 4


class Image:
    """Reads pictures (loader) and shows regions of them (renderer).

    `max_pixels` is checked from the header, before anything is decoded; `max_bytes` of the file;
    a TIFF is read up to `max_pages` pages, of an animation the first frame. The words that
    `recogniser` finds stand with the picture where they are few, else as paragraphs on it. `camera`
    and `place` put the camera's name and the position (latitude, longitude) of the file's EXIF tags
    into the metadata. The metadata's `look` is a hash by which near duplicates are told (`rag.alike`).
    """

    VERSION = 2
    media_types: tuple[str, ...] = (
        "image/png", "image/jpeg", "image/webp", "image/tiff", "image/gif", "image/bmp", "image/heic",
        "image/heif", "image/avif",
    )  # fmt: skip

    def __init__(
        self,
        *,
        recogniser: Recogniser | None = None,
        camera: bool = False,
        place: bool = False,
        max_pixels: int = pixels.MAX_PIXELS,
        max_bytes: int = 500_000_000,
        max_pages: int = 1000,
        assets: Assets | None = None,
    ) -> None:
        if min(max_pixels, max_bytes, max_pages) < 1:
            raise ValueError("max_pixels, max_bytes and max_pages are at least 1")
        self.recogniser = recogniser
        self.camera = camera
        self.place = place
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.max_pages = max_pages
        self.assets = assets

    @property
    def fingerprint(self) -> str:
        """What the words depend on beside the file and the options: the recogniser that is installed."""
        return self.recogniser.fingerprint if self.recogniser else ""

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """A photo element a picture; the pages of a TIFF, 32 a Part, or 4 where they are recognised.

        Raises SourceError: limit (pixels, bytes), damaged, missing, empty.
        """
        with opened(source, self.max_bytes) as file, pixels.opened(file, source.uri, self.max_pixels) as image:
            with pixels.decoding(source.uri):
                words = described(image) or humanised(file_name(source))
                head, notices = self._head(image, source, words)
            count, each = head.pages, PART_RECOGNISED if self.fingerprint else PART_PAGES
            for number in range(-(-count // each)):
                if number < start:
                    continue
                frames = range(number * each, min(count, (number + 1) * each))
                yield self._part(image, source, head, number, frames, words, notices if number == 0 else [])

    def _head(self, image: Pillow.Image, source: Source, words: str) -> tuple[Head, list[Notice]]:
        notices: list[Notice] = []
        pages = 1
        if image.format == "TIFF":
            pages, cut = _pages(image, self.max_pages)
            if cut:
                notices.append(Notice(f"more than {self.max_pages} pages; the others are left out (max_pages)"))
        elif getattr(image, "is_animated", False):
            kind = "several pictures: the main one" if image.format == "HEIF" else "an animation: its first frame"
            notices.append(Notice(f"{kind} alone is read"))
        told = facts(image, camera=self.camera, place=self.place)
        if image.format != "HEIF":
            image.seek(0)
        if pages == 1 and (seen := self._look(image, source)):
            told[LOOK] = seen
        title = words.splitlines()[0][:200] if words else file_name(source)
        return Head(title, pages, "", labels(told)), notices

    def _look(self, image: Pillow.Image, source: Source) -> str:
        """The hash of what is seen; the pixels stay decoded for the part that follows."""
        return look(pixels.normalised(image, source.uri))

    def _part(
        self,
        image: Pillow.Image,
        source: Source,
        head: Head,
        number: int,
        frames: range,
        words: str,
        notices: list[Notice],
    ) -> Part:
        elements: list[Element] = []
        pages: list[Page] = []
        for frame in frames:
            try:
                clean = self._frame(image, source, frame)
            except SourceError as error:
                if head.pages == 1:
                    raise
                place = PageRegion(frame + 1, WHOLE)
                notices = [*notices, Notice(f"page left out: {error.message}", place)]
                continue
            media = None
            if self.assets is not None:
                name = pixels.asset_name(source.digest, frame)
                media = pixels.kept(clean, name, image.format or "", self.assets)
            pages.append(Page(frame + 1, str(frame + 1), float(clean.width), float(clean.height)))
            place = PageRegion(frame + 1, WHOLE)
            photo = Element("", "image", "photo", Origin(source, (place,)), words, media=media)
            text = Read()
            try:
                if self.recogniser is not None and self.fingerprint:
                    text = read(clean, self.recogniser)
            except Exception as error:  # the picture is still there to be seen
                why = " ".join(str(error).split())[:160] or type(error).__name__
                notices = [*notices, Notice(f"its words could not be recognised ({why})", place)]
            elements += [beside(photo, text), *paragraphs(source, frame + 1, text)]
        numbered = (replace(one, id=element_id(source.digest, number, at)) for at, one in enumerate(elements))
        return Part(number, head, tuple(numbered), tuple(pages), tuple(notices), source)

    def _frame(self, image: Pillow.Image, source: Source, frame: int) -> Pillow.Image:
        place = f"page {frame + 1}" if frame else ""
        with pixels.decoding(source.uri, place):
            if image.format != "HEIF" or frame:  # it is at its main picture, which need not be the first
                image.seek(frame)
        pixels.check_size(image, source.uri, self.max_pixels, place)
        return pixels.normalised(image, source.uri, place)

    def render(self, source: Source, place: Place, dpi: int) -> bytes:
        """The region as PNG, upright, at the picture's own resolution (smaller below 144 dpi).

        SourceError for a place that is not a region of a picture, or a page that it does not have.
        """
        if not isinstance(place, PageRegion):
            raise SourceError(f"a picture has no place like {place}", source=source.uri, kind="unsupported")
        box: Box = place.box
        with opened(source, self.max_bytes) as file, pixels.opened(file, source.uri, self.max_pixels) as image:
            clean = self._frame(image, source, place.page - 1)
            with pixels.decoding(source.uri):
                return pixels.crop(clean, box, dpi)


def _pages(image: Pillow.Image, limit: int) -> tuple[int, bool]:
    """The pages of a TIFF, at most `limit`, and whether there are more. The tag directories are
    walked one by one, because a broken file may claim any number of them."""
    count = 1
    while count <= limit:
        try:
            image.seek(count)
        except EOFError:
            return count, False
        except Exception:  # a broken directory ends the file for us; the pages before it stand
            return count, False
        count += 1
    return limit, True
