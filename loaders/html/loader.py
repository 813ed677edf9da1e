"""Web pages by lxml: blocks in reading order, each with the XPath that finds it again."""

from __future__ import annotations

from collections.abc import Iterator

from rag.document import Notice, Part, Source
from rag.errors import SourceError
from rag.markup import TooMuch, parse
from rag.protocols import Assets

from ..parts import Found, parts
from ..pictures import Pictures
from ..reading import read
from .head import head
from .images import ImageRules
from .tree import Tree
from .walk import Walk


class HTML:
    """Reads saved web pages. Scripts are not run and nothing is fetched.

    Pictures come from the page itself (data: addresses) and from files in its own folder; those
    smaller than `min_image_side` pixels are left out. Navigation, headers and footers of a page
    have the roles `header` and `footer`, advertising and notices about cookies too; what an
    attribute, a style or a style sheet of the page hides is `hidden`. A page larger than `max_bytes` is refused.

    `max_aspect`, `min_alt_words`, `max_alt_words` and `max_shared_alt` are the filters of ALIGN against
    noise in pictures and their descriptions (there 3, 3, 20 and 10, with `min_image_side` 200); 0 is off.
    """

    VERSION = 4
    media_types: tuple[str, ...] = ("text/html", "application/xhtml+xml")

    def __init__(
        self,
        *,
        min_image_side: int = 50,
        max_aspect: float = 0.0,
        min_alt_words: int = 0,
        max_alt_words: int = 0,
        max_shared_alt: int = 0,
        max_bytes: int = 32_000_000,
        assets: Assets | None = None,
    ) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        if min(max_aspect, min_alt_words, max_alt_words, max_shared_alt) < 0:
            raise ValueError("the filters of pictures are at least 0, which turns them off")
        self.min_image_side = min_image_side
        self.max_aspect = max_aspect
        self.min_alt_words = min_alt_words
        self.max_alt_words = max_alt_words
        self.max_shared_alt = max_shared_alt
        self.max_bytes = max_bytes
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. The whole tree is in memory while it is walked.

        Raises SourceError: limit (bytes, tags, attributes), empty, unreadable, missing.
        """
        data = read(source, self.max_bytes)
        try:
            page = parse(data)
        except TooMuch as error:
            raise SourceError(str(error), source=source.uri, kind="limit") from error
        if page is None:
            raise SourceError("a page without content", source=source.uri, kind="empty")
        rules = ImageRules(
            self.min_image_side, self.max_aspect, self.min_alt_words, self.max_alt_words, self.max_shared_alt
        )
        walk = Walk(Tree(page.root, page.data), Pictures(source, self.assets, min_side=self.min_image_side), rules)
        yield from parts(source, head(page.root, page.encoding), _told(walk.found(), page.cut), start)


def _told(found: Iterator[Found | Notice], cut: str) -> Iterator[Found | Notice]:
    """What was found; a Notice where the page was not read to its end, or shows nothing."""
    if cut:
        yield Notice(f"the page was not read to its end, {cut}")
    nothing = True
    for one in found:
        nothing = nothing and (not isinstance(one, Found) or one.role == "hidden")
        yield one
    if nothing:
        yield Notice("the page shows no text without running its scripts")
