"""Running a program that reads pictures, and not believing what it prints."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rag.loaders.ocr import tesseract
from rag.loaders.ocr.auto import Auto
from rag.loaders.ocr.tesseract import Tesseract, lines

from rag.document import Box
from rag.errors import MissingExtra
from tests.golden.recognisers import png, program


def black_box(width: int = 1600, height: int = 1000) -> bytes:
    """Ink from (400, 200) to (800, 300)."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("black", (400, 200, 800, 300))
    return png(image)


@pytest.fixture
def bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = program(tmp_path / "bin").parent
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_words_become_lines_with_their_boxes_and_doubtful_words_go(bin: Path) -> None:
    ((found,),) = Tesseract().recognise([black_box()])
    assert found.text == "wide400 high100"
    assert found.box == Box(0.25, 0.2, 0.5, 0.3)
    assert found.words == (Box(0.25, 0.2, 0.375, 0.3), Box(0.375, 0.2, 0.5, 0.3))
    assert 0.91 < found.confidence < 0.965


def test_small_pictures_are_enlarged_and_their_boxes_are_not(bin: Path) -> None:
    image = Image.open(io.BytesIO(black_box())).resize((400, 250))
    ((found,),) = Tesseract().recognise([png(image)])
    assert found.text.startswith(("wide20", "wide19"))
    assert found.box.left == pytest.approx(0.25, abs=0.01)
    assert found.box.bottom == pytest.approx(0.3, abs=0.01)


def test_it_is_called_without_shell_files_or_secrets(bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    Tesseract(languages="eng+deu").recognise([black_box()])
    told = (bin / "arguments").read_text().splitlines()
    assert told[:6] == ["stdin", "stdout", "-l", "eng+deu", "--psm", "1"]
    assert "OMP_THREAD_LIMIT=1" in told
    assert "SOME_API_KEY" not in told


def test_the_fingerprint_names_version_and_languages(bin: Path) -> None:
    assert Tesseract().fingerprint == "tesseract-5.9.1.eng.psm1.0.6"
    assert Tesseract(languages="eng+deu").fingerprint != Tesseract().fingerprint
    assert Tesseract(languages="fra").fingerprint == "", "its data are not there"
    with pytest.raises(MissingExtra, match="fra"):
        Tesseract(languages="fra").recognise([black_box()])


def test_bars_beside_a_line_are_no_part_of_it() -> None:
    rows = [(0, 5, 90, "|"), (20, 30, 90, "Oil"), (55, 30, 90, "|"), (60, 40, 90, "level"), (190, 5, 60, "|]")]
    table = "1\t1\t0\t0\t0\t0\t0\t0\t200\t100\t-1\t\n" + "\n".join(
        f"5\t1\t1\t1\t1\t{at}\t{left}\t10\t{wide}\t20\t{sure}\t{text}"
        for at, (left, wide, sure, text) in enumerate(rows)
    )
    (found,) = lines(table)
    assert found.text == "Oil | level"
    assert found.box == Box(0.1, 0.1, 0.5, 0.3)


@pytest.mark.parametrize("languages", ["", "eng deu", "eng; rm", "../eng", "ENG", "eng+", "-c", "a" * 90])
def test_languages_are_names(languages: str) -> None:
    with pytest.raises(ValueError, match="languages are"):
        Tesseract(languages=languages)


def test_without_the_program_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Tesseract().fingerprint == ""
    with pytest.raises(MissingExtra):
        Tesseract().recognise([black_box()])


def test_a_relative_path_is_not_searched(bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bin)
    monkeypatch.setenv("PATH", ".")
    assert shutil.which("tesseract")
    assert Tesseract().fingerprint == ""


@pytest.mark.parametrize(("mode", "told"), [("broken", "nothing read"), ("slow", "longer than 0.8 s")])
def test_a_program_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, told: str
) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin", mode).parent))
    one = Tesseract()
    assert one.fingerprint
    if mode == "slow":
        monkeypatch.setattr(tesseract, "SECONDS", 0.8)
    started = time.monotonic()
    with pytest.raises(RuntimeError, match=told):
        one.recognise([black_box()])
    assert time.monotonic() - started < 10


def test_rows_of_another_form_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin", "odd").parent))
    ((found,),) = Tesseract().recognise([black_box()])
    assert found.text == "wide400 high100"


cells = st.sampled_from("1 5 -1 9 99999999999999999999 nan x".split())
tables = st.lists(st.lists(cells, max_size=13)).map(
    lambda rows: "1\t1\t0\t0\t0\t0\t0\t0\t100\t100\t-1\t\n" + "\n".join("\t".join(row) for row in rows)
)


@given(st.text(max_size=300) | tables)
def test_any_table_is_read_without_an_error(table: str) -> None:
    for one in lines(table):
        assert 0 <= one.box.left <= one.box.right <= 1
        assert len(one.words) == one.text.count(" ") + 1


def test_auto_takes_the_program_where_it_is_there(bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Auto().fingerprint == Tesseract().fingerprint
    assert Auto(languages="fra").fingerprint.startswith("rapidocr-")
    assert Auto(prefer="rapidocr").fingerprint.startswith("rapidocr-")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Auto().fingerprint.startswith("rapidocr-")
    monkeypatch.setattr("rag.loaders.ocr.rapidocr.RapidOCR.available", lambda self: False)
    assert Auto().fingerprint == Auto(prefer="rapidocr").fingerprint == ""
    with pytest.raises(MissingExtra, match=r"argus-rag\[ocr\]"):
        Auto().recognise([black_box()])
