"""Sitemaps (sitemaps.org, 0.9): XML, lists of sitemaps, plain text, packed or not.

A sitemap is read by its tags, with patterns that are linear in its length, not by an XML parser: so
there is no entity to expand, no document type to fetch, and a broken one gives what it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from itertools import islice

from rag.addresses import canonical
from rag.bodies import Body
from rag.charsets import decode

SIZE = 50 * 2**20
MOST = 50_000
"""Both are the protocol's own limits for one sitemap."""
LONGEST = 2048

_STEP = 1 << 16
_ROOT = re.compile(r"<(?:([\w.-]{1,40}):)?(urlset|sitemapindex)[\s>]", re.I)
_COMMENT = re.compile(r"<!--(?:.*?-->|.*+)", re.S)


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The addresses that a sitemap lists, in order, each once: of sitemaps where it is an `index`, else of pages."""

    addresses: tuple[str, ...]
    index: bool = False


def sitemap(data: bytes) -> Sitemap:
    """The addresses in a sitemap. ValueError where it is none, is damaged, or is over the limits."""
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    if len(data) > SIZE:
        raise ValueError(f"it is larger than the limit of {SIZE:,} bytes")
    text = decode(data, "")[0]
    root = _ROOT.search(text[:20_000])
    if root is None:
        if "<" in text[:1000]:
            raise ValueError("it is no sitemap: neither <urlset> nor <sitemapindex> stands at its start")
        return Sitemap(_addresses(iter(text.splitlines())))
    name = re.escape(f"{root[1]}:loc" if root[1] else "loc")
    value = rf"(?:<!\[CDATA\[([^\]<]{{0,{LONGEST}}}+)\]\]>|([^<]{{0,{LONGEST}}}+))"
    located = re.compile(rf"<{name}(?:\s[^<>]*+)?>\s*+{value}", re.I)
    found = (one[1] or unescape(one[2] or "") for one in located.finditer(_COMMENT.sub("", text)))
    return Sitemap(_addresses(found), root[2].lower() == "sitemapindex")


def _addresses(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for one in islice(found, MOST) if (address := _address(one))))


def _address(text: str) -> str:
    try:
        return canonical(text.strip().removeprefix("\ufeff"))
    except ValueError:
        return ""


def _unpacked(data: bytes) -> bytes:
    body = Body("gzip", SIZE)
    steps = [body.feed(data[start : start + _STEP]) for start in range(0, len(data), _STEP)]
    return b"".join([*steps, body.end()])
