"""PyMuPDF (AGPL-3.0 or commercial, Artifex): an open file and its pages for the loader."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.document import Cell

from . import attachments
from .annotations import Remark
from .attachments import Attachment
from .engine import Drawing, Locked, Painted, Placed
from .mupdf import MuDocument, MuPage, mupdf, turning
from .mupdf_remarks import links, own_lines, remarks
from .mupdf_text import lines
from .packing import packed
from .text import Line, Rect, joined

if TYPE_CHECKING:
    from .engine import Gray


class MuPDFDocument:
    """An OpenDocument."""

    def __init__(self, path: Path, password: str = "") -> None:
        document: MuDocument = mupdf().open(str(path), filetype="pdf")
        if document.needs_pass and not document.authenticate(password):
            document.close()
            raise Locked(f"{path.name} is encrypted")
        self.raw = document
        self._labelled: bool | None = None
        self._last: MuPDFPage | None = None

    @property
    def page_count(self) -> int:
        count: int = self.raw.page_count
        return count

    @property
    def repaired(self) -> bool:
        return bool(self.raw.is_repaired)

    @property
    def metadata(self) -> Mapping[str, str]:
        return {key: str(value or "") for key, value in (self.raw.metadata or {}).items()}

    def __getitem__(self, index: int) -> MuPDFPage:
        """The page; the last one is kept, since its text, drawings, pictures and links are asked for in turn."""
        if self._last is None or self._last.number != index:
            self._last = MuPDFPage(self.raw[index])
        return self._last

    def label(self, index: int) -> str:
        if self._labelled is None:
            self._labelled = bool(self.raw.get_page_labels())
        return str(self[index].raw.get_label()) if self._labelled else ""

    def outline(self) -> list[tuple[int, str, int]]:
        return [(level, title, page - 1) for level, title, page, *_ in self.raw.get_toc(simple=True)]

    def attachments(self) -> list[Attachment]:
        found = []
        for number in range(min(self.raw.embfile_count(), attachments.MOST)):
            info = self.raw.embfile_info(number)
            name = str(info.get("ufilename") or info.get("filename") or info.get("name") or "")
            size = int(info.get("size") or 0)
            found.append(attachments.attachment(number, name, size, str(info.get("description") or "")))
        return found

    def attached(self, number: int, most: int) -> bytes | None:
        data = bytes(self.raw.embfile_get(number))
        return data if len(data) <= most else None

    def forget(self) -> None:
        """Fonts and pictures are kept for pages to come, and messages for whoever asks."""
        pymupdf = mupdf()

        self._last = None
        pymupdf.TOOLS.store_shrink(100)
        pymupdf.TOOLS.reset_mupdf_warnings()

    def close(self) -> None:
        self._last = None
        self.raw.close()
        self.forget()


class MuPDFPage:
    """An OpenPage."""

    def __init__(self, raw: MuPage) -> None:
        self.raw = raw
        self.number: int = raw.number
        rect = raw.rect
        self.width: float = rect.width
        self.height: float = rect.height
        self._matrix: Any = turning(raw)

    @property
    def cropped(self) -> bool:
        return bool(self.raw.cropbox != self.raw.mediabox)

    def lines(self, *, outside: bool = False) -> list[Line]:
        found = lines(self.raw, outside=outside)
        if outside:
            return found
        try:
            return own_lines(self.raw, found)
        except Exception:  # MuPDF raises many kinds for damaged fields: their words are better told twice than lost
            return found

    def words(self) -> list[tuple[Rect, str]]:
        return [(self._turned((x0, y0, x1, y1)), text) for x0, y0, x1, y1, text, *_ in self.raw.get_text("words")]

    def _turned(self, box: Sequence[float]) -> Rect:
        if self._matrix is None:
            return box[0], box[1], box[2], box[3]
        rect = mupdf().Rect(box) * self._matrix
        return (rect.x0, rect.y0, rect.x1, rect.y1)

    @cached_property
    def _images(self) -> list[tuple[Any, ...]]:
        """The pictures that it names: object, object of the mask, width, height, and more."""
        return list(self.raw.get_images(full=False))

    def named(self) -> list[tuple[int, int]]:
        return [(item[2], item[3]) for item in self._images]

    def placed(self) -> list[Placed]:
        return self._placed

    @cached_property
    def _placed(self) -> list[Placed]:
        known: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for item in self._images:
            known[item[2], item[3]].add(item[0])
        found = []
        for info in self.raw.get_image_info():
            pixels = info["width"], info["height"]
            objects = known.get(pixels, ())
            key = next(iter(objects)) if len(objects) == 1 and self._upright(info["transform"]) else 0
            found.append(Placed(self._turned(info["bbox"]), pixels, key))
        return found

    def _upright(self, transform: Sequence[float]) -> bool:
        a, b, c, d = transform[:4]
        return self._matrix is None and a > 0 and d > 0 and abs(b) + abs(c) < 0.01 * (a + d)

    def stored_bytes(self, key: int) -> int:
        kind, value = self.raw.parent.xref_get_key(key, "Length")
        return int(value) if kind == "int" else 1 << 30

    def plain_jpeg(self, key: int) -> bytes | None:
        document = self.raw.parent

        def said(name: str) -> str:
            return str(document.xref_get_key(key, name)[1])

        if said("Filter") not in ("/DCTDecode", "[/DCTDecode]"):
            return None
        if any(said(name) != "null" for name in ("SMask", "Mask", "Decode", "ImageMask")):
            return None
        space = said("ColorSpace")
        if space not in _PLAIN_SPACES and document.extract_image(key).get("colorspace") not in (1, 3):
            return None
        data: bytes = document.xref_stream_raw(key)
        return data if data.startswith(b"\xff\xd8") else None

    def drawings(self, max_bytes: int, most: int) -> list[Drawing] | None:
        document = self.raw.parent
        size = 0
        for xref in self.raw.get_contents():
            kind, value = document.xref_get_key(xref, "Length")
            size += int(value) if kind == "int" else 0
        if size > max_bytes:
            return None
        found: list[Drawing] = self.raw.get_cdrawings()
        if len(found) > most:
            return None
        if self._matrix is not None:
            for drawing in found:
                drawing["rect"] = self._turned(drawing["rect"])
                drawing["items"] = [_turned_item(item, self._matrix) for item in drawing["items"]]
        return found

    def tables(self) -> list[tuple[Rect, list[Cell]]]:
        found = []
        for table in self.raw.find_tables().tables:
            cells = [
                Cell(row, column, joined(str(value).split("\n")), header=row == 0)
                for row, values in enumerate(table.extract())
                for column, value in enumerate(values)
                if value
            ]
            box = table.bbox
            found.append(((box[0], box[1], box[2], box[3]), cells))
        return found

    def painted(self) -> list[Painted]:
        return self._painted

    @cached_property
    def _painted(self) -> list[Painted]:
        found = self.raw.get_bboxlog()
        if self._matrix is None:
            return [(_KINDS.get(one[0], "other"), one[1]) for one in found]
        return [(_KINDS.get(one[0], "other"), self._turned(one[1])) for one in found]

    def masked(self) -> bool:
        return any(item[1] for item in self._images)

    def remarks(self) -> list[Remark]:
        return remarks(self.raw)

    def links(self) -> list[tuple[Rect, str]]:
        return links(self.raw)

    def gray(self, zoom: float, clips: Sequence[Rect]) -> Gray:
        import numpy as np

        pymupdf = mupdf()
        across, down = (max(1, math.ceil(side * zoom - 0.001)) for side in (self.width, self.height))
        picture = np.full((down, across), 255, np.uint8)
        listed = self.raw.get_displaylist(annots=0)
        for clip in clips:
            one = listed.get_pixmap(
                matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=0, clip=pymupdf.Rect(clip)
            )
            drawn = np.frombuffer(one.samples, np.uint8).reshape(one.height, one.stride)[:, : one.width]
            place = picture[one.y : one.y + one.height, one.x : one.x + one.width]
            place[:] = drawn[: place.shape[0], : place.shape[1]]
        return picture

    def png(self, clip: Rect, zoom: float) -> bytes:
        import numpy as np

        pymupdf = mupdf()
        drawn = self.raw.get_pixmap(
            matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csRGB, clip=pymupdf.Rect(clip), alpha=False
        )
        rows = np.frombuffer(drawn.samples_mv, np.uint8).reshape(drawn.height, drawn.stride)[:, : 3 * drawn.width]
        return packed(rows.reshape(drawn.height, drawn.width, 3))


_KINDS: dict[str, Literal["text", "image"]] = {"fill-text": "text", "stroke-text": "text", "fill-image": "image"}
_PLAIN_SPACES = ("/DeviceRGB", "/DeviceGray")


def _turned_item(item: tuple[Any, ...], matrix: Any) -> tuple[Any, ...]:
    pymupdf = mupdf()

    if item[0] == "re":
        return ("re", tuple(pymupdf.Rect(item[1]) * matrix), *item[2:])
    if item[0] == "qu":
        return item
    return (item[0], *(tuple(pymupdf.Point(point) * matrix) for point in item[1:]))
