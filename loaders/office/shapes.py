"""Shapes of a slide: where they stand, groups resolved, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.document import Box, Cell

from ..pictures import told
from ..tables import CellFound, grid, markdown

if TYPE_CHECKING:
    from pptx.slide import Slide

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
MOST_SHAPES = 20_000
_FOOT = {"DATE", "FOOTER", "SLIDE_NUMBER", "HEADER"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A shape with its box on the slide; `hidden` where a reader does not see it, `body` for outline text."""

    shape: Any
    box: Box
    hidden: bool
    body: bool

    @property
    def described(self) -> str:
        """The alternative text."""
        about = next(self.shape._element.iter("{*}cNvPr"), None)
        return told(about.get("descr") or about.get("title") or "") if about is not None else ""

    def picture(self) -> bytes | None:
        """The bytes of the picture that the shape is, never of a linked file."""
        blip = next(self.shape._element.iter(_A + "blip"), None)
        id = blip.get(_R + "embed") if blip is not None else None
        if not id:
            return None
        part = self.shape.part.related_part(id)
        return bytes(part.blob)

    def chart(self) -> tuple[str, tuple[Cell, ...], str]:
        """The title of a chart, and its values as cells and as Markdown."""
        chart = self.shape.chart
        caption = (
            chart.chart_title.text_frame.text.strip() if chart.has_title and chart.chart_title.has_text_frame else ""
        )
        plot = next(iter(chart.plots), None)
        if plot is None:
            return caption, (), caption
        series = list(plot.series)
        rows = [[CellFound("", header=True), *(CellFound(str(one.name or ""), header=True) for one in series)]]
        values = [list(one.values) for one in series]
        for at, name in enumerate(list(plot.categories)[:10_000]):
            numbers = [column[at] if at < len(column) else None for column in values]
            shown = [CellFound("" if one is None else f"{one:.10g}") for one in numbers]
            rows.append([CellFound(str(name)), *shown])
        cells = grid(rows)
        return caption, cells, markdown(cells)

    def diagram(self) -> str:
        """The words of a SmartArt drawing, a line each."""
        data = next(self.shape._element.iter(_DIAGRAM + "relIds"), None)
        if data is None:
            return ""
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        root = etree.fromstring(self.shape.part.related_part(data.get(_R + "dm")).blob, parser)
        lines = ("".join(run.text or "" for run in one.iter(_A + "t")) for one in root.iter(_A + "p"))
        return "\n".join(f"- {' '.join(line.split())}" for line in lines if line.strip())


def placed(slide: Slide, size: tuple[int, int]) -> list[Placed]:
    """The shapes of a slide in their order, those of groups in the group's place. No recursion."""
    found: list[Placed] = []
    stack: list[tuple[Any, tuple[float, float, float, float]]] = [
        (shape, (0.0, 0.0, 1.0, 1.0)) for shape in reversed(list(slide.shapes))
    ]
    while stack and len(found) < MOST_SHAPES:
        shape, (left, top, wide, high) = stack.pop()
        if hasattr(shape, "shapes"):
            frame = _inner(shape, (left, top, wide, high))
            stack.extend((one, frame) for one in reversed(list(shape.shapes)))
            continue
        if _kind(shape) in _FOOT:
            continue  # the slide's number and date, on every slide
        x, y = left + wide * (shape.left or 0), top + high * (shape.top or 0)
        edges = (x / size[0], y / size[1], (x + wide * (shape.width or 0)) / size[0],
                 (y + high * (shape.height or 0)) / size[1])  # fmt: skip
        sized = bool(shape.width and shape.height)
        outside = sized and (edges[0] >= 1 or edges[1] >= 1 or edges[2] <= 0 or edges[3] <= 0)
        about = next(shape._element.iter("{*}cNvPr"), None)
        marked = about is not None and about.get("hidden") in ("1", "true")
        found.append(Placed(shape, _box(edges, sized and not outside), marked or outside, _is_body(shape)))
    return found


def _inner(group: Any, outer: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """How the coordinates inside a group become the slide's: offset and scale in each direction."""
    left, top, wide, high = outer
    form = group._element.grpSpPr.find(_A + "xfrm")
    names = ("off", "ext", "chOff", "chExt")
    offset, extent, inner, inside = (form.find(_A + name) if form is not None else None for name in names)
    if offset is None or extent is None or inner is None or inside is None:
        return outer
    across = int(extent.get("cx", "0")) / max(1, int(inside.get("cx", "1")))
    down = int(extent.get("cy", "0")) / max(1, int(inside.get("cy", "1")))
    x = left + wide * (int(offset.get("x", "0")) - across * int(inner.get("x", "0")))
    y = top + high * (int(offset.get("y", "0")) - down * int(inner.get("y", "0")))
    return x, y, wide * across, high * down


def _box(edges: tuple[float, float, float, float], known: bool) -> Box:
    if not known:
        return Box(0, 0, 1, 1)
    left, top, right, bottom = (min(1.0, max(0.0, one)) for one in edges)
    thin = right - left < 1e-3 or bottom - top < 1e-3  # a line: a box has an area
    return Box(max(0, left - 1e-3), max(0, top - 1e-3), min(1, right + 1e-3), min(1, bottom + 1e-3)) if thin else Box(
        left, top, right, bottom
    )  # fmt: skip


def _kind(shape: Any) -> str:
    return shape.placeholder_format.type.name if shape.is_placeholder and shape.placeholder_format.type else ""


def _is_body(shape: Any) -> bool:
    return _kind(shape) in ("BODY", "OBJECT", "VERTICAL_BODY", "VERTICAL_OBJECT")


def words_of(frame: Any, *, listed: bool = False) -> str:
    """The paragraphs of a text frame, a line each; with markers where they are a list of several."""
    lines = [(one.level, " ".join(one.text.replace("\v", " ").split())) for one in frame.paragraphs]
    kept = [(level, text) for level, text in lines if text]
    if listed and len(kept) > 1:
        return "\n".join(f"{'  ' * level}- {text}" for level, text in kept)
    return "\n".join(text for _, text in kept)


def table_cells(table: Any) -> tuple[tuple[Cell, ...], str]:
    """The cells of a table with their spans, and its Markdown; "" where nothing is in it."""
    cells = tuple(_cells(table))
    return cells, markdown(cells) if any(cell.text for cell in cells) else ""


def _cells(table: Any) -> Iterator[Cell]:
    for row, line in enumerate(table.rows):
        for column, cell in enumerate(line.cells):
            if not cell.is_spanned:
                header = row == 0 and bool(table.first_row)
                yield Cell(row, column, words_of(cell.text_frame), cell.span_height, cell.span_width, header)
