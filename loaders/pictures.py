"""Pictures that a page or a text names: inside it, or in its own folder. Nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from rag.document import Media, Notice, Source
from rag.errors import MissingExtra, SourceError
from rag.identity import digest
from rag.protocols import Assets
from rag.sniff import media_type

from . import pixels

TAKEN = frozenset({
    "image/png", "image/jpeg", "image/webp", "image/tiff", "image/gif", "image/bmp", "image/avif", "image/heic",
    "image/heif", "image/svg+xml",
})  # fmt: skip

_FILE = re.compile(r"\S+\.(?:png|jpe?g|gif|bmp|tiff?|webp|emf|wmf|svg)", re.IGNORECASE)


def told(description: str) -> str:
    """The alternative text of a picture in an office document; "" where it is the name of a file."""
    text = " ".join(description.split())
    return "" if _FILE.fullmatch(text) else text


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a named picture: its size in pixels, and its bytes where assets are kept.

    `said` is the title or description that a drawing holds.
    """

    width: int
    height: int
    media: Media | None
    said: str = ""


class Pictures:
    """Finds the pictures of one document.

    `min_side`: of smaller ones (tracking dots, icons) no bytes are kept, in pixels. `max_bytes` of one
    picture as stored; `max_pixels` of one once decoded; `max_total` bytes read for one document.
    """

    def __init__(
        self,
        source: Source,
        assets: Assets | None,
        *,
        min_side: int = 50,
        max_bytes: int = 20_000_000,
        max_pixels: int = pixels.MAX_PIXELS,
        max_total: int = 500_000_000,
    ) -> None:
        self._source = source
        self._assets = assets
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self.min_side = min_side
        self._left = max_total
        self._folder = _folder(source)
        self._seen: dict[str, Picture | None] = {}
        self.notices: list[Notice] = []

    def find(self, reference: str) -> Picture | None:
        """The picture behind a `src`; None where it is elsewhere, absent, refused or no picture."""
        reference = reference.strip()
        if not reference:
            return None
        key = digest(reference) if len(reference) > 256 else reference
        if key not in self._seen:
            self._seen[key] = self._found(reference)
        return self._seen[key]

    def told(self) -> list[Notice]:
        """What was worth telling since the last call."""
        told, self.notices = self.notices, []
        return told

    def _found(self, reference: str) -> Picture | None:
        shown = reference[:80]
        inside = reference[:5].lower() == "data:"
        data = self._inside(reference) if inside else self._beside(reference)
        if data is None:
            return None
        return self.keep(data, shown)

    def keep(self, data: bytes, shown: str) -> Picture | None:
        """The picture in these bytes; None, and where it is worth it a notice, for what is none."""
        self._left -= len(data)
        kind = media_type("", data[:8192])
        if self._left < 0 or len(data) > self._max_bytes or kind not in TAKEN:
            return None
        try:
            if kind == "image/svg+xml":
                return self._drawing(data, shown)
            image = pixels.opened(data, shown, self._max_pixels)
            width, height = pixels.shown_size(image)
            if self._assets is None or min(width, height) < self.min_side:
                return Picture(width, height, None)
            clean = pixels.normalised(image, shown)
            media = pixels.kept(clean, pixels.asset_name(data), image.format or "", self._assets)
            return Picture(width, height, media)
        except (SourceError, MissingExtra) as error:
            self.notices.append(Notice(f"picture left out: {error}"))
            return None

    def _drawing(self, data: bytes, shown: str) -> Picture:
        """An SVG as the loader of drawings draws it; its size is that in CSS pixels."""
        from .svg.loader import SIDE, picture
        from .svg.safe import cleaned
        from .svg.words import described

        drawing = cleaned(data, shown)
        width, height = max(1, round(drawing.width)), max(1, round(drawing.height))
        media = None
        if self._assets is not None and min(width, height) >= self.min_side:
            media = pixels.kept(picture(drawing, shown, SIDE), pixels.asset_name(data), "SVG", self._assets)
        return Picture(width, height, media, described(drawing))

    def _inside(self, reference: str) -> bytes | None:
        kind, comma, body = reference[5:].partition(",")
        limit = min(self._max_bytes, self._left)
        if not comma or len(body) > 3 * limit + 16:
            self.notices.append(Notice(f"picture inside the page left out: more than {limit:,} bytes"))
            return None
        try:
            if kind.lower().replace(" ", "").endswith(";base64"):
                plain = "".join(unquote(body).split())
                return base64.b64decode(plain + "=" * (-len(plain) % 4))
            return unquote_to_bytes(body)
        except (binascii.Error, ValueError):
            return None

    def _beside(self, reference: str) -> bytes | None:
        """The bytes of a regular file inside the page's own folder, symbolic links resolved."""
        if self._folder is None:
            return None
        try:
            parts = urlsplit(reference)
            name = unquote(parts.path)
            if parts.scheme or parts.netloc or not name or name.startswith(("/", "\\")) or "\0" in name:
                return None
            target = (self._folder / name.replace("\\", "/")).resolve(strict=True)
            if not target.is_relative_to(self._folder):
                self.notices.append(Notice(f"picture outside the page's folder left out: {name[:120]}"))
                return None
            return self._read(target)
        except (OSError, ValueError, RuntimeError):  # absent, a loop of links, not an address at all
            return None

    def _read(self, target: Path) -> bytes | None:
        limit = min(self._max_bytes, self._left)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(target, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                return None
            if state.st_size > limit:
                told = f"picture left out: {target.name} has more than {limit:,} bytes"
                self.notices.append(Notice(told))
                return None
            return file.read(limit)


def _folder(source: Source) -> Path | None:
    """The folder of a page that is a file of its own; None for what was fetched from an address."""
    if "://" in source.uri and not source.uri.lower().startswith("file://"):
        return None
    try:
        return Path(source.path or source.uri).resolve().parent
    except (OSError, ValueError, RuntimeError):
        return None
