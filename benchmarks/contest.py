"""Argus and its peers, each in a process and an environment of its own, in turn on the same documents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import watched
from benchmarks.peers import install
from benchmarks.peers.common import counter

ROOT = Path(__file__).resolve().parents[1]
TOKENS_WITHIN = 0.05
KILL_AT = 0.6
KILL_SECONDS = 6.0
"""So long the encoding takes that is killed, by the stand-in's sleeps."""
JOBS = ("documented", "ours", "free", "query documented", "query ours")
"""Each is done in every round by everybody; encoders are meant, and `free` is the stand-in without one."""
LAST = ("again documented", "again ours", "kill")
"""Done once, after the last round."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who runs: an interpreter and a script. `size` and `overlap` are of the column "ours"."""

    name: str
    python: Path
    script: Path
    size: int = 0
    overlap: int = 0


@dataclass(slots=True)
class Contest:
    """Where everything lies. `links` is a folder in which the package `rag` of this tree can be imported."""

    folder: Path
    docs: Path
    questions: Path
    contenders: list[Contender]
    rounds: int = 3
    totals: dict[str, int] = field(default_factory=dict)

    def run(self, jobs: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A row for each job of each contender in each round."""
        for number, job, one in plan(self.rounds, jobs, self.contenders):
            started = os.getloadavg()[0]
            try:
                row = self._done(one, job, number)
            except RuntimeError as error:
                row = {"error": str(error)}
            yield {"name": job, "peer": one.name, "round": number, "load": round(started, 1), **row}

    def tuned(self) -> Iterator[dict[str, Any]]:
        """Chunk sizes of the peers brought to Argus'; it is also everybody's warming up, which is not counted."""
        argus = next(one for one in self.contenders if one.name == "argus")
        want = self._done(argus, "ours", 0)
        yield {"name": "tuned", "peer": "argus", "tokens": want["tokens"], "texts": want["texts"]}
        for number, one in enumerate(self.contenders):
            if one is argus:
                continue
            size = ("--size", {"haystack": "100", "llamaindex": "150"}.get(one.name, "600"))
            target = ("--target-tokens", str(want["tokens"]), "--target-texts", str(want["texts"]))
            try:
                told = self.process(one, "tune", "--docs", self.docs, "--encoder", "free", *size, *target)["tuned"]
            except RuntimeError as error:
                yield {"name": "tuned", "peer": one.name, "error": str(error)}
                continue
            self.contenders[number] = Contender(one.name, one.python, one.script, told["size"], told["overlap"])
            yield {"name": "tuned", "peer": one.name, **told}

    def _done(self, one: Contender, job: str, number: int) -> dict[str, Any]:
        what, _, encoder = job.rpartition(" ")
        if job == "kill":
            return self._killed(one)
        index = self.folder / "indexes" / f"{one.name}-{encoder}-{number}"
        if what == "query":
            return self._asked(one, index, encoder)
        again = what == "again"
        if again:
            index = self.folder / "indexes" / f"{one.name}-{encoder}-{self.rounds}"
        texts = self.folder / f"texts-{one.name}-{job.replace(' ', '-')}.jsonl"
        told = self.process(one, *self._ingest(one, index, encoder), "--texts", texts)
        tokens, given = counted(texts)
        if job == "free":
            self.totals[one.name] = told["ingest"]["texts"]
        return {
            **told["ingest"], "tokens": tokens, "tokens_given": given, **told["entries"], "command": told["command"],
            "memory": told["peak"], "index_bytes": size_of(index),
        }  # fmt: skip

    def _ingest(self, one: Contender, index: Path, encoder: str) -> list[Any]:
        sizes = [] if encoder == "documented" else ["--size", one.size, "--overlap", one.overlap]
        return ["ingest", "--docs", self.docs, "--index", index, "--encoder", encoder, *sizes]

    def _asked(self, one: Contender, index: Path, encoder: str) -> dict[str, Any]:
        told = self.process(one, "query", "--index", index, "--questions", self.questions, "--encoder", encoder)
        times = sorted(told["query"]["times"])
        return {
            "cold": told["first"]["at"], "p50": times[len(times) // 2], "p95": times[int(len(times) * 0.95)],
            "questions": len(times), "hits": told["query"]["hits"], "memory": told["peak"],
        }  # fmt: skip

    def _killed(self, one: Contender) -> dict[str, Any]:
        """SIGKILL when 60% of the texts went into the (slowed) stand-in, then the same command."""
        total = self.totals.get(one.name, 0)
        if not total:
            raise RuntimeError("nobody knows how many texts there are: the job `free` has not run")
        index = self.folder / "indexes" / f"{one.name}-kill"
        logs = [self.folder / f"log-{one.name}-{number}" for number in (1, 2)]
        command = self._ingest(one, index, "free")
        slowed = ["--log", logs[0], "--sleep", KILL_SECONDS / total]
        process = self._started(one, [*command, *slowed])
        while process.poll() is None and len(_lines(logs[0])) < KILL_AT * total:
            time.sleep(0.01)
        if process.poll() is not None:
            raise RuntimeError("it ended before it could be killed")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        told = self.process(one, *command, "--log", logs[1])
        first, second = (Counter(_lines(log)) for log in logs)
        return {
            "before": first.total(), "again": (first & second).total(), "total": total,
            "rerun": told["ingest"]["seconds"], **told["entries"],
        }  # fmt: skip

    # --- processes -------------------------------------------------------------------------------------

    def process(self, one: Contender, *arguments: object) -> dict[str, Any]:
        """What a script told, by event; `command` is the seconds of it all, `peak` its bytes, `at` an event's time."""
        started = time.perf_counter()
        process = self._started(one, arguments)
        printed: list[tuple[float, str]] = []
        peak = 0
        try:
            with watched(process.pid) as seen:
                assert process.stdout is not None
                for line in process.stdout:
                    printed.append((time.perf_counter() - started, line))
                    if '"event": "memory"' in line:
                        peak = seen["tree_peak"]
                process.wait()
        finally:
            if process.poll() is None:  # we are interrupted: it has a session of its own, and would go on
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            complaint = (self.folder / f"stderr-{one.name}").read_text(encoding="utf-8", errors="replace")
            last = (complaint.strip().splitlines() or ["nothing was said"])[-1]
            raise RuntimeError(f"exit code {process.returncode}: {last[:300]}")
        return {**events(printed), "command": time.perf_counter() - started, "peak": peak or seen["tree_peak"]}

    def _started(self, one: Contender, arguments: Sequence[object]) -> subprocess.Popen[str]:
        given = [str(one.python), "-P", str(one.script), *map(str, arguments)]
        with open(self.folder / f"stderr-{one.name}", "w", encoding="utf-8") as complaints:
            return subprocess.Popen(
                given, stdout=subprocess.PIPE, stderr=complaints, text=True, env=self._environment(one),
                start_new_session=True, cwd=self.folder,
            )  # fmt: skip

    def _environment(self, one: Contender) -> dict[str, str]:
        path = [str(self.links()), str(ROOT)] if one.name != "argus" else [str(ROOT)]
        named = {
            "PYTHONPATH": os.pathsep.join(path), "PYTHONPYCACHEPREFIX": str(self.folder / f"pycache-{one.name}"),
            "HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "HAYSTACK_TELEMETRY_ENABLED": "False",
            "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, **named}

    def links(self) -> Path:
        """A folder whose `rag` is the package as it would be installed, for environments without it."""
        made = self.folder / "links"
        if not made.exists():
            (made / "rag").mkdir(parents=True)
            for part in (ROOT / "rag").iterdir():
                (made / "rag" / part.name).symlink_to(part)
            for room in ("loaders", "retrievers", "generators", "pipelines"):
                (made / "rag" / room).symlink_to(ROOT / room)
        return made


def plan(rounds: int, jobs: Sequence[str], contenders: Sequence[Contender]) -> Iterator[tuple[int, str, Contender]]:
    """Who does what when: each job by everybody in turn, another one first in each round; the last jobs once.

    Contenders are looked up when their turn comes: their chunk sizes may have been tuned since.
    """
    for number in range(1, rounds + 1):
        for job in (one for one in JOBS if one in jobs):
            for place in range(len(contenders)):
                yield number, job, contenders[(place + number - 1) % len(contenders)]
    for job in (one for one in LAST if one in jobs):
        for one in contenders:
            yield rounds, job, one


def contenders(names: Sequence[str], folder: Path) -> tuple[list[Contender], list[str]]:
    """Argus and those peers whose environment is there; the names of the others."""
    found, missing = [], []
    for name in names:
        script = Path(install.__file__).with_name(f"with_{name}.py")
        if name == "argus":
            found.append(Contender(name, Path(sys.executable), script))
        elif install.ready(folder, name):
            found.append(Contender(name, install.interpreter(folder, name), script))
        else:
            missing.append(name)
    return found, missing


def events(printed: Sequence[tuple[float, str]]) -> dict[str, Any]:
    """What was told, by event, with the time when it came; other lines are a library's and are left out."""
    told: dict[str, Any] = {}
    for at, line in printed:
        try:
            data = json.loads(line)
        except ValueError:
            continue
        if isinstance(data, dict) and "event" in data:
            name = data.pop("event")
            told[name] = {**data, "at": at}
    return told


def unequal(tokens: Mapping[str, int]) -> dict[str, float]:
    """Who embeds another number of tokens than Argus by more than is allowed, with the ratio."""
    want = tokens.get("argus", 0)
    ratios = {name: count / want if want else 0.0 for name, count in tokens.items()}
    return {name: round(ratio, 3) for name, ratio in ratios.items() if abs(ratio - 1) > TOKENS_WITHIN + 1e-9}


def counted(texts: Path) -> tuple[int, int]:
    """(tokens that the encoder reads, which cuts texts at its limit; tokens that it was given)."""
    lines = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
    return sum(counter()(lines)), sum(counter(cut=False)(lines))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []
