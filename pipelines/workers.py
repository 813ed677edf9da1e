"""Kept worker processes that parse: limits enforced from outside, crashes cost one document.

A worker is a fresh interpreter with one document at a time. It is replaced after a crash, a hang,
growth over the limit, or 200 documents. JSON lines go over its pipes, never pickled objects: what
comes back was made by a process that read hostile bytes. It is started by hand rather than by
`multiprocessing`, whose spawn would run the user's own script again in the child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from rag.document import Part
from rag.serialise import dumps, loads

from .derive import answer
from .opening import Message

if TYPE_CHECKING:
    import psutil

POLL_SECONDS = 0.2
POLLS_A_LOOK = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What one part of a document may cost, and how long a worker is kept.

    `seconds` is wall time between two parts, `memory` resident bytes of a worker, `output` bytes of a part (or
    of a drawn region) as the worker writes it, `documents` how many it takes before it is replaced.
    """

    seconds: float = 300.0
    memory: int = 3 * 2**30
    output: int = 512 * 2**20
    documents: int = 200

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.memory > 0 and self.output > 0 and self.documents > 0):
            raise ValueError(f"limits must be above 0, got {self}")


class Stopped(Exception):
    """The worker died or was killed; `reason` is for the report."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Worker:
    """The parent's end of one worker process; started at its first request."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._waiting_since: float | None = None
        self._since: float | None = None
        self._killed_for = ""

    def run(self, request: Mapping[str, Any], replay: Iterable[Part] = ()) -> Iterator[Message]:
        """The messages of one request; Stopped if the worker dies or passes a limit."""
        if self._process is None or self._served >= self._limits.documents:
            self.stop()
            self._start()
        self._served += 1
        finished = False
        try:
            self._since = None
            self._send({"request": dict(request)})
            for part in replay:
                self._send({"part": dumps(part)})
            self._send({"go": True})
            while not finished:
                message = self._receive()
                finished = message["kind"] not in ("part", "member", "page", "at")
                yield message
        finally:
            if not finished:
                self.stop()

    def kill(self) -> None:
        """End the process from another thread; whoever waits for it sees it stopped."""
        if process := self._process:
            process.kill()

    def stop(self) -> None:
        """End the process and close its pipes."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    with suppress(OSError):  # what it had not read yet cannot be flushed any more
                        pipe.close()
        self._process = None

    def _start(self) -> None:
        # -P keeps the current folder, which may be anybody's, off the child's import path.
        arguments = f"{self._limits.memory}, {os.getpid()}"
        code = f"from rag.registry import load; load('pipelines/serve_worker')({arguments})"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._served = 0
        self._killed_for = ""
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _send(self, value: object) -> None:
        try:
            _write(self._pipe("stdin"), value)
        except (BrokenPipeError, OSError, ValueError):
            raise self._stopped() from None

    def _receive(self) -> Message:
        self._waiting_since = self._since or time.monotonic()
        try:
            line = self._pipe("stdout").readline(self._limits.output + 1)
            if len(line) > self._limits.output:
                self._killed_for = f"put out more than {self._limits.output / 2**20:g} MiB for one part"
                raise self._stopped()
            message: Message = json.loads(line)
        except (OSError, ValueError):
            raise self._stopped() from None
        finally:
            since, self._waiting_since = self._waiting_since, None
        # A page is no part: its time counts towards the part's.
        self._since = since if message["kind"] in ("page", "at") else None
        return message

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] | None = getattr(self._process, name, None)
        if pipe is None:
            raise ValueError("the worker is not running")
        return pipe

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process when one part takes too long or too much; ends with the process."""
        import psutil

        try:
            watched = psutil.Process(process.pid)
            polls, programs = 0, list[psutil.Process]()
            while process.poll() is None:
                time.sleep(POLL_SECONDS)
                polls += 1
                if polls % POLLS_A_LOOK == 0:  # finding the programs that a parser started looks at every process
                    programs = watched.children(recursive=True)
                since = self._waiting_since
                if since is not None and time.monotonic() - since > self._limits.seconds:
                    self._killed_for = f"took longer than {self._limits.seconds:g} s for one part"
                elif watched.memory_info().rss + sum(map(_resident, programs)) > self._limits.memory:
                    self._killed_for = f"used more than {self._limits.memory / 2**20:.0f} MiB of memory"
                else:
                    continue
                programs = watched.children(recursive=True)
                process.kill()
                for program in programs:  # they would go on for ever
                    with suppress(psutil.Error):
                        program.kill()
        except psutil.Error:
            return

    def _stopped(self) -> Stopped:
        if self._killed_for:
            return Stopped("limit", self._killed_for)
        code: int | None = None
        if self._process:
            try:
                code = self._process.wait(5)
            except subprocess.TimeoutExpired:
                return Stopped("crashed", "the parser process closed its pipe")
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return Stopped("crashed", f"the parser process ended {how}")


def _resident(program: psutil.Process) -> int:
    """Resident bytes of a program, 0 for one that has ended."""
    import psutil

    try:
        return int(program.memory_info().rss)
    except psutil.Error:
        return 0


def _write(pipe: IO[bytes], value: object) -> None:
    pipe.write(json.dumps(value).encode() + b"\n")
    pipe.flush()


def serve(memory: int, parent: int) -> None:
    """The child's loop: a request with its replayed parts in, messages out, until the pipe closes."""
    _restrain(memory, parent)
    asked = sys.stdin.buffer
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up between our messages
    try:
        while line := asked.readline():
            request = json.loads(line)["request"]
            replay: list[Part] = []
            while "part" in (following := json.loads(asked.readline())):
                replay.append(loads(Part, following["part"]))
            for message in answer(request, replay, lambda page: _write(told, page)):
                _write(told, message)
    except (BrokenPipeError, KeyboardInterrupt, ValueError):
        os._exit(0)


def _restrain(memory: int, parent: int) -> None:
    """No core dumps, a ceiling on address space, and an end when the parent is gone."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Address space is far above resident memory; this only stops a runaway allocation that
        # grows faster than the parent polls.
        resource.setrlimit(resource.RLIMIT_AS, (memory + 8 * 2**30, memory + 8 * 2**30))
    os.environ["OMP_THREAD_LIMIT"] = "1"

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
