"""Passwords, page ranges, printed labels, turned and linearised files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.engine import Name
from rag.loaders.pdf.passwords import VARIABLE

from rag.document import WHOLE, PageRegion, Part, Source
from rag.errors import SourceError
from tests.golden import pdfs, remarks, unseen

PASSWORD = "s\u00e9cret of the mill"


def source(folder: Path, data: bytes, name: str = "a.pdf") -> Source:
    path = folder / name
    path.write_bytes(data)
    return Source(name, "application/pdf", "0" * 64, str(path))


@pytest.fixture(autouse=True, params=["mupdf", "pdfium"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Name:
    """Every test is done with both engines."""
    one: Name = request.param
    monkeypatch.setitem(ENGINE, "engine", one)
    return one


ENGINE: dict[str, str] = {}


def read(folder: Path, data: bytes, **options: object) -> list[Part]:
    options = {**ENGINE, **options}
    return list(PDF(**options).load(source(folder, data)))  # type: ignore[arg-type]


def locked() -> bytes:
    document = pymupdf.open("pdf", pdfs.headings())
    data: bytes = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=PASSWORD, owner_pw="another")
    return data


@pytest.fixture
def passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "passwords"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.mark.parametrize("lines", [f"wrong\n{PASSWORD}\n", f"b.pdf\twrong\n*.pdf\t{PASSWORD}\n"])
def test_a_password_of_the_file_opens_it(lines: str, passwords: Path, engine: Name, tmp_path: Path) -> None:
    passwords.write_text(lines, encoding="utf-8")
    one = source(tmp_path, locked())
    (part,) = PDF(engine=engine).load(one)
    assert any("turbine" in each.text for each in part.elements)
    assert PDF(engine=engine).render(one, PageRegion(1, WHOLE), 40).startswith(b"\x89PNG")


def test_a_wrong_password_is_told_without_it(passwords: Path, engine: Name, tmp_path: Path) -> None:
    passwords.write_text(f"guess one\nb.pdf\t{PASSWORD}\n", encoding="utf-8")
    with pytest.raises(SourceError, match="no password fits") as caught:
        list(PDF(engine=engine).load(source(tmp_path, locked())))
    assert caught.value.kind == "encrypted"
    assert "guess" not in str(caught.value)
    passwords.unlink()
    with pytest.raises(SourceError, match="password file cannot be read"):
        list(PDF(engine=engine).load(source(tmp_path, locked())))
    passwords.write_bytes(b"\xff\xfe secret \xff")
    with pytest.raises(SourceError, match="password file cannot be read") as caught:
        list(PDF(engine=engine).load(source(tmp_path, locked())))
    assert caught.value.__cause__ is None


def test_only_the_pages_asked_for_are_read(tmp_path: Path) -> None:
    data = pdfs.many_pages(40)
    parts = read(tmp_path, data, pages="2-3,35")
    assert [page.number for part in parts for page in part.pages] == [2, 3, 35]
    whole = {
        place: one.text
        for part in read(tmp_path, data) for one in part.elements for place in one.origin.places
    }  # fmt: skip
    told = {place: one.text for part in parts for one in part.elements for place in one.origin.places}
    assert told
    assert told.items() <= whole.items()
    with pytest.raises(SourceError, match="the file has 40"):
        read(tmp_path, data, pages="41-")
    with pytest.raises(ValueError, match="ranges such as"):
        PDF(pages="first")


def test_a_run_over_some_pages_goes_on_where_it_stopped(engine: Name, tmp_path: Path) -> None:
    one = source(tmp_path, pdfs.many_pages(70))
    loader = PDF(engine=engine, pages="2,34-36,70")
    assert list(loader.load(one))[1:] == list(loader.load(one, start=1))


def test_a_printed_label_stands_beside_the_number(tmp_path: Path) -> None:
    document = pymupdf.open("pdf", pdfs.many_pages(4))
    document.set_page_labels([{"startpage": 0, "style": "r", "firstpagenum": 3}, {"startpage": 2, "style": "D"}])
    (part,) = read(tmp_path, document.tobytes())
    assert [(page.number, page.label) for page in part.pages] == [(1, "iii"), (2, "iv"), (3, "1"), (4, "2")]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_remarks_and_hidden_words_of_a_turned_page_lie_where_they_are_shown(turn: int, tmp_path: Path) -> None:
    for make, role in ((remarks.remarked, "note"), (unseen.unpainted, "hidden")):
        document = pymupdf.open("pdf", make())
        shown = document[0].rect
        document[0].set_rotation(turn)
        (upright,) = read(tmp_path, make())
        (turned,) = read(tmp_path, document.tobytes())
        before = [one.origin.places[0] for one in upright.elements if one.role == role and one.text != "A sticky note"]
        after = [one.origin.places[0] for one in turned.elements if one.role == role and one.text != "A sticky note"]
        assert before
        assert len(before) == len(after)
        sizes = sorted(_size(place, shown.width, shown.height) for place in before)
        wide, high = (shown.width, shown.height) if turn == 180 else (shown.height, shown.width)
        again = sorted(_size(place, wide, high) for place in after)
        assert again == pytest.approx(sizes, rel=0.05)


def _size(place: object, width: float, height: float) -> float:
    assert isinstance(place, PageRegion)
    return (place.box.right - place.box.left) * width * (place.box.bottom - place.box.top) * height
