"""Members of zip archives, from the list at their end."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from rag.errors import SourceError
from rag.members import Member

_BLOCK = 1 << 20
_END = b"PK\x05\x06"
_HEADER = 30


def zip_members(file: BinaryIO, uri: str, max_directory: int) -> Iterator[Member]:
    """Each file; those that are encrypted, links, or share bytes with another with the reason why not."""
    check_directory(file, uri, max_directory)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise SourceError(f"damaged archive: {error}", source=uri, kind="damaged") from error
    with archive:
        shared = overlapping(archive)
        for place, info in enumerate(archive.infolist()):
            if info.is_dir():
                continue
            # `orig_filename` is as stored; `filename` ends at a NUL that a name may hide something behind.
            yield _member(archive, info, info.orig_filename, place in shared)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, shares: bool) -> Member:
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        why = "it is encrypted; unpack the archive with its password and add the folder"
        return Member(name, error=SourceError(why, source=name, kind="encrypted"))
    if shares:
        return Member(name, error=SourceError("its bytes overlap another member's", source=name, kind="refused"))
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        link = stat.S_ISLNK(mode)
        return Member(name, skip="a link in an archive is not followed" if link else "not a regular file")
    return Member(name, _blocks(archive, info))


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as file:
            while block := file.read(_BLOCK):
                yield block
    except NotImplementedError as error:
        why = f"packed in a way that is not read: {error}"
        raise SourceError(why, source=info.filename, kind="unsupported") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise SourceError(f"damaged: {error}", source=info.filename, kind="damaged") from error


def overlapping(archive: zipfile.ZipFile) -> set[int]:
    """The places in the list of members that reach into the next one: how small archives unpack to endless bytes.

    The first of members that begin at one place is left to be read, once.
    """
    found = set()
    end = archive.start_dir
    listed = sorted(enumerate(archive.infolist()), key=lambda one: one[1].header_offset, reverse=True)
    for place, info in listed:
        if info.header_offset + _HEADER + info.compress_size > end:
            found.add(place)
        end = min(end, info.header_offset)
    return found


def check_directory(file: BinaryIO, uri: str, limit: int) -> None:
    """SourceError where the list of members is larger than the limit: it is read as a whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise SourceError("damaged archive: its end is missing", source=uri, kind="damaged")
    told = int.from_bytes(tail[at + 12 : at + 16], "little")
    if told == 0xFFFFFFFF:  # a 64-bit archive says it elsewhere
        large = tail.rfind(b"PK\x06\x06", 0, at)
        told = int.from_bytes(tail[large + 40 : large + 48], "little") if large >= 0 else size
    if told > limit:
        why = f"a list of members of {told:,} bytes, more than the limit of {limit:,} (max_directory)"
        raise SourceError(why, source=uri, kind="limit")
    file.seek(0)
