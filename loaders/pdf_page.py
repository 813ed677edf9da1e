"""One page: its tables, figures and text, joined and in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.document import Cell, Modality, Role

from .pdf_aligned import aligned_tables
from .pdf_captions import join_captions
from .pdf_columns import Item, Solid, flows
from .pdf_document import Options, Outline, Style
from .pdf_figures import Figure, drawings, pictures, take_subcaption, vector_figures, with_labels
from .pdf_flow import CAPTION, TABLE_KIND, Block, blocks, footnotes
from .pdf_rules import Rules, ruled_lines, ruled_tables
from .pdf_running import Edge
from .pdf_tables import Table, markdown
from .pdf_text import Line, PageText, Rect, area, inside, joined, overlap, union

if TYPE_CHECKING:
    import pymupdf


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


@dataclass(slots=True)
class PageFound:
    """What a page holds, in reading order. `unread`: it has pictures but no text layer."""

    elements: list[Found]
    unread: bool = False
    notices: tuple[str, ...] = ()


def analysed(
    page: pymupdf.Page, text: PageText, edges: dict[int, Edge], style: Style, above: Outline, options: Options
) -> PageFound:
    """The elements of a page. Boxes are in points of the page as shown."""
    number: int = page.number
    notices: list[str] = []
    edge_lines = [(text.lines[at], edge) for at, edge in sorted(edges.items())]
    body = [line for at, line in enumerate(text.lines) if at not in edges]
    upright = [line for line in body if not line.turned]
    figures = [
        figure
        for figure in pictures(page, options)
        if not _background(figure.box, text, body)
    ]
    unread = not any(line.words and any(map(str.isalnum, line.text)) for line in text.lines) and bool(figures)
    drawn = drawings(page, options)
    if drawn is None:
        notices.append("has too many drawings to look for figures and ruled tables in them")
        drawn = []
    rules = ruled_lines(drawn) if drawn else Rules([], [])
    tables: list[Table] = []
    if options.tables != "off" and upright:
        tables = _ruled(rules, upright, style)
        tables += _mupdf_tables(page, tables) if options.tables == "all" else []
    taken = [table.box for table in tables] + [figure.box for figure in figures]
    captions = [line.box for line in upright if CAPTION.match(line.text) and not TABLE_KIND.match(line.text)]
    clusters = vector_figures(drawn, upright, taken, captions, text.width, text.height) if drawn else []
    figures += [cluster for cluster in clusters if cluster.pictorial]
    _labelled(figures, tables, body, style)
    consumed = {id(line) for thing in (*tables, *figures) for line in thing.lines}
    free = [line for line in upright if id(line) not in consumed]
    turned = [line for line in body if line.turned and id(line) not in consumed]
    if options.tables != "off":
        tables += _aligned(free, figures, tables, rules, style)
        consumed = {id(line) for thing in (*tables, *figures) for line in thing.lines}
        free = [line for line in free if id(line) not in consumed]
    # Straight lines and boxes are a chart only where they are not the shades of a table.
    charts = [
        cluster
        for cluster in clusters
        if not cluster.pictorial
        and not any(overlap(cluster.box, thing.box) > 0.1 * area(cluster.box) for thing in (*tables, *figures))
    ]
    if charts:
        _labelled(charts, [], [*free, *turned], style)
        figures += charts
        consumed = {id(line) for chart in charts for line in chart.lines}
        free = [line for line in free if id(line) not in consumed]
        turned = [line for line in turned if id(line) not in consumed]
    ordered = _ordered(free, figures, tables, style, above, number, text.height)
    elements = [_element(thing, style) for thing in ordered]
    elements += [_text(block, "paragraph") for block in blocks_of_turned(turned)]
    headers = [_running(line, edge) for line, edge in edge_lines if edge == "header"]
    footers = [_running(line, edge) for line, edge in edge_lines if edge == "footer"]
    return PageFound([*headers, *elements, *footers], unread, tuple(notices))


def _running(line: Line, edge: Edge) -> Found:
    return Found("text", edge, line.box, line.text)


def _background(box: Rect, text: PageText, body: Sequence[Line]) -> bool:
    """Is a picture the ground that the page's text stands on (a scan with its text, a slide's look)?"""
    if area(box) < 0.8 * text.width * text.height:
        return False
    return sum(len(line.text) for line in body if inside(box, *line.middle)) > 60


def _ruled(rules: Rules, lines: Sequence[Line], style: Style) -> list[Table]:
    found = ruled_tables(rules, lines, style.words)
    # A grid inside another (a cell with a frame of its own) is part of it.
    found.sort(key=lambda table: -area(table.box))
    kept: list[Table] = []
    for table in found:
        if not any(overlap(table.box, other.box) > 0.5 * area(table.box) for other in kept):
            kept.append(_finer(table, rules, style))
    return kept


def _finer(table: Table, rules: Rules, style: Style) -> Table:
    """A grid that rules only some of its columns, by the alignment of its text."""
    if table.columns > 4:
        return table
    found = aligned_tables(table.lines, rules, [table.box[1]], style.words)
    if len(found) == 1 and found[0].columns > table.columns and len(found[0].lines) >= 0.9 * len(table.lines):
        found[0].box = union([found[0].box, table.box])
        found[0].lines = table.lines
        return found[0]
    return table


def _mupdf_tables(page: pymupdf.Page, known: Sequence[Table]) -> list[Table]:
    """What MuPDF's own finder sees and we did not."""
    found = []
    for table in page.find_tables().tables:
        box = (table.bbox[0], table.bbox[1], table.bbox[2], table.bbox[3])
        if any(overlap(box, other.box) > 0.2 * area(box) for other in known):
            continue
        cells = [
            Cell(row, column, joined(str(value).split("\n")), header=row == 0)
            for row, values in enumerate(table.extract())
            for column, value in enumerate(values)
            if value
        ]
        if len({cell.column for cell in cells}) > 1 and len({cell.row for cell in cells}) > 1:
            found.append(Table(box, cells))
    return found


