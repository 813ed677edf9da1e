"""A fetched page as one file with its pictures inside, and the addresses that it names.

The page is read by its tags alone, with patterns that are linear in its length: nothing here parses
hostile markup, that is for the worker processes. Tags keep their places, so a path into the page as it
was served selects the same block in the page as it is kept.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape, unescape
from itertools import islice
from urllib.parse import urlsplit

from rag.addresses import joined, parsed
from rag.charsets import decode
from rag.markup import declared_charset

KEPT_FROM = "data-kept-from"
"""The attribute of an <img> that says where its picture was fetched; the HTML loader names the picture by it."""

_ATTRIBUTES = r"(?:[\s/]++|=?[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+)*+"
_TAGS = re.compile(
    r"<!--(?:.*?-->|.*+)|<(?P<unread>script|style|template|noscript)(?=[\s/>])(?:.*?</(?P=unread)|.*+)|"
    rf"<(?P<name>img|area|a|base|link|meta)(?=[\s/>])(?P<rest>{_ATTRIBUTES})",
    re.I | re.S,
)
_ATTRIBUTE = re.compile(r"[\s/]*+(=?[^\s/>=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+))?+)?+")
_LAZY = ("data-src", "data-original", "data-lazy-src", "src")
MAX_REFERENCE = 4096
MAX_TAGS = 20_000
"""Pictures and links of a page that are looked at: some 100 microseconds each."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag that is looked at: its name, where it ends in the text, its attributes unescaped."""

    name: str
    at: int  # just behind the tag's name
    attributes: Mapping[str, str]


def text_of(data: bytes, charset: str) -> str:
    """The text of a page; what the server says of its charset goes before what the page says."""
    return decode(data, charset or declared_charset(data))[0]


def in_utf8(data: bytes, charset: str, *, markup: bool) -> bytes:
    """The bytes as they are where a loader will read them as the server meant, else as marked UTF-8."""
    text, meant = decode(data, charset or (declared_charset(data) if markup else ""))
    alone = decode(data, declared_charset(data) if markup else "")[1]
    return data if meant == alone else marked(text)


def marked(text: str) -> bytes:
    """UTF-8 behind a byte order mark, which goes before anything that the text says of itself."""
    return b"\xef\xbb\xbf" + text.encode("utf-8", "replace")


def pictures(text: str, url: str, min_side: int) -> list[str]:
    """The addresses of a page's pictures, each once, in order; those said to be smaller are left out."""
    base = base_of(text, url)
    found = (_picture(tag, base, min_side) for tag in tags(text) if tag.name == "img")
    return list(dict.fromkeys(address for address in found if address))


def with_pictures(text: str, url: str, min_side: int, taken: Mapping[str, tuple[str, bytes]], limit: int) -> str:
    """The page with the pictures in `taken` (address -> media type, bytes) inside, at most `limit` bytes of them.

    A repeated attribute counts where it comes first, so the new ones go in front of the old.
    """
    base = base_of(text, url)
    pieces, done = [], 0
    for tag in tags(text):
        address = _picture(tag, base, min_side) if tag.name == "img" else ""
        kind, data = taken.get(address, ("", b""))
        if not data or len(data) > limit:
            continue
        limit -= len(data)
        inside = f"data:{kind};base64,{b64encode(data).decode('ascii')}"
        added = f' src="{inside}" srcset="" {KEPT_FROM}="{escape(address)}"'
        pieces += [text[done : tag.at], added]
        done = tag.at
    return "".join([*pieces, text[done:]])


def linked_pdfs(text: str, url: str) -> tuple[list[str], list[str]]:
    """The addresses of PDFs that a page links to: those of its own site, and those of others.

    A site is a host without `www.` and the hosts below it.
    """
    base = base_of(text, url)
    site = parsed(url).host.removeprefix("www.")
    own: dict[str, None] = {}
    others: dict[str, None] = {}
    for tag in tags(text):
        if tag.name not in ("a", "link") or not (address := absolute(tag.attributes.get("href", ""), base)):
            continue
        is_pdf = urlsplit(address).path.lower().endswith(".pdf")
        if is_pdf or tag.attributes.get("type", "").strip().lower() == "application/pdf":
            host = parsed(address).host
            (own if host == site or host.endswith(f".{site}") else others)[address] = None
    return list(own), list(others)


def tags(text: str) -> Iterator[Tag]:
    """The start tags of pictures, links and what a page says of itself, in order."""
    named = (found for found in _TAGS.finditer(text) if found["name"])
    for found in islice(named, MAX_TAGS):
        attributes: dict[str, str] = {}
        for one in _ATTRIBUTE.finditer(found["rest"]):
            value = one[2] or one[3] or one[4] or ""
            if len(value) <= MAX_REFERENCE:
                attributes.setdefault(one[1].lower(), unescape(value))
        yield Tag(found["name"].lower(), found.end("name"), attributes)


def base_of(text: str, url: str) -> str:
    """What relative addresses are relative to: the first <base>, or the page's own address."""
    stated = next((tag.attributes["href"] for tag in tags(text) if tag.name == "base" and "href" in tag.attributes), "")
    return absolute(stated, url) or url


def _picture(tag: Tag, base: str, min_side: int) -> str:
    """The address of an <img>'s picture, "" where there is none to fetch."""
    for side in ("width", "height"):
        stated = re.fullmatch(r"\s*(\d{1,6})(?:\.\d*)?\s*(?:px)?\s*", tag.attributes.get(side, ""))
        if stated and int(stated[1]) < min_side:
            return ""
    references = [tag.attributes.get(name, "") for name in _LAZY]
    references.append(_largest(tag.attributes.get("srcset") or tag.attributes.get("data-srcset") or ""))
    found = (absolute(one, base) for one in references if one[:5].lower() != "data:")
    return next((one for one in found if one), "")


def _largest(srcset: str) -> str:
    """The address with the largest width or density in a srcset."""
    best, most = "", -1.0
    for one in re.split(r",\s", srcset):
        address, _, size = one.strip().rstrip(",").partition(" ")
        stated = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,6})?)[wx]\s*", size)
        if address and (value := float(stated[1]) if stated else 1.0) > most:
            best, most = address, value
    return best


def absolute(reference: str, base: str) -> str:
    """A reference as a canonical address; "" for what is none that can be fetched."""
    if not reference.strip() or reference.lstrip().startswith("#"):
        return ""
    try:
        address = parsed(joined(base, reference))
        if base.startswith("https:") and address.scheme == "http" and address.port == 80:
            address = parsed("https" + address.url[4:])  # as browsers do for a picture in an encrypted page
    except ValueError:
        return ""
    return address.url
