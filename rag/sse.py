"""Server-sent events: bytes as they come, to the `data:` payloads of whole events.

WHATWG HTML, section 9.2.6 "Interpreting an event stream", https://html.spec.whatwg.org/multipage/server-sent-events.html
Departure: event names, ids and retry times are passed over; an event that the stream's end cuts off
is given all the same where its line is whole, since some servers leave out the last empty line.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.bodies import TooLarge


class Payloads:
    """Feed it bytes; it gives the payload of each event. TooLarge above `limit` bytes for one event."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._data: list[str] = []
        self._size = 0
        self._first = True
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The payloads that are complete with these bytes."""
        for line in self._lines(chunk):
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
        self._check(len(self._rest))

    def end(self) -> Iterator[str]:
        """What was complete but for the empty line after it."""
        if self._rest:
            self._take(bytes(self._rest))
            self._rest.clear()
        if self._data:
            yield self._event()

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        """Lines ended by CR LF, LF or CR; the first may begin with a byte order mark."""
        for piece in chunk.splitlines(keepends=True):
            if self._after_return and piece == b"\n":
                self._after_return = False
                continue
            self._after_return = piece.endswith(b"\r")
            if not piece.endswith((b"\n", b"\r")):
                self._rest += piece
                continue
            line = bytes(self._rest) + piece.rstrip(b"\r\n")
            self._rest.clear()
            if self._first:
                line = line.removeprefix(b"\xef\xbb\xbf")
                self._first = False
            yield line

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._size += len(value)
            self._check(0)
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))

    def _event(self) -> str:
        payload = "\n".join(self._data)
        self._data, self._size = [], 0
        return payload

    def _check(self, pending: int) -> None:
        if self._size + pending > self._limit:
            raise TooLarge(f"an event of more than {self._limit} bytes")
