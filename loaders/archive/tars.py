"""Members of tar archives, read as a stream."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from rag.errors import SourceError
from rag.members import Member

_BLOCK = 1 << 20
_KINDS = {
    tarfile.SYMTYPE: "a link in an archive is not followed",
    tarfile.LNKTYPE: "a link in an archive is not followed",
    tarfile.CHRTYPE: "a device, not a file",
    tarfile.BLKTYPE: "a device, not a file",
    tarfile.FIFOTYPE: "a pipe, not a file",
}


def is_tar(head: bytes) -> bool:
    """Whether these 512 bytes are the header of a tar archive."""
    return head[257:262] == b"ustar"


def tar_members(file: BinaryIO, uri: str) -> Iterator[Member]:
    """Each file; links, devices and pipes with the reason why not. Memory does not grow with their number."""
    try:
        with tarfile.open(fileobj=file, mode="r|", errorlevel=1) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # a list that `tarfile` keeps and we do not need
                if info.isdir():
                    continue
                if info.isfile():
                    yield Member(info.name, _blocks(archive, info))
                else:
                    yield Member(info.name, skip=_KINDS.get(info.type, "not a regular file"))
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise SourceError(f"damaged archive: {error}", source=uri, kind="damaged") from error


def _blocks(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    stored: Any = info.sparse or ()
    if info.issparse() and info.size > 100 * max(1, sum(size for _, size in stored)):
        raise SourceError("a file of holes", source=info.name, kind="limit")
    try:
        file = archive.extractfile(info)
        while file and (block := file.read(_BLOCK)):
            yield block
    except (tarfile.TarError, EOFError) as error:
        raise SourceError(f"damaged: {error}", source=info.name, kind="damaged") from error
