"""PDFium through pypdfium2 (BSD-3-Clause and Apache-2.0): an open file and its pages for the loader.

What it does not say: whether a file was repaired, a page's unit where that is no point, and what
tables it sees. Drawings are path objects without their clips; a picture's decoding array is not
told, so that its JPEG is compared with what is shown.
"""

from __future__ import annotations

import ctypes
import io
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from rag.document import Cell

from ..ocr.picture import png
from .engine import Drawing, Locked, Placed
from .pdfium_text import Set, Shown, as_lines, set_words
from .text import Line, Rect, currency_parted

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
Matrix = tuple[float, float, float, float, float, float]
_SAME: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


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

    def lines(self) -> list[Line]:
        return [part for line in as_lines(self._set(), self.shown) for part in currency_parted(line)]

    def words(self) -> list[tuple[Rect, str]]:
        return [(word.box, word.text) for word in self._set()]

    @cached_property
    def _objects(self) -> list[tuple[int, Any, Matrix]]:
        """Pictures and paths as (kind, object, matrix of the forms that they are in)."""
        kept = (self._raw.FPDF_PAGEOBJ_IMAGE, self._raw.FPDF_PAGEOBJ_PATH)
        return [item for item in self._walk(None, _SAME, 0, [0]) if item[0] in kept]

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
                    yield from self._walk(found, _product(self._matrix(found), matrix), depth + 1, seen)
            else:
                yield kind, found, matrix

    def _matrix(self, thing: Any) -> Matrix:
        found = self._raw.FS_MATRIX()
        if not self._raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(found)):
            return _SAME
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
        found = []
        for at, (thing, matrix) in enumerate(self._pictures(), 1):
            a, b, c, d, e, f = _product(self._matrix(thing), matrix)
            square = (e, f), (a + e, b + f), (c + e, d + f), (a + c + e, b + d + f)
            corners = [self.shown.point(x, y) for x, y in square]
            box = _around(corners)
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

    def _looks_like(self, thing: Any, jpeg: bytes) -> bool:
        """Is a picture as shown (mask, decoding array, colour space) what its JPEG alone would show?"""
        import pypdfium2
        from PIL import Image

        bitmap = self._raw.FPDFImageObj_GetRenderedBitmap(self._document, self.raw, thing)
        if not bitmap:
            return False
        shown = pypdfium2.PdfBitmap.from_raw(bitmap).to_pil()
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
        paths = [(thing, matrix) for kind, thing, matrix in self._objects if kind == self._raw.FPDF_PAGEOBJ_PATH]
        if len(paths) > most:
            return None
        found, left = [], max_bytes // 8  # as many segments as content of that length may hold
        for thing, matrix in paths:
            left -= max(0, self._raw.FPDFPath_CountSegments(thing))
            if left < 0:
                return None
            drawing = self._drawing(thing, matrix)
            if drawing:
                found.append(drawing)
        return found

    def _drawing(self, thing: Any, matrix: Matrix) -> Drawing | None:
        raw = self._raw
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(thing, ctypes.byref(fill), ctypes.byref(stroke))
        kind = ("f" if fill.value else "") + ("s" if stroke.value else "")
        count = raw.FPDFPath_CountSegments(thing)
        if not kind or count < 2:
            return None
        a, b, c, d, e, f = _product(_product(self._matrix(thing), matrix), self.shown.matrix)
        x, y = ctypes.c_float(), ctypes.c_float()
        x_at, y_at = ctypes.byref(x), ctypes.byref(y)
        segments = []
        for at in range(min(count, MAX_SEGMENTS)):
            segment = raw.FPDFPath_GetPathSegment(thing, at)
            raw.FPDFPathSegment_GetPoint(segment, x_at, y_at)
            point = a * x.value + c * y.value + e, b * x.value + d * y.value + f
            segments.append((raw.FPDFPathSegment_GetType(segment), point, raw.FPDFPathSegment_GetClose(segment)))
        rect = _around([point for _, point, _ in segments])
        if not all(map(math.isfinite, rect)):
            return None
        return {"type": kind, "rect": rect, "items": _items(segments) if count <= MAX_SEGMENTS else []}

    def tables(self) -> list[tuple[Rect, list[Cell]]]:
        return []

    def png(self, clip: Rect, zoom: float) -> bytes:
        import pypdfium2

        wide = max(1, math.ceil((clip[2] - clip[0]) * zoom))
        high = max(1, math.ceil((clip[3] - clip[1]) * zoom))
        raw = self._raw
        bitmap = pypdfium2.PdfBitmap.new_native(wide, high, raw.FPDFBitmap_BGR)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, wide, high)
        place = (
            bitmap, self.raw, -round(clip[0] * zoom), -round(clip[1] * zoom),
            max(1, round(self.width * zoom)), max(1, round(self.height * zoom)), 0, raw.FPDF_ANNOT,
        )  # fmt: skip
        raw.FPDF_RenderPageBitmap(*place)
        if self._document.formenv:
            raw.FPDF_FFLDraw(self._document.formenv, *place)
        image = bitmap.to_pil()
        return png(image if image.mode == "RGB" else image.convert("RGB"))


def _product(one: Matrix, other: Matrix) -> Matrix:
    """First one, then the other."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _around(points: list[tuple[float, float]]) -> Rect:
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across), min(down), max(across), max(down)


def _mean(image: Any) -> tuple[float, ...]:
    from PIL import ImageStat

    return tuple(ImageStat.Stat(image).mean)


_LINE, _CURVE, _MOVE = 0, 1, 2


def _items(segments: list[tuple[int, tuple[float, float], bool]]) -> list[tuple[Any, ...]]:
    """Segments as MuPDF's items: upright rectangles as one, lines and curves as they are."""
    found: list[tuple[Any, ...]] = []
    at = 0
    while at < len(segments):
        end = at + 1
        while end < len(segments) and segments[end][0] != _MOVE:
            end += 1
        found += _outline(segments[at:end])
        at = end
    return found


def _outline(part: list[tuple[int, tuple[float, float], bool]]) -> list[tuple[Any, ...]]:
    points = [point for _, point, _ in part]
    closed = bool(part[-1][2]) or points[0] == points[-1]
    if closed and len(set(points)) == 4 and all(kind != _CURVE for kind, _, _ in part):
        rect = _around(points)
        corners = {(rect[x], rect[y]) for x in (0, 2) for y in (1, 3)}
        if all(min(abs(x - a) + abs(y - b) for a, b in corners) < 0.01 for x, y in points):
            return [("re", rect, 1)]
    found: list[tuple[Any, ...]] = []
    at = 1
    while at < len(part):
        if part[at][0] == _CURVE and at + 2 < len(part):
            found.append(("c", *points[at - 1 : at + 3]))
            at += 3
        else:
            found.append(("l", points[at - 1], points[at]))
            at += 1
    if part[-1][2] and points[0] != points[-1]:
        found.append(("l", points[-1], points[0]))
    return found
