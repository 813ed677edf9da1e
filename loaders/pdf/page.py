"""One page: its tables, figures and text, joined and in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.document import Cell, Coloured, Link, Modality, Role, Word

from .captions import join_captions
from .columns import Item, Solid, flows
from .document import Options, Outline, Style
from .engine import Drawing, OpenPage
from .figures import Figure, drawings, pictures, vector_figures
from .find import drawn_tables, text_tables
from .flow import CAPTION, TABLE_KIND, Block, blocks
from .hidden import cover
from .labels import take_subcaption, with_labels
from .notes import footnotes
from .rules import Rules, ruled_lines
from .running import Edge
from .tables import Table, markdown
from .text import Line, PageText, Rect, area, joined, overlap, union
from .textless import background, says_nothing


@dataclass(slots=True)
class Found:
    """An element to be: everything but its source, its id and the sections open above it."""

    modality: Modality
    role: Role
    box: Rect
    text: str
    level: int = 0
    cells: tuple[Cell, ...] = ()
    caption: str = ""
    caption_box: Rect | None = None
    figure: Figure | None = None
    lines: Sequence[Line] = ()
    words: tuple[Word, ...] = ()
    links: tuple[Link, ...] = ()
    held: Sequence[Line] = ()
    """Those of a table, whose text has them in another order."""
    coloured: tuple[Coloured, ...] = ()


@dataclass(slots=True)
class PageFound:
    """What a page holds, in reading order. `unread`: it has pictures but no text layer."""

    elements: list[Found]
    unread: bool = False
    notices: tuple[str, ...] = ()


class _Lines:
    """The lines of a page's body that no table or figure has taken yet."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.free = list(lines)

    @property
    def upright(self) -> list[Line]:
        return [line for line in self.free if not line.turned]

    @property
    def turned(self) -> list[Line]:
        return [line for line in self.free if line.turned]

    def take(self, things: Sequence[Figure | Table]) -> None:
        taken = {id(line) for thing in things for line in thing.lines}
        self.free = [line for line in self.free if id(line) not in taken]


def analysed(
    page: OpenPage, text: PageText, edges: dict[int, Edge], style: Style, above: Outline, options: Options
) -> PageFound:
    """The elements of a page. Boxes are in points of the page as shown."""
    drawn = drawings(page, options)
    placed = pictures(page, options, not text.lines)
    if not text.recognised:
        cover(page, text, text.lines, drawn or (), [figure.box for figure in placed])
    lines = _Lines([line for at, line in enumerate(text.lines) if at not in edges and not line.hidden])
    figures = [figure for figure in placed if not background(figure.box, text, lines.free)]
    unread = says_nothing(text, figures)
    rules = ruled_lines(drawn) if drawn else Rules([], [])
    with_tables = options.tables != "off" and bool(lines.free)
    tables = drawn_tables(page, rules, lines.upright, style, options) if with_tables else []
    lines.take(tables)
    clusters = _clusters(drawn, lines, [*tables, *figures], text) if drawn else []
    figures += [cluster for cluster in clusters if cluster.pictorial]
    _label(figures, lines)
    columns = _columns(lines, figures, tables)
    if with_tables and (aligned := text_tables(page, columns, rules, style)):
        tables += aligned
        lines.take(aligned)
        columns = _columns(lines, figures, tables)
    # Straight lines and boxes are a chart only where they are not the shades of a table.
    if charts := [cluster for cluster in clusters if _is_chart(cluster, [*tables, *figures])]:
        _label(charts, lines)
        figures += charts
        columns = _columns(lines, figures, tables)
    ordered = _ordered(columns, figures, tables, style, above, page.number, text.height)
    elements = [element_of(thing) for thing in ordered]
    if lines.turned:
        elements.append(_turned(lines.turned))
    headers, footers = edge_elements(text, edges)
    notices = () if drawn is not None else (_TOO_MANY,)
    return PageFound([*headers, *elements, *footers], unread, notices)


def edge_elements(text: PageText, edges: dict[int, Edge]) -> tuple[list[Found], list[Found]]:
    """The running heads and feet of a page."""
    running = [
        (edge, Found("text", edge, text.lines[at].box, text.lines[at].text))
        for at, edge in sorted(edges.items())
        if not text.lines[at].hidden
    ]
    return [found for edge, found in running if edge == "header"], [
        found for edge, found in running if edge == "footer"
    ]


_TOO_MANY = "has too many drawings to look for figures and ruled tables in them"


def _clusters(drawn: Sequence[Drawing], lines: _Lines, known: Sequence[Figure | Table], text: PageText) -> list[Figure]:
    captions = [line.box for line in lines.upright if CAPTION.match(line.text) and not TABLE_KIND.match(line.text)]
    taken = [thing.box for thing in known]
    return vector_figures(drawn, lines.free, taken, captions, text.width, text.height)


