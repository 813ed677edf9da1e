"""What was written upon a PDF's pages: notes, marks with the words they mark, and form fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.document import Role

from .mupdf import MuPage, mupdf
from .text import Line, Rect, area, clean, overlap

_MARKS = {"Highlight": "Highlighted", "Underline": "Underlined", "Squiggly": "Underlined", "StrikeOut": "Struck out"}
_PASSED = frozenset({"Popup", "Link", "Widget", "FileAttachment"})
_DRAWN = frozenset({"FreeText", "Stamp"})
"""Kinds whose words are part of what MuPDF reads as the page's text."""
_UNSEEN = 2 | 32
"""Flags of an annotation that is hidden or not shown on a screen."""
MOST = 2000
"""Remarks and fields of a page that are read."""
_LONG = 20_000
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Remark:
    """An annotation or a form field as a reader sees it; `role` is `hidden` for what is not shown."""

    role: Role
    box: Rect
    text: str


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


def remarks(page: MuPage) -> Iterator[Remark]:
    """The annotations and fields of a page, from top to bottom; those that say nothing are left out."""
    if not annotated(page):
        return
    found = [remark for one in page.annots() if (remark := _annotation(page, one))]
    found += [remark for one in page.widgets() if (remark := _field(page, one))]
    yield from sorted(found[:MOST], key=lambda one: (round(one.box[1]), one.box[0]))


def _annotation(page: MuPage, one: Any) -> Remark | None:
    kind = one.type[1]
    if kind in _PASSED:
        return None
    said = clean(one.info.get("content") or "")[:_LONG]
    by = clean(one.info.get("title") or "")[:200]
    box = _shown(page, one.rect)
    if mark := _MARKS.get(kind):
        marked = _marked(page, one)
        told = f"{mark}: \u201c{marked}\u201d" if marked else ""
        said = "\n".join(filter(None, (told, said)))
    elif kind == "Stamp" and said:
        said = f"Stamp: {said}"
    if not said:
        return None
    if by and kind != "Stamp":
        said = f"{said} ({by})"
    return Remark("hidden" if one.flags & _UNSEEN else "note", box, said)


def _marked(page: MuPage, one: Any) -> str:
    """The words under a mark, which may run over several lines."""
    points = one.vertices or []
    words = []
    for at in range(0, min(len(points), 400) - 3, 4):
        across = [point[0] for point in points[at : at + 4]]
        down = [point[1] for point in points[at : at + 4]]
        # The middle of the line: a mark reaches into its neighbours.
        inset = 0.25 * (max(down) - min(down))
        rect = mupdf().Rect(min(across) + 1, min(down) + inset, max(across) - 1, max(down) - inset)
        words.append(clean(page.get_textbox(rect)))
    return " ".join(filter(None, words))[:_LONG]


def _field(page: MuPage, one: Any) -> Remark | None:
    kind = one.field_type_string
    name = clean(one.field_label or one.field_name or "")[:300]
    if kind == "Button" or not name:
        return None
    told = f"{name}: {_value(one, kind)}"
    return Remark("hidden" if one.field_display in (1, 3) else "field", _shown(page, one.rect), told)


def _value(one: Any, kind: str) -> str:
    if kind in ("CheckBox", "RadioButton"):
        on = one.on_state()
        checked = str(one.field_value).lstrip("/") == str(on) or one.field_value is True
        choice = f" ({on})" if kind == "RadioButton" and on not in (None, "Yes", "On", True) else ""
        return ("checked" if checked else "not checked") + choice
    if kind == "Signature":
        return "signed" if one.is_signed else "not signed"
    if kind == "Text" and one.field_flags & (1 << 13):
        return "(a password)"
    value = clean(str(one.field_value or ""))[:_LONG]
    choices = [
        clean(str(choice[-1] if isinstance(choice, (list, tuple)) else choice)) for choice in one.choice_values or ()
    ]
    listed = ", ".join([*choices[:_LISTED], "..."] if len(choices) > _LISTED else choices)
    return (value or "(not filled in)") + (f" (of {listed})" if listed else "")


def _shown(page: MuPage, rect: Any) -> Rect:
    turned = rect * page.rotation_matrix if page.rotation else rect
    return (turned.x0, turned.y0, turned.x1, turned.y1)
