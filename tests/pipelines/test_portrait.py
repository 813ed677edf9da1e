"""The picture of a stored page with a box for each block; the browser is a stand-in. By hand: docs/loaders-html.md."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image
from rag.loaders.html import HTML
from rag.pipelines import portrait as module
from rag.pipelines.browser import Rendering
from rag.pipelines.portrait import Stored, marked, portrait

from rag.cli import main
from rag.document import Box, MarkupPath, Source
from rag.errors import ConfigError, MissingExtra, SourceError
from rag.identity import digest
from rag.markup import select
from rag.words import words
from tests.golden import htmls, images

ADDRESS = "http://page.invalid/page/"


def stored(folder: Path, data: bytes, name: str = "page.html") -> Source:
    path = folder / name
    path.write_bytes(data)
    return Source(str(path), "text/html", digest(data), str(path))


def paths(source: Source) -> list[str]:
    found = [element for part in HTML().load(source) for element in part.elements]
    return [one.path for element in found for one in element.origin.places if isinstance(one, MarkupPath)]


# --- marks --------------------------------------------------------------------------------------------


def texts(page: bytes, number: int) -> str:
    """What stands in the marked element of a number, or between its two marks."""
    root = etree.fromstring(page, etree.HTMLParser(encoding="utf-8"))
    inside = False
    for node in root.iter():
        if node.tag is etree.Comment and (node.text or "").startswith("argus-"):
            if node.text == f"argus-ended {number}":
                break
            inside = inside or node.text == f"argus-place {number}"
        elif str(number) in str(node.get("data-argus-place", "")).split(" "):
            return " ".join(map(str, node.itertext()))
    assert inside, f"no mark {number}"
    text = etree.tostring(root, encoding="unicode", method="html")
    between = re.search(f"<!--argus-place {number}-->(.*)<!--argus-ended {number}-->", text, re.DOTALL)
    assert between
    return re.sub("<[^>]*>", " ", between[1])


RUNS = (
    "<p>a <b>b</b> c<br><br>d <i>e</i><br><br>f</p><div>loose<h2>head</h2>more <b>bold</b> words<p>p</p>end</div>"
    "<dl><dt>t1</dt><dd>d1</dd><dt>t2</dt><dt>t3</dt><dd>d2</dd></dl>text <span>at</span> the end"
)


@pytest.mark.parametrize("data", [htmls.page(), htmls.body(RUNS)])
def test_each_place_is_marked_where_its_path_selects(tmp_path: Path, data: bytes) -> None:
    source = stored(tmp_path, data)
    found = paths(source)
    assert any("node()" in path for path in found)
    page = marked(source, data, found)
    for number, path in enumerate(found):
        assert words(texts(page, number)) == words(select(data, path)), path


def test_nothing_in_a_marked_page_runs_or_leads_away(tmp_path: Path) -> None:
    data = (
        b"<!-- saved --><!DOCTYPE html><html><head><base href='http://a.example/'>"
        b"<meta http-equiv=refresh content='0;url=x'><link rel=preconnect href='http://b.example'>"
        b"<link rel=stylesheet href=s.css><style>p{color:red}</style></head>"
        b"<body><script>go()</script>one<noscript>two</noscript>three<iframe src=x></iframe><p>four</p></body></html>"
    )
    page = marked(stored(tmp_path, data), data, ["/html/body[1]/p[1]", "/html/body[1]/p[1]"]).decode()
    assert page.startswith("<!DOCTYPE html>")
    for gone in ("<script", "<base", "refresh", "preconnect", "<noscript", "<iframe"):
        assert gone not in page
    assert "<style>p{color:red}</style>" in page
    assert 'rel="stylesheet"' in page
    assert "onethree" in page
    assert 'data-argus-place="0 1"' in page
    assert marked(stored(tmp_path, b"<p>x"), b"<p>x", []).startswith(b"<html>"), "a page without a doctype gets none"
    with pytest.raises(ValueError, match="not a path"):
        marked(stored(tmp_path, data), data, ["//p[@id]"])
    with pytest.raises(SourceError, match="without content"):
        marked(stored(tmp_path, b" "), b" ", [])


# --- requests -----------------------------------------------------------------------------------------


@dataclass
class Request:
    url: str
    resource_type: str = "image"
    method: str = "GET"


@dataclass
class Route:
    request: Request
    answer: tuple[int, bytes] | None = None
    kind: str = ""

    async def fulfill(self, *, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.answer, self.kind = (status, body), headers["content-type"]

    async def abort(self) -> None:
        self.answer = None


def asked(source: Source, *requests: Request, **rules: Any) -> list[bytes | None]:
    answers = Stored(source, b"the page", Rendering(**rules))
    routes = [Route(one) for one in requests]

    async def run() -> None:
        for route in routes:
            await answers(route)

    asyncio.run(run())
    return [route.answer[1] if route.answer else None for route in routes]


def test_a_page_gets_what_lies_in_its_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "page_files").mkdir(parents=True)
    (folder / "page_files" / "a b.css").write_text("p{}")
    (folder / "page_files" / "x.png").write_bytes(b"png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / "pipe.png")
    source = stored(folder, b"<p>x")
    inside = [
        Request(ADDRESS, "document"),
        Request(ADDRESS + "page_files/a%20b.css?v=1", "stylesheet"),
        Request(ADDRESS + "page_files/x.png"),
    ]
    assert asked(source, *inside) == [b"the page", b"p{}", b"png"]
    refused = [
        Request(ADDRESS + "../secret.png"), Request(ADDRESS + "%2e%2e/secret.png"), Request(ADDRESS + "out.png"),
        Request(ADDRESS + "pipe.png"), Request(ADDRESS + "none.png"), Request(ADDRESS + "%00"), Request(ADDRESS),
        Request("http://example.org/x.png"), Request("file:///etc/passwd"), Request("http://page.invalid/x.png"),
        Request(ADDRESS + "page_files/x.png", "script"), Request(ADDRESS + "page_files/x.png", "fetch"),
        Request(ADDRESS + "page_files/x.png", method="POST"), Request(ADDRESS + "other.html", "document"),
        Request("http://example.org/", "document"),
    ]  # fmt: skip
    assert asked(source, *refused) == [None] * len(refused)
    assert asked(source, inside[2], inside[2], requests=1) == [b"png", None]
    assert asked(source, inside[2], inside[2], size=5) == [b"png", None]
    fetched = Source("https://example.org/page.html", "text/html", source.digest, source.path)
    assert asked(fetched, *inside) == [b"the page", None, None]
    member = Source(f"{tmp_path}/a.mhtml!/http://x/", "text/html", source.digest, source.path)
    assert asked(member, *inside) == [b"the page", None, None]


# --- the picture --------------------------------------------------------------------------------------


class Page:
    """A page of a browser that measures what it is told to."""

    def __init__(self, height: int, found: list[tuple[float, ...]], hang: float = 0.0) -> None:
        self.context = self
        self.height, self.found, self.hang = height, found, hang
        self.clip: dict[str, float] = {}
        self.handler: Callable[[Any], Any] | None = None
        self.body = b""

    async def route(self, pattern: str, handler: Callable[[Any], Any]) -> None:
        self.handler = handler

    async def route_web_socket(self, pattern: str, handler: Callable[[Any], Any]) -> None:
        self.sockets = handler

    async def goto(self, url: str, wait_until: str) -> None:
        await asyncio.sleep(self.hang)
        route = Route(Request(url, "document"))
        assert self.handler is not None
        await self.handler(route)
        assert route.answer is not None
        self.body = route.answer[1]

    async def evaluate(self, script: str) -> dict[str, Any]:
        return {"width": 1000, "height": self.height, "found": self.found}

    async def screenshot(self, *, full_page: bool, clip: dict[str, float], animations: str) -> bytes:
        self.clip = clip
        file = BytesIO()
        Image.new("RGB", (int(clip["width"]), int(clip["height"])), "white").save(file, "PNG")
        return file.getvalue()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Page]:
        yield self


def test_boxes_are_cut_into_sheets(tmp_path: Path) -> None:
    source = stored(tmp_path, htmls.body("<p>a</p><p>b</p><p>c</p><p>d</p>"))
    found: list[tuple[float, ...]] = [
        (0, 100, 300, 600, 600), (1, 0, 2700, 1000, 3300), (2, -9000, 10, -8000, 20), (3, 0, 6400, 500, 6500)
    ]  # fmt: skip
    page = Page(6500, found)
    first = portrait(source, paths(source), 1, 144, Rendering(), page.opened)
    assert (first.sheet, first.sheets, first.seen) == (1, 3, {0, 1, 3})
    assert first.boxes == ((0, Box(0.1, 0.1, 0.6, 0.2)), (1, Box(0, 0.9, 1, 1)))
    assert b"data-argus-place" in page.body
    last = portrait(source, paths(source), 3, 144, Rendering(), page.opened)
    assert last.boxes == ((3, Box(0, 0.8, 0.5, 1)),)
    assert page.clip == {"x": 0, "y": 6000, "width": 1000, "height": 500}
    with pytest.raises(SourceError, match="fills 3"):
        portrait(source, paths(source), 4, 144, Rendering(), page.opened)
    with pytest.raises(SourceError, match=r"longer than 0\.2 s"):
        portrait(source, [], 1, 144, Rendering(seconds=0.2), Page(10, [], hang=5).opened)
    with pytest.raises(SourceError, match="no pages to draw"):
        portrait(Source("a.md", "text/markdown", "0" * 64, "a.md"), [], 1, 144, Rendering(), page.opened)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shown(hashed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`rag show --elements` of a page with a picture, a paragraph and a text that is hidden."""
    monkeypatch.chdir(tmp_path)
    picture = htmls.data_uri(images.png())
    markup = f"<h1>Gauge</h1><p>It is read at nine.</p><p><img src='{picture}' alt=card></p><p hidden>Not shown.</p>"
    (tmp_path / "page.html").write_bytes(htmls.body(markup))
    assert main(["add", "page.html", "--workers", "0", "--corpus", str(hashed)]) == 0
    capsys.readouterr()

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["show", "--elements", "page.html", *arguments, "--corpus", str(hashed)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_command_draws_the_page(shown: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(4000, [(0, 50, 100, 950, 160), (1, 50, 200, 950, 240), (2, 50, 3500, 200, 3600)])
    options: list[dict[str, Any]] = []

    def opening(rules: Rendering, **context: Any) -> Any:
        options.append({"sandbox": rules.sandbox, "program": rules.program, **context})
        return page.opened()

    monkeypatch.setattr(module, "chromium", opening)
    code, out, err = shown("--out", "drawn.png", "--dpi", "96", "--browser", "/bin/chrome", "--no-browser-sandbox")
    assert code == 0
    assert "picture: drawn.png, sheet 1 of 2 (--page N); 1 element without a box there" in err
    assert [line.split()[1] for line in out.splitlines()[::2]] == ["heading", "paragraph", "figure", "hidden"]
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.width == 1036, "room for the numbers"
        assert drawn.getpixel((36 + 50, 130)) == (176, 32, 112)
    assert options == [{
        "sandbox": False, "program": "/bin/chrome", "java_script_enabled": False, "device_scale_factor": 1.0,
        "viewport": {"width": 1000, "height": 800},
    }]  # fmt: skip
    _, out, _ = shown("--page", "2", "--out", "drawn.png")
    assert out.startswith("  3. figure")
    assert len(out.splitlines()) == 2
    assert options[-1]["device_scale_factor"] == 1.5


@pytest.mark.parametrize(
    "error", [MissingExtra("playwright", "browser"), ConfigError("no browser is on the PATH; install Chromium")]
)
def test_without_a_browser_there_is_the_list_and_the_remedy(
    shown: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    @asynccontextmanager
    async def none(*_: Any, **__: Any) -> AsyncIterator[None]:
        raise error
        yield

    monkeypatch.setattr(module, "chromium", none)
    code, out, err = shown()
    assert code == 0
    assert "heading" in out
    assert f"no picture: {error}" in err
    _, out, _ = shown("--json")
    assert f'"picture_error": "{error}"' in out
