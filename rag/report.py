"""What an ingest tells: one outcome a document, and their sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rag.document import Box, Notice, PageRegion

Status = Literal[
    "done", "updated", "unchanged", "renamed", "removed", "stale", "skipped", "failed"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document failed: the error's kind, its message, and where in the document."""

    type: str
    message: str
    place: str | None = None


def warned(notice: Notice) -> str:
    """A parser's warning on one line, with the box on its page where it is about a part of one."""
    message, place = " ".join(notice.message.split()), notice.place
    if not isinstance(place, PageRegion) or place.box == Box(0.0, 0.0, 1.0, 1.0):
        return message
    box = place.box
    return f"{message} (box {[box.left, box.top, box.right, box.bottom]})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source. `pages` and `chunks` are the document's, `seconds` the wall time."""

    source: str
    status: Status
    pages: int = 0
    chunks: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: Problem | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Every document that a run looked at, in order; nothing is dropped silently."""

    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0
    embedded: int = 0
    warnings: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The documents that could not be taken."""
        return tuple(one for one in self.outcomes if one.status == "failed")

    def summary(self) -> dict[str, object]:
        """The report's last line as plain data."""
        return {
            **self.counts,
            "pages": sum(one.pages for one in self.outcomes if one.status in ("done", "updated")),
            "chunks": sum(one.chunks for one in self.outcomes if one.status in ("done", "updated")),
            "embedded": self.embedded,
            "seconds": round(self.seconds, 3),
            "warnings": list(self.warnings),
        }


def report(
    outcomes: Iterable[Outcome], seconds: float = 0.0, embedded: int = 0, warnings: Iterable[str] = ()
) -> Report:
    """The outcomes with their counts by status."""
    listed = tuple(outcomes)
    counted: Counter[str] = Counter(one.status for one in listed)
    return Report(listed, seconds, embedded, tuple(warnings), {"documents": len(listed), **counted})
