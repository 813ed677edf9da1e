"""Addresses as sources: fetched here, in the parent, so that parsing processes need no network.

What an address gave is kept in the corpus by digest, a page with its pictures inside. Pictures and
linked PDFs are fetched for an address that the user gave, never for what a file or a page of the
corpus says.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from rag.document import LabelValue
from rag.errors import SourceError
from rag.sniff import HEAD, TAIL, media_type
from rag.store.store import Store
from rag.store.writer import Writer

from .pages import in_utf8, linked_pdfs, marked, pictures, text_of, with_pictures
from .sources import Found, address

if TYPE_CHECKING:
    from rag.fetching import Fetched, Limits

PAGES = ("text/html", "application/xhtml+xml")
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/tiff", "image/gif", "image/bmp"})
KEPT_BYTES = 30_000_000
"""Of a page with its pictures: below what the HTML loader takes."""
MOST_PDFS = 50
AT_ONCE = 4
_TOLD = {"text/html", "application/xhtml+xml", "text/markdown", "text/csv", "text/tab-separated-values", "text/vtt"}


class Net(Protocol):
    """The part of `rag.fetching.Door` that is needed here."""

    def fetch(self, url: str, *, etag: str = "", modified: str = "") -> Fetched: ...

    async def afetch(self, url: str, *, limits: Limits) -> Fetched: ...

    def run(self, work: Coroutine[Any, Any, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Budget:
    """What the pictures of one page may cost: how many, bytes of one and of all, seconds of one and of all."""

    count: int = 100
    size: int = 7_000_000
    total: int = 20_000_000
    seconds: float = 20.0
    total_seconds: float = 60.0


class WebPages:
    """Turns a found address into kept bytes to ingest."""

    def __init__(self, store: Store, net: Net | None, *, follow: bool, budget: Budget = Budget()) -> None:
        self._store = store
        self._given = net
        self._follow = follow
        self._budget = budget
        self.links: list[Found] = []
        """The PDFs that the page fetched last links to, if they are to be followed."""

    @property
    def _net(self) -> Net:
        if self._given is None:
            from rag.fetching import Door

            self._given = Door()
        return self._given

    def taken(self, writer: Writer, one: Found) -> Found:
        """The address with its kept bytes and their media type. SourceError where it gives nothing to take.

        A server that says "unchanged" for the tag it gave with the bytes that are kept is believed.
        """
        self.links = []
        known = writer.source(one.url)
        marks = self._marks(one.url, known)
        got = self._net.fetch(one.url, etag=marks.get("etag", ""), modified=marks.get("modified", ""))
        if got.unchanged:
            kept = self._store.assets.kept(marks["digest"])
            self._note_links(kept.read_bytes(), marks["final"], marks["type"], "")
            return replace(one, path=kept, media_type=marks["type"])
        kind = self._type(got, one.uri)
        data, notes, whole = got.data, list[str](), True
        if kind in PAGES:
            data, notes, whole = self._page(got, kind)
        elif kind.startswith("text/"):
            data = in_utf8(data, got.charset, markup=False)
        path = self._store.assets.keep(data)
        self._remember(writer, one.url, path.name, kind, got if whole else replace(got, etag="", modified=""))
        notes += self._note_links(got.data, got.final_url, kind, got.charset)
        return replace(one, path=path, media_type=kind, notes=tuple(notes))

    def _type(self, got: Fetched, uri: str) -> str:
        """By content; where that is plain text, as the server says."""
        name = unquote(urlsplit(got.final_url).path.rpartition("/")[2]).replace("\0", "")
        kind = media_type(name, got.data[:HEAD], got.data[-TAIL:])
        if kind == "text/plain" and got.media_type in _TOLD:
            kind = got.media_type
        if kind is None:
            told = f"; the server calls it {got.media_type}" if got.media_type else ""
            raise SourceError(f"unknown file type{told}", source=uri, kind="unsupported")
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
                return {name: told[name] for name in wanted}
        return {}

    @staticmethod
    def _remember(writer: Writer, key: str, digest: str, kind: str, got: Fetched) -> None:
        told = {"etag": got.etag, "modified": got.modified, "digest": digest, "final": got.final_url, "type": kind}
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
        taken, failed = self._net.run(self._pictures(wanted[: self._budget.count]))
        notes = []
        missed = len(wanted) - len(taken)
        if missed:
            why = f": {failed[0]}" if failed else f", over the limits for one page ({self._budget.count})"
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
        for start in range(0, len(wanted), AT_ONCE):
            left = min(budget.seconds, end - time.monotonic())
            if left <= 0:
                failed.append(f"they took longer than {budget.total_seconds:g} s")
                break
            limits = Limits(size=budget.size, seconds=left, silence=left)
            batch = wanted[start : start + AT_ONCE]
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
            got = await self._net.afetch(url, limits=limits)
        except SourceError as error:
            return str(error)
        kind = media_type("", got.data[:HEAD]) or "unknown type"
        return (kind, got.data) if kind in PICTURES else f"{url}: {kind} is no picture that is read"

    def _note_links(self, data: bytes, url: str, kind: str, charset: str) -> list[str]:
        """Set `links`; what to say of those that are not followed."""
        if not self._follow or kind not in PAGES:
            return []
        own, others = linked_pdfs(text_of(data, charset), url)
        self.links = [address(one) for one in own[:MOST_PDFS]]
        return list(_left_out(len(own) - len(self.links), len(others)))


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
