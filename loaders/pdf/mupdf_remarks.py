"""Annotations, form fields and links of a page as PyMuPDF gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.colours import rgb_of

from .annotations import LONG, PASSED, YELLOW, Remark, checked, field, filled, marks, note, ordered
from .links import LONGEST, MOST
from .mupdf import MuPage, mupdf, turning
from .text import Line, Rect, area, clean, overlap

_DRAWN = frozenset({"FreeText", "Stamp"})
"""Kinds whose words are part of what MuPDF reads as the page's text."""


def annotated(page: MuPage) -> bool:
    """Has a page any annotation but links, or any field? Cheap."""
    return page.first_annot is not None or page.first_widget is not None


def own_lines(page: MuPage, lines: Sequence[Line]) -> list[Line]:
    """The lines of a page without those that its fields, stamps and typed notes have: they are told by themselves."""
    if not annotated(page):
        return list(lines)
    boxes = [_shown(page, one.rect) for one in page.annots() if one.type[1] in _DRAWN]
    boxes += [_shown(page, one.rect) for one in page.widgets()]
    return [line for line in lines if not any(overlap(box, line.box) > 0.6 * area(line.box) for box in boxes)]


def remarks(page: MuPage) -> list[Remark]:
    """The annotations and fields of a page, from top to bottom; those that say nothing are left out."""
    if not annotated(page):
        return []
    found = [remark for one in page.annots() if (remark := _annotation(page, one))]
    found += [remark for one in page.widgets() if (remark := _field(page, one))]
    return ordered(found)


def _annotation(page: MuPage, one: Any) -> Remark | None:
    kind = one.type[1]
    if kind in PASSED:
        return None
    said, by = one.info.get("content") or "", one.info.get("title") or ""
    marked, boxes = _marked(page, one) if marks(kind) else ("", [])
    stroke = one.colors.get("stroke") or ()
    colour = rgb_of(*stroke) if len(stroke) == 3 else YELLOW
    return note(kind, _shown(page, one.rect), said, by, marked, one.flags, boxes, colour)


def _marked(page: MuPage, one: Any) -> tuple[str, list[Rect]]:
    """The words under a mark, which may run over several lines, and the boxes of those lines."""
    points = one.vertices or []
    words, boxes = [], []
    for at in range(0, min(len(points), 400) - 3, 4):
        across = [point[0] for point in points[at : at + 4]]
        down = [point[1] for point in points[at : at + 4]]
        # The middle of the line: a mark reaches into its neighbours.
        boxes.append(_shown(page, mupdf().Rect(min(across), min(down), max(across), max(down))))
        inset = 0.25 * (max(down) - min(down))
        rect = mupdf().Rect(min(across) + 1, min(down) + inset, max(across) - 1, max(down) - inset)
        words.append(clean(page.get_textbox(rect)))
    return " ".join(filter(None, words))[:LONG], boxes


def _field(page: MuPage, one: Any) -> Remark | None:
    kind = one.field_type_string
    name = one.field_label or one.field_name or ""
    if kind == "Button":
        return None
    return field(name, _shown(page, one.rect), _value(one, kind), hidden=one.field_display in (1, 3))


def _value(one: Any, kind: str) -> str:
    if kind in ("CheckBox", "RadioButton"):
        on = one.on_state()
        is_on = str(one.field_value).lstrip("/") == str(on) or one.field_value is True
        return checked(is_on, str(on) if kind == "RadioButton" and on not in (None, "Yes", "On", True) else "")
    if kind == "Signature":
        return "signed" if one.is_signed else "not signed"
    if kind == "Text" and one.field_flags & (1 << 13):
        return "(a password)"
    choices = one.choice_values or ()
    return filled(
        str(one.field_value or ""),
        [str(choice[-1] if isinstance(choice, (list, tuple)) else choice) for choice in choices],
    )


def _shown(page: MuPage, rect: Any) -> Rect:
    matrix = turning(page)
    turned = rect if matrix is None else rect * matrix
    return (turned.x0, turned.y0, turned.x1, turned.y1)


def links(page: MuPage) -> list[tuple[Rect, str]]:
    """Where the links of a page are and lead; those that lead nowhere or start a program are left out."""
    return [(_shown(page, one["from"]), target) for one in page.get_links()[:MOST] if (target := _target(one))]


def _target(one: dict[str, Any]) -> str:
    """An address, or "#page=N" (RFC 8118) in this file; "" for what leads nowhere or starts a program."""
    address = clean(one.get("uri") or one.get("file") or "")
    number: int = one["page"] if isinstance(one.get("page"), int) else -1
    pymupdf = mupdf()
    if one["kind"] == pymupdf.LINK_URI:
        return address if len(address) <= LONGEST else ""
    if one["kind"] in (pymupdf.LINK_GOTO, pymupdf.LINK_NAMED):
        return f"#page={number + 1}" if number >= 0 else ""
    if one["kind"] == pymupdf.LINK_GOTOR and address:
        return f"{address}#page={number + 1}" if number >= 0 and len(address) <= LONGEST else ""
    return ""
