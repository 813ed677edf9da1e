"""A stored web page as a browser shows it, and where on it the blocks stand that a loader named by XPath.

The stored markup is parsed as the loader parsed it, each place is found by its XPath and marked there, and the
marked page is rendered by Chromium (extra `browser`) without scripts and without a network: what the page asks
for is answered from its own folder, or refused. So the boxes hold for the page as it is stored.
"""

from __future__ import annotations

import asyncio
import math
import mimetypes
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rag.document import Box, Source
from rag.errors import SourceError
from rag.markup import TooMuch, check_path, named, parse

from .browser import PAGES, Opening, Rendering, chromium, failing

if TYPE_CHECKING:
    from lxml.etree import _Element

WIDTH = 1000
"""Pixels of the window, at 96 dots an inch."""
SHEET = 3000
"""Pixels of height that one picture shows."""
MOST_PIXELS = 40_000_000
ASKED_FOR = frozenset({"stylesheet", "image", "font"})
_ADDRESS = "http://page.invalid/page/"
"""Where the page seems to be; RFC 2606 keeps `.invalid` from ever being anywhere."""
_MARK = "data-argus-place"
_LEFT_OUT = ("script", "noscript", "template", "iframe", "frame", "frameset", "object", "embed", "base", "portal")
_DOCTYPE = re.compile(rb"(?:\s|<!--.{0,2000}?-->|<\?[^>]{0,500}>)*(<!doctype[^>]{0,500}>)", re.I | re.S)
_MEASURE = """() => {
  const found = [];
  const told = (n, box) => {
    if (box.width > 0 && box.height > 0)
      found.push([n, box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY]);
    return box.width > 0 && box.height > 0;
  };
  for (const one of document.querySelectorAll("[data-argus-place]")) {
    const inside = document.createRange();
    inside.selectNodeContents(one);
    for (const n of one.getAttribute("data-argus-place").split(" "))
      told(+n, one.getBoundingClientRect()) || told(+n, inside.getBoundingClientRect());
  }
  const open = new Map();
  const comments = document.createTreeWalker(document, NodeFilter.SHOW_COMMENT);
  while (comments.nextNode()) {
    const [kind, n] = comments.currentNode.data.split(" ");
    if (kind === "argus-place") open.set(n, comments.currentNode);
    if (kind === "argus-ended" && open.has(n)) {
      const run = document.createRange();
      run.setStartAfter(open.get(n));
      run.setEndBefore(comments.currentNode);
      told(+n, run.getBoundingClientRect());
    }
  }
  const root = document.documentElement, body = document.body;
  return {
    width: Math.max(root.scrollWidth, body ? body.scrollWidth : 0),
    height: Math.max(root.scrollHeight, body ? body.scrollHeight : 0), found,
  };
}"""


@dataclass(frozen=True, slots=True)
class Portrait:
    """One sheet of a page: its PNG, its number of how many, and the boxes on it as (number of the path, box).

    `seen` are the paths that have a box on some sheet.
    """

    png: bytes
    sheet: int
    sheets: int
    boxes: tuple[tuple[int, Box], ...]
    seen: frozenset[int]


def portrait(
    source: Source, paths: Sequence[str], sheet: int, dpi: int, rules: Rendering, opening: Opening | None = None
) -> Portrait:
    """Sheet number `sheet` of a page, from 1, and the boxes of `paths` on it; `source.path` holds its bytes.

    Raises MissingExtra without Playwright, ConfigError without Chromium, SourceError: unsupported (no web
    page), missing (no such sheet), limit, crashed.
    """
    if source.media_type not in PAGES:
        raise SourceError("this source has no pages to draw", source=source.uri, kind="unsupported")
    data = marked(source, Path(source.path).read_bytes(), paths)
    scale = min(dpi / 96, math.sqrt(MOST_PIXELS / (WIDTH * SHEET)))
    opening = opening or (
        lambda: chromium(
            rules, java_script_enabled=False, device_scale_factor=scale, viewport={"width": WIDTH, "height": 800}
        )
    )

    async def drawn() -> Portrait:
        with failing(source.uri, rules.seconds):
            async with asyncio.timeout(rules.seconds), opening() as page:
                return await _drawn(page, Stored(source, data, rules), sheet)

    return asyncio.run(drawn())


async def _drawn(page: Any, stored: Stored, sheet: int) -> Portrait:
    await page.context.route("**/*", stored)
    await page.context.route_web_socket("**/*", lambda socket: socket.close())
    await page.goto(stored.address, wait_until="load")
    measured = await page.evaluate(_MEASURE)
    width, height = min(max(1, measured["width"]), 3 * WIDTH), max(1, measured["height"])
    sheets = math.ceil(height / SHEET)
    if sheet > sheets:
        told = f"it has no sheet {sheet}: drawn {WIDTH} pixels wide it fills {sheets} of {SHEET:,} pixels"
        raise SourceError(told, source=stored.source.uri, kind="missing")
    top = (sheet - 1) * SHEET
    high = min(SHEET, height - top)
    png = await page.screenshot(
        full_page=True, clip={"x": 0, "y": top, "width": width, "height": high}, animations="disabled"
    )
    boxes, seen = [], set()
    for number, left, above, right, below in measured["found"]:
        if right <= 0 or below <= 0 or left >= width or above >= height:
            continue  # put outside the page
        seen.add(int(number))
        if above < top + high and below > top:
            at = Box(left / width, (above - top) / high, right / width, (below - top) / high)
            boxes.append((int(number), at))
    return Portrait(png, sheet, sheets, tuple(boxes), frozenset(seen))


