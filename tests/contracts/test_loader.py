"""What holds for every loader, and that none changes its output without raising its VERSION.

`python -m tests.contracts.test_loader` records the outputs anew, once VERSION has been raised.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rag.document import CellRange, CharSpan, MarkupPath, Media, PageRegion, Part, Source, TimeSpan
from rag.errors import SourceError
from rag.identity import combined, digest
from rag.registry import load, names
from rag.serialise import to_plain
from tests.golden import drawings, htmls, hues, images, messages, offices, pdfs, texts, videos

Maker = Callable[[], bytes]
OOXML = "application/vnd.openxmlformats-officedocument."
INPUTS: dict[str, dict[str, tuple[str, Maker]]] = {
    "loaders/pdf": {
        "headings.pdf": ("application/pdf", pdfs.headings),
        "table.pdf": ("application/pdf", pdfs.ruled_table),
        "figure.pdf": ("application/pdf", pdfs.raster_figure),
        "columns.pdf": ("application/pdf", pdfs.two_columns),
        "many.pdf": ("application/pdf", lambda: pdfs.many_pages(70)),
        "colours.pdf": ("application/pdf", hues.manual),
    },
    "loaders/html": {
        "page.html": ("text/html", htmls.page),
        "long.html": ("text/html", lambda: htmls.long_page(1200)),
        "colours.html": ("text/html", hues.PAGE.encode),
    },
    "loaders/image": {
        "card.png": ("image/png", lambda: images.png(Description="Four fields of colour")),
        "turned.jpg": ("image/jpeg", lambda: images.jpeg(6, "A test card, turned")),
        "0001.tif": ("image/tiff", lambda: images.tiff(40)),
        "0002.gif": ("image/gif", images.animation),
        "card.heic": ("image/heic", lambda: images.heic("Four fields of colour")),
        "0003.avif": ("image/avif", lambda: images.saved(images.drawing(), "AVIF", quality=90)),
    },
    "loaders/svg": {
        "plant.svg": ("image/svg+xml", drawings.plant),
        "0001.svg": ("image/svg+xml", drawings.unseen),
    },
    "loaders/video": {
        "plant.mp4": ("video/mp4", videos.narrated),
        "plant.mkv": ("video/x-matroska", lambda: videos.narrated(format="matroska")),
        "tour.mov": ("video/quicktime", videos.tour),
        "long.mp4": ("video/mp4", videos.long),
    },
    "loaders/audio": {
        "talk.m4a": ("audio/mp4", lambda: videos.sound([(0.5, 2.0, "The pump starts at dawn.")])),
    },
    "loaders/text": {
        "gauge.txt": ("text/plain", texts.plain),
        "rain.csv": ("text/csv", texts.csv),
        "many.txt": ("text/plain", lambda: texts.many(1200)),
        "rain.json": ("application/json", lambda: b'{"rain": [\n  40,\n  31\n]}\n'),
    },
    "loaders/markdown": {
        "gauge.md": ("text/markdown", texts.markdown),
        "many.md": ("text/markdown", lambda: texts.many(1200)),
    },
    "loaders/docx": {
        "gauge.docx": (OOXML + "wordprocessingml.document", offices.docx),
        "long.docx": (OOXML + "wordprocessingml.document", offices.long_docx),
    },
    "loaders/pptx": {
        "pumps.pptx": (OOXML + "presentationml.presentation", offices.pptx),
        "many.pptx": (OOXML + "presentationml.presentation", offices.many_slides),
    },
    "loaders/xlsx": {
        "rain.xlsx": (OOXML + "spreadsheetml.sheet", offices.xlsx),
        "long.xlsx": (OOXML + "spreadsheetml.sheet", offices.long_xlsx),
    },
    "loaders/epub": {
        "book.epub": ("application/epub+zip", offices.epub),
        "long.epub": ("application/epub+zip", offices.long_epub),
    },
    "loaders/mail": {
        "pump.eml": ("message/rfc822", offices.mail),
        "plain.eml": ("message/rfc822", lambda: offices.mail(html=False)),
    },
    "loaders/outlook": {"pump.msg": ("application/vnd.ms-outlook", messages.outlook)},
    "loaders/notebook": {"rain.ipynb": ("application/x-ipynb+json", offices.notebook)},
    "loaders/unstructured": {
        "gauge.rtf": ("application/rtf", lambda: offices.RTF),
        "gauge.odt": ("application/vnd.oasis.opendocument.text", offices.odt),
    },
}
INPUTS["loaders/pdf+pdfium"] = INPUTS["loaders/pdf"]
"""A loader's name, and where it has two engines the engine."""
WITHOUT_DOCUMENTS = {"loaders/archive", "loaders/attachments", "loaders/mhtml", "loaders/warc"}
"""Loaders whose sources are nothing but their members: `test_holder.py`."""
PARTS_OF_LOADERS = ("loaders/chunking", "loaders/ocr", "loaders/speech")
CASES = [(loader, name) for loader, inputs in INPUTS.items() for name in inputs]
RECORD = Path(__file__).with_name("loaders.json")


