"""What of a page stands out by its colours: by attributes, and by the page's own style sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.colours import name_of
from rag.document import Coloured, Link, Mark, MarkupPath
from rag.markup import BLOCKS

from .concealed import Sight
from .seen import Colour, colour, ground, ink
from .tags import name

if TYPE_CHECKING:
    from lxml.etree import _Element

MOST = 64
"""Of one text."""
MOST_PAINTED = 2000
"""Elements of a page."""
_MARKS: dict[str, Mark] = {"mark": "highlighted", "u": "underlined", "s": "struck out", "strike": "struck out",
                           "del": "struck out"}  # fmt: skip
_OWN = frozenset(
    ["a", "code", "pre", "kbd", "samp", "tt", "var", "button", "input", "select", "option", "html", "body"]
)
"""Tags whose colours a sheet sets for what they are: links, code, what can be pressed; and the page itself."""
_BEHIND = " \t\n\xa0,;:.)]}"
"""What belongs to the words before it."""
_CELLS = ("td", "th")
_USUAL_GROUNDS = ("white", "grey")


@dataclass(frozen=True, slots=True)
class Look:
    """How the text of an element looks; None is what the element around says, "" the usual."""

    letters: str | None = None
    ground: str | None = None
    mark: Mark = ""

    def over(self, other: Look) -> Look:
        """This, and where it says nothing the other's."""
        return Look(
            other.letters if self.letters is None else self.letters,
            other.ground if self.ground is None else self.ground,
            self.mark or other.mark,
        )

    def __bool__(self) -> bool:
        return bool(self.letters or self.ground or self.mark)


USUAL = Look()


@dataclass(frozen=True, slots=True)
class Painted(Link):
    """Characters [start, end) that look so; it leads nowhere. `path` is that of the element, "" for the whole text."""

    look: Look = USUAL
    path: str = ""


class Looks:
    """The elements of a page that say how their text looks, and how it does."""

    def __init__(self, sight: Sight, named: Mapping[str, list[_Element]], nodes: Sequence[_Element]) -> None:
        """`named` are the elements of each tag, `nodes` all of them."""
        self._sight = sight
        self._looks: dict[_Element, Look] = {}
        body = [one for tag in ("body", "html") for one in named.get(tag, ())]
        written = next((found for one in body if (found := ink(sight.style(one)))), None) if sight.styled else None
        self._usual = {"black", name_of(_whole(written))} if written else {"black"}
        self.own: dict[_Element, Look] = {}
        """What elements say of themselves."""
        for node in self._stated(named, nodes):
            if len(self.own) >= MOST_PAINTED:
                break
            look = self._said(node)
            if look != USUAL:
                self.own[node] = look
        if not any(self.own.values()):
            self.own = {}
            return
        for node in sight.coloured(_resets):  # what is set as usual again, inside of what is not
            if node not in self.own and len(self.own) < MOST_PAINTED and self.own.keys() & set(node.iterancestors()):
                self.own[node] = self._said(node)
        for row in [one for one in self.own if name(one) == "tr"]:
            for cell in row:
                if name(cell) in _CELLS:
                    self.own.setdefault(cell, USUAL)

    def _stated(self, named: Mapping[str, list[_Element]], nodes: Sequence[_Element]) -> Iterator[_Element]:
        """The elements that may say it: by their tags, attributes, and by a rule that names a colour."""
        for tag in (*_MARKS, "font"):
            yield from named.get(tag, ())
        if not self._sight.styled:
            return
        for node in nodes:
            style = node.get("style")
            if (style and ("color" in style or "background" in style)) or node.get("bgcolor"):
                yield node
        for node in self._sight.coloured(_tells):
            if name(node) not in _OWN:
                yield node

    def _said(self, node: _Element) -> Look:
        tag = name(node)
        mark: Mark = _MARKS.get(tag, "")
        if not self._sight.styled:
            said = colour(node.get("color", "")) if tag == "font" else None
            return Look(self._named(said), "yellow" if tag == "mark" else None, mark)
        if tag in ("html", "body"):
            return USUAL
        style = self._sight.style(node)
        behind = ground(style, node.get("bgcolor", ""))
        its: str | None = None
        if isinstance(behind, tuple):
            its = name_of(_whole(behind))
            its = "" if its in _USUAL_GROUNDS else its
        elif behind == "picture":
            its = ""
        elif tag == "mark":
            its = "yellow"
        if its and tag not in BLOCKS and tag not in _CELLS and not mark:
            mark = "highlighted"
        return Look(self._named(ink(style)), its, mark)

    def _named(self, written: Colour | None) -> str | None:
        if written is None:
            return None
        its = name_of(_whole(written))
        return "" if its in self._usual else its

    def of(self, node: _Element | None) -> Look:
        """How the text of an element looks, by itself and the elements around it."""
        if not self.own or node is None:
            return USUAL
        unknown: list[_Element] = []
        look = USUAL
        while node is not None:
            known = self._looks.get(node)
            if known is not None:
                look = known
                break
            unknown.append(node)
            node = node.getparent()
        for one in reversed(unknown):
            own = self.own.get(one)
            look = look if own is None else own.over(look)
            self._looks[one] = look
        return look


def _tells(written: Colour | None, behind: Colour | None) -> bool:
    """Do the colours of a rule stand out?"""
    return (written is not None and name_of(_whole(written)) not in ("black", "grey")) or (
        behind is not None and name_of(_whole(behind)) not in _USUAL_GROUNDS
    )


def _resets(written: Colour | None, behind: Colour | None) -> bool:
    return written is not None and not _tells(written, behind)


def _whole(parts: Colour) -> int:
    red, green, blue = parts
    return red << 16 | green << 8 | blue


def parted(text: str, links: Sequence[Link]) -> tuple[tuple[Link, ...], tuple[Coloured, ...]]:
    """Links by themselves, and the painted characters of a text as what stands out: inner ones over outer ones."""
    painted = [one for one in links if isinstance(one, Painted)]
    plain = tuple(one for one in links if not isinstance(one, Painted))
    if not painted:
        return plain, ()
    found: list[tuple[int, int, Painted]] = []
    open_: list[Painted] = []
    at = 0

    def upto(end: int) -> None:
        nonlocal at
        if open_ and at < end and open_[-1].look:
            last = found[-1] if found else None
            if last and last[1] == at and last[2] is open_[-1]:
                found[-1] = (last[0], end, last[2])
            else:
                found.append((at, end, open_[-1]))
        at = max(at, end)

    for one in sorted(painted, key=lambda one: (one.start, -one.end)):
        while open_ and open_[-1].end <= one.start:
            upto(open_[-1].end)
            open_.pop()
        upto(one.start)
        open_.append(one)
    while open_:
        upto(open_[-1].end)
        open_.pop()
    return plain, tuple(_told(text, *run) for run in found[:MOST] if text[run[0] : run[1]].strip(_BEHIND))


def _told(text: str, start: int, end: int, one: Painted) -> Coloured:
    cut = text[start:end]
    start, end = start + len(cut) - len(cut.lstrip(_BEHIND)), end - (len(cut) - len(cut.rstrip()))
    whole = (start, end) == (0, len(text)) or not one.path
    places = () if whole else (MarkupPath(one.path),)
    return Coloured(start, end, one.look.letters or "", one.look.ground or "", one.look.mark, places)


def based(text: str, links: tuple[Link, ...], look: Look) -> tuple[Link, ...]:
    """The links of a text whose block looks so as a whole."""
    return (Painted(0, len(text), "", look), *links) if look and text else links
