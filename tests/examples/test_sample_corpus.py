"""The sample corpus: small, made again from its script, and holding what the demo asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
CORPUS = EXAMPLES / "corpus"


def make(folder: Path) -> None:
    script = EXAMPLES / "scripts" / "make_corpus.py"
    run = subprocess.run([sys.executable, str(script), "--out", str(folder)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make(folder)
    return folder


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in CORPUS.iterdir()) < 800_000


def test_made_twice_is_the_same(made: Path, tmp_path: Path) -> None:
    make(tmp_path)
    for file in made.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_the_script_makes_what_is_shipped(made: Path) -> None:
    """By content: the bytes of a PDF or PNG also depend on the library that writes them."""
    name = "weather-station-2025.pdf"
    with pymupdf.open(CORPUS / name) as shipped, pymupdf.open(made / name) as fresh:
        assert [page.get_text() for page in shipped] == [page.get_text() for page in fresh]
        assert shipped.get_toc() == fresh.get_toc()
    strip = [file.read_text(encoding="utf-8").split("base64,")[0] for file in
             (CORPUS / "rain-gauge.html", made / "rain-gauge.html")]  # fmt: skip
    assert strip[0] == strip[1]


def test_the_report_has_a_table_and_a_figure() -> None:
    with pymupdf.open(CORPUS / "weather-station-2025.pdf") as document:
        assert document.page_count >= 3
        table = document[1].find_tables().tables[0].extract()
        assert ["November", "187", "21", "6.9", "29.8", "4"] in table
        assert len(document[2].get_images()) == 1
        assert "Figure 1: " in document[2].get_text()


@pytest.mark.parametrize(
    ("name", "word"), [("visitor-centre-bicycle.jpg", "bicycle"), ("pizza-wine-book.jpg", "pizza")]
)
def test_photos_say_what_they_show(name: str, word: str) -> None:
    with Image.open(CORPUS / name) as photo:
        photo.load()
        described = photo.getexif()
    assert word in described[0x010E]
    assert described[0x8298].startswith("CC BY 2.0")


def test_every_file_has_its_licence() -> None:
    notice = (EXAMPLES / "NOTICE.md").read_text(encoding="utf-8")
    assert [file.name for file in CORPUS.iterdir() if file.name not in notice] == []


def test_questions() -> None:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert len(questions) >= 3
    assert all(set(one) == {"id", "query"} for one in questions)


def test_pictures_of_the_evidence(tmp_path: Path) -> None:
    """The example script, on the sample corpus: the answer is right and its place can be looked at."""
    script = EXAMPLES / "scripts" / "evidence_pictures.py"
    arguments = [str(CORPUS), "How much rain fell in November?", "--out", str(tmp_path / "pictures")]
    run = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "187" in run.stdout
    with Image.open(tmp_path / "pictures" / "evidence-1.png") as picture:
        assert min(picture.size) > 100
