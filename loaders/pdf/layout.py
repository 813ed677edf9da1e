"""Pages laid out by PyMuPDF's layout model (extra `layout`: BoxRFDGNN on boxes and pixels, run offline).

The model gives regions with a label, in reading order. What is in a region is read as on the fast
path: lines by their type, tables by their rules and alignment, pictures by their pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rag.extras import extra

from .captions import join_captions
from .columns import flows
from .document import Options, Outline, Style
from .engine import Drawing, OpenPage
from .figures import Figure, drawings, pictures
from .find import drawn_tables, text_tables
from .flow import Block, blocks, heading_level
from .hidden import cover
from .page import Found, PageFound, edge_elements, element_of
from .rules import Rules, ruled_lines
from .running import Edge
from .tables import Table
from .text import Line, PageText, Rect, area, inside, joined, overlap, union
from .textless import background, says_nothing

PART_LAID_OUT = 8
"""Pages of a Part: the model takes seconds for a page on a machine that is busy."""
_MARGIN = 1.5
_EDGES: dict[str, Edge] = {"page-header": "header", "page-footer": "footer"}
_HEADINGS = ("title", "section-header")


@dataclass(slots=True)
class Region:
    """A region of a page, in points as shown, and the model's name for what it is."""

    box: Rect
    label: str


def needed() -> None:
    """Raises MissingExtra where the model is not installed."""
    with extra("layout"):
        import pymupdf.layout  # noqa: F401  # which also registers it


def regions(page: OpenPage) -> list[Region]:
    """The regions of a page in reading order; none of a page that is turned, which the model does not know.

    Raises MissingExtra where the model is not installed.
    """
    needed()
    if page.raw.rotation:
        return []
    page.raw.get_layout()
    found = page.raw.layout_information or ()
    return [Region((one[0], one[1], one[2], one[3]), str(one[4])) for one in found]


def laid_out(
    page: OpenPage, found: Sequence[Region], text: PageText, edges: dict[int, Edge], style: Style, above: Outline,
    options: Options,
) -> PageFound:  # fmt: skip
    """The elements of a page whose regions are known, in their order. Boxes are in points as shown."""
    drawn = drawings(page, options)
    seen = pictures(page, options, not text.lines)
    cover(page, text, text.lines, drawn or (), [one.box for one in seen])
    lines = [line for at, line in enumerate(text.lines) if at not in edges and not line.hidden]
    rasters = [one for one in seen if not background(one.box, text, lines)]
    unread = says_nothing(text, rasters)
    held, free = _held(found, lines)
    figures, at_region = _figures(found, rasters, held)
    tables = _tables(page, found, held, drawn or (), style, options)
    ordered: list[Block | Figure | Table | Found] = []
    captions: list[Block] = []
    for at, region in enumerate(found):
        if at in at_region:
            ordered.append(at_region[at])
        elif at in tables:
            ordered.append(tables[at])
        elif region.label in _EDGES and held[at]:
            ordered.append(_edge(region, held[at]))
        elif held[at]:
            ordered += _blocks(region, held[at], style, above, page.number)
    placed = {id(one) for one in at_region.values()}
    ordered += [figure for figure in figures if id(figure) not in placed]
    for flow in flows(free):
        ordered += blocks([item for item in flow if isinstance(item, Line)], style, above, page.number)
    captions = [one for one in ordered if isinstance(one, Block) and one.role == "caption"]
    kept_figures, kept_tables = list(figures), list(tables.values())
    left_over = {id(one) for one in join_captions(captions, kept_figures, kept_tables)}
    kept = {id(one) for one in (*kept_figures, *kept_tables)} | left_over
    elements = []
    for one in ordered:
        if isinstance(one, Found):
            elements.append(one)
        elif id(one) in kept or (isinstance(one, Block) and one.role != "caption"):
            elements.append(element_of(one))
    headers, footers = edge_elements(text, edges)
    headers += [one for one in elements if one.role == "header"]
    footers = [*(one for one in elements if one.role == "footer"), *footers]
    body = [one for one in elements if one.role not in ("header", "footer")]
    return PageFound([*headers, *body, *footers], unread)


