"""Addresses as sources: fetched here, in the parent, so that parsing processes need no network.

What an address gave is kept in the corpus by digest, a page with its pictures inside. Pictures and
linked PDFs are fetched for an address that the user gave, never for what a file or a page of the
corpus says.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from rag.document import LabelValue
from rag.errors import SourceError
from rag.pages import in_utf8, linked_pdfs, marked, pictures, text_of, with_pictures
from rag.sniff import HEAD, TAIL, media_type
from rag.store.store import Store
from rag.store.writer import Writer

from .browser import Browser
from .sources import Found, address

if TYPE_CHECKING:
    from rag.fetching import Fetched, Limits

PAGES = ("text/html", "application/xhtml+xml")
PICTURES = frozenset({
    "image/png", "image/jpeg", "image/webp", "image/tiff", "image/gif", "image/bmp", "image/avif", "image/heic",
    "image/heif", "image/svg+xml",
})  # fmt: skip
KEPT_BYTES = 30_000_000
"""Of a page with its pictures: below what the HTML loader takes."""
MOST_PDFS = 50
AT_ONCE = 4
_TOLD = {"text/html", "application/xhtml+xml", "text/markdown", "text/csv", "text/tab-separated-values", "text/vtt"}


class Net(Protocol):
    """The part of `rag.fetching.Door` that is needed here."""

    def fetch(
        self, url: str, *, etag: str = "", modified: str = "", limits: Limits = ..., leads: Callable[[str], str] = ...
    ) -> Fetched: ...

    async def afetch(self, url: str, *, limits: Limits = ...) -> Fetched: ...

    def run(self, work: Coroutine[Any, Any, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Budget:
    """What the pictures of one page may cost: how many, bytes of one and of all, seconds of one and of all."""

    count: int = 100
    size: int = 7_000_000
    total: int = 20_000_000
    seconds: float = 20.0
    total_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Got:
    """What an address gave, and of which type it is. `kept` is where the bytes lie that it still has, if so."""

    fetched: Fetched
    kind: str
    kept: Path | None = None


class WebPages:
    """Turns a found address into kept bytes to ingest."""

    def __init__(self, store: Store, net: Net | None, *, follow: bool, budget: Budget = Budget()) -> None:
        self._store = store
        self._given = net
        self._follow = follow
        self._budget = budget
        self.links: list[Found] = []
        """The PDFs that the page fetched last links to, if they are to be followed."""
        self.at_once = AT_ONCE
        """Pictures of a page that are fetched at the same time."""
        self.may: Callable[[str], bool] = lambda url: True
        """Whether an address that a page names may be asked for."""

    def limited(self, may: Callable[[str], bool]) -> None:
        """Ask for one thing at a time, and only for what may be asked for."""
        self.at_once, self.may = 1, may
        if isinstance(self._given, Browser):
            self._given.may = may

    @property
    def net(self) -> Net:
        """What addresses are fetched with."""
        if self._given is None:
            from rag.fetching import Door

            self._given = Door()
        return self._given

    def taken(self, writer: Writer, one: Found) -> Found:
        """The address with its kept bytes and their media type. SourceError where it gives nothing to take.

        A server that says "unchanged" for the tag it gave with the bytes that are kept is believed.
        """
        got = self.got(writer, one.url)
        ready, notes = self.ready(writer, one, got), tuple[str, ...]()
        self.links = []
        if self._follow and got.kind in PAGES:
            page = got.fetched
            own, others = linked_pdfs(text_of(page.data, page.charset), page.final_url)
            self.links = [address(link) for link in own[:MOST_PDFS]]
            notes = tuple(_left_out(len(own) - len(self.links), len(others)))
        return replace(ready, notes=(*ready.notes, *notes))

    def got(
        self, writer: Writer, key: str, asked: str = "", *, limits: Limits | None = None,
        leads: Callable[[str], str] | None = None,
    ) -> Got:  # fmt: skip
        """What is at an address. `asked` is where to ask if that leads to `key`, as it did before."""
        from rag.fetching import Limits, anywhere

        marks = self._marks(key, writer.source(key))
        limits, leads = limits or Limits(), leads or anywhere
        fetched = self.net.fetch(
            asked or key, etag=marks.get("etag", ""), modified=marks.get("modified", ""), limits=limits, leads=leads
        )
        if fetched.unchanged and asked and fetched.final_url != marks["final"]:
            # It leads elsewhere now, and the tag was of another page.
            fetched = self.net.fetch(asked, limits=limits, leads=leads)
        if not fetched.unchanged:
            return Got(fetched, self._type(fetched))
        kept = self._store.assets.kept(marks["digest"])
        robots = fetched.robots or marks.get("robots", "")
        try:
            data = kept.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read what was kept: {error.strerror}", source=key) from error
        page = replace(fetched, final_url=marks["final"], data=data, charset="", robots=robots)
        return Got(page, marks["type"], kept)

    def ready(self, writer: Writer, one: Found, got: Got) -> Found:
        """The address with its kept bytes: a page with its pictures inside, text in UTF-8."""
        if got.kept is not None:
            return replace(one, path=got.kept, media_type=got.kind)
        page, notes, whole = got.fetched, list[str](), True
        data = page.data
        if got.kind in PAGES:
            data, notes, whole = self._page(page, got.kind)
        elif got.kind.startswith("text/"):
            data = in_utf8(data, page.charset, markup=False)
        path = self._store.assets.keep(data)
        self._remember(writer, one.url, path.name, got.kind, page if whole else replace(page, etag="", modified=""))
        return replace(one, path=path, media_type=got.kind, notes=tuple(notes))

    @staticmethod
    def _type(got: Fetched) -> str:
        """By content; where that is plain text, as the server says."""
        name = unquote(urlsplit(got.final_url).path.rpartition("/")[2]).replace("\0", "")
        kind = media_type(name, got.data[:HEAD], got.data[-TAIL:])
        if kind == "text/plain" and got.media_type in _TOLD:
            kind = got.media_type
        if kind is None:
            told = f"; the server calls it {got.media_type}" if got.media_type else ""
            raise SourceError(f"unknown file type{told}", source=got.url, kind="unsupported")
        return kind

    # --- what was there before -----------------------------------------------------------------------------

    def _marks(self, key: str, known: tuple[str, str, dict[str, LabelValue]] | None) -> dict[str, str]:
        """What the server said with the bytes that this source has now; empty unless these are kept."""
        if known is None or not self._store.assets.kept(known[0]).exists():
            return {}
        with suppress(ValueError, TypeError):
            told = json.loads(self._store.catalog.meta(f"address:{key}") or "{}")
            wanted = ("etag", "modified", "digest", "final", "type")
            if told.get("digest") == known[0] and all(isinstance(told.get(name), str) for name in wanted):
                return {name: told[name] for name in wanted} | {"robots": str(told.get("robots", ""))}
        return {}

    @staticmethod
    def _remember(writer: Writer, key: str, digest: str, kind: str, got: Fetched) -> None:
        told = {
            "etag": got.etag, "modified": got.modified, "digest": digest, "final": got.final_url, "type": kind,
            "robots": got.robots,
        }  # fmt: skip
        writer.set_meta(f"address:{key}", json.dumps(told))

    # --- pages ---------------------------------------------------------------------------------------------

    def _page(self, got: Fetched, kind: str) -> tuple[bytes, list[str], bool]:
        """A page with its pictures inside, what to say of it, and whether all came that may come."""
        if len(got.data) > KEPT_BYTES:  # the loader refuses it, and says why
            return got.data, [], True
        text = text_of(got.data, got.charset)
        wanted = pictures(text, got.final_url, self._min_side(kind))
        if not wanted:
            return in_utf8(got.data, got.charset, markup=True), [], True
        taken, failed = self.net.run(self._pictures([one for one in wanted if self.may(one)][: self._budget.count]))
        notes = []
        missed = len(wanted) - len(taken)
        if missed:
            other = f"over the limits for one page ({self._budget.count}), or not for programs (robots.txt)"
            why = f": {failed[0]}" if failed else f", {other}"
            notes.append(f"{missed} of {len(wanted)} pictures were not fetched{why}")
        room = max(0, (KEPT_BYTES - len(text.encode("utf-8", "replace"))) * 3 // 4)
        if not taken or not room:
            return in_utf8(got.data, got.charset, markup=True), notes, not missed
        inside = with_pictures(text, got.final_url, self._min_side(kind), taken, min(room, self._budget.total))
        return marked(inside), notes, not missed

    def _min_side(self, kind: str) -> int:
        """The smallest pictures that the loader of pages keeps."""
        return int((self._store.loader(kind) or {}).get("min_image_side", 50))

    async def _pictures(self, wanted: Sequence[str]) -> tuple[dict[str, tuple[str, bytes]], list[str]]:
        """Pictures by address (type, bytes), and why some are not there; a few at once, in order."""
        from rag.fetching import Limits

        budget = self._budget
        end = time.monotonic() + budget.total_seconds
        taken: dict[str, tuple[str, bytes]] = {}
        failed: list[str] = []
        total = 0
        for start in range(0, len(wanted), self.at_once):
            left = min(budget.seconds, end - time.monotonic())
            if left <= 0:
                failed.append(f"they took longer than {budget.total_seconds:g} s")
                break
            limits = Limits(size=budget.size, seconds=left, silence=left)
            batch = wanted[start : start + self.at_once]
            got = await asyncio.gather(*(self._picture(url, limits) for url in batch))
            for url, picture in zip(batch, got, strict=True):
                if isinstance(picture, str):
                    failed.append(picture)
                elif (total := total + len(picture[1])) <= budget.total:
                    taken[url] = picture
            if total > budget.total:
                failed.append(f"they have more than {budget.total:,} bytes")
                break
        return taken, failed

    async def _picture(self, url: str, limits: Limits) -> tuple[str, bytes] | str:
        try:
            got = await self.net.afetch(url, limits=limits)
        except SourceError as error:
            return str(error)
        kind = media_type("", got.data[:HEAD]) or "unknown type"
        return (kind, got.data) if kind in PICTURES else f"{url}: {kind} is no picture that is read"


def _left_out(many: int, others: int) -> Iterator[str]:
    if many:
        yield f"{many} more linked PDFs were not taken, above the limit of {MOST_PDFS}; name them one by one"
    if others:
        yield f"{others} linked PDFs of other sites were not taken; name them one by one"


def gone(error: SourceError, one: Found) -> bool:
    """Whether a server said that there is nothing at this address, as opposed to being out of reach."""
    return bool(one.url) and error.kind == "missing"


def nowhere(key: str) -> bool:
    """Whether the file of this key is gone; keys of bytes and addresses name no file."""
    return not key.startswith(("bytes:", "http://", "https://")) and not Path(key).exists()