class Stored:
    """Answers the requests of one page: the page itself, and what lies in its own folder."""

    def __init__(self, source: Source, data: bytes, rules: Rendering) -> None:
        self.source = source
        self.address = _ADDRESS
        self._data = data
        self._rules = rules
        is_file = "://" not in source.uri or source.uri.lower().startswith("file://")
        # Of a page that is a file: not of one that was fetched, or is a part of another file.
        self._folder = Path(source.path).resolve().parent if is_file and "!/" not in source.uri else None
        self._asked = 0
        self._left = rules.size

    async def __call__(self, route: Any) -> None:
        """Fulfil or abort a request (Playwright's `Route`)."""
        request = route.request
        if request.resource_type == "document" and request.url == self.address:
            kind = {"content-type": "text/html; charset=utf-8"}
            await route.fulfill(status=200, body=self._data, headers=kind)
            return
        self._asked += 1
        asked = request.method == "GET" and request.resource_type in ASKED_FOR and self._asked <= self._rules.requests
        data = self._beside(request.url) if asked else None
        if data is None:
            await route.abort()
            return
        kind = {"content-type": mimetypes.guess_type(urlsplit(request.url).path)[0] or "application/octet-stream"}
        await route.fulfill(status=200, body=data, headers=kind)

    def _beside(self, url: str) -> bytes | None:
        """The bytes of a regular file in the page's folder, symbolic links resolved; None for anything else."""
        if self._folder is None or not url.startswith(self.address):
            return None
        name = unquote(urlsplit(url).path)[len(urlsplit(self.address).path) :]
        try:
            target = (self._folder / name).resolve(strict=True)
            if not name or "\0" in name or not target.is_relative_to(self._folder):
                return None
            with os.fdopen(os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode) or state.st_size > self._left:
                    return None
                data = file.read(self._left)
        except (OSError, ValueError, RuntimeError):
            return None
        self._left -= len(data)
        return data


def marked(source: Source, markup: bytes, paths: Sequence[str]) -> bytes:
    """The page in UTF-8 with a mark at the block of each path, by its number; nothing in it runs or leads away."""
    from lxml import etree

    try:
        page = parse(markup)
    except TooMuch as error:
        raise SourceError(str(error), source=source.uri, kind="limit") from error
    if page is None:
        raise SourceError("a page without content", source=source.uri, kind="empty")
    for path in paths:
        check_path(path)
    found = [named(page, path) for path in paths]  # all of them, before a mark moves a text
    for number, nodes in enumerate(found):
        if len(nodes) == 1 and not isinstance(nodes[0], str):
            before = nodes[0].get(_MARK)
            nodes[0].set(_MARK, f"{before} {number}" if before else str(number))
        elif nodes:
            _behind(nodes[-1], etree.Comment(f"argus-ended {number}"))
            _before(nodes[0], etree.Comment(f"argus-place {number}"))
    for node in list(page.root.iter(*_LEFT_OUT)):
        _cut(node)
    for node in list(page.root.iter("meta", "link")):
        if node.get("http-equiv") or node.get("rel", "").lower() not in ("stylesheet", "icon", ""):
            _cut(node)
    doctype = _DOCTYPE.match(markup)
    shown: bytes = etree.tostring(page.root, method="html", encoding="utf-8", with_tail=False)
    return (doctype[1] if doctype else b"") + shown


def _before(node: _Element | str, mark: _Element) -> None:
    if not isinstance(node, str):
        node.addprevious(mark)
        return
    near = node.getparent()  # type: ignore[attr-defined]  # a text as XPath gives it
    mark.tail = str(node)
    if node.is_text:  # type: ignore[attr-defined]
        near.text = None
        near.insert(0, mark)
    else:
        near.tail = None
        near.addnext(mark)


def _behind(node: _Element | str, mark: _Element) -> None:
    if not isinstance(node, str):
        mark.tail, node.tail = node.tail, None
        node.addnext(mark)
    elif node.is_text:  # type: ignore[attr-defined]
        node.getparent().insert(0, mark)  # type: ignore[attr-defined]
    else:
        near = node.getparent()  # type: ignore[attr-defined]
        following = near.getnext()
        if following is None:
            near.getparent().append(mark)
        else:
            following.addprevious(mark)


def _cut(node: _Element) -> None:
    """Take an element out, its tail stays."""
    parent, before = node.getparent(), node.getprevious()
    if parent is None:
        return
    if node.tail and before is not None:
        before.tail = (before.tail or "") + node.tail
    elif node.tail:
        parent.text = (parent.text or "") + node.tail
    parent.remove(node)