def _held(found: Sequence[Region], lines: Sequence[Line]) -> tuple[dict[int, list[Line]], list[Line]]:
    """The lines of each region (the smallest that holds a line's middle), and those of none."""
    held: defaultdict[int, list[Line]] = defaultdict(list)
    free = []
    for line in lines:
        around = [at for at, region in enumerate(found) if inside(region.box, *line.middle, _MARGIN)]
        if around:
            held[min(around, key=lambda at: area(found[at].box))].append(line)
        else:
            free.append(line)
    return held, free


def _figures(
    found: Sequence[Region], rasters: Sequence[Figure], held: dict[int, list[Line]]
) -> tuple[list[Figure], dict[int, Figure]]:
    """The pictures of a page, and which of them stand for a region: a raster alone in it stays as it is stored."""
    at_region: dict[int, Figure] = {}
    left = list(rasters)
    for at, region in enumerate(found):
        if region.label != "picture":
            continue
        own = [one for one in left if overlap(one.box, region.box) > 0.6 * area(one.box)]
        left = [one for one in left if all(one is not other for other in own)]
        whole = len(own) == 1 and area(own[0].box) > 0.85 * area(region.box)
        figure = own[0] if whole else Figure(union([region.box, *(one.box for one in own)]), False)
        figure.lines = held.get(at, [])
        at_region[at] = figure
    return [*at_region.values(), *left], at_region


def _tables(
    page: OpenPage,
    found: Sequence[Region],
    held: dict[int, list[Line]],
    drawn: Sequence[Drawing],
    style: Style,
    options: Options,
) -> dict[int, Table]:
    """The tables of the regions that are called so, where their rows and columns can be told."""
    wanted = [at for at, region in enumerate(found) if region.label == "table" and held.get(at)]
    if options.tables == "off" or not wanted:
        return {}
    rules = ruled_lines(drawn) if drawn else Rules([], [])
    tables: dict[int, Table] = {}
    for at in wanted:
        region, lines = found[at], held[at]
        upright = [line for line in lines if not line.turned]
        choices = [
            *drawn_tables(page, rules, upright, style, options),
            *text_tables(page, [list(upright)], rules, style, hinted=True),
        ]
        choices = [one for one in choices if overlap(one.box, region.box) > 0.5 * area(one.box)]
        if choices:
            best = max(choices, key=lambda one: len(one.lines))
            best.box = union([best.box, region.box])
            taken = {id(line) for line in best.lines}
            held[at] = [line for line in lines if id(line) not in taken]
            tables[at] = best
    return tables


def _edge(region: Region, lines: Sequence[Line]) -> Found:
    role = _EDGES[region.label]
    return Found("text", role, union([line.box for line in lines]), joined([line.text for line in lines]))


def _blocks(region: Region, lines: list[Line], style: Style, above: Outline, page: int) -> list[Block]:
    """The text of a region: one thing where the label says so, else as the lines' type and places say."""
    found = blocks(sorted(lines, key=lambda line: (round(line.baseline / 3), line.box[0])), style, above, page)
    label = region.label
    if label in _HEADINGS and found:
        one = _one(found, style)
        one.role, one.level = "heading", heading_level(one, style, above, page)
        return [one]
    for one in found:
        if label == "caption" and len(found) == 1:
            one.role = "caption"
        elif label == "footnote":
            one.role = "footnote"
        elif label == "formula":
            one.role = "equation"
        elif label == "list-item" and one.role in ("paragraph", "heading"):
            one.role, one.level = "list", 0
        elif label == "text" and one.role == "heading" and not above.level(page, one.text):
            one.role, one.level = "paragraph", 0
    return found


def _one(found: Sequence[Block], style: Style) -> Block:
    lines = [line for one in found for line in one.lines]
    text = joined([one.text for one in found], style.words)
    return Block("heading", text, union([one.box for one in found]), lines, size=max(one.size for one in found))
