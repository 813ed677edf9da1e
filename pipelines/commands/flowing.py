"""Text written to a terminal while it comes."""

from __future__ import annotations

from typing import TextIO

from rag.contract import visible

WIDTH = 100


class Flowing:
    """Writes pieces of text as whole words, broken at `width` columns; control characters are spelt out."""

    def __init__(self, out: TextIO, width: int = WIDTH) -> None:
        self._out = out
        self._width = width
        self._column = 0
        self._waiting = ""

    def write(self, piece: str) -> None:
        """A piece as it came; its last word waits until it is known to be whole."""
        *lines, last = (self._waiting + piece).split("\n")
        for line in lines:
            self._words(line.split())
            self._out.write("\n")
            self._column = 0
        whole, space, self._waiting = last.rpartition(" ")
        self._words((whole + space).split())
        self._out.flush()

    def end(self) -> None:
        """The last word, and the end of the line."""
        self._words(self._waiting.split())
        self._waiting = ""
        if self._column:
            self._out.write("\n")
            self._column = 0
        self._out.flush()

    def _words(self, words: list[str]) -> None:
        for word in map(visible, words):
            if self._column and self._column + 1 + len(word) > self._width:
                self._out.write("\n")
                self._column = 0
            self._out.write(f" {word}" if self._column else word)
            self._column += len(word) + bool(self._column)
