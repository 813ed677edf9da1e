"""Packing the blocks of sections into chunks, and joining sections that are too small alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from rag.document import Coloured, Modality, Place, Role

from .blocks import Block, Bounds
from .coloured import bounded, in_heading, moved
from .places import merged, page
from .sizes import Sizer

_FLOATS = 16
_ENDS = tuple(".!?:;…。！？\"'”’)]")


@dataclass(frozen=True, slots=True)
class Packed:
    """The blocks of one chunk and the headings above it."""

    text: str
    places: tuple[Place, ...]
    role: Role
    modality: Modality
    headings: tuple[str, ...]
    block: Block
    parent: str = ""
    coloured: tuple[Coloured, ...] = ()


@dataclass(slots=True)
class _Section:
    """An open section: blocks not yet packed, and the figures and tables met among them."""

    headings: tuple[str, ...]
    title: Block | None = None
    blocks: list[Block] = field(default_factory=list)
    floats: list[Block] = field(default_factory=list)
    cut: bool = False
    titled: tuple[Block, ...] = ()
    """The headings above it that begin with it, where they stand out."""

    @property
    def cost(self) -> int:
        return sum(block.cost for block in self.blocks)


class Packer:
    """Takes blocks in reading order and gives packed chunks in reading order.

    A paragraph never leaves its section. A section that is small as a whole is held back and
    joined with the next one when they are siblings, or when the next one lies directly in it, and
    both fit one chunk; its title then stands in the text.
    """

    def __init__(self, sizer: Sizer, bounds: Bounds) -> None:
        self.slides: set[int] = set()
        """Landscape pages: nothing is packed over their edges."""
        self._sizer = sizer
        self._bounds = bounds
        self._open = _Section(())
        self._held: list[_Section] = []
        self._out: list[Packed] = []

    def taken(self) -> list[Packed]:
        """The chunks finished since the last call."""
        out, self._out = self._out, []
        return out

    def enter(self, headings: tuple[str, ...], title: Block | None, titled: Sequence[Block] = ()) -> None:
        """Start a section; the one that was open ends. `titled` are those of its headings that stand out."""
        self._end()
        self._open = _Section(headings, title, titled=tuple(titled))

    @property
    def headings(self) -> tuple[str, ...]:
        return self._open.headings

    @property
    def last(self) -> Block | None:
        """The block that the next one will follow, if both are in one section."""
        return self._open.blocks[-1] if self._open.blocks else None

    def add(self, block: Block) -> None:
        """The next block of the open section."""
        section = self._open
        if block.alone:
            section.floats.append(block)
            if not section.blocks or len(section.floats) > _FLOATS:
                self._flush()
            return
        if section.blocks and not self._joins(section, block):
            lead = section.blocks[-1]
            follows = lead.leads and len(section.blocks) > 1 and lead.cost + block.cost <= self._limit(section)
            if follows:
                section.blocks.pop()
            self._flush()
            if follows:
                section.blocks.append(lead)
        section.blocks.append(block)

    def close(self) -> None:
        """The document ends."""
        self._end()
        self._release()

    def _limit(self, section: _Section) -> int:
        """Tokens that a chunk of the section may have: its headings are read with it."""
        return max(self._bounds.limit - self._sizer.headings(section.headings), self._bounds.limit // 2)

    def _joins(self, section: _Section, block: Block) -> bool:
        """Whether a block goes into the chunk that is being packed."""
        before, size = section.blocks[-1], section.cost
        if before.modality != block.modality or size + block.cost > self._limit(section):
            return False
        turned = page(before.places, last=True) != page(block.places)
        if turned and not _continues(before, block):
            if page(block.places) in self.slides:
                return False
            if size >= self._bounds.target // 2:
                return False
        return size + block.cost <= self._bounds.target or size < self._bounds.target // 2

    def _flush(self) -> None:
        """Pack what the open section holds; the section goes on."""
        section = self._open
        section.cut = True
        self._release()
        self._pack([section])
        section.blocks, section.floats, section.titled = [], [], ()

    def _end(self) -> None:
        """The open section is complete: hold it back if it is small, else pack it."""
        section = self._open
        if not section.blocks and not section.floats:
            return
        held = sum(one.cost for one in self._held)
        small = not section.cut and section.cost <= self._bounds.target // 2
        if not (self._held and small and self._related(section) and self._fits(section)):
            self._release()
            held = 0
        self._held.append(section)
        if not small or held + section.cost > self._bounds.target // 2:
            self._release()
        self._open = _Section(section.headings)

    def _release(self) -> None:
        if self._held:
            self._pack(self._held)
            self._held = []

    def _related(self, section: _Section) -> bool:
        """Siblings, or parent and child; without a common title only on one page."""
        first, last = self._held[0], self._held[-1]
        common = _common([one.headings for one in (*self._held, section)])
        if len(common) < len(first.headings) - 1 or len(section.headings) - len(common) > 1:
            return False
        if any(one.blocks and one.blocks[0].modality != "text" for one in (last, section)):
            return False
        before, after = _page(last), _page(section)
        return before == after or bool(common and not {before, after} & self.slides)

    def _fits(self, section: _Section) -> bool:
        group = [*self._held, section]
        common = _common([one.headings for one in group])
        titles = sum(self._sizer.headings(one.headings[len(common) :]) for one in group)
        size = sum(one.cost for one in group) + titles
        return size <= min(self._bounds.target, self._bounds.limit - self._sizer.headings(common))

    def _pack(self, group: Sequence[_Section]) -> None:
        """One chunk of the group's text, then its figures and tables."""
        written = [one for one in group if one.blocks]
        if written:
            self._out.append(_packed(written))
        for section in group:
            above = () if written else tuple(_above(section))
            for block in section.floats:
                self._out.append(
                    Packed(
                        text=block.text,
                        places=block.places,
                        role=block.role,
                        modality=block.modality,
                        headings=block.headings,
                        block=block,
                        parent=block.parent,
                        coloured=bounded((*above, *block.coloured)),
                    )
                )
                above = ()


