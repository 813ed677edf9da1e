"""What was written upon a PDF's pages: notes, marks with the words they mark, and form fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.document import Mark, Role

from .text import Rect, clean

_MARKS: dict[str, Mark] = {
    "Highlight": "highlighted", "Underline": "underlined", "Squiggly": "underlined", "StrikeOut": "struck out",
}  # fmt: skip
YELLOW = 0xFFFF00
"""What a marker is whose colour is not told."""
PASSED = frozenset({"Popup", "Link", "Widget", "FileAttachment"})
"""Kinds that are told elsewhere, or not at all."""
_UNSEEN = 2 | 32
"""Flags of an annotation that is hidden or not shown on a screen."""
MOST = 2000
"""Remarks and fields of a page that are read."""
LONG = 20_000
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Remark:
    """An annotation or a form field as a reader sees it; `role` is `hidden` for what is not shown.

    A `mark` on words of the page has the boxes that it covers, `marked`, and its colour (0xRRGGBB).
    """

    role: Role
    box: Rect
    text: str
    mark: Mark = ""
    marked: tuple[Rect, ...] = ()
    colour: int = YELLOW


def marks(kind: str) -> bool:
    """Does an annotation of that kind mark words of the page?"""
    return kind in _MARKS


def note(
    kind: str, box: Rect, said: str, by: str, marked: str, flags: int, boxes: Sequence[Rect] = (), colour: int = YELLOW
) -> Remark | None:
    """An annotation by its kind, contents, author, the words it marks and its flags; None where it says nothing.

    `boxes` are those that a mark covers, and `colour` is its own.
    """
    said, by = clean(said)[:LONG], clean(by)[:200]
    if mark := _MARKS.get(kind):
        told = f"{mark.capitalize()}: \u201c{marked}\u201d" if marked else ""
        said = "\n".join(filter(None, (told, said)))
    elif kind == "Stamp" and said:
        said = f"Stamp: {said}"
    if not said:
        return None
    if by and kind != "Stamp":
        said = f"{said} ({by})"
    if flags & _UNSEEN:
        return Remark("hidden", box, said)
    return Remark("note", box, said, mark or "", tuple(boxes) if mark else (), colour)


def field(name: str, box: Rect, told: str, *, hidden: bool) -> Remark | None:
    """A form field by its name or label, and what it holds."""
    name = clean(name)[:300]
    return Remark("hidden" if hidden else "field", box, f"{name}: {told}") if name else None


def checked(on: bool, choice: str) -> str:
    """What a box that is checked or not holds; `choice` names it among its like."""
    return ("checked" if on else "not checked") + (f" ({choice})" if choice else "")


def filled(value: str, choices: Sequence[str]) -> str:
    """What a field of text, or one with a choice, holds."""
    choices = [clean(one) for one in choices]
    listed = ", ".join([*choices[:_LISTED], "..."] if len(choices) > _LISTED else choices)
    return (clean(value)[:LONG] or "(not filled in)") + (f" (of {listed})" if listed else "")


def ordered(found: Sequence[Remark]) -> list[Remark]:
    """From top to bottom, at most `MOST`."""
    return sorted(found[:MOST], key=lambda one: (round(one.box[1]), one.box[0]))
