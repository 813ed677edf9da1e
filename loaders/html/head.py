"""What a page says about itself: title, language, author, dates, address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.document import Head, LabelValue, labels

from .tree import name

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
_TITLES = ("og:title", "twitter:title", "dc.title", "citation_title")
MAX_VALUE = 1000


def head(root: _Element, encoding: str) -> Head:
    """The page's head: title from <title>, a title tag for networks, or its first <h1>."""
    found: dict[str, LabelValue] = {"charset": encoding}
    titles: dict[str, str] = {}
    language = ""
    for node in root.iter("html", "body", "meta", "link", "title", "h1"):
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
        elif _within(node, tag):
            titles.setdefault(tag, _short("".join(str(text) for text in node.itertext())))
    title = next((titles[kind] for kind in ("title", "meta", "h1") if titles.get(kind)), "")
    return Head(title, 0, language[:40], labels(found))


def _meta(node: _Element) -> tuple[str, str]:
    key = node.get("name") or node.get("property") or node.get("http-equiv") or node.get("itemprop") or ""
    return key.strip().lower(), _short(node.get("content", ""))


def _within(node: _Element, tag: str) -> bool:
    """A drawing inside a page has titles of its own."""
    return tag != "title" or all(name(above) != "svg" for above in node.iterancestors())


def _short(text: str) -> str:
    return " ".join(text[: 8 * MAX_VALUE].split())[:MAX_VALUE]
