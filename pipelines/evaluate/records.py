"""A run: what was found and answered for each question, kept so that it can go on and be compared.

A folder holds `run.json` (with what it was made), `records.jsonl` (a line a question, as it is done),
and, for other tools, `qrels.txt` and a `.run` file a scope in TREC format. A record holds the gold
too: two runs can be compared without corpus and question file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.serialise import dumps, from_plain, loads, to_plain

Scope = Literal["corpus", "document"]
SCOPES: tuple[Scope, ...] = ("corpus", "document")
"""Searched as one corpus, and within the gold document."""
ABOUT, RECORDS = "run.json", "records.jsonl"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Covered:
    """A hit by what it covers; `boxed` says whether it points at the gold box, where there is one."""

    chunk: str
    score: float
    units: tuple[str, ...]
    boxed: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A piece of evidence, or a near miss of a refusal: its relevance, and whether it covers some of the gold."""

    relevance: float
    right: bool
    tokens: int = 0
    images: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; `cited` are the units of what it cites. `refused` where there is none.

    `evidence` is what it rests on, best first; of a refusal, the near misses.
    """

    text: str = ""
    refused: bool = False
    cited: tuple[str, ...] = ()
    seconds: float = 0.0
    evidence: tuple[Judged, ...] = ()
    correctness: float | None = None
    """Mean of the answer's spans (`SpanCorrectness`); None where it has none that is objective."""
    least_correct: float | None = None
    """That of its least correct span."""


@dataclass(frozen=True, slots=True)
class Found:
    """A search in one scope: its hits, best first."""

    scope: str
    hits: tuple[Covered, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One question of a run. `digest` names the question, its gold and its document together."""

    id: str
    digest: str
    text: str
    answerable: bool
    answers: tuple[str, ...] = ()
    doc: str = ""
    kinds: tuple[str, ...] = ()
    unit: str = ""
    gold: tuple[str, ...] = ()
    boxed: bool = False
    found: tuple[Found, ...] = ()
    said: Said | None = None

    def hits(self, scope: str) -> tuple[Covered, ...] | None:
        """The hits in a scope; None where it was not searched."""
        return next((one.hits for one in self.found if one.scope == scope), None)


@dataclass(frozen=True, slots=True)
class About:
    """With what a run was made: another one cannot go on in its folder, but for the names of corpus and profile."""

    corpus: str
    profile: str
    documents: str
    """Names the documents and how they were derived."""
    pipeline: str
    """Names the pipeline with all its settings."""
    depth: int
    scopes: tuple[str, ...]
    answers: bool
    version: str
    format: int = FORMAT


class Run:
    """A run's records in memory, and in a folder where one is given.

    A line that a kill cut off is dropped. ValueError if the folder holds a run of another kind.
    """

    def __init__(self, about: About, folder: Path | None = None) -> None:
        self.about = about
        self.folder = folder
        self._records: dict[str, Record] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._settle(folder)

    def _settle(self, folder: Path) -> None:
        path = folder / ABOUT
        if path.exists():
            known = _about(path)
            if changed := _changed(known, self.about):
                raise ValueError(
                    f"{folder} holds a run made otherwise ({changed}); name another folder, or remove this one"
                )
            self._records = {one.id: one for one in _read(folder / RECORDS, mend=True)}
        elif (folder / RECORDS).exists():
            raise ValueError(f"{folder} has {RECORDS} without {ABOUT}; name another folder")
        else:
            _write(path, json.dumps(to_plain(self.about), ensure_ascii=False, indent=1) + "\n")

    def done(self, id: str, digest: str) -> Record | None:
        """The record of a question, if it was asked in the same words, with the same gold."""
        record = self._records.get(id)
        return record if record is not None and record.digest == digest else None

    def add(self, record: Record) -> None:
        """Keep a record, on disk from now on where there is a folder."""
        self._records[record.id] = record
        if self.folder is not None:
            with open(self.folder / RECORDS, "a", encoding="utf-8") as file:
                file.write(dumps(record) + "\n")


@contextmanager
def writing(folder: Path | None) -> Iterator[None]:
    """Alone in a run's folder; ValueError while another process writes there."""
    if folder is None:
        yield
        return
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise ValueError(f"another process is writing the run in {folder}") from error


def load(folder: str | Path) -> tuple[About, list[Record]]:
    """A run from its folder; ValueError if there is none."""
    folder = Path(folder)
    path = folder / ABOUT
    if not path.is_file():
        raise ValueError(f"{folder} holds no run; make one with: rag evaluate QUESTIONS.jsonl --runs {folder}")
    return _about(path), list({one.id: one for one in _read(folder / RECORDS)}.values())


def _about(path: Path) -> About:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if told.get("format", FORMAT) != FORMAT:
            raise ValueError(f"a run of format {told['format']}, expected {FORMAT}")
        return from_plain(About, told)
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error}); remove the folder, or name another one") from error


def _read(path: Path, *, mend: bool = False) -> Iterator[Record]:
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if mend and whole < len(data):
        os.truncate(path, whole)
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            yield loads(Record, line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: not a record ({error}); remove the line") from error


def _changed(known: About, given: About) -> str:
    old, new = to_plain(known), to_plain(given)
    names = sorted(name for name in {*old, *new} - {"corpus", "profile"} if old.get(name) != new.get(name))
    return ", ".join(f"other {name}" for name in names)


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
