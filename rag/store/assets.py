"""The bytes beside the catalog: pictures by name, kept sources by digest, rendered crops."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from rag.document import Media, Place, Source
from rag.errors import CorpusError, SourceError
from rag.identity import combined, digest, file_digest, place_key
from rag.store.files import publish, write_atomically, written
from rag.store.scratch import held

Render = Callable[[Source, Place, int], bytes]
"""Draws a region of a source as PNG; given by whoever knows the loaders."""

_NAME = re.compile("[0-9a-f]{64}")
CACHE_BYTES = 512 * 2**20


class FolderAssets:
    """`Assets` in `assets/`, `sources/` and `cache/` of a corpus folder."""

    def __init__(self, folder: Path, render: Render | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._render = render
        self._cache_bytes = cache_bytes
        self._cached: int | None = None
        """Bytes in the cache as far as this process knows; it looks again where they pass the limit."""

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        """Keep bytes under `name` (64 hex digits; default their sha256); atomic, idempotent."""
        name = name or digest(data)
        path = self._path("assets", name)
        if _size(path) != len(data):  # also one that a power cut left short
            write_atomically(path, data, durable=False)
        return Media(media_type, name, len(data))

    def open(self, media: Media) -> bytes:
        """The bytes, a question's picture first; CorpusError if they are gone."""
        if (asked := held(media.digest)) is not None:
            return asked
        try:
            return self._path("assets", media.digest).read_bytes()
        except OSError as error:
            raise CorpusError(
                f"asset {media.digest[:12]} is missing ({error.strerror}); run: rag add --refresh"
            ) from error

    def keep(self, data: bytes) -> Path:
        """Keep a source's bytes by digest; returns where they lie."""
        path = self.kept(digest(data))
        if _size(path) != len(data):
            write_atomically(path, data)
        return path

    def keep_blocks(self, blocks: Iterable[bytes]) -> Path:
        """Keep a source's bytes that come block by block; returns where they lie."""
        with written(self._folder / "sources") as (file, fresh):
            hashed = sha256()
            size = 0
            for block in blocks:
                file.write(block)
                hashed.update(block)
                size += len(block)
            path = self.kept(hashed.hexdigest())
            if _size(path) != size:
                path.parent.mkdir(exist_ok=True)
                publish(file, fresh, path)
        return path

    def kept(self, source_digest: str) -> Path:
        """Where a kept source lies, whether it is there or not."""
        return self._path("sources", source_digest)

    def crop(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        """The region as PNG, from the cache if it was drawn before.

        SourceError if the linked file changed or is gone: a box is never drawn on other bytes.
        """
        name = combined("crop", source.digest, place_key(place), dpi)
        cached = self._path("cache", name)
        try:
            return cached.read_bytes()
        except OSError:  # not there, or trimmed by another reader just now
            pass
        if self._render is None:
            raise CorpusError("no renderer is configured for this corpus")
        data = self._render(self.original(source), place, dpi)
        self._store_crop(cached, data)
        return data

    def original(self, source: Source) -> Source:
        """The source with the path where its very bytes lie; SourceError if they changed or are gone."""
        kept = self.kept(source.digest)
        path = kept if kept.exists() else Path(source.path)
        if not source.path and not kept.exists():
            raise SourceError("its bytes were not kept", source=source.uri, kind="missing")
        try:
            unchanged = file_digest(path) == source.digest
        except OSError as error:
            raise SourceError(
                f"the file is gone or unreadable ({error.strerror}); its stored text is still here",
                source=source.uri, kind="missing",
            ) from error  # fmt: skip
        if not unchanged:
            raise SourceError(
                "the file changed since it was ingested; run `rag add` on it again", source=source.uri,
                kind="changed",
            )  # fmt: skip
        return Source(source.uri, source.media_type, source.digest, str(path))

    def _store_crop(self, path: Path, data: bytes) -> None:
        """Cache a crop where the folder allows it; a read-only corpus still shows its crops."""
        try:
            write_atomically(path, data, durable=False)
        except OSError:
            return
        if self._cached is not None:
            self._cached += len(data)
        if self._cached is None or self._cached > self._cache_bytes:
            self._cached = self._trimmed()

    def _trimmed(self) -> int:
        """Delete the oldest crops above the limit; returns the bytes that stay."""
        found = [(file, _stat(file)) for file in self._files("cache")]
        files = sorted((told.st_mtime, told.st_size, file) for file, told in found if told)
        total = sum(size for _, size, _ in files)
        for _, size, file in files:
            if total <= self._cache_bytes:
                break
            if _deleted(file):
                total -= size
        return total

    def sweep(self, kind: str, named: set[str]) -> tuple[int, int]:
        """Delete the files of `kind` that are not named; returns how many and their bytes."""
        sizes = [(file, _size(file)) for file in self._files(kind) if file.name not in named]
        gone = [size for file, size in sizes if _deleted(file)]
        return len(gone), sum(size or 0 for size in gone)

    def missing(self, kind: str, named: set[str]) -> set[str]:
        """The names of `kind` whose files are not there."""
        return named - {file.name for file in self._files(kind)}

    def _files(self, kind: str) -> Iterator[Path]:
        return (self._folder / kind).glob("??/*")

    def _path(self, kind: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"an asset is named by 64 hex digits, got {name!r}")
        return self._folder / kind / name[:2] / name


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _size(path: Path) -> int | None:
    told = _stat(path)
    return told.st_size if told else None


def _deleted(path: Path) -> bool:
    """Delete a file that another process may have deleted already, or holds open."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
