"""What a crawl takes: its settings, the site that it stays in, and the traps that it keeps out of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rag.addresses import DEFAULT_PORTS, Address, parsed

LONGEST_PATH = 512
MOST_STEPS = 16
MOST_REPEATS = 3
"""Times that one step may stand in a path: `/a/b/a/b/a/b/` is a link that is relative by mistake."""
MOST_PARAMETERS = 8
MOST_QUERIES = 50
"""Queries to one path: a search form or a calendar has no end."""
MOST_DATED = 200
"""Addresses that differ in dates alone."""


@dataclass(frozen=True, slots=True)
class Crawl:
    """How far a crawl goes from an address.

    `depth` counts links from the address (0: itself alone); `max_pages` and `max_bytes` bound what is
    asked for in one run. `sitemap` also takes the pages that the site's sitemaps list. `delay` is the
    least number of seconds between two requests to a host; robots.txt may ask for more. Links are taken
    that match one of the patterns `include` (all if empty) and none of `exclude`: over path and query, or
    over the whole address where a pattern has `://` in it; `*` also stands for slashes. The site is what
    lies in the folder of the address, or all of its host with `whole_site`. `ignore_tags` takes pages
    marked `noindex` and links marked `nofollow`, both left out otherwise.
    """

    depth: int = 3
    max_pages: int = 500
    max_bytes: int = 2 * 2**30
    sitemap: bool = False
    delay: float = 1.0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    whole_site: bool = False
    ignore_tags: bool = False

    def __post_init__(self) -> None:
        for name, least in (("depth", 0), ("max_pages", 1), ("max_bytes", 1), ("delay", 0)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} of a crawl must be {least} or more, got {getattr(self, name)}")
        for name in ("include", "exclude"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))

    def wants(self, address: Address) -> bool:
        """Whether the patterns admit an address."""
        if self.include and not _matches(address, self.include):
            return False
        return not _matches(address, self.exclude)


def _matches(address: Address, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(address.url if "://" in one else address.target, one) for one in patterns)


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses that count as one site: a scheme, a host with its port, and a folder of it."""

    scheme: str
    authority: str
    folder: str = "/"

    def holds(self, address: Address) -> bool:
        """Whether an address belongs to the site; its encrypted twin does too."""
        same = (address.scheme, address.authority) == (self.scheme, self.authority)
        twin = self.scheme == "http" and address.scheme == "https" and address.port == DEFAULT_PORTS["https"]
        return (same or (twin and address.authority == self.authority)) and address.target.startswith(self.folder)


def site_of(asked: str, final: str, *, whole: bool) -> Site:
    """The site of an address that the user gave, and of where it led."""
    first, last = parsed(asked), parsed(final)
    if whole:
        return Site(last.scheme, last.authority)
    mine, other = _folder(first), _folder(last)
    inside = last.authority == first.authority and other.startswith(mine)
    return Site(last.scheme, last.authority, mine if inside else other)


def _folder(address: Address) -> str:
    path = address.target.partition("?")[0]
    return path[: path.rindex("/") + 1]


def trap(address: Address) -> str:
    """Why an address looks like one of endlessly many; "" where it does not."""
    path, _, query = address.target.partition("?")
    steps = [step for step in path.split("/") if step]
    if len(address.target) > LONGEST_PATH:
        return f"a path of more than {LONGEST_PATH} characters"
    if len(steps) > MOST_STEPS:
        return f"more than {MOST_STEPS} folders"
    if steps and max(Counter(steps).values()) > MOST_REPEATS:
        return f"the same folder more than {MOST_REPEATS} times"
    if query and len(re.split("[&;]", query)) > MOST_PARAMETERS:
        return f"more than {MOST_PARAMETERS} parameters"
    return ""


_DATED = re.compile(r"(?<!\d)(?:19|20|21)\d\d(?!\d)")


def family(address: Address) -> tuple[str, int]:
    """What endlessly many addresses may have in common, and how many of them are taken (0: any number).

    That is the path of addresses with a query, and the path without its numbers where one is a year.
    """
    path, _, query = address.target.partition("?")
    if query:
        return f"?{path}", MOST_QUERIES
    if _DATED.search(path):
        return re.sub(r"\d+", "#", path), MOST_DATED
    return "", 0
