"""The crawls of one ingest: one for each address that the user gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

from rag.protocols import ProgressCallback
from rag.store.store import Store
from rag.store.writer import Writer

from ..sources import Found
from ..webpages import Net, WebPages
from .crawler import Crawler
from .rules import Crawl


class Crawls:
    """Starts crawls and tells them what became of their pages. Without rules there are none."""

    def __init__(
        self, store: Store, rules: Crawl | None, net: Net | None, pdfs: bool, cancel: Event,
        warn: Callable[[str], None], progress: ProgressCallback,
    ) -> None:  # fmt: skip
        self._store, self._net, self._pdfs = store, net, pdfs
        self._rules = rules
        self._cancel, self._warn, self._progress = cancel, warn, progress
        self._open: list[Crawler] = []

    def __bool__(self) -> bool:
        return self._rules is not None

    def found(self, writer: Writer, one: Found) -> Iterator[Found]:
        """The pages of a crawl from one address, as they are fetched."""
        web = WebPages(self._store, self._net, follow=False)
        crawler = Crawler(
            self._store, writer, one, self._rules or Crawl(), web, pdfs=self._pdfs, cancel=self._cancel,
            warn=self._warn, progress=self._progress,
        )  # fmt: skip
        self._open.append(crawler)
        yield from crawler.found()

    def settled(self, key: str) -> None:
        """The catalog has what this address gave, or it cannot be read."""
        for crawler in self._open:
            crawler.settled(key)

    def close(self) -> None:
        """End them; one that was cut short goes on with the next run."""
        while self._open:
            self._open.pop().close()