def _above(section: _Section) -> Iterator[Coloured]:
    """What stands out in the headings of a section, each with the number of its heading."""
    for block in section.titled:
        said = block.text.strip()
        number = next((at for at, title in enumerate(section.headings) if title.strip() == said), -1)
        if number >= 0:
            yield from in_heading(block.coloured, number)


def _packed(group: Sequence[_Section]) -> Packed:
    common = _common([section.headings for section in group])
    text = ""
    places: list[tuple[Place, ...]] = []
    blocks: list[Block] = []
    runs: list[Coloured] = []
    for section in group:
        own = section.headings[len(common) :]
        if own:
            text += "\n\n" if text else ""
        runs += _placed(section, len(common), len(text))
        if own:
            text += "\n".join(own)
            if section.title and section.title.text.strip() == own[-1].strip():
                places.append(section.title.places)
        for at, block in enumerate(section.blocks):
            text += _between(text, section.blocks[at - 1] if at else None, block, bool(own))
            runs += moved(block.coloured, len(text))
            text += block.text
            places.append(block.places)
            blocks.append(block)
    roles = {block.role for block in blocks}
    parents = {block.parent for block in blocks if block.parent}
    return Packed(
        text=text,
        places=merged(places),
        role=roles.pop() if len(roles) == 1 else "paragraph",
        modality=blocks[0].modality,
        headings=common,
        block=blocks[0],
        parent=parents.pop() if len(parents) == 1 else "",
        coloured=bounded(runs),
    )


def _placed(section: _Section, common: int, at: int) -> Iterator[Coloured]:
    """What stands out in the headings of a section: those from number `common` on are lines of the text, from `at`."""
    for run in _above(section):
        if run.heading < common:
            yield run
            continue
        lines = section.headings[common : run.heading]
        yield replace(run, heading=-1, start=run.start + _size(at, lines), end=run.end + _size(at, lines))


def _size(at: int, lines: Sequence[str]) -> int:
    return at + sum(len(line) + 1 for line in lines)


def _between(text: str, before: Block | None, block: Block, titled: bool) -> str:
    """What stands between two blocks: a paragraph that runs over a column or page edge is one again."""
    if not text:
        return ""
    if before is None:
        return "\n" if titled else "\n\n"
    if _continues(before, block):
        return " "
    return "\n" if before.role == block.role == "list" else "\n\n"


def _continues(before: Block, block: Block) -> bool:
    """Whether a block goes on in the middle of the sentence where another stopped."""
    if not (before.role == block.role == "paragraph"):
        return False
    return block.text[:1].islower() and not before.text.rstrip().endswith(_ENDS)


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The titles that all paths start with."""
    return tuple(level[0] for level in takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False)))


def _page(section: _Section) -> int:
    blocks = section.blocks or section.floats
    return page(blocks[-1].places, last=True) if blocks else 0
