"""Containers among the sources: opened in a worker process, their members sources of their own.

What a container held is remembered under its key with the digest of its bytes, so that one that did
not change is not opened again, and one whose member is gone can tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag import registry
from rag.document import Source
from rag.errors import SourceError
from rag.identity import combined, file_digest
from rag.members import WITHIN, MemberLimits, holder
from rag.serialise import to_plain
from rag.store.store import Store
from rag.store.writer import Writer

from .derive import answer
from .opening import Message
from .sources import Found
from .workers import Limits, Stopped, Worker


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in a container; `error` where the rest of it could not be read."""

    members: tuple[Found, ...]
    error: SourceError | None = None


class Containers:
    """Opens the containers of one run, each once."""

    def __init__(self, store: Store, workers: int, limits: Limits, members: MemberLimits) -> None:
        self._store = store
        self._worker = Worker(limits) if workers else None
        self._limits = members
        self._opened: dict[str, Opened] = {}
        self.open_failed: set[str] = set()
        """Keys of containers of which not everything could be read in this run."""

    def close(self) -> None:
        """End the worker process."""
        if self._worker:
            self._worker.stop()

    def holds(self, one: Found) -> bool:
        """Whether a found file is a container."""
        return not one.error and not one.skip and not one.member and self._store.holder(one.media_type) is not None

    def opened(self, writer: Writer, one: Found, key: str) -> Opened:
        """The members of a container, as remembered where its bytes and the loaders are the same."""
        if key not in self._opened:
            self._opened[key] = self._members(writer, one, key)
        return self._opened[key]

    def gone(self, key: str) -> bool:
        """Whether a member is not where it was: its container is gone, or holds it no more."""
        outer = holder(key)
        if not Path(outer).is_file():
            return True
        told = self._remembered(outer)
        names = {each["name"] for each in told.get("members", ())}
        return bool(told) and key[len(outer) + len(WITHIN) :] not in names

    def _members(self, writer: Writer, one: Found, key: str) -> Opened:
        try:
            digest, made = file_digest(one.path), self._made(one.media_type)
        except OSError as error:
            return self._failed(key, SourceError(f"cannot read: {error.strerror}", source=one.uri), [], one)
        told = self._remembered(key)
        if told.get("digest") == digest and told.get("made") == made and self._there(told["members"]):
            return Opened(tuple(self._found(one, key, each) for each in told["members"]))
        listed: list[Message] = []
        for message in self._messages(one, digest):
            if message["kind"] == "error":
                told = message["error"]
                return self._failed(key, SourceError(told["message"], source=one.uri, kind=told["type"]), listed, one)
            if message["kind"] == "member":
                listed.append({name: value for name, value in message.items() if name != "kind"})
        writer.set_meta(_mark(key), json.dumps({"digest": digest, "made": made, "members": listed}))
        return Opened(tuple(self._found(one, key, each) for each in listed))

    def _failed(self, key: str, error: SourceError, listed: list[Message], one: Found) -> Opened:
        self.open_failed.add(key)
        return Opened(tuple(self._found(one, key, each) for each in listed), error)

    def _messages(self, one: Found, digest: str) -> Iterator[Message]:
        request = {
            "op": "members",
            "source": to_plain(Source(one.uri, one.media_type, digest, str(one.path))),
            "readable": self._store.readable(),
            "limits": to_plain(self._limits),
            "folder": str(self._store.folder),
        }
        if self._worker is None:
            yield from answer(request)
            return
        try:
            yield from self._worker.run(request)
        except Stopped as stopped:
            yield {"kind": "error", "error": {"type": stopped.kind, "message": stopped.reason}}

    def _found(self, one: Found, key: str, told: Mapping[str, Any]) -> Found:
        uri, member = f"{one.uri}{WITHIN}{told['name']}", f"{key}{WITHIN}{told['name']}"
        if problem := told.get("error"):
            error = SourceError(problem["message"], source=uri, kind=problem["type"])
            return Found(uri, Path(member), error=error, member=member)
        if why := told.get("skip"):
            return Found(uri, Path(member), skip=why, member=member)
        path = self._store.assets.kept(told["digest"])
        return replace(
            one, uri=uri, path=path, media_type=told["type"], notes=tuple(told["notes"]), member=member, url=""
        )

    def _remembered(self, key: str) -> dict[str, Any]:
        with suppress(ValueError):
            told = json.loads(self._store.catalog.meta(_mark(key)) or "{}")
            return told if isinstance(told, dict) else {}
        return {}

    def _there(self, listed: list[Mapping[str, Any]]) -> bool:
        digests = (told["digest"] for told in listed if "digest" in told)
        return all(self._store.assets.kept(digest).exists() for digest in digests)

    def _made(self, media_type: str) -> str:
        """What the list of a container's members depends on beside its bytes."""
        readable = self._store.readable()
        holders = [table["use"] for _, table in readable.values() if table]
        versions = [registry.load(use).VERSION for use in holders]  # type: ignore[attr-defined]
        return combined(readable, versions, to_plain(self._limits))


def forget(writer: Writer, key: str) -> None:
    """Drop what is remembered of a container."""
    writer.set_meta(_mark(key), "")


def _mark(key: str) -> str:
    return f"members:{key}"
