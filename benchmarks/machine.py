"""Fresh interpreters, timed and watched, and the facts about the machine that they ran on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

COMMAND = "import sys; from rag.cli import main; sys.exit(main(sys.argv[1:]))"
POLL_SECONDS = 0.02
PACKAGES = ("argus-rag", "numpy", "openvino", "pymupdf", "tantivy", "tokenizers")


@dataclass(frozen=True, slots=True)
class Run:
    """A process that has ended: what it printed as JSON lines, wall seconds, peak resident bytes.

    `workers` is how many processes it started, `worker_peak` the most that one of them took.
    """

    lines: tuple[dict[str, Any], ...]
    seconds: float
    peak: int = 0
    worker_peak: int = 0
    workers: int = 0

    @property
    def summary(self) -> dict[str, Any]:
        """The last line of `rag add --json`."""
        told: dict[str, Any] = self.lines[-1]["summary"]
        return told


class Python:
    """Starts interpreters as an installed program would run: compiled files are kept, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "pycache")}
        # With this set, every start compiles our source again, which no user's does.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(self, code: str, arguments: Sequence[str], out: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """A process that runs `code`; -P keeps the current folder off its import path."""
        return subprocess.Popen([sys.executable, "-P", "-c", code, *arguments], stdout=out, env=self._environment)

    def seconds(self, code: str, *arguments: str) -> float:
        """Wall time of one process."""
        started = time.perf_counter()
        process = self.start(code, arguments)
        if process.wait() != 0:
            raise RuntimeError(f"{arguments or code!r} ended with exit code {process.returncode}")
        return time.perf_counter() - started

    def best(self, code: str, *arguments: str, rounds: int = 5) -> float:
        """The fastest of some rounds after one that is not counted: what an idle machine can do."""
        self.seconds(code, *arguments)
        return min(self.seconds(code, *arguments) for _ in range(rounds))

    def rag(self, *arguments: str, code: str = COMMAND) -> Run:
        """`rag ARGUMENTS --json`, watched while it runs."""
        started = time.perf_counter()
        process = self.start(code, [*arguments, "--json"], subprocess.PIPE)
        with watched(process.pid) as seen:
            printed, _ = process.communicate()
        seconds = time.perf_counter() - started
        if process.returncode not in (0, 3):  # 3: some documents were not taken, which the lines tell
            raise RuntimeError(f"rag {' '.join(arguments)} ended with exit code {process.returncode}")
        lines = tuple(json.loads(line) for line in printed.splitlines())
        return Run(lines, seconds, seen["peak"], seen["worker_peak"], len(seen["workers"]))


@contextmanager
def watched(number: int) -> Iterator[dict[str, Any]]:
    """Polls a process and its children; what it saw is complete when the block ends.

    `tree_peak` adds up the resident bytes of all at one moment: what they share is counted in each.
    """
    import threading

    seen: dict[str, Any] = {"peak": 0, "worker_peak": 0, "tree_peak": 0, "workers": set()}
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            try:
                process = psutil.Process(number)
                together = process.memory_info().rss
                seen["peak"] = max(seen["peak"], together)
                for child in process.children(recursive=True):
                    seen["workers"].add(child.pid)
                    taken = child.memory_info().rss
                    seen["worker_peak"] = max(seen["worker_peak"], taken)
                    together += taken
                seen["tree_peak"] = max(seen["tree_peak"], together)
            except psutil.Error:
                pass  # it ended between two looks
            ended.wait(POLL_SECONDS)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def facts() -> dict[str, Any]:
    """What a reader needs to compare these figures with others."""
    return {
        "name": "machine", "cpu": _cpu(), "cores": psutil.cpu_count(), "flags": _flags(),
        "load": round(os.getloadavg()[0], 2),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1), "system": platform.platform(),
        "python": platform.python_version(), "packages": {name: version(name) for name in PACKAGES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _flags() -> list[str]:
    """Those of the processor that an encoder's speed depends on."""
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return []
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return [flag for flag in wanted if flag in line.split()]
