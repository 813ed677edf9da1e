"""PDFium through pypdfium2 (BSD-3-Clause and Apache-2.0): an open file and its pages for the loader.

What it does not say: whether a file was repaired, a page's unit where that is no point, and what
tables it sees. Drawings are path objects without their clips; a picture's decoding array is not
told, so that its JPEG is compared with what is shown.
"""

from __future__ import annotations

import ctypes
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.document import Cell

from . import attachments
from .annotations import Remark
from .attachments import Attachment
from .engine import Drawing, Locked, Painted, Placed
from .packing import packed
from .pdfium_paths import SAME, Matrix, around, items, path_segments, product
from .pdfium_remarks import links, remarks, text_of
from .pdfium_text import Set, Shown, as_lines, set_words
from .text import Line, Rect, currency_parted

if TYPE_CHECKING:
    from .engine import Gray

MAX_DEPTH = 12
"""Form objects within form objects."""
MAX_OBJECTS = 250_000
"""Of a page."""
MAX_BOOKMARKS = 50_000
MAX_SEGMENTS = 4_000
"""Of one path; of a longer one the box alone is used."""
_KEYS = {
    "title": "Title", "author": "Author", "subject": "Subject", "keywords": "Keywords", "creator": "Creator",
    "producer": "Producer", "creationDate": "CreationDate", "modDate": "ModDate",
}  # fmt: skip
_PASSWORD = 4


class PdfiumDocument:
    """An OpenDocument."""

    def __init__(self, path: Path, password: str = "") -> None:
        import pypdfium2

        library: Any = pypdfium2
        self._pdfium, self._raw = library, library.raw
        try:
            self.raw: Any = library.PdfDocument(str(path), password=password or None)
        except library.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD:
                raise Locked(str(error)) from error
            raise
        self.page_count: int = len(self.raw)
        self.repaired = False
        self._forms = False
        self._last: PdfiumPage | None = None

    @property
    def metadata(self) -> Mapping[str, str]:
        return {name: str(self.raw.get_metadata_value(key) or "") for name, key in _KEYS.items()}

    def __getitem__(self, index: int) -> PdfiumPage:
        if self._last is None or self._last.number != index:
            self.forget()
            if not self._forms:  # else the values of form fields are not drawn
                self._forms = True
                if self.raw.get_formtype() > 0:
                    self.raw.init_forms()
            self._last = PdfiumPage(self._raw, self.raw, index)
        return self._last

    def label(self, index: int) -> str:
        return str(self.raw.get_page_label(index) or "")

    def outline(self) -> list[tuple[int, str, int]]:
        found = []
        for at, entry in enumerate(self.raw.get_toc(max_depth=15)):
            if at >= MAX_BOOKMARKS:
                break
            target = entry.get_dest()
            page = target.get_index() if target else None
            if page is not None:
                found.append((entry.level + 1, str(entry.get_title()), int(page)))
        return found

    def attachments(self) -> list[Attachment]:
        """Their sizes are not told without unpacking them."""
        raw, found = self._raw, []
        for number in range(min(raw.FPDFDoc_GetAttachmentCount(self.raw), attachments.MOST)):
            one = raw.FPDFDoc_GetAttachment(self.raw, number)
            name, description = (
                text_of(partial(ask, one)) for ask in (raw.FPDFAttachment_GetName, raw.FPDFAttachment_GetDescription)
            )
            found.append(attachments.attachment(number, name, None, description))
        return found

    def attached(self, number: int, most: int) -> bytes | None:
        raw, size = self._raw, ctypes.c_ulong()
        one = raw.FPDFDoc_GetAttachment(self.raw, number)
        if not raw.FPDFAttachment_GetFile(one, None, 0, ctypes.byref(size)):
            raise ValueError("it has no bytes")
        if size.value > most:
            return None
        buffer = ctypes.create_string_buffer(max(1, size.value))
        raw.FPDFAttachment_GetFile(one, buffer, size.value, ctypes.byref(size))
        return buffer.raw[: size.value]

    def forget(self) -> None:
        if self._last is not None:
            self._last.close()
            self._last = None

    def close(self) -> None:
        self.forget()
        self.raw.close()


