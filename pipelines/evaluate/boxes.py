"""Whether a hit points at the evidence on its page, not only at the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rag.document import WHOLE, Box, PageRegion, Place

ENOUGH = 0.5
"""The share of a gold box that must be covered."""


def covers(places: Iterable[Place], gold: Sequence[PageRegion]) -> bool:
    """Whether the boxes of a hit together cover at least half of one gold box.

    A box that is the whole page points at nothing, and does not count.
    """
    regions = [one for one in places if isinstance(one, PageRegion) and one.box != WHOLE]
    return any(
        covered(target.box, [one.box for one in regions if one.page == target.page]) >= ENOUGH for target in gold
    )


def covered(target: Box, boxes: Sequence[Box]) -> float:
    """The share 0..1 of the area of `target` that lies in some of the boxes; exact, overlaps count once."""
    cut = [one for one in (_cut(box, target) for box in boxes) if one is not None]
    area = (target.right - target.left) * (target.bottom - target.top)
    if not cut or area <= 0:
        return 0.0
    across = sorted({side for box in cut for side in (box.left, box.right)})
    down = sorted({side for box in cut for side in (box.top, box.bottom)})
    inside = sum(
        (right - left) * (bottom - top)
        for left, right in pairwise(across)
        for top, bottom in pairwise(down)
        if any(b.left <= left and right <= b.right and b.top <= top and bottom <= b.bottom for b in cut)
    )
    return min(1.0, inside / area)


def _cut(box: Box, target: Box) -> Box | None:
    left, right = max(box.left, target.left), min(box.right, target.right)
    top, bottom = max(box.top, target.top), min(box.bottom, target.bottom)
    return Box(left, top, right, bottom) if left < right and top < bottom else None
