"""What a page says about itself: title, language, author, dates, address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rag.document import Head, LabelValue, labels

from .tags import name

if TYPE_CHECKING:
    from lxml.etree import _Element

_META = {
    "author": "author", "article:author": "author", "dc.creator": "author", "dcterms.creator": "author",
    "citation_author": "author", "description": "description", "og:description": "description",
    "dc.description": "description", "keywords": "keywords", "date": "created", "dc.date": "created",
    "article:published_time": "created", "citation_publication_date": "created", "datepublished": "created",
    "article:modified_time": "modified", "last-modified": "modified", "dcterms.modified": "modified",
    "og:site_name": "site", "application-name": "site", "generator": "generator",
}  # fmt: skip
_LINKED_DATA = {"datePublished": "created", "dateModified": "modified", "author": "author", "headline": "title"}
MAX_LINKED_DATA = 200_000
_TITLES = ("og:title", "twitter:title", "dc.title", "citation_title")
MAX_VALUE = 1000


def head(root: _Element, encoding: str) -> Head:
    """The page's head: title from <title>, a title tag for networks, or its first <h1>."""
    found: dict[str, LabelValue] = {"charset": encoding}
    titles: dict[str, str] = {}
    language = ""
    later: dict[str, str] = {}  # said in other ways, for what no meta tag says
    for node in root.iter("html", "body", "meta", "link", "title", "h1", "script", "time", "a"):
        tag = name(node)
        if tag == "meta":
            key, value = _meta(node)
            if key in _META and value:
                found.setdefault(_META[key], value)
            elif key in _TITLES and value:
                titles.setdefault("meta", value)
            elif key in ("content-language", "og:locale") and value and not language:
                language = value.replace("_", "-")
        elif tag == "link":
            if "canonical" in node.get("rel", "").lower().split() and node.get("href"):
                found.setdefault("canonical", _short(node.get("href", "")))
        elif tag in ("html", "body"):
            stated = node.get("lang") or node.get("xml:lang")
            language = language or (stated or "").strip()[:40] if tag == "body" else (stated or "").strip()[:40]
        elif tag in ("script", "time", "a"):
            for key, value in _aside(node, tag):
                later.setdefault(key, value)
        elif _within(node, tag):
            titles.setdefault(tag, _short("".join(str(text) for text in node.itertext())))
    titles["data"] = later.pop("title", "")
    title = next((titles[kind] for kind in ("title", "meta", "data", "h1") if titles.get(kind)), "")
    found = {**later, **found}
    return Head(title, 0, language[:40], labels(found))


def _aside(node: _Element, tag: str) -> Iterator[tuple[str, str]]:
    """Dates and authors in linked data (schema.org), in <time> and in links to an author."""
    if tag == "time":
        stated = _short(node.get("datetime", ""))
        if stated and (node.get("pubdate") is not None or node.get("itemprop") in ("datePublished", "dateCreated")):
            yield "created", stated
        elif stated and node.get("itemprop") == "dateModified":
            yield "modified", stated
    elif tag == "a":
        said = _short("".join(map(str, node.itertext()))) if "author" in node.get("rel", "").lower().split() else ""
        if said:
            yield "author", said
    elif node.get("type", "").strip().lower() == "application/ld+json":
        yield from _linked_data(node.text or "")


def _linked_data(text: str) -> Iterator[tuple[str, str]]:
    if len(text) > MAX_LINKED_DATA:
        return
    try:
        stated: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    things = stated if isinstance(stated, list) else [stated]
    for thing in [*things, *(one for top in things if isinstance(top, dict) for one in _list(top.get("@graph")))]:
        if not isinstance(thing, dict):
            continue
        for key, name_ in _LINKED_DATA.items():
            values = [one.get("name") if isinstance(one, dict) else one for one in _list(thing.get(key))]
            if said := _short(", ".join(one for one in values if isinstance(one, str))):
                yield name_, said


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _meta(node: _Element) -> tuple[str, str]:
    key = node.get("name") or node.get("property") or node.get("http-equiv") or node.get("itemprop") or ""
    return key.strip().lower(), _short(node.get("content", ""))


def _within(node: _Element, tag: str) -> bool:
    """A drawing inside a page has titles of its own."""
    return tag != "title" or all(name(above) != "svg" for above in node.iterancestors())


def _short(text: str) -> str:
    return " ".join(text[: 8 * MAX_VALUE].split())[:MAX_VALUE]
