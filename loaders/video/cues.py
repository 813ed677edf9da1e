"""Spoken words with their times: subtitles inside a recording, and in a file beside it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import pairwise
from pathlib import Path

from rag.charsets import decode
from rag.document import Source

SIDECARS = (".srt", ".vtt", ".ass", ".ssa")
MOST_BYTES = 20_000_000
MOST_CUES = 200_000
JOINED_SECONDS = 15.0
"""A sentence is put together from its cues up to this length."""
_GAP = 1.0
_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}")
_CLOCKED = re.compile(_CLOCK)
_DRAWN = re.compile(r"\{[^}]{0,400}\\p[1-9]")
_STYLE = re.compile(r"\{[^{}]{0,400}\}")
_TAG = re.compile(r"</?[A-Za-z\d][^<>]{0,200}>")
_ENDS = tuple('.!?…。！？♪"”»)]')


@dataclass(frozen=True, slots=True)
class Cue:
    """Words said from `start` to `end`, in seconds from the start of the recording."""

    start: float
    end: float
    text: str


def clean(text: str) -> str:
    """Words without styles, tags and entities; its lines kept apart."""
    text = text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    text = unescape(_TAG.sub("", _STYLE.sub("", text)))
    lines = ("".join(char if char.isprintable() else " " for char in line) for line in text.splitlines())
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def embedded(packets: Iterable[tuple[float, float, bytes]], codec: str) -> list[Cue]:
    """The cues of a subtitle stream, from its packets as (start, length, bytes)."""
    found = []
    for start, length, data in packets:
        if codec == "mov_text":  # the length of the text, the text, boxes with its styles
            data = data[2 : 2 + int.from_bytes(data[:2], "big")]
        text = data.decode("utf-16" if data[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", errors="replace")
        if codec in ("ass", "ssa"):  # read order, layer, style, name, three margins, effect, text
            text = text.split(",", 8)[-1]
        found.append(Cue(start, start + length, clean(text)))
    return ordered(found)


def beside(source: Source, left_out: list[str] | None = None) -> list[Cue]:
    """The cues of NAME.srt, .vtt, .ass or .ssa beside the file; none where there is no such file.

    What is there and is not read is added to `left_out`, in words.
    """
    if not source.path:
        return []
    for suffix in SIDECARS:
        path = Path(source.path).with_suffix(suffix)
        data = _read(path)
        if data is None and left_out is not None and path.is_file() and not path.is_symlink():
            left_out.append(f"{path.name} is not read: it cannot be opened, or has more than {MOST_BYTES:,} bytes")
        if data is not None:
            text = decode(data)[0]
            if cues := scripted(text) if suffix in (".ass", ".ssa") else written(text):
                return cues
    return []


def scripted(text: str) -> list[Cue]:
    """The cues of SubStation Alpha text: its lines of dialogue, in the columns that its Format names."""
    columns = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    found: list[Cue] = []
    for line in text.splitlines():
        kind, colon, rest = line.partition(":")
        kind = kind.strip().lower()
        if colon and kind == "format" and "text" in rest.lower():
            columns = [name.strip().lower() for name in rest.split(",")][:50]
        elif colon and kind == "dialogue" and len(found) < MOST_CUES:
            row = dict(zip(columns, rest.split(",", len(columns) - 1), strict=False))
            start, end = (_CLOCKED.fullmatch(row.get(key, "").strip()) for key in ("start", "end"))
            if start and end:
                found.append(Cue(_seconds(*start.groups()), _seconds(*end.groups()), _spoken(row.get("text", ""))))
    return ordered(found)


def _spoken(text: str) -> str:
    """Without what is drawn instead of written."""
    return "" if _DRAWN.search(text) else clean(text)


def _read(path: Path) -> bytes | None:
    """A regular file of a bearable size that lies there itself: a link may lead anywhere."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            state = os.fstat(file.fileno())
            return file.read(MOST_BYTES) if stat.S_ISREG(state.st_mode) and state.st_size <= MOST_BYTES else None
    except (OSError, ValueError):
        return None


def written(text: str) -> list[Cue]:
    """The cues of SubRip or WebVTT text: what stands under a line of times, up to an empty line."""
    found: list[Cue] = []
    timing: tuple[float, float] | None = None
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        times = _TIMING.match(line) if "-->" in line else None
        if times or not line.strip():
            if timing and lines and len(found) < MOST_CUES:
                found.append(Cue(*timing, clean("\n".join(lines))))
            timing, lines = (_seconds(times[1], times[2], times[3], times[4]),
                             _seconds(times[5], times[6], times[7], times[8])) if times else None, []  # fmt: skip
        elif timing:
            lines.append(line)
    return ordered(found)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "0").ljust(3, "0")) / 1000


def ordered(cues: Iterable[Cue]) -> list[Cue]:
    """By time, none empty or without length, lines that roll up said once, sentences put together."""
    told = sorted((one for one in cues if one.text), key=lambda one: (one.start, one.end))
    lasting = [
        replace(one, start=max(one.start, 0.0), end=one.end if one.end > one.start else min(one.start + 4, later.start))
        for one, later in pairwise([*told, Cue(float("inf"), float("inf"), "")])
    ]
    return list(_sentences(_once(one for one in lasting if one.end > one.start)))


def _once(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Without the lines that a cue repeats from the one before it, as rolling captions do."""
    before: list[str] = []
    until = 0.0
    for one in cues:
        lines = one.text.splitlines()
        fresh = lines if one.start > until + _GAP else [line for line in lines if line not in before]
        before, until = lines, max(until, one.end)
        if fresh:
            yield replace(one, text=" ".join(fresh))


def _sentences(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Cues joined until a sentence ends, someone else speaks, or there is a pause."""
    held: Cue | None = None
    for one in cues:
        if held and (
            held.text.endswith(_ENDS) or one.text.startswith(("-", "–"))
            or one.start > held.end + _GAP or one.end - held.start > JOINED_SECONDS
        ):  # fmt: skip
            yield held
            held = None
        held = replace(held, end=max(held.end, one.end), text=f"{held.text} {one.text}") if held else one
    if held:
        yield held


def fewer(cues: Sequence[Cue], most: int) -> list[Cue]:
    """At most so many cues, neighbours joined: no word is left out."""
    size = -(-len(cues) // most) if cues else 1
    groups = [cues[at : at + size] for at in range(0, len(cues), size)]
    return [Cue(group[0].start, max(one.end for one in group), " ".join(one.text for one in group)) for group in groups]