class KeptAssets:
    """Assets in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        name = name or digest(data)
        self.kept[name] = data
        return Media(media_type, name, len(data))


@cache
def made(loader: str, name: str) -> bytes:
    return INPUTS[loader][name][1]()


def write(folder: Path, loader: str, name: str, data: bytes | None = None, as_name: str = "") -> Source:
    media_type, _ = INPUTS[loader][name]
    data = made(loader, name) if data is None else data
    path = folder / (as_name or name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return Source(str(path), media_type, digest(data), str(path))


def built(loader: str, **options: Any) -> Any:
    name, _, engine = loader.partition("+")
    return load(name)(**options, **({"engine": engine} if engine else {}))


def read(loader: str, source: Source, start: int = 0, **options: Any) -> list[Part]:
    return list(built(loader, **options).load(source, start=start))


@pytest.fixture(params=CASES, ids=[f"{loader[8:]}-{name}" for loader, name in CASES])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Source]:
    loader, name = request.param
    return loader, write(tmp_path, loader, name)


def test_every_loader_is_here() -> None:
    loaders = {name for name in names("loaders") if not name.startswith(PARTS_OF_LOADERS)}
    assert {name.partition("+")[0] for name in INPUTS} == loaders - WITHOUT_DOCUMENTS


@pytest.mark.parametrize("loader", INPUTS)
def test_states_its_version_and_types(loader: str) -> None:
    one = built(loader)
    assert isinstance(one.VERSION, int)
    assert one.VERSION >= 1
    assert {media_type for media_type, _ in INPUTS[loader].values()} <= set(one.media_types)


def test_parts_are_numbered_and_within_limits(case: tuple[str, Source]) -> None:
    parts = read(*case)
    assert [part.number for part in parts] == list(range(len(parts)))
    assert parts
    for part in parts:
        assert len(part.pages) <= 32
        assert len(part.elements) <= 500
        assert part.head == parts[0].head


def test_elements_have_places_and_ids_of_their_own(case: tuple[str, Source]) -> None:
    parts = read(*case)
    elements = [element for part in parts for element in part.elements]
    assert elements
    assert len({element.id for element in elements}) == len(elements)
    pages = {page.number for part in parts for page in part.pages}
    for element in elements:
        assert element.origin.source == case[1]
        assert element.text or element.modality == "image"
        for place in element.origin.places:
            match place:
                case PageRegion(page, box):
                    assert page in pages
                    assert 0 <= box.left < box.right <= 1
                    assert 0 <= box.top < box.bottom <= 1
                case MarkupPath(path):
                    assert path.startswith("/")
                case CellRange(sheet, cells):
                    assert sheet
                    assert re.fullmatch(r"[A-Z]+[0-9]+(:[A-Z]+[0-9]+)?", cells)
                case CharSpan(start, end) | TimeSpan(start, end):
                    assert 0 <= start < end
                case _:
                    pytest.fail(f"unexpected place {place}")


def test_a_later_start_gives_the_same_parts(case: tuple[str, Source]) -> None:
    parts = read(*case)
    for start in {1, len(parts) // 2, len(parts) - 1, len(parts)}:
        assert read(*case, start=start) == parts[start:]


def test_two_runs_are_equal(case: tuple[str, Source]) -> None:
    assert read(*case) == read(*case)


def test_assets_are_named_alike_and_kept(case: tuple[str, Source]) -> None:
    loader, source = case
    assets, others = KeptAssets(), KeptAssets()
    parts = read(loader, source, assets=assets) if takes_assets(loader) else read(loader, source)
    again = read(loader, source, assets=others) if takes_assets(loader) else read(loader, source)
    assert parts == again
    named = {element.media.digest for part in parts for element in part.elements if element.media}
    assert named == set(assets.kept)
    assert assets.kept == others.kept


def takes_assets(loader: str) -> bool:
    return "assets" in inspect.signature(load(loader.partition("+")[0])).parameters


@pytest.mark.parametrize(("loader", "name"), CASES)
def test_output_follows_from_the_bytes_alone(loader: str, name: str, tmp_path: Path) -> None:
    here = write(tmp_path / "here", loader, name)
    there = write(tmp_path / "there", loader, name, as_name="9" + Path(name).suffix)
    assert [nameless(part) for part in read(loader, here)] == [nameless(part) for part in read(loader, there)]


def nameless(part: Part) -> Any:
    """A part as plain data without what its file is called, nor pixels made by a codec."""
    named_by_file = part.head.title and all(not element.headings for element in part.elements)
    return _nameless(to_plain(part), {"uri", "path", "media"} | ({"title"} if named_by_file else set()))


def _nameless(value: Any, left_out: set[str]) -> Any:
    if isinstance(value, dict):
        # The path of a place is content, that of a source is not.
        drop = left_out - {"path"} if value.get("kind") == "MarkupPath" else left_out
        return {key: _nameless(one, left_out) for key, one in value.items() if key not in drop}
    return [_nameless(one, left_out) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("loader", INPUTS)
@pytest.mark.parametrize("data", [b"", bytes(4096), b"\xff\xfe\xfd noise \x01\x02" * 50])
def test_what_is_no_such_file_is_a_source_error_at_worst(loader: str, data: bytes, tmp_path: Path) -> None:
    for name in INPUTS[loader]:
        parts_or_error(loader, write(tmp_path, loader, name, data))


@pytest.mark.parametrize(("loader", "name"), CASES)
def test_a_cut_file_is_a_source_error_at_worst(loader: str, name: str, tmp_path: Path) -> None:
    data = made(loader, name)
    for share in (0.02, 0.3, 0.7, 0.97):
        parts_or_error(loader, write(tmp_path, loader, name, data[: int(len(data) * share)]))
    middle = len(data) // 2
    parts_or_error(loader, write(tmp_path, loader, name, data[:middle] + bytes(200) + data[middle + 200 :]))


def parts_or_error(loader: str, source: Source) -> None:
    try:
        parts = read(loader, source)
    except SourceError as error:
        if error.source != source.uri or not error.kind:
            pytest.fail(f"an error that does not say what of: {error}")
    else:
        assert [part.number for part in parts] == list(range(len(parts)))


@pytest.mark.parametrize("loader", INPUTS)
def test_empty_missing_and_odd_files_are_refused(loader: str, tmp_path: Path) -> None:
    media_type = next(iter(INPUTS[loader].values()))[0]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    empty = tmp_path / "empty"
    empty.touch()
    for path, kinds in (
        (tmp_path / "absent", {"missing"}),
        (empty, {"empty"}),
        (tmp_path, {"refused", "unreadable", "missing"}),
        (pipe, {"refused", "unreadable", "missing", "damaged", "empty"}),
    ):
        with pytest.raises(SourceError) as caught:
            read(loader, Source(str(path), media_type, "0" * 64, str(path)))
        assert caught.value.kind in kinds, path.name


def outputs(loader: str, folder: Path) -> str:
    """A digest of what a loader gives for its inputs, pixels and names left out."""
    found = []
    for name in INPUTS[loader]:
        source = write(folder, loader, name)
        # Bytes made by another version of a library still hold the same document.
        fixed = Source(source.uri, source.media_type, "0" * 64, source.path)
        found.append([nameless(part) for part in read(loader, fixed)])
    return combined(found)


def recorded() -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads(RECORD.read_text())
    return values


@pytest.mark.parametrize("loader", INPUTS)
def test_output_does_not_change_without_version(loader: str, tmp_path: Path) -> None:
    version, known = built(loader).VERSION, recorded()[loader]
    if version != known["version"]:
        pytest.fail(f"{loader} has VERSION {version}; record it: python -m tests.contracts.test_loader")
    if outputs(loader, tmp_path) != known["digest"]:
        pytest.fail(
            f"{loader} gives another output than its VERSION {version} did: raise VERSION, so that "
            "stored documents are reported stale, then run python -m tests.contracts.test_loader"
        )


def record() -> None:
    """Write down the outputs of all loaders."""
    from tempfile import TemporaryDirectory

    values = {}
    for loader in INPUTS:
        with TemporaryDirectory() as folder:
            version = built(loader).VERSION
            values[loader] = {"version": version, "digest": outputs(loader, Path(folder))}
    RECORD.write_text(json.dumps(values, indent=2) + "\n")


if __name__ == "__main__":
    record()