class PdfiumPage:
    """An OpenPage; closed by its document when it opens another."""

    def __init__(self, raw: Any, document: Any, index: int) -> None:
        self._raw, self._document = raw, document
        self.number = index
        self.raw: Any = document.get_page(index)
        box = raw.FS_RECTF()
        raw.FPDF_GetPageBoundingBox(self.raw, ctypes.byref(box))
        corners = min(box.left, box.right), min(box.bottom, box.top), max(box.left, box.right), max(box.bottom, box.top)
        self.shown = Shown(corners, self.raw.get_rotation() % 360)
        self.width, self.height = self.shown.size
        self._words: list[Set] | None = None

    def close(self) -> None:
        self.__dict__.pop("_objects", None)
        self.raw.close()

    def _set(self) -> list[Set]:
        if self._words is None:
            text_page = self.raw.get_textpage()
            try:
                self._words = list(set_words(self._raw, text_page, self.shown))
            finally:
                text_page.close()
        return self._words

    @cached_property
    def cropped(self) -> bool:
        """As far as the page says it: what it has from its parents is not told."""
        boxes = []
        for ask in (self._raw.FPDFPage_GetCropBox, self._raw.FPDFPage_GetMediaBox):
            sides = [ctypes.c_float() for _ in range(4)]
            boxes.append([one.value for one in sides] if ask(self.raw, *map(ctypes.byref, sides)) else None)
        return boxes[0] is not None and boxes[0] != boxes[1]

    def lines(self, *, outside: bool = False) -> list[Line]:
        found = as_lines(self._set(), self.shown, outside=outside)
        return [part for line in found for part in currency_parted(line)]

    def words(self) -> list[tuple[Rect, str]]:
        return [(word.box, word.text) for word in self._set()]

    @cached_property
    def _objects(self) -> list[tuple[int, Any, Matrix]]:
        """What is painted, in order, as (kind, object, matrix of the forms that it is in)."""
        return list(self._walk(None, SAME, 0, [0]))

    def _walk(self, form: Any, matrix: Matrix, depth: int, seen: list[int]) -> Iterator[tuple[int, Any, Matrix]]:
        raw = self._raw
        count = raw.FPDFPage_CountObjects(self.raw) if form is None else raw.FPDFFormObj_CountObjects(form)
        for at in range(count):
            seen[0] += 1
            if seen[0] > MAX_OBJECTS:
                return
            found = raw.FPDFPage_GetObject(self.raw, at) if form is None else raw.FPDFFormObj_GetObject(form, at)
            kind = raw.FPDFPageObj_GetType(found)
            if kind == raw.FPDF_PAGEOBJ_FORM:
                if depth < MAX_DEPTH:
                    yield from self._walk(found, product(self._matrix(found), matrix), depth + 1, seen)
            else:
                yield kind, found, matrix

    def _matrix(self, thing: Any) -> Matrix:
        found = self._raw.FS_MATRIX()
        if not self._raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(found)):
            return SAME
        return found.a, found.b, found.c, found.d, found.e, found.f

    def _pictures(self) -> list[tuple[Any, Matrix]]:
        return [(thing, matrix) for kind, thing, matrix in self._objects if kind == self._raw.FPDF_PAGEOBJ_IMAGE]

    def _pixels(self, thing: Any) -> tuple[int, int]:
        wide, high = ctypes.c_uint(), ctypes.c_uint()
        self._raw.FPDFImageObj_GetImagePixelSize(thing, ctypes.byref(wide), ctypes.byref(high))
        return wide.value, high.value

    def named(self) -> list[tuple[int, int]]:
        return [self._pixels(thing) for thing, _ in self._pictures()]

    def placed(self) -> list[Placed]:
        return self._placed

    @cached_property
    def _placed(self) -> list[Placed]:
        found = []
        for at, (thing, matrix) in enumerate(self._pictures(), 1):
            a, b, c, d, e, f = product(self._matrix(thing), matrix)
            square = (e, f), (a + e, b + f), (c + e, d + f), (a + c + e, b + d + f)
            corners = [self.shown.point(x, y) for x, y in square]
            box = around(corners)
            if not all(map(math.isfinite, box)):
                continue
            upright = self.shown.matrix[:4] == (1, 0, 0, -1) and a > 0 and d > 0 and abs(b) + abs(c) < 0.01 * (a + d)
            found.append(Placed(box, self._pixels(thing), at if upright else 0))
        return found

    def stored_bytes(self, key: int) -> int:
        thing, _ = self._pictures()[key - 1]
        return int(self._raw.FPDFImageObj_GetImageDataRaw(thing, None, 0))

    def plain_jpeg(self, key: int) -> bytes | None:
        raw, (thing, _) = self._raw, self._pictures()[key - 1]
        name = ctypes.create_string_buffer(64)
        if raw.FPDFImageObj_GetImageFilterCount(thing) != 1:
            return None
        raw.FPDFImageObj_GetImageFilter(thing, 0, name, 64)
        about = raw.FPDF_IMAGEOBJ_METADATA()
        raw.FPDFImageObj_GetImageMetadata(thing, self.raw, ctypes.byref(about))
        if name.value != b"DCTDecode" or about.bits_per_pixel not in (8, 24):
            return None
        size = raw.FPDFImageObj_GetImageDataRaw(thing, None, 0)
        buffer = ctypes.create_string_buffer(size)
        raw.FPDFImageObj_GetImageDataRaw(thing, buffer, size)
        data = buffer.raw[:size]
        return data if data.startswith(b"\xff\xd8") and self._looks_like(thing, data) else None

    def _drawn(self, thing: Any) -> Any:
        import pypdfium2

        bitmap = self._raw.FPDFImageObj_GetRenderedBitmap(self._document, self.raw, thing)
        return pypdfium2.PdfBitmap.from_raw(bitmap).to_pil() if bitmap else None

    def _looks_like(self, thing: Any, jpeg: bytes) -> bool:
        """Is a picture as shown (mask, decoding array, colour space) what its JPEG alone would show?"""
        from PIL import Image

        shown = self._drawn(thing)
        if shown is None:
            return False
        if "A" in shown.getbands() and _mean(shown.getchannel("A").resize((24, 24)))[0] < 250:
            return False
        with Image.open(io.BytesIO(jpeg)) as plain:
            if plain.mode not in ("RGB", "L"):
                return False
            plain.draft("RGB", (96, 96))
            one, other = (image.convert("RGB").resize((24, 24)) for image in (plain, shown))
        apart: int = sum(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True))
        return apart < 24 * 24 * 3 * 16

    def drawings(self, max_bytes: int, most: int) -> list[Drawing] | None:
        path = self._raw.FPDF_PAGEOBJ_PATH
        paths = [(at, thing, matrix) for at, (kind, thing, matrix) in enumerate(self._objects) if kind == path]
        if len(paths) > most:
            return None
        found, left = [], max_bytes // 8  # as many segments as content of that length may hold
        for at, thing, matrix in paths:
            left -= max(0, self._raw.FPDFPath_CountSegments(thing))
            if left < 0:
                return None
            drawing = self._drawing(thing, matrix)
            if drawing:
                found.append({**drawing, **self._filling(thing, drawing["type"]), "seqno": at})
        return found

    def _drawing(self, thing: Any, matrix: Matrix) -> Drawing | None:
        raw = self._raw
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(thing, ctypes.byref(fill), ctypes.byref(stroke))
        kind = ("f" if fill.value else "") + ("s" if stroke.value else "")
        count = raw.FPDFPath_CountSegments(thing)
        if not kind or count < 2:
            return None
        a, b, c, d, e, f = product(product(self._matrix(thing), matrix), self.shown.matrix)
        segments = [
            (kind, (a * x + c * y + e, b * x + d * y + f), closed)
            for kind, x, y, closed in path_segments(raw, thing, min(count, MAX_SEGMENTS))
        ]
        rect = around([point for _, point, _ in segments])
        if not all(map(math.isfinite, rect)):
            return None
        return {"type": kind, "rect": rect, "items": items(segments) if count <= MAX_SEGMENTS else []}

    def _filling(self, thing: Any, kind: str) -> Drawing:
        """The colour that a path is filled with, where it is one colour."""
        channels = [ctypes.c_uint() for _ in range(4)]
        if "f" not in kind or not self._raw.FPDFPageObj_GetFillColor(thing, *map(ctypes.byref, channels)):
            return {}
        red, green, blue, alpha = (one.value / 255 for one in channels)
        return {"fill": (red, green, blue), "fill_opacity": alpha or 0.001}

    def painted(self) -> list[Painted]:
        return self._painted

    @cached_property
    def _painted(self) -> list[Painted]:
        raw = self._raw
        names: dict[int, Literal["text", "image"]] = {raw.FPDF_PAGEOBJ_TEXT: "text", raw.FPDF_PAGEOBJ_IMAGE: "image"}
        sides = [ctypes.c_float() for _ in range(4)]
        places = [ctypes.byref(one) for one in sides]
        found: list[Painted] = []
        for kind, thing, (a, b, c, d, e, f) in self._objects:
            name: Literal["text", "image", "other"] = names.get(kind, "other")
            if name == "text" and raw.FPDFTextObj_GetTextRenderMode(thing) in (3, 7):
                name = "other"
            box = (0.0, 0.0, 0.0, 0.0)
            if name != "other" and raw.FPDFPageObj_GetBounds(thing, *places):
                left, bottom, right, top = (one.value for one in sides)
                corners = ((left, bottom), (left, top), (right, bottom), (right, top))
                box = around([self.shown.point(a * x + c * y + e, b * x + d * y + f) for x, y in corners])
            found.append((name, box))
        return found

    def masked(self) -> bool:
        """Not told by PDFium: whether a picture, drawn by itself, has places where it is not opaque."""
        for thing, _ in self._pictures():
            shown = self._drawn(thing)
            if shown is None or ("A" in shown.getbands() and _mean(shown.getchannel("A"))[0] < 250):
                return True
        return False

    def remarks(self) -> list[Remark]:
        return remarks(self._raw, self.raw, self._document.formenv, self.shown)

    def links(self) -> list[tuple[Rect, str]]:
        return links(self._raw, self._document, self.raw, self.shown)

    def tables(self) -> list[tuple[Rect, list[Cell]]]:
        return []

    def gray(self, zoom: float, clips: Sequence[Rect]) -> Gray:
        import numpy as np

        across, down = (max(1, math.ceil(side * zoom)) for side in (self.width, self.height))
        picture = np.full((down, across), 255, np.uint8)
        for clip in clips:
            left, top = math.floor(clip[0] * zoom), math.floor(clip[1] * zoom)
            image = self._shown((left / zoom, top / zoom, clip[2], clip[3]), zoom, annotated=False).convert("L")
            place = picture[top : top + image.height, left : left + image.width]
            place[:] = np.asarray(image)[: place.shape[0], : place.shape[1]]
        return picture

    def png(self, clip: Rect, zoom: float) -> bytes:
        import numpy as np

        return packed(np.asarray(self._shown(clip, zoom).convert("RGB")))

    def _shown(self, clip: Rect, zoom: float, *, annotated: bool = True) -> Any:
        import pypdfium2

        wide = max(1, math.ceil((clip[2] - clip[0]) * zoom))
        high = max(1, math.ceil((clip[3] - clip[1]) * zoom))
        raw = self._raw
        bitmap = pypdfium2.PdfBitmap.new_native(wide, high, raw.FPDFBitmap_BGR)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, wide, high)
        place = (
            bitmap, self.raw, -round(clip[0] * zoom), -round(clip[1] * zoom),
            max(1, round(self.width * zoom)), max(1, round(self.height * zoom)), 0, raw.FPDF_ANNOT if annotated else 0,
        )  # fmt: skip
        raw.FPDF_RenderPageBitmap(*place)
        if annotated and self._document.formenv:
            raw.FPDF_FFLDraw(self._document.formenv, *place)
        return bitmap.to_pil()


def _mean(image: Any) -> tuple[float, ...]:
    from PIL import ImageStat

    return tuple(ImageStat.Stat(image).mean)
