"""Documents inside a source: members of archives, attachments of mails, pages of a web archive.

A member becomes a document of its own whose address is `archive.zip!/folder/report.pdf`: the source
that holds it, `!/`, its name. Its bytes are kept by digest, never written under a name that a
container chose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rag.addresses import is_url
from rag.contract import visible
from rag.errors import SourceError

WITHIN = "!/"
"""Stands between a container's address or key and a member's name."""
_DRIVE = re.compile(r"[A-Za-z]:(?=/|$)")


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside another. `name` is as the container gives it, whatever it holds, or an http address.

    `blocks` are its bytes in order; they are read, if at all, before the next member is asked for, and
    may raise SourceError, which costs this member alone. `media_type` is what the container says where
    content does not tell. `skip` says why it is passed over, `error` why it cannot be read.
    """

    name: str
    blocks: Iterable[bytes] = ()
    media_type: str = ""
    skip: str = ""
    error: SourceError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberLimits:
    """What one container may hold, those inside it included.

    `members` how many; `size` and `total` bytes of one and of all, unpacked; `ratio` of unpacked to
    packed bytes, which is looked at from `ratio_from` bytes on; `depth` of containers in containers, 1
    for none; `name` characters of a member's name; `seconds` to open it all.
    """

    members: int = 10_000
    size: int = 1_000_000_000
    total: int = 8_000_000_000
    ratio: float = 100.0
    ratio_from: int = 100_000_000
    depth: int = 3
    name: int = 1000
    seconds: float = 900.0

    def __post_init__(self) -> None:
        if min(self.members, self.size, self.total, self.ratio, self.depth, self.name, self.seconds) <= 0:
            raise ValueError(f"limits of members must be above 0, got {self}")


def member_name(raw: str, longest: int = 1000) -> tuple[str, tuple[str, ...]]:
    """A name that can be shown and stored, and what to say of it; ValueError for one that is refused.

    Slashes part folders, whichever way they lean; a leading root or drive is dropped. Characters that
    control a terminal, break a line or turn the direction of text are written as escapes. A name that
    climbs out of its container is refused, though nothing would be written there.
    """
    if is_url(raw):
        name = visible(raw)
        if len(name) > longest:
            raise ValueError(f"its address has {len(name):,} characters, more than the limit of {longest:,}")
        return name, ()
    notes: list[str] = []
    steps = [step for step in raw.replace("\\", "/").split("/") if step not in ("", ".")]
    if raw[:1] in ("/", "\\") or (steps and _DRIVE.match(steps[0])):
        notes.append("its path in the archive was absolute")
        steps = steps[1:] if steps and _DRIVE.match(steps[0]) else steps
    if ".." in steps:
        raise ValueError("its name leads out of the archive")
    name = "/".join(visible(step) for step in steps)
    if not name:
        raise ValueError("it has no name")
    if len(name) > longest:
        raise ValueError(f"its name has {len(name):,} characters, more than the limit of {longest:,}")
    if name != "/".join(steps):
        notes.append("its name holds characters that are not shown as they are")
    return name, tuple(notes)


def holder(key: str) -> str:
    """The part of a member's key that names the file which holds it; "" for what is no member."""
    before, within, _ = key.partition(WITHIN)
    return before if within else ""