def _labelled(figures: list[Figure], tables: list[Table], body: Sequence[Line], style: Style) -> None:
    """Gives figures their labels and tables the lines inside them; no line goes to two."""
    captions = [line.box for line in body if CAPTION.match(line.text)]
    consumed = {id(line) for table in tables for line in table.lines}
    for table in tables:
        if not table.lines:
            table.lines = [line for line in body if inside(table.box, *line.middle)]
            consumed |= {id(line) for line in table.lines}
    for figure in figures:
        with_labels(figure, [line for line in body if id(line) not in consumed], captions)
        consumed |= {id(line) for line in figure.lines}
    _merged(figures)
    for figure in figures:
        take_subcaption(figure, [line for line in body if id(line) not in consumed])
        consumed |= {id(line) for line in figure.lines}


def _merged(figures: list[Figure]) -> None:
    """Figures that overlap once they have their labels are one."""
    at = 0
    while at < len(figures):
        for other in range(at + 1, len(figures)):
            a, b = figures[at], figures[other]
            if overlap(a.box, b.box) > 0.3 * min(area(a.box), area(b.box)) or _adjoining(a, b):
                figures[at] = Figure(
                    union([a.box, b.box]), a.raster and b.raster, 0, (0, 0), [*a.lines, *b.lines]
                )
                del figures[other]
                break
        else:
            at += 1


def _adjoining(a: Figure, b: Figure) -> bool:
    """Plots of one row that touch."""
    level = abs(a.box[1] - b.box[1]) < 8 and abs(a.box[3] - b.box[3]) < 8
    return level and not a.raster and not b.raster and max(a.box[0], b.box[0]) - min(a.box[2], b.box[2]) < 8


def _aligned(
    free: Sequence[Line], figures: Sequence[Figure], tables: Sequence[Table], rules: Rules, style: Style
) -> list[Table]:
    """Tables without a grid, looked for column by column of the page."""
    solids = [Solid(thing.box, 0) for thing in (*figures, *tables)]
    found = []
    for flow in flows([*free, *solids]):
        lines = [item for item in flow if isinstance(item, Line)]
        captions = [line for line in lines if CAPTION.match(line.text)]
        hints = [line.baseline for line in captions if TABLE_KIND.match(line.text)]
        found += aligned_tables([line for line in lines if line not in captions], rules, hints, style.words)
    return found


Thing = Block | Figure | Table


def _ordered(
    free: Sequence[Line],
    figures: list[Figure],
    tables: list[Table],
    style: Style,
    above: Outline,
    number: int,
    height: float,
) -> list[Thing]:
    """Text blocks, figures and tables as they are read."""
    solids: list[Item] = [Solid(thing.box, at) for at, thing in enumerate((*figures, *tables))]
    things = (*figures, *tables)
    found: list[list[Block | Solid]] = []
    for flow in flows([*free, *solids]):
        found.append(_flowed(flow, style, above, number))
    captions = [block for flow in found for block in flow if isinstance(block, Block) and block.role == "caption"]
    kept_figures, kept_tables = list(figures), list(tables)
    left_over = {id(block) for block in join_captions(captions, kept_figures, kept_tables)}
    kept = {id(thing) for thing in (*kept_figures, *kept_tables)}
    ordered: list[Thing] = []
    for flow in found:
        texts = [item for item in flow if isinstance(item, Block)]
        footnotes(texts, style, height)
        for item in flow:
            if isinstance(item, Solid):
                if id(things[item.at]) in kept:
                    ordered.append(things[item.at])
            elif item.role != "caption" or id(item) in left_over:
                ordered.append(item)
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


def blocks_of_turned(lines: Sequence[Line]) -> list[Block]:
    """Text that runs up or down the page, as one block for each run of it."""
    if not lines:
        return []
    text = joined([line.text for line in lines])
    return [Block("paragraph", text, union([line.box for line in lines]), list(lines))]


def _element(thing: Thing, style: Style) -> Found:
    if isinstance(thing, Block):
        return _text(thing, thing.role)
    if isinstance(thing, Table):
        return Found(
            "table", "table", thing.box, markdown(thing.cells), cells=tuple(thing.cells),
            caption=thing.caption, caption_box=thing.caption_box,
        )  # fmt: skip
    lines = sorted(thing.lines, key=lambda line: (round(line.baseline / 3), line.box[0]))
    text = " ".join(line.text for line in lines)[:4000]
    return Found(
        "image", "figure", thing.box, text, caption=thing.caption, caption_box=thing.caption_box, figure=thing
    )


def _text(block: Block, role: Role) -> Found:
    return Found("text", role, block.box, block.text, block.level)
