"""The examples that look run as they stand: on tiny random checkpoints, or on what needs no hub."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "examples" / "scripts"
SAMPLE = ROOT / "examples" / "corpus"
REPORT = str(SAMPLE / "weather-station-2025.pdf")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):  # type: ignore[no-untyped-def]
    """A script in this process, in a folder of its own; what it printed, line by line."""

    def ran(name: str, *arguments: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(SCRIPTS))
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return ran


def test_visrag_finds_pages_and_a_model_looks_at_them(run) -> None:  # type: ignore[no-untyped-def]
    told = run("visrag_pages.py", REPORT, "Which month was the wettest?", "--tokens", "4", "--dpi", "50")
    hits = [line for line in told if "weather-station-2025.pdf, page" in line]
    assert len(hits) == 3
    assert told[-1] == "looked at 3 pictures"
    assert sum("found means nothing" in line for line in told) == 2


def test_colpali_draws_what_the_question_saw(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    told = run("colpali_pages.py", REPORT, "rain in November", "--dpi", "50", "--out", "heat.png")
    assert sum("weather-station-2025.pdf, page" in line for line in told) == 3
    assert told[-1].startswith("wrote heat.png: the mean of ")
    first = next(line for line in told if "weather-station-2025.pdf, page" in line)
    assert "box" in first, "the tiny model's first hit is a figure, which is drawn by itself"
    with Image.open(tmp_path / "heat.png") as heat:
        assert heat.width > heat.height


def test_a_moment_is_found_by_what_is_shown_and_never_said(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    told = run("video_search.py", str(SAMPLE / "narrated.mp4"), "cooking", "--out", "moment.png")
    assert "narrated.mp4, 0:18.1 to 0:24.1" in told[0]
    with Image.open(tmp_path / "moment.png") as moment:
        assert moment.size == (640, 480)


def test_a_picture_is_the_question(run) -> None:  # type: ignore[no-untyped-def]
    told = run("picture_question.py", REPORT, "weather-station-2025.pdf#page=3", "--model", "tiny")
    assert told[1].startswith("1.000 ")
    assert "page 3" in told[1]
    photos = run("picture_question.py", str(SAMPLE / "pizza-wine-book.jpg"), str(SAMPLE / "pizza-wine-book.jpg"),
                 "--words", "a glass of wine", "--minus", "a dog")  # fmt: skip
    assert "pizza-wine-book.jpg" in photos[0]


def test_what_is_wrong_is_said_without_a_traceback(run) -> None:  # type: ignore[no-untyped-def]
    for script, arguments in (
        ("video_search.py", ["nofile.mp4"]),
        ("colpali_pages.py", [REPORT, "x", "--model", "/no"]),
    ):
        with pytest.raises(SystemExit) as stopped:
            run(script, *arguments)
        assert any(said in str(stopped.value) for said in ("nofile.mp4", "there is no such folder"))


def test_every_script_is_told_of_in_the_documentation() -> None:
    page = (ROOT / "docs" / "visual.md").read_text(encoding="utf-8")
    looking = [one.name for one in SCRIPTS.glob("*.py") if "from looking import" in one.read_text(encoding="utf-8")]
    assert len(looking) == 4
    assert [name for name in looking if name not in page] == []
