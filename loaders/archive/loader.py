"""Archives by the standard library: zip, tar, and what is packed by gzip, bzip2, xz or Zstandard."""

from __future__ import annotations

from collections.abc import Iterator

from rag.document import Source
from rag.members import Member

from ..reading import file_name, opened
from .packed import unpacked
from .tars import is_tar, tar_members
from .zips import zip_members


class Archive:
    """Finds the members of an archive. Nothing is written; links are not followed.

    An archive larger than `max_bytes` is refused, one that unpacks to more than `max_unpacked` as a
    whole is read up to there, and a list of members larger than `max_directory` bytes is refused.
    Members of a zip that overlap, that are encrypted or damaged fail alone.
    """

    VERSION = 1
    media_types: tuple[str, ...] = (
        "application/zip", "application/x-tar", "application/gzip", "application/x-bzip2", "application/x-xz",
        "application/zstd",
    )  # fmt: skip

    def __init__(
        self, *, max_bytes: int = 20_000_000_000, max_unpacked: int = 20_000_000_000, max_directory: int = 32_000_000
    ) -> None:
        if min(max_bytes, max_unpacked, max_directory) < 1:
            raise ValueError("max_bytes, max_unpacked and max_directory are at least 1")
        self.max_bytes = max_bytes
        self.max_unpacked = max_unpacked
        self.max_directory = max_directory

    def members(self, source: Source) -> Iterator[Member]:
        """The members in the archive's order; a packed file that is no tar is its own one member.

        Raises SourceError: damaged, limit, missing, empty, refused; MissingExtra for Zstandard.
        """
        with opened(source, self.max_bytes) as file:
            if source.media_type == "application/zip":
                yield from zip_members(file, source.uri, self.max_directory)
                return
            if source.media_type == "application/x-tar":
                yield from tar_members(file, source.uri)
                return
            with unpacked(file, source, self.max_unpacked) as plain:
                if is_tar(plain.peek(512)):
                    yield from tar_members(plain, source.uri)
                else:
                    yield Member(_without_suffix(file_name(source)), iter(lambda: plain.read(1 << 20), b""))


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.lower() in ("gz", "bz2", "xz", "zst", "lzma") else f"{name} (unpacked)"
