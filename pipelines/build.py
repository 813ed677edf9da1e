"""One document from the messages of its parser into the catalog."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from threading import Event

from rag.report import Problem
from rag.serialise import from_plain
from rag.store.rows import PartRows
from rag.store.writer import Writer

from .encode import Encoding, Waiting
from .opening import Message
from .prefetch import Job


class Failed(Exception):
    """The document could not be taken, or the run was cancelled while it was being read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def build(
    writer: Writer, job: Job, encoding: Encoding, told: Callable[[int, int, int], None], cancel: Event,
    waiting: Waiting = lambda: (),
) -> Message:  # fmt: skip
    """Store each part as it comes, with its vectors; the parser's last message, Failed if it gives up.

    An unfinished document keeps its parts for the next run, unless the bytes themselves are at fault.
    """
    parts, pages, shown = job.building.parts, 0, (0, 0)
    while True:
        try:
            message = job.messages.get(timeout=0.5)
        except Empty:
            if cancel.is_set():
                raise Failed(Problem("cancelled", "stopped by the user; run the same command to go on")) from None
            if job.page != shown:
                shown = job.page
                told(parts, *shown)
            continue
        if message["kind"] == "error":
            problem = from_plain(Problem, message["error"])
            if problem.type not in ("limit", "crashed"):
                writer.abandon(job.building.row)
            raise Failed(problem)
        if message["kind"] == "end":
            return message
        part = from_plain(PartRows, message["part"])
        encoding.add_part(writer, job.building.row, part, job.wanted.source, waiting)
        parts += 1
        pages += len(part.pages)
        told(parts, max(pages, job.page[0]), job.page[1])
