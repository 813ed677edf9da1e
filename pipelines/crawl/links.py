"""What a page says to a crawler: its links, its canonical address, and what robots may do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from rag.pages import absolute, base_of, tags

PRODUCT = "argus-rag"
_LEFT_OUT = frozenset({
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "gclid", "fbclid", "msclkid",
    "mc_cid", "mc_eid", "_ga", "phpsessid", "jsessionid", "sessionid", "session_id", "sid", "aspsessionid", "cfid",
    "cftoken", "zenid", "oscsid",
})  # fmt: skip
"""Parameters that name a visit or a campaign, never a page."""
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.I)
_NO_PAGES = frozenset(
    "7z apk avi bin bmp bz2 css csv deb dmg doc docx eot exe gif gz ico iso jar jpeg jpg js json m4a m4v map mov mp3 "
    "mp4 mpeg mpg msi odp ods odt ogg ogv otf png ppt pptx rar rpm rss svg tar tgz tif tiff ttf wav webm webmanifest "
    "webp wmv woff woff2 xls xlsx xml xz zip zst atom".split()
)
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a page, each once, in order; `nofollow` are those that it asks not to follow."""

    follow: tuple[str, ...]
    nofollow: tuple[str, ...]
    canonical: str
    noindex: bool


def links(text: str, url: str, header: str = "") -> Links:
    """The links of a page at an address; `header` is what its X-Robots-Tag says."""
    base = base_of(text, url)
    said = set(_directives(header))
    canonical = ""
    found: dict[str, bool] = {}
    for tag in tags(text):
        rel = tag.attributes.get("rel", "").lower().split()
        if tag.name == "meta" and tag.attributes.get("name", "").strip().lower() in ("robots", PRODUCT, "argus"):
            said.update(_words(tag.attributes.get("content", "")))
        elif tag.name == "link" and "canonical" in rel:
            canonical = canonical or absolute(tag.attributes.get("href", ""), base)
        elif tag.name in ("a", "area") or {"next", "prev"} & set(rel):
            address = cleaned(absolute(tag.attributes.get("href", ""), base))
            # A page linked in both ways may be followed: the site shows it to robots elsewhere.
            found[address] = found.get(address, True) and bool({"nofollow", "ugc", "sponsored"} & set(rel))
    closed = bool({"nofollow", "none"} & said)
    found.pop("", None)
    follow = tuple(one for one, barred in found.items() if not barred and not closed)
    nofollow = tuple(one for one, barred in found.items() if barred or closed)
    return Links(follow, nofollow, cleaned(canonical), bool({"noindex", "none"} & said))


def cleaned(url: str) -> str:
    """A canonical address without the parameters that name a visit or a campaign."""
    if not url:
        return ""
    parts = urlsplit(url)
    kept = [one for one in parts.query.split("&") if one.partition("=")[0].lower() not in _LEFT_OUT]
    return parts._replace(path=_PATH_SESSION.sub("", parts.path), query="&".join(kept)).geturl()


def may_be_page(url: str) -> bool:
    """Whether an address may lead to a page, by its name: pictures, archives and styles are not asked for."""
    name = urlsplit(url).path.rpartition("/")[2]
    return "." not in name or name.rpartition(".")[2].lower() not in _NO_PAGES


def is_pdf(url: str) -> bool:
    """Whether an address names a PDF."""
    return urlsplit(url).path.lower().endswith(".pdf")


def _words(content: str) -> Iterator[str]:
    return (word.strip().lower() for word in content.split(","))


def _directives(header: str) -> Iterator[str]:
    """The directives for all robots and for this one: `noindex, otherbot: nofollow` holds one of them."""
    mine = True
    for word in _words(header):
        agent, colon, rest = word.partition(":")
        if colon and agent.strip() not in _VALUED:
            mine, word = agent.strip() in (PRODUCT, "argus", "*"), rest.strip()
        if mine:
            yield word
