"""Text layers of real words that lie behind a picture of the page: do they say what the picture shows?

A scanner writes such layers, and so does whoever wants other words to be found than are seen. Told by a few
lines: drawn, read by OCR, and compared with what the layer says in their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rag.document import Box, PageRegion
from rag.protocols import Recogniser
from rag.words import words

from .damage import is_language
from .engine import OpenPage
from .render import drawn
from .text import Line, PageText, area, inside, overlap

OTHER = "other words than the page shows"
COVERS = 0.6
"""Share of the page that a picture over (or pictures under) its text covers, at least."""
FEWEST_PIXELS = 200_000
"""Of a page's pictures together: with less it is no picture of a page."""
STRIPS = 4
FIRST, STEP = 4, 8
"""How many pages of a file that have such layers are looked at: the first ones, then every eighth."""
SAID = 0.3
"""Share of the layer's words that OCR has to find, and ..."""
LEAST = 8
"""... how many words it has to read at all: else the strips tell nothing."""
_DPI = 200
_MAX_PIXELS = 4_000_000


def is_behind(page: OpenPage, text: PageText) -> bool:
    """Does most of a page's text lie under pictures that cover the page, or is it invisible over them?"""
    shown = [line for line in text.lines if not line.hidden]
    letters = sum(len(line.text) for line in shown)
    if letters < 40 or sum(wide * high for wide, high in page.named()) < FEWEST_PIXELS:
        return False
    whole = (0.0, 0.0, page.width, page.height)
    least = COVERS * area(whole)
    if sum(overlap(one.box, whole) for one in page.placed()) < least:
        return False
    if 2 * sum(len(line.text) for line in shown if line.unpainted) > letters:
        return True
    log = page.painted()
    covers = [at for at, (kind, box) in enumerate(log) if kind == "image" and overlap(box, whole) >= least]
    if not covers or any(kind == "text" for kind, _ in log[covers[-1] :]):
        return False
    over = log[covers[-1]][1]
    under = sum(len(line.text) for line in shown if inside(over, *line.middle))
    return 2 * under > letters and not page.masked()


def is_looked_at(ordinal: int) -> bool:
    """Is the page looked at that is the `ordinal`th (from 0) of its file with such a layer?

    It follows from the file alone, so that a resumed run looks at the same pages.
    """
    return ordinal < FIRST or ordinal % STEP == 0


def says_other(page: OpenPage, text: PageText, recogniser: Recogniser) -> bool:
    """Do a few lines of a text layer say other words than are seen in their places?

    Raises what the recogniser raises.
    """
    layer: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for line in _sample(text):
        (found,) = recogniser.recognise([drawn(page, _strip(page, line), _DPI, _MAX_PIXELS)])
        layer.update(_long(line.text))
        seen.update(set(_long(" ".join(one.text for one in found))))
    if seen.total() < LEAST or not layer or not is_language(" ".join(seen.elements())):
        return False
    return sum(times for word, times in layer.items() if word in seen) < SAID * layer.total()


def _long(text: str) -> list[str]:
    """Its words of three letters and more: shorter ones are found by chance."""
    return [word for word in words(text) if len(word) > 2]


def _sample(text: PageText) -> list[Line]:
    """The longest line of each quarter of the page's lines, so that a forged half is met."""
    lines = [line for line in text.lines if not (line.hidden or line.turned) and line.words > 2 and len(line.text) > 14]
    lines.sort(key=lambda line: line.baseline)
    share = max(1, -(-len(lines) // STRIPS))
    quarters = [lines[at : at + share] for at in range(0, len(lines), share)]
    return [max(quarter, key=lambda line: len(line.text)) for quarter in quarters]


def _strip(page: OpenPage, line: Line) -> PageRegion:
    """The place of a line, with room around for type that is set larger than its layer says."""
    left, top, right, bottom = line.box
    high = bottom - top
    box = Box(
        max(0.0, left - high) / page.width, max(0.0, top - 0.5 * high) / page.height,
        min(page.width, right + high) / page.width, min(page.height, bottom + 0.5 * high) / page.height,
    )  # fmt: skip
    return PageRegion(page.number + 1, box)


def hide(lines: Sequence[Line]) -> None:
    """Marks a text layer that says other words."""
    for line in lines:
        line.hidden = line.hidden or OTHER
