"""The body of a response, unpacked under limits: what a server sends is not believed in size."""

from __future__ import annotations

import zlib

STEP = 64 * 1024
MAX_RATIO = 200
"""Deflate reaches 1032 to 1; markup and JSON stay below 50. Judged above 1 MB only."""


class TooLarge(ValueError):
    """The body is over a limit, before or after unpacking."""


class Body:
    """Bytes as they come, unpacked (gzip, deflate, or as they are), at most `limit` in all.

    ValueError for another coding or a broken one, TooLarge above the limit or for a body that unpacks
    to more than `MAX_RATIO` times its size.
    """

    def __init__(self, coding: str, limit: int) -> None:
        coding = coding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise ValueError(f"the server packed it as {coding[:30]!r}, which was not asked for")
        self._coding = coding if coding != "identity" else ""
        self._limit = limit
        self._unpacker: zlib._Decompress | None = None
        self._taken = 0
        self._given = 0

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that these unpack to."""
        self._taken += len(chunk)
        if not self._coding or not chunk:
            return self._counted(chunk)
        unpacker = self._unpacker or self._start(chunk)
        pieces = []
        try:
            while chunk and not unpacker.eof:
                pieces.append(self._counted(unpacker.decompress(chunk, STEP)))
                chunk = unpacker.unconsumed_tail
        except zlib.error as error:
            raise ValueError(f"the server's {self._coding} data is damaged: {error}") from None
        return b"".join(pieces)

    def end(self) -> bytes:
        """The last bytes, at the end of the body; ValueError where packed data is cut off."""
        if self._unpacker is None:
            return b""
        last = self._counted(self._unpacker.flush())
        if not self._unpacker.eof:
            raise ValueError(f"the server's {self._coding} data is cut off")
        return last

    def _start(self, chunk: bytes) -> zlib._Decompress:
        # "deflate" means zlib data (RFC 9110, 8.4.1.2); servers that send it bare are known by the first byte.
        bare = self._coding == "deflate" and chunk[0] & 0x0F != 8
        bits = {"deflate": -zlib.MAX_WBITS if bare else zlib.MAX_WBITS}.get(self._coding, 16 + zlib.MAX_WBITS)
        self._unpacker = zlib.decompressobj(bits)
        return self._unpacker

    def _counted(self, piece: bytes) -> bytes:
        self._given += len(piece)
        if self._given > self._limit:
            raise TooLarge(f"it is larger than the limit of {self._limit:,} bytes")
        if self._given > 1_000_000 and self._given > MAX_RATIO * self._taken:
            raise TooLarge(f"it unpacks to more than {MAX_RATIO} times its size")
        return piece