def _is_chart(cluster: Figure, known: Sequence[Figure | Table]) -> bool:
    return not cluster.pictorial and not any(
        overlap(cluster.box, thing.box) > 0.1 * area(cluster.box) for thing in known
    )


def _columns(lines: _Lines, figures: Sequence[Figure], tables: Sequence[Table]) -> list[list[Item]]:
    """The page's columns as they are read: lines, and solids numbered as figures then tables."""
    things: list[Figure | Table] = [*figures, *tables]
    return flows([*lines.upright, *(Solid(thing.box, at) for at, thing in enumerate(things))])


def _label(figures: list[Figure], lines: _Lines) -> None:
    """Gives figures their labels and the captions of their parts; no line goes to two."""
    captions = [line.box for line in lines.free if CAPTION.match(line.text)]
    for figure in figures:
        with_labels(figure, lines.free, captions)
        lines.take([figure])
    _merged(figures)
    for figure in figures:
        take_subcaption(figure, lines.free)
        lines.take([figure])


def _merged(figures: list[Figure]) -> None:
    """Figures that overlap once they have their labels are one."""
    at = 0
    while at < len(figures):
        for other in range(at + 1, len(figures)):
            a, b = figures[at], figures[other]
            if overlap(a.box, b.box) > 0.3 * min(area(a.box), area(b.box)) or _adjoining(a, b):
                figures[at] = Figure(union([a.box, b.box]), a.raster and b.raster, lines=[*a.lines, *b.lines])
                del figures[other]
                break
        else:
            at += 1


def _adjoining(a: Figure, b: Figure) -> bool:
    """Plots of one row that touch."""
    level = abs(a.box[1] - b.box[1]) < 8 and abs(a.box[3] - b.box[3]) < 8
    return level and not a.raster and not b.raster and max(a.box[0], b.box[0]) - min(a.box[2], b.box[2]) < 8


Thing = Block | Figure | Table


def _ordered(
    columns: Sequence[Sequence[Item]],
    figures: list[Figure],
    tables: list[Table],
    style: Style,
    above: Outline,
    number: int,
    height: float,
) -> list[Thing]:
    """Text blocks, figures and tables as they are read."""
    things: list[Figure | Table] = [*figures, *tables]
    found = [_flowed(column, style, above, number) for column in columns]
    captions = [block for flow in found for block in flow if isinstance(block, Block) and block.role == "caption"]
    kept_figures, kept_tables = list(figures), list(tables)
    texts = [block.box for flow in found for block in flow if isinstance(block, Block) and block.role != "caption"]
    left_over = {id(block) for block in join_captions(captions, kept_figures, kept_tables, texts)}
    kept = {id(thing) for thing in (*kept_figures, *kept_tables)}
    ordered: list[Thing] = []
    for flow in found:
        notes = footnotes([item for item in flow if isinstance(item, Block)], style, height)
        for item in flow:
            if isinstance(item, Solid):
                thing = things[item.at]
                if id(thing) in kept:
                    ordered.append(thing)
            elif item.role != "caption" or id(item) in left_over:
                ordered += notes.get(id(item), [item])
    return ordered


def _flowed(flow: Sequence[Item], style: Style, above: Outline, number: int) -> list[Block | Solid]:
    """The blocks of one column; a figure or table ends a paragraph only where the text ends too."""
    found: list[Block | Solid] = []
    lines: list[Line] = []
    for item in flow:
        if isinstance(item, Line):
            lines.append(item)
        elif isinstance(item, Solid):
            if lines:
                found += blocks(lines, style, above, number)
                lines = []
            found.append(item)
    if lines:
        found += blocks(lines, style, above, number)
    return found


def _turned(lines: Sequence[Line]) -> Found:
    """Text that runs up or down the page."""
    text = joined([line.text for line in lines])
    return Found("text", "paragraph", union([line.box for line in lines]), text, lines=lines)


def element_of(thing: Thing) -> Found:
    """A block, figure or table as an element to be."""
    if isinstance(thing, Block):
        return _text(thing, thing.role)
    if isinstance(thing, Table):
        return Found(
            "table", "table", thing.box, markdown(thing.cells), cells=tuple(thing.cells),
            caption=thing.caption, caption_box=thing.caption_box, held=thing.lines,
        )  # fmt: skip
    lines = sorted(thing.lines, key=lambda line: (round(line.baseline / 3), line.box[0]))
    text = " ".join(line.text for line in lines)[:4000]
    return Found(
        "image", "figure", thing.box, text, caption=thing.caption, caption_box=thing.caption_box, figure=thing,
        lines=lines,
    )  # fmt: skip


def _text(block: Block, role: Role) -> Found:
    return Found("text", role, block.box, block.text, block.level, lines=block.lines)
