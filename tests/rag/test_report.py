"""What an ingest tells."""

from __future__ import annotations

from rag.document import Box, MarkupPath, Notice, PageRegion
from rag.report import Outcome, Problem, report, warned

FAILED = Outcome("b.pdf", "failed", error=Problem("encrypted", "needs a password", "page 1"))


def test_the_sum_of_a_run() -> None:
    outcomes = [
        Outcome("a.pdf", "done", pages=3, chunks=7),
        Outcome("c.pdf", "updated", pages=1, chunks=2),
        Outcome("d.pdf", "unchanged", pages=90, chunks=900),
        Outcome("e.pdf", "removed", chunks=50),
        FAILED,
    ]
    told = report(iter(outcomes), 1.23456, embedded=9, warnings=["said once"])
    assert told.outcomes == tuple(outcomes)
    assert told.failed == (FAILED,)
    assert told.summary() == {
        "documents": 5, "done": 1, "updated": 1, "unchanged": 1, "removed": 1, "failed": 1,
        "pages": 4, "chunks": 9, "embedded": 9, "seconds": 1.235, "warnings": ["said once"],
    }  # fmt: skip


def test_a_run_over_nothing() -> None:
    assert report([]).summary() == {
        "documents": 0, "pages": 0, "chunks": 0, "embedded": 0, "seconds": 0.0, "warnings": [],
    }  # fmt: skip
    assert report([]).failed == ()


def test_a_warning_has_the_box_that_it_is_about() -> None:
    region = PageRegion(2, Box(0.1, 0.2, 0.3, 0.4))
    assert warned(Notice("page 2 has\nhidden text", region)) == "page 2 has hidden text (box [0.1, 0.2, 0.3, 0.4])"
    for place in (None, MarkupPath("/html"), PageRegion(2, Box(0.0, 0.0, 1.0, 1.0))):
        assert warned(Notice("page 2 is damaged", place)) == "page 2 is damaged"
