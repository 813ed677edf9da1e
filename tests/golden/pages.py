"""Web pages as the loader reads them, for its tests."""

from __future__ import annotations

from pathlib import Path

from rag.loaders.html import HTML

from rag.document import Element, MarkupPath, Media, Part, Source
from rag.identity import digest
from tests.golden import htmls


class KeptAssets:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        self.kept[name] = data
        return Media(media_type, name, len(data))


def load(folder: Path, data: bytes, **options: object) -> list[Part]:
    path = folder / "page.html"
    path.write_bytes(data)
    return list(HTML(**options).load(Source(str(path), "text/html", digest(data), str(path))))  # type: ignore[arg-type]


def elements(folder: Path, markup: str | bytes, **options: object) -> list[Element]:
    data = htmls.body(markup) if isinstance(markup, str) else markup
    return [element for part in load(folder, data, **options) for element in part.elements]


def shown(folder: Path, markup: str) -> list[tuple[str, str]]:
    return [(element.role, element.text) for element in elements(folder, markup)]


def path(element: Element) -> str:
    place = element.origin.places[0]
    assert isinstance(place, MarkupPath)
    return place.path


def links(element: Element) -> list[tuple[str, str]]:
    return [(element.text[link.start : link.end], link.target) for link in element.links]
