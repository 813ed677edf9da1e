"""Opening a container in a worker process: its members, those of containers inside it included.

Each is kept by digest where a loader takes it. What the worker tells are plain messages, since the
container may be hostile: `member` for each, then `end`, or `error` where the rest cannot be read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from rag.addresses import is_url
from rag.config import Builder
from rag.contract import visible
from rag.document import Source
from rag.errors import RagError, SourceError
from rag.members import WITHIN, Member, MemberLimits, member_name
from rag.protocols import Holds
from rag.serialise import from_plain
from rag.sniff import HEAD, NAMED_ONLY, TAIL, media_type
from rag.store.assets import FolderAssets

Message = dict[str, Any]
PASSED_OVER = frozenset({"__pycache__", "node_modules", "venv", "__MACOSX"})
_SIDECAR = ".meta.json"


class _TooMuch(Exception):
    """A limit of the whole container: nothing more of it is read."""


def members(request: Mapping[str, Any], source: Source, builder: Builder) -> Iterator[Message]:
    """The messages for one container; SourceError where it cannot be read on."""
    assets = FolderAssets(Path(request["folder"]))
    limits = from_plain(MemberLimits, request["limits"])
    holders = {one: table for one, (_, table) in request["readable"].items() if table}
    loaded = {one for one, (table, _) in request["readable"].items() if table}
    opening = _Opening(assets, limits, holders, loaded, builder, Path(source.path).stat().st_size)
    try:
        yield from opening.walk(source, source.media_type, "", 1)
    except _TooMuch as error:
        raise SourceError(str(error), source=source.uri, kind="limit") from None
    yield {"kind": "end"}


class _Opening:
    """One container being opened, and what it has cost so far."""

    def __init__(
        self, assets: FolderAssets, limits: MemberLimits, holders: Mapping[str, Any], loaded: set[str],
        builder: Builder, packed: int,
    ) -> None:  # fmt: skip
        self._assets = assets
        self._limits = limits
        self._holders = holders
        self._loaded = loaded
        self._builder = builder
        self._packed = packed
        self._count = 0
        self._total = 0
        self._until = time.monotonic() + limits.seconds

    def walk(self, source: Source, kind: str, prefix: str, depth: int) -> Iterator[Message]:
        """The members of one container, in its order."""
        loader: Holds = self._builder.build(self._holders[kind])
        names: dict[str, int] = {}
        for member in loader.members(source):
            self._count += 1
            if self._count > self._limits.members:
                raise _TooMuch(f"more than {self._limits.members:,} members; the rest was left out")
            self._check_time()
            try:
                name, notes = member_name(member.name, self._limits.name)
            except ValueError as error:
                shown = visible(member.name[:80])
                yield _failed(prefix + (shown or f"member {self._count}"), str(error), "refused")
                continue
            if _hidden(name):  # as in a folder
                continue
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                notes = (*notes, "the archive holds this name more than once")
                name = f"{name}#{names[name]}"
            yield from self._one(member, source, prefix + name, (*notes, *member.notes), depth)

    def _one(self, member: Member, holder: Source, name: str, notes: tuple[str, ...], depth: int) -> Iterator[Message]:
        if member.error:
            yield _failed(name, member.error.message, member.error.kind)
            return
        if member.skip:
            yield _skipped(name, member.skip)
            return
        try:
            kind, path, why = self._kept(member, name)
        except SourceError as error:
            yield _failed(name, error.message, error.kind)
            return
        if path is None:
            yield _skipped(name, why)
            return
        told = {"kind": "member", "name": name, "type": kind, "digest": path.name, "notes": list(notes)}
        if kind in self._loaded:
            yield told
        if kind in self._holders:
            if depth >= self._limits.depth:
                yield _failed(name, f"nested deeper than {self._limits.depth} containers", "limit")
                return
            inner = Source(f"{holder.uri}{WITHIN}{name}", kind, path.name, str(path))
            try:
                yield from self.walk(inner, kind, name + WITHIN, depth + 1)
            except SourceError as error:
                yield _failed(name, error.message, error.kind)
            except (RagError, _TooMuch):
                raise
            except Exception as error:  # a parser's surprise costs this member alone
                yield _failed(name, f"{type(error).__name__}: {str(error)[:300]}", "damaged")

    def _kept(self, member: Member, name: str) -> tuple[str, Path | None, str]:
        """The media type and where the bytes lie; no path, and why, for what nothing takes."""
        blocks = iter(self._metered(member))
        head = b""
        for block in blocks:
            head += block
            if len(head) >= HEAD:
                break
        if not head:
            raise SourceError("the file is empty", source=name, kind="empty")
        kind = media_type(PurePosixPath(name.rpartition("/")[2]).name, head)
        if kind == "text/plain" and member.media_type.startswith("text/"):
            kind = member.media_type
        kind = kind or member.media_type
        if kind != "application/zip" and (why := self._not_taken(kind)):
            return kind, None, why
        path = self._assets.keep_blocks(chain([head], blocks))
        if kind == "application/zip":  # office documents are told apart by their list of members
            kind = media_type(name, head, _tail(path)) or kind
        why = self._not_taken(kind)
        return kind, None if why else path, why

    def _not_taken(self, kind: str) -> str:
        if not kind:
            return "unknown file type"
        if kind in NAMED_ONLY:
            return f"{kind} files are taken only when named one by one"
        return "" if kind in self._loaded or kind in self._holders else f"no loader takes {kind}"

    def _metered(self, member: Member) -> Iterator[bytes]:
        size = 0
        for block in member.blocks:
            size += len(block)
            self._total += len(block)
            self._check_time()
            if size > self._limits.size:
                why = f"more than {self._limits.size:,} bytes unpacked"
                raise SourceError(why, source=member.name, kind="limit")
            if self._total > self._limits.total:
                raise _TooMuch(f"more than {self._limits.total:,} bytes unpacked; the rest was left out")
            if self._total > max(self._limits.ratio_from, self._limits.ratio * self._packed):
                raise _TooMuch(
                    f"it unpacks to more than {self._limits.ratio:g} times its own {self._packed:,} bytes; "
                    "the rest was left out"
                )
            yield block

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise _TooMuch(f"opening it took longer than {self._limits.seconds:g} s; the rest was left out")


def _hidden(name: str) -> bool:
    """What is passed over in a folder is passed over here: hidden files, sidecars, caches."""
    if is_url(name):
        return False
    steps = name.split("/")
    hidden = any(step.startswith(".") for step in steps) or not PASSED_OVER.isdisjoint(steps)
    return hidden or name.endswith(_SIDECAR)


def _tail(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read(TAIL)


def _failed(name: str, why: str, kind: str) -> Message:
    return {"kind": "member", "name": name, "error": {"type": kind, "message": why, "place": None}}


def _skipped(name: str, why: str) -> Message:
    return {"kind": "member", "name": name, "skip": why}
