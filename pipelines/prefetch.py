"""Parsing ahead: worker threads feed bounded queues that are emptied in document order."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.document import Part, Source
from rag.report import Outcome
from rag.serialise import from_plain, to_plain
from rag.store.rows import ChunkRow
from rag.store.store import Store
from rag.store.writer import Building, Writer

from .derive import answer
from .opening import Message
from .sources import Found
from .workers import Limits, Stopped, Worker

_CHUNKS: Any = tuple[ChunkRow, ...]
PARTS_AHEAD = 8
DOCUMENTS_AHEAD = 4
"""Beyond those that are being parsed: small ones are encoded together."""
PATIENCE = 2.0
"""Seconds that a document waits before a further worker is started for it: a start takes about one, and the
first documents wait for that of the first worker."""
TRIES = 2
"""A document that ended this many workers has failed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source to look at: its key and the found file, with the digest of its bytes."""

    key: str
    found: Found
    source: Source
    loader: Mapping[str, Any]
    derivation: str


@dataclass(slots=True)
class Job:
    """One document being parsed: its messages in order, at most `PARTS_AHEAD` waiting."""

    wanted: Wanted
    building: Building
    request: dict[str, Any]
    replay: list[Part]
    messages: queue.Queue[Message] = field(default_factory=lambda: queue.Queue(PARTS_AHEAD))
    dropped: threading.Event = field(default_factory=threading.Event)
    since: float = field(default_factory=time.monotonic)
    taken: bool = False
    page: tuple[int, int] = (0, 0)
    """The page that its parser is done with, and how many there are; 0 where it tells none."""
    at: tuple[int, int] = (0, 0)
    """The page that its parser is looking at, likewise."""

    def put(self, message: Message) -> bool:
        """Hand a message over, waiting while the queue is full; False when nobody wants it any more.

        How far the parser is takes no place in the queue.
        """
        if message["kind"] in ("page", "at"):
            told = int(message["page"]), int(message["of"])
            if message["kind"] == "at":
                self.at = told
            else:
                self.page = told
            return not self.dropped.is_set()
        while not self.dropped.is_set():
            try:
                self.messages.put(message, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False


class Prefetch:
    """Runs jobs in worker processes (none for `workers=0`), a few documents ahead of the writer."""

    def __init__(self, store: Store, writer: Writer, workers: int, limits: Limits) -> None:
        self._store = store
        self._writer = writer
        self._limits = limits
        self._count = workers
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._threads: list[threading.Thread] = []
        self._workers: list[Worker] = []
        self._open: list[Job] = []
        self._over = threading.Event()

    def __enter__(self) -> Prefetch:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for job in self._open:
            job.dropped.set()
        for worker in self._workers:
            worker.kill()
        for _thread in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def ahead(self, decided: Iterable[Outcome | Wanted]) -> Iterator[Outcome | Job]:
        """The same items in order, those that need deriving already being parsed.

        A job is over when the caller asks for the next item: what it left unread is dropped.
        """
        waiting: deque[Outcome | Job] = deque()
        digests: set[str] = set()
        items = iter(decided)
        exhausted = False
        while True:
            while not exhausted and sum(isinstance(one, Job) for one in waiting) < self._count + DOCUMENTS_AHEAD:
                item = next(items, None)
                if item is None:
                    exhausted = True
                elif isinstance(item, Outcome):
                    waiting.append(item)
                    break  # tell it soon: an outcome does not wait for jobs behind it
                else:
                    twin = item.source.digest in digests
                    digests.add(item.source.digest)
                    waiting.append(self._submit(item, twin=twin))
            if not waiting:
                return
            following = waiting.popleft()
            yield following
            if isinstance(following, Job):
                following.dropped.set()
                self._open.remove(following)

    def behind(self, job: Job) -> Iterator[tuple[Sequence[ChunkRow], Source]]:
        """The chunks of each part that is parsed already of the documents behind a job; they stay where they are."""
        for one in self._open[self._open.index(job) + 1 :]:
            with one.messages.mutex:
                messages = list(one.messages.queue)
            for message in messages:
                if message["kind"] == "part":
                    yield from_plain(_CHUNKS, message["part"]["chunks"]), one.wanted.source

    def _submit(self, wanted: Wanted, *, twin: bool) -> Job:
        """Start a document. A twin of one in hand is not parsed: it will be known when its turn comes."""
        building = Building(0, 0)
        replay: list[Part] = []
        if not twin:
            building = self._writer.begin(wanted.key, wanted.source, wanted.derivation)
            replay = list(self._writer.stored_parts(building.row, wanted.source))
        path = str(wanted.found.path)
        request = {
            "op": "load",
            "source": {**to_plain(wanted.source), "path": path},
            "loader": dict(wanted.loader),
            "chunker": dict(self._store.settings["chunker"]),
            "counter": self._store.counter_table,
            "folder": str(self._store.folder),
        }
        job = Job(wanted, building, request, replay)
        self._open.append(job)
        if twin:
            job.taken = True
            return job
        if len(self._threads) < max(1, self._count):
            self._threads.append(threading.Thread(target=self._work, args=(not self._threads,), daemon=True))
            self._threads[-1].start()
        self._jobs.put(job)
        return job

    def _waited(self) -> bool:
        """Wait until a document has waited for a worker for a while; False if all was over before."""
        while not self._over.wait(0.05):
            longest = time.monotonic() - PATIENCE
            if any(not job.taken and job.since < longest for job in list(self._open)):
                return True
        return False

    def _work(self, first: bool) -> None:
        """Run what is waiting. Small jobs need no second process: a further one starts when a document has to wait."""
        if not first and not self._waited():
            return
        worker = Worker(self._limits) if self._count else None
        if worker:
            self._workers.append(worker)
        while (job := self._jobs.get()) is not None:
            job.taken = True
            if job.dropped.is_set():
                continue
            try:
                if worker:
                    _run(worker, job)
                else:
                    _run_here(job)
            except Exception as error:  # whoever waits for this document must hear of it
                why = f"{type(error).__name__}: {str(error)[:500]}"
                job.put({"kind": "error", "error": {"type": "crashed", "message": why, "place": None}})
            job.replay = []
        if worker:
            worker.stop()


def _run_here(job: Job) -> None:
    """One document in this process: no limits, and one at a time, since parsers are not thread-safe."""
    for message in answer(job.request, job.replay, job.put):
        if not job.put(message):
            return


def _run(worker: Worker, job: Job) -> None:
    """One document in a worker; a second try after a crash, from the part that it had reached."""
    told = 0
    for attempt in range(1, TRIES + 1):
        try:
            number = 0
            for message in worker.run(job.request, job.replay):
                if message["kind"] == "part":
                    number += 1
                    if number <= told:
                        continue  # the first try told it already
                    told = number
                if not job.put(message):
                    return
            return
        except Stopped as stopped:
            if job.dropped.is_set():
                return
            final = attempt == TRIES or stopped.kind == "limit"
            if final:
                parts = len(job.replay) + told
                place = "page {} of {}".format(*job.at) if job.at[0] else f"after part {parts}" if parts else None
                error = {"type": stopped.kind, "message": stopped.reason, "place": place}
                job.put({"kind": "error", "error": error})
                return
