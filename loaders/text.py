"""Plain text, tables of comma-separated values, and data files, read as a stream."""

from __future__ import annotations

import io
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import BinaryIO

from rag.charsets import SAMPLE, detect, unmarked_utf16
from rag.document import Head, Part, Source, labels
from rag.errors import SourceError
from rag.sniff import is_text

from .parts import Found, parts
from .reading import file_name, opened
from .text_blocks import blocks, lines, records
from .text_csv import rows

_BLOCK = 1 << 20


class Text:
    """Reads text of any charset; places are characters of the decoded text, its mark left out.

    Paragraphs end at blank lines; indented and fenced blocks are code; comma-separated values
    become tables; JSON, TOML and YAML keep their lines. Memory does not grow with the file. A
    file larger than `max_bytes` is refused.
    """

    VERSION = 1
    media_types: tuple[str, ...] = (
        "text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/jsonl",
        "application/toml", "application/yaml",
    )  # fmt: skip

    def __init__(self, *, max_bytes: int = 200_000_000) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        self.max_bytes = max_bytes

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements.

        Raises SourceError: unsupported (binary), limit, empty, missing, before the first Part.
        """
        with opened(source, self.max_bytes) as file:
            encoding, mark = _charset(file, source)
            file.seek(mark)
            text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
            head = Head(file_name(source), metadata=labels({"charset": encoding}))
            yield from parts(source, head, _found(text, source.media_type), start)


def _found(text: io.TextIOWrapper, media_type: str) -> Iterator[Found]:
    if media_type in ("text/csv", "text/tab-separated-values"):
        return rows(lines(text), "\t" if media_type.startswith("text/tab") else "")
    if media_type == "application/jsonl":
        return records(lines(text))
    return blocks(lines(text), data=media_type.startswith("application/"))


def _charset(file: BinaryIO, source: Source) -> tuple[str, int]:
    """The codec and the length of the mark, from a first pass over the whole file."""
    head = file.read(SAMPLE)
    if not is_text(head):
        raise SourceError("binary data, expected text", source=source.uri, kind="unsupported")
    encoding, mark = detect(head)
    if mark or unmarked_utf16(head):
        return encoding, mark
    file.seek(0)
    decoder = getincrementaldecoder("utf-8")()
    doubtful = b""
    while block := file.read(_BLOCK):
        if b"\0" in block:
            raise SourceError("zero bytes inside, expected text", source=source.uri, kind="unsupported")
        if not doubtful:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                doubtful = block
    return detect(doubtful)[0] if doubtful else "utf-8", 0
