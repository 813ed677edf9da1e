"""Annotations, form fields and links of a page as PDFium gives them. `raw` is the module `pypdfium2.raw`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

from .annotations import LONG, MOST, PASSED, YELLOW, Remark, checked, field, filled, marks, note, ordered
from .links import LONGEST
from .links import MOST as MOST_LINKS
from .pdfium_text import Shown
from .text import Rect, clean

_KINDS = {
    1: "Text", 2: "Link", 3: "FreeText", 4: "Line", 5: "Square", 6: "Circle", 7: "Polygon", 8: "PolyLine",
    9: "Highlight", 10: "Underline", 11: "Squiggly", 12: "StrikeOut", 13: "Stamp", 14: "Caret", 15: "Ink",
    16: "Popup", 17: "FileAttachment", 20: "Widget", 27: "Widget",
}  # fmt: skip
_MOST_QUADS = 100
_LARGEST = 1_000_000
"""Bytes of one text that is asked for."""
_UNSEEN = 2 | 32
_SECRET = 1 << 13
_NOTHING = ("", "Yes", "On")


def text_of(ask: Callable[[Any, int], int]) -> str:
    """A text that PDFium writes as UTF-16LE into a buffer: first how long it is, then the text."""
    size = ask(None, 0)
    if not 2 < size <= _LARGEST:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    ask(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _plain(ask: Callable[[Any, int], int]) -> str:
    """As `text_of`, of bytes."""
    size = ask(None, 0)
    if not 1 < size <= _LARGEST:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(buffer, size)
    return buffer.value.decode("utf-8", "replace")


def remarks(raw: Any, page: Any, form: Any, shown: Shown) -> list[Remark]:
    """The annotations and fields of a page, from top to bottom; no fields where `form` is None."""
    found: list[Remark] = []
    fields: list[Remark] = []
    for one in _annotations(raw, page):
        kind = _KINDS.get(raw.FPDFAnnot_GetSubtype(one), "")
        if kind == "Widget" and form is not None:
            fields += filter(None, [_field(raw, form, one, _box(raw, one, shown))])
        elif kind and kind not in PASSED:
            said, by = (_string(raw, one, key) for key in (b"Contents", b"T"))
            marked, boxes, colour = _marked(raw, page, one, shown) if marks(kind) else ("", [], YELLOW)
            box, flags = _box(raw, one, shown), raw.FPDFAnnot_GetFlags(one)
            found += filter(None, [note(kind, box, said, by, marked, flags, boxes, colour)])
    return ordered([*found, *fields])


def _annotations(raw: Any, page: Any) -> Iterator[Any]:
    for at in range(min(raw.FPDFPage_GetAnnotCount(page), 2 * MOST)):
        one = raw.FPDFPage_GetAnnot(page, at)
        if one:
            try:
                yield one
            finally:
                raw.FPDFPage_CloseAnnot(one)


def _string(raw: Any, one: Any, key: bytes) -> str:
    return text_of(lambda buffer, size: raw.FPDFAnnot_GetStringValue(one, key, buffer, size))


def _box(raw: Any, one: Any, shown: Shown) -> Rect:
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(one, ctypes.byref(rect))
    return shown.rect(rect.left, rect.bottom, rect.right, rect.top)


def _marked(raw: Any, page: Any, one: Any, shown: Shown) -> tuple[str, list[Rect], int]:
    """The words under a mark, which may run over several lines, the boxes of those lines, and its colour."""
    words, boxes = [], []
    quad = raw.FS_QUADPOINTSF()
    text_page = page.get_textpage()
    try:
        for at in range(min(raw.FPDFAnnot_CountAttachmentPoints(one), _MOST_QUADS)):
            if not raw.FPDFAnnot_GetAttachmentPoints(one, at, ctypes.byref(quad)):
                continue
            across, down = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            # The middle of the line: a mark reaches into its neighbours.
            boxes.append(shown.rect(min(across), min(down), max(across), max(down)))
            inset = 0.25 * (max(down) - min(down))
            box = min(across) + 1, min(down) + inset, max(across) - 1, max(down) - inset
            words.append(clean(text_page.get_text_bounded(*box).replace("\ufffe", "-")))
    finally:
        text_page.close()
    return " ".join(filter(None, words))[:LONG], boxes, _colour(raw, one)


def _colour(raw: Any, one: Any) -> int:
    """The colour of a mark, or of what it draws: PDFium does not tell the first where there is the second."""
    channels = [ctypes.c_uint() for _ in range(4)]
    places = [ctypes.byref(channel) for channel in channels]
    known = raw.FPDFAnnot_GetColor(one, raw.FPDFANNOT_COLORTYPE_Color, *places)
    for at in range(min(8, raw.FPDFAnnot_GetObjectCount(one)) if not known else 0):
        drawn = raw.FPDFAnnot_GetObject(one, at)
        fill, stroke = ctypes.c_int(), ctypes.c_int()
        if raw.FPDFPageObj_GetType(drawn) != raw.FPDF_PAGEOBJ_PATH:
            continue
        raw.FPDFPath_GetDrawMode(drawn, ctypes.byref(fill), ctypes.byref(stroke))
        ask = raw.FPDFPageObj_GetFillColor if fill.value else raw.FPDFPageObj_GetStrokeColor
        known = ask(drawn, *places)
        break
    red, green, blue, _ = (channel.value for channel in channels)
    return red << 16 | green << 8 | blue if known else YELLOW


def _field(raw: Any, form: Any, one: Any, box: Rect) -> Remark | None:
    kind = raw.FPDFAnnot_GetFormFieldType(form, one)
    if kind in (raw.FPDF_FORMFIELD_PUSHBUTTON, raw.FPDF_FORMFIELD_UNKNOWN):
        return None

    def said(ask: Callable[..., int]) -> str:
        return text_of(lambda buffer, size: ask(form, one, buffer, size))

    name = said(raw.FPDFAnnot_GetFormFieldAlternateName) or said(raw.FPDFAnnot_GetFormFieldName)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        choice = said(raw.FPDFAnnot_GetFormFieldExportValue) if kind == raw.FPDF_FORMFIELD_RADIOBUTTON else ""
        told = checked(bool(raw.FPDFAnnot_IsChecked(form, one)), "" if choice in _NOTHING else choice)
    elif kind == raw.FPDF_FORMFIELD_SIGNATURE:
        told = "signed" if raw.FPDFAnnot_HasKey(one, b"V") else "not signed"
    elif kind == raw.FPDF_FORMFIELD_TEXTFIELD and raw.FPDFAnnot_GetFormFieldFlags(form, one) & _SECRET:
        told = "(a password)"
    else:
        told = filled(said(raw.FPDFAnnot_GetFormFieldValue), _choices(raw, form, one))
    return field(name, box, told, hidden=bool(raw.FPDFAnnot_GetFlags(one) & _UNSEEN))


def _choices(raw: Any, form: Any, one: Any) -> list[str]:
    return [
        text_of(lambda buffer, size, at=at: raw.FPDFAnnot_GetOptionLabel(form, one, at, buffer, size))  # type: ignore[misc]
        for at in range(min(max(0, raw.FPDFAnnot_GetOptionCount(form, one)), 100))
    ]


def links(raw: Any, document: Any, page: Any, shown: Shown) -> list[tuple[Rect, str]]:
    """Where the links of a page are and lead; those that lead nowhere or start a program are left out."""
    found: list[tuple[Rect, str]] = []
    at, one, rect = ctypes.c_int(0), raw.FPDF_LINK(), raw.FS_RECTF()
    while len(found) < MOST_LINKS and raw.FPDFLink_Enumerate(page, ctypes.byref(at), ctypes.byref(one)):
        target = _target(raw, document, one)
        if target and raw.FPDFLink_GetAnnotRect(one, ctypes.byref(rect)):
            found.append((shown.rect(rect.left, rect.bottom, rect.right, rect.top), target))
    return found


def _target(raw: Any, document: Any, one: Any) -> str:
    """An address, or "#page=N" (RFC 8118) in this file."""
    aim, action = raw.FPDFLink_GetDest(document, one), raw.FPDFLink_GetAction(one)
    kind = raw.FPDFAction_GetType(action) if action else raw.PDFACTION_UNSUPPORTED
    address = ""
    if kind == raw.PDFACTION_URI:
        address = clean(_plain(lambda buffer, size: raw.FPDFAction_GetURIPath(document, action, buffer, size)))
        return address if len(address) <= LONGEST else ""
    if kind == raw.PDFACTION_REMOTEGOTO:
        address = clean(_plain(lambda buffer, size: raw.FPDFAction_GetFilePath(action, buffer, size)))
        if not address or len(address) > LONGEST:
            return ""
    if kind in (raw.PDFACTION_GOTO, raw.PDFACTION_REMOTEGOTO):
        aim = raw.FPDFAction_GetDest(document, action)
    page = raw.FPDFDest_GetDestPageIndex(document, aim) if aim else -1
    return f"{address}#page={page + 1}" if page >= 0 else ""
