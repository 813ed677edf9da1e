"""Files packed by gzip, bzip2, xz or Zstandard, unpacked as a stream of bounded length."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from rag.document import Source
from rag.errors import SourceError
from rag.extras import extra


@contextmanager
def unpacked(file: BinaryIO, source: Source, limit: int) -> Iterator[io.BufferedReader[_Bounded]]:
    """The unpacked bytes; reading raises SourceError where they are damaged or more than the limit."""
    with io.BufferedReader(_Bounded(_unpacker(file, source.media_type), source.uri, limit), 1 << 16) as plain:
        yield plain


def _unpacker(file: BinaryIO, kind: str) -> BinaryIO:
    if kind == "application/gzip":
        import gzip

        return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    if kind == "application/x-bzip2":
        import bz2

        return cast(BinaryIO, bz2.BZ2File(file, "rb"))
    if kind == "application/x-xz":
        import lzma

        return cast(BinaryIO, lzma.LZMAFile(file, "rb"))
    with extra("office"):
        import zstandard

    # The window is what a frame may make the reader allocate.
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file, read_across_frames=True)
    return cast(BinaryIO, reader)


class _Bounded(io.RawIOBase):
    """A stream that counts what it gives, and says in our words what is wrong with it."""

    def __init__(self, inner: BinaryIO, uri: str, limit: int) -> None:
        self._inner = inner
        self._uri = uri
        self._left = limit
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        try:
            block = self._inner.read(len(view))
        except (MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:  # each packer has errors of its own
            raise SourceError(f"damaged archive: {error}", source=self._uri, kind="damaged") from error
        self._left -= len(block)
        if self._left < 0:
            raise SourceError(
                f"unpacks to more than {self._limit:,} bytes (max_unpacked)", source=self._uri, kind="limit"
            )
        view[: len(block)] = block
        return len(block)
