"""Markdown by markdown-it-py (CommonMark with tables): each block with the characters it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from rag.charsets import decode
from rag.document import Part, Source
from rag.errors import SourceError
from rag.protocols import Assets
from rag.sniff import is_text

from .markdown_head import head
from .markdown_walk import Walk, tokens
from .parts import parts
from .pictures import Pictures
from .reading import file_name, read


class Markdown:
    """Reads Markdown; places are characters of the decoded text, its mark left out.

    Pictures are taken from data: addresses and from files in the text's own folder; those smaller
    than `min_image_side` pixels are left out. A file larger than `max_bytes` is refused.
    """

    VERSION = 4
    media_types: tuple[str, ...] = ("text/markdown",)

    def __init__(self, *, min_image_side: int = 50, max_bytes: int = 8_000_000, assets: Assets | None = None) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements.

        Raises SourceError: unsupported (binary), limit, empty, missing.
        """
        data = read(source, self.max_bytes)
        if not is_text(data[:65_536]):
            raise SourceError("binary data, expected Markdown", source=source.uri, kind="unsupported")
        text, encoding = decode(data)
        if not text.strip():
            raise SourceError("the file holds no text", source=source.uri, kind="empty")
        about, body = head(text, encoding)
        blocks = tokens(body)
        pictures = Pictures(source, self.assets, min_side=self.min_image_side)
        walk = Walk(text, blocks, pictures, self.min_image_side)
        yield from parts(source, about.of(blocks, file_name(source)), walk.found(), start)
