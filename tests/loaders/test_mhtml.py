"""Pages saved as one file: the page, its own pictures inside, nothing fetched."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from rag.loaders.mhtml import MHTML

from rag.document import Source
from rag.errors import SourceError
from rag.sniff import HEAD, media_type
from tests.golden import images, webarchives
from tests.golden.webarchives import URL, mhtml, part


def source(folder: Path, data: bytes) -> Source:
    path = folder / "saved.mht"
    path.write_bytes(data)
    return Source(str(path), "multipart/related", "0" * 64, str(path))


def read(folder: Path, data: bytes, **options: int) -> dict[str, str]:
    found = MHTML(**options).members(source(folder, data))
    return {one.name: b"".join(one.blocks).decode("utf-8-sig") for one in found}


def inside(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def test_a_page_with_its_pictures(tmp_path: Path) -> None:
    data = mhtml()
    assert media_type("saved.mhtml", data[:HEAD]) == "multipart/related"
    found = read(tmp_path, data)
    assert list(found) == [URL, "page.html"]
    page = found[URL]
    assert "read at noon" in page
    assert inside(images.png(120, 90)) in page, "by its address"
    assert inside(images.png(90, 120)) in page, "by its id"
    assert 'src="http://far.example/x.png"' in page, "what is not in the file stays an address"


def test_the_charset_of_its_part(tmp_path: Path) -> None:
    text = read(tmp_path, mhtml("<html><body><p>Дождь идёт.</p></body></html>"))[URL]
    assert "Дождь идёт." in text


def test_a_page_saved_from_a_disk(tmp_path: Path) -> None:
    page = '<html><body><p>Words</p><img src="gauge_files/a%20b.png"></body></html>'
    picture = part("image/png", images.png(77, 66), "Content-Location: file:///C:\\saved\\gauge_files\\a b.png")
    found = read(tmp_path, mhtml(page, picture, url="file:///C:/saved/gauge.html"))
    assert inside(images.png(77, 66)) in found["page.html"]


def test_a_picture_that_is_none_is_left_out(tmp_path: Path) -> None:
    false = part("image/png", b"%!PS-Adobe-3.0", "Content-Location: http://pages.example/false.png")
    page = '<html><body><p>Words</p><img src="/false.png"></body></html>'
    assert "data:" not in read(tmp_path, mhtml(page, false))[URL]
    drawing = part(
        "image/svg+xml",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "Content-Location: http://pages.example/false.png",
    )
    assert "data:image/svg+xml;base64," in read(tmp_path, mhtml(page, drawing))[URL]


def test_limits(tmp_path: Path) -> None:
    assert "data:image" not in read(tmp_path, mhtml(), max_pictures=50)[URL]
    for limit in ("max_parts", "max_bytes"):
        with pytest.raises(SourceError, match=limit) as caught:
            read(tmp_path, mhtml(), **{limit: 3})
        assert caught.value.kind == "limit"


def test_parts_nested_without_end(tmp_path: Path) -> None:
    nested = b"MIME-Version: 1.0\r\n"
    for n in range(3000):
        nested += f'Content-Type: multipart/related; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode()
    with pytest.raises(SourceError) as caught:
        read(tmp_path, nested)
    assert caught.value.kind in ("damaged", "limit")


@pytest.mark.parametrize(
    "data",
    [mhtml()[:400], mhtml()[:1500], b"MIME-Version: 1.0\r\nContent-Type: multipart/related", b"\xff\xfe" * 300,
     mhtml().replace(b"----b1--", b"")],
)  # fmt: skip
def test_damage(tmp_path: Path, data: bytes) -> None:
    kind = "damaged"
    try:
        read(tmp_path, data)
    except SourceError as error:
        kind = error.kind
    assert kind == "damaged"


def test_names_that_are_the_same(tmp_path: Path) -> None:
    twin = part("text/html", b"<p>More</p>", f"Content-Location: {webarchives.URL}")
    assert len(read(tmp_path, mhtml(webarchives.PAGE, twin))) == 3
