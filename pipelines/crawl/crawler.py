"""A crawl: one address after the other, each fetched, judged, and handed on to be read.

One request at a time, so one connection a host; between two requests to a host the longer of the user's
pause and the site's own. What a page costs is bounded by `Crawl`, what it says is never believed: links
are followed within the site alone, redirects are judged before anything is sent to where they lead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from threading import Event
from typing import TYPE_CHECKING, cast

from rag.addresses import parsed
from rag.errors import SourceError
from rag.identity import combined
from rag.pages import text_of
from rag.protocols import ProgressCallback
from rag.store.store import Store
from rag.store.writer import Writer

from ..sources import Found, address
from ..webpages import PAGES, Got, WebPages
from .frontier import Entry, Frontier
from .links import Links, is_pdf, links, may_be_page
from .robots import Allowed, Robots
from .rules import Crawl, Site, site_of, trap
from .sitemaps import SIZE as SITEMAP_SIZE
from .sitemaps import sitemap

if TYPE_CHECKING:
    from rag.fetching import Limits

LONGEST_PAUSE = 300.0
"""Seconds; a site that asks for a longer one between two requests is not crawled."""
MOST_FAILURES = 10
"""Requests in a row that a server fails before it is left alone."""
PAGE_BYTES = 30_000_000
PDF_BYTES = 100 * 2**20
_PASSING = frozenset({"unreadable", "limit"})
_SITEMAPS = ("application/xml", "application/gzip", "text/plain")
TEXTS = frozenset({*PAGES, "text/plain", "text/markdown"})


class _Skipped(Exception):
    """An address that is not taken; says why."""


class _Stopped(Exception):
    """The user cancelled during a pause."""


class Crawler:
    """One crawl from one address; `found` gives what it takes, ready to be read."""

    def __init__(
        self, store: Store, writer: Writer, seed: Found, rules: Crawl, web: WebPages, *, pdfs: bool = False,
        cancel: Event | None = None, warn: Callable[[str], None] = lambda _: None,
        progress: ProgressCallback = lambda _: None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._writer, self._seed, self._rules, self._web, self._pdfs = writer, seed, rules, web, pdfs
        self._cancel, self._warn, self._progress, self._clock = cancel or Event(), warn, progress, clock
        self._store = store
        limits = {"max_pages": 0, "max_bytes": 0, "delay": 0.0}
        named = combined("crawl", seed.url, asdict(rules) | limits, pdfs)
        self._frontier = Frontier(store.folder, named)
        self._robots = Robots(lambda: web.net)
        self._asked: dict[str, float] = {}
        self._slower: dict[str, float] = {}
        self._why = ""
        self._ended = False
        web.limited(self._robots.may)

    def found(self) -> Iterator[Found]:
        """What the crawl takes, one by one: kept bytes, or why there are none. Its end is noted; a kill is not."""
        frontier = self._frontier
        if frontier.resumed and (before := frontier.count("done", "fetched", pages=True)):
            self._warn(f"going on with the crawl of {self._seed.uri}, of which {before} pages were done before")
        yield from self._kept()
        with frontier.step():
            frontier.note([self._seed.url], "page", 0)
        failures = 0
        while not self._cancel.is_set() and (entry := frontier.next()) is not None:
            if (over := self._over()) and entry.kind != "sitemap":
                self._warn(f"the crawl of {self._seed.uri} stopped at {over}; {self._left()} known pages are left")
                break
            self._tell(entry)
            try:
                one = self._taken(entry)
            except _Stopped:
                return
            if one is not None:
                yield one
            passing = one is not None and one.error is not None and one.error.kind in _PASSING
            failures = failures + 1 if passing else 0
            if failures >= MOST_FAILURES:
                self._warn(f"{self._seed.uri}: {failures} requests in a row failed, so it is left alone; "
                           "the same command goes on where this one stopped")  # fmt: skip
                return
        self._ended = not self._cancel.is_set()

    def settled(self, key: str) -> None:
        """The catalog has what this address gave, or it cannot be read."""
        self._frontier.settled(key)

    def close(self) -> None:
        """Close the frontier's file. A crawl that came to its end, and all of whose pages are read, is forgotten."""
        frontier = self._frontier
        if self._ended:
            if barred := frontier.count("barred"):
                self._warn(f"{barred} links of {self._seed.uri} were not asked for, as its robots.txt demands")
            if frontier.full:
                self._warn(f"{frontier.full} links of {self._seed.uri} were not followed: too many of one kind")
            if not frontier.count("fetched"):
                frontier.forget()
        frontier.close()

    # --- one address ---------------------------------------------------------------------------------------

    def _kept(self) -> Iterator[Found]:
        """What was fetched before a kill, and not read: its bytes are here, so nobody is asked."""
        for entry in self._frontier.kept():
            told = entry.told or {}
            path = self._store.assets.kept(str(told["digest"]))
            if path.exists():
                notes = tuple(str(note) for note in cast("list[str]", told["notes"]))
                one = address(str(told["final"]))
                yield replace(one, path=path, media_type=str(told["type"]), notes=notes)
            else:
                with self._frontier.step():
                    self._frontier.again(entry, str(told["final"]))

    def _taken(self, entry: Entry) -> Found | None:
        """Ask for an address and note what it links to; None where there is nothing to report."""
        frontier = self._frontier
        one = self._seed if entry.url == self._seed.url else address(entry.url)
        try:
            allowed = self._allowed(entry)
            if allowed is None:
                return None
            if entry.kind == "sitemap":
                self._sitemap(entry, allowed)
                return None
            return self._page(entry, one, allowed)
        except _Skipped as skipped:
            with frontier.step():
                frontier.mark(entry, "other")
            return replace(one, skip=str(skipped))
        except SourceError as error:
            with frontier.step():
                frontier.mark(entry, "failed" if error.kind in _PASSING else "other")
            return replace(one, error=error)

    def _allowed(self, entry: Entry) -> Allowed | None:
        """What robots.txt says of an address; None where it is not to be asked for."""
        allowed = self._robots(parsed(entry.url))
        if allowed.may(entry.url):
            if allowed.delay > LONGEST_PAUSE:
                why = f"its robots.txt asks for {allowed.delay:g} s between two requests, more than {LONGEST_PAUSE:g} s"
                raise SourceError(why, source=entry.url, kind="refused")
            return allowed
        if allowed.closed or entry.url == self._seed.url:
            why = allowed.closed or "its robots.txt does not allow programs to ask for it"
            raise SourceError(why, source=entry.url, kind="unreadable" if allowed.closed else "refused")
        with self._frontier.step():
            self._frontier.mark(entry, "barred")
        return None

    def _page(self, entry: Entry, one: Found, allowed: Allowed) -> Found:
        key = self._frontier.moved(entry.url)
        got = self._asked_for(entry, key, allowed)
        final = got.fetched.final_url
        site = self._frontier.site
        if site is None:
            site = site_of(entry.url, final, whole=self._rules.whole_site)
            self._begin(site, allowed)
        if self._rules.sitemap and entry.url == self._seed.url and got.kind in _SITEMAPS:
            self._listed(entry, got.fetched.data)
            raise _Skipped("a sitemap; its pages are taken")
        said = links(text_of(got.fetched.data, got.fetched.charset), final, got.fetched.robots) if (
            got.kind in PAGES) else Links((), (), "", False)  # fmt: skip
        new = list(self._followed(said, site)) if entry.kind == "page" and entry.depth < self._rules.depth else []
        with self._frontier.step():
            self._frontier.weighed(0 if got.kept else len(got.fetched.data))
            for url in new:
                self._frontier.note([url], "pdf" if is_pdf(url) else "page", entry.depth + 1)
        self._judged(entry, got, said, site)
        ready = self._web.ready(self._writer, self._named(one, final), got)
        told = {"digest": ready.path.name, "final": final, "type": ready.media_type, "notes": list(ready.notes)}
        with self._frontier.step():
            self._frontier.weighed(0 if got.kept else max(0, ready.path.stat().st_size - len(got.fetched.data)))
            self._frontier.mark(entry, "fetched", told)
            if final != entry.url:
                self._frontier.led(entry, final)
        return ready

    def _named(self, one: Found, final: str) -> Found:
        """The address by which a page is known: where it was found in the end."""
        return one if one.url == final else address(final)

    def _judged(self, entry: Entry, got: Got, said: Links, site: Site) -> None:
        """Raises where a page that was fetched is not to be taken."""
        if said.noindex and not self._rules.ignore_tags:
            raise _Skipped("its site marks it as noindex; --ignore-tags takes it")
        if got.kind == "application/pdf" and not (self._pdfs or entry.url == self._seed.url):
            raise _Skipped("a PDF; --linked-pdfs takes those that pages link to")
        if got.kind not in TEXTS and got.kind != "application/pdf" and entry.url != self._seed.url:
            raise _Skipped(f"{got.kind} is not taken by a crawl; name it one by one")
        other = said.canonical if entry.url != self._seed.url else ""
        if other and other != got.fetched.final_url and self._one_page(got, other, site):
            with self._frontier.step():
                self._frontier.note([other], "page", entry.depth)
            raise _Skipped(f"the same page as {other}, says its canonical link")

    def _one_page(self, got: Got, canonical: str, site: Site) -> bool:
        """Whether a canonical link is believed: not where it makes every page of a site its front page."""
        there, here = parsed(canonical), parsed(got.fetched.final_url)
        front = there.target in ("/", site.folder) or canonical == self._seed.url
        same = here.target.partition("?")[0] == there.target.partition("?")[0]
        taken = self._frontier.state(canonical) in (None, "waiting", "fetched", "done", "alias")
        wanted = site.holds(there) and self._rules.wants(there) and not trap(there)
        return wanted and taken and (same or not front)

    def _followed(self, said: Links, site: Site) -> Iterator[str]:
        for url in (*said.follow, *(said.nofollow if self._rules.ignore_tags else ())):
            there = parsed(url)
            wanted = site.holds(there) and self._rules.wants(there) and not trap(there)
            if wanted and (self._pdfs if is_pdf(url) else may_be_page(url)):
                yield url

    # --- sitemaps ------------------------------------------------------------------------------------------

    def _begin(self, site: Site, allowed: Allowed) -> None:
        """The site is known now: remember it, and where its sitemaps are."""
        mine = [one for one in allowed.sitemaps if _of(site, one)] or [f"{site.scheme}://{site.authority}/sitemap.xml"]
        with self._frontier.step():
            self._frontier.site = site
            if self._rules.sitemap:
                self._frontier.note(mine, "sitemap", 1)

    def _sitemap(self, entry: Entry, allowed: Allowed) -> None:
        try:
            self._listed(entry, self._asked_for(entry, entry.url, allowed).fetched.data)
        except (SourceError, _Skipped) as error:
            self._warn(f"sitemap {entry.url} gave nothing: {getattr(error, 'message', error)}")
            with self._frontier.step():
                self._frontier.mark(entry, "done")

    def _listed(self, entry: Entry, data: bytes) -> None:
        try:
            listed = sitemap(data)
        except ValueError as error:
            raise SourceError(str(error), source=entry.url, kind="damaged") from None
        site = self._frontier.site
        pages = [one for one in listed.addresses if site and self._holds(site, one, index=listed.index)]
        with self._frontier.step():
            if not listed.index:
                for one in pages:
                    if self._pdfs or not is_pdf(one):
                        self._frontier.note([one], "pdf" if is_pdf(one) else "page", 0)
            elif entry.depth <= 2:  # a list of lists of sitemaps is deeper than the protocol goes
                self._frontier.note(pages, "sitemap", entry.depth + 1)
            self._frontier.mark(entry, "done")

    def _holds(self, site: Site, url: str, *, index: bool) -> bool:
        there = parsed(url)
        if index:
            return _of(site, url)
        return site.holds(there) and self._rules.wants(there) and not trap(there)

    # --- asking --------------------------------------------------------------------------------------------

    def _asked_for(self, entry: Entry, key: str, allowed: Allowed) -> Got:
        """Wait for the host's pause to be over, and ask."""
        host = parsed(entry.url).host
        self._pause(host, max(self._rules.delay, allowed.delay, self._slower.get(host, 0.0)))
        self._why = ""
        leads = self._leading(entry)
        asked = entry.url if key != entry.url else ""
        try:
            got = self._web.got(self._writer, key, asked, limits=_limits(entry.kind), leads=leads)
        except SourceError as error:
            if self._why:
                raise _Skipped(self._why) from None
            if error.kind in _PASSING:  # a server in trouble is asked less often
                self._slower[host] = min(LONGEST_PAUSE, 2 * max(self._slower.get(host, 0.0), self._rules.delay, 0.5))
            raise
        finally:
            self._asked[host] = self._clock()
        self._slower.pop(host, None)
        return got

    def _pause(self, host: str, seconds: float) -> None:
        left = self._asked.get(host, float("-inf")) + seconds - self._clock()
        if left > 0:
            self._cancel.wait(left)
        if self._cancel.is_set():
            raise _Stopped

    def _leading(self, entry: Entry) -> Callable[[str], str]:
        """Judges each address that a redirect names before it is asked for."""

        def leads(url: str) -> str:
            there, site = parsed(url), self._frontier.site
            if entry.kind != "sitemap" and site is not None and not site.holds(there):
                self._why = f"it leads out of the site, to {url}"
            elif entry.kind != "sitemap" and url != entry.url and self._frontier.state(url) is not None:
                self._why = f"it leads to {url}, which this crawl takes already"
            elif not self._robots(there).may(url):
                self._why = f"it leads to {url}, which its robots.txt does not let programs ask for"
            return self._why

        return leads

    # --- limits and the end -----------------------------------------------------------------------------------

    def _over(self) -> str:
        asked = self._frontier.count("done", "fetched", "failed", "other", pages=True)
        if asked >= self._rules.max_pages:
            return f"its limit of {self._rules.max_pages} pages"
        if self._frontier.bytes >= self._rules.max_bytes:
            return f"its limit of {self._rules.max_bytes:,} bytes"
        return ""

    def _left(self) -> int:
        return self._frontier.count("waiting", pages=True)

    def _tell(self, entry: Entry) -> None:
        done = self._frontier.count("done", "fetched", "failed", "other", pages=True)
        total = min(self._rules.max_pages, done + self._left())
        self._progress({"stage": "crawl", "done": done, "total": total, "item": entry.url})


def _of(site: Site, url: str) -> bool:
    """Whether a sitemap lies on the site's own host."""
    try:
        there = parsed(url)
    except ValueError:
        return False
    return replace(site, folder="/").holds(there)


def _limits(kind: str) -> Limits:
    from rag.fetching import Limits

    return Limits(size={"pdf": PDF_BYTES, "sitemap": SITEMAP_SIZE}.get(kind, PAGE_BYTES))
