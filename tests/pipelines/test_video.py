"""A recording from file to citation: found by what is said, shown at its second."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from rag.loaders.speech import faster_whisper
from rag.loaders.speech.faster_whisper import FasterWhisper

from rag.cli import main
from rag.corpus import Corpus
from rag.document import TimeSpan
from tests.golden import videos

SETTINGS = """
[loaders.video]
use = "loaders/video"
transcriber = { use = "loaders/speech/faster_whisper" }
"""


@pytest.fixture
def corpus(hashed: Path) -> Path:
    settings = hashed / "corpus.toml"
    settings.write_text(settings.read_text() + SETTINGS)
    return hashed


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.mp4"
    path.write_bytes(videos.narrated())
    return path


def test_what_is_said_is_found_at_its_second(corpus: Path, plant: Path) -> None:
    with Corpus(corpus) as opened:
        (outcome,) = opened.add(str(plant), workers=1).outcomes
        assert (outcome.status, outcome.chunks, outcome.pages, outcome.warnings) == ("done", 3, 0, ())
        hit = opened.search("When does the green valve open?", k=1)[0]
        assert hit.places == (TimeSpan(2.0, 4.0),)
        assert hit.text == videos.SPEECH[1]
        told = hit.to_json()
        assert (told["modality"], told["start"], told["end"]) == ("video", 2.0, 4.0)
        assert (told["page"], told["box"], told["path"]) == (None, None, None)
        assert "0:02.0 to 0:04.0" in hit.where
        shown = Image.open(io.BytesIO(hit.image()))
        assert (shown.format, shown.size) == ("PNG", (160, 120))
        red, green, _ = shown.convert("RGB").getpixel((80, 100))  # type: ignore[misc]
        assert green > 100 > red  # seagreen


def test_the_frame_is_shown_when_the_file_is_gone(corpus: Path, plant: Path) -> None:
    with Corpus(corpus) as opened:
        opened.add(str(plant), workers=0)
        plant.unlink()
        assert opened.search("pump", k=1)[0].image().startswith(b"\x89PNG")


def test_a_scene_without_a_picture_is_drawn_from_the_file(corpus: Path, tmp_path: Path) -> None:
    dark = tmp_path / "dark.mp4"
    dark.write_bytes(videos.video([(Image.new("RGB", (160, 120)), 2)], cues=[(0.5, 1.5, "It is dark in here.")]))
    with Corpus(corpus) as opened:
        opened.add(str(dark), workers=0)
        hit = opened.search("dark", k=1)[0]
        assert hit.chunk.media is None
        assert Image.open(io.BytesIO(hit.image())).size == (160, 120)


def test_show_writes_the_frame(corpus: Path, plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Corpus(corpus) as opened:
        opened.add(str(plant), workers=0)
        id = opened.search("tank", k=1)[0].chunk.id
    out = tmp_path / "frame.png"
    assert main(["show", id, "--corpus", str(corpus), "--out", str(out)]) == 0
    assert "plant.mp4, 0:04.0 to 0:06.0" in capsys.readouterr().out
    assert Image.open(out).size == (160, 120)
    assert main(["show", id, "--corpus", str(corpus), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["start"], told["end"], told["picture"]) == (4.0, 6.0, str(out))


def test_the_extra_makes_documents_stale(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = tmp_path / "loud.mp4"
    loud.write_bytes(videos.narrated(cues=(), tone=6.0))
    monkeypatch.setattr(FasterWhisper, "available", lambda self: False)
    monkeypatch.setattr(faster_whisper, "HALVES", ("no_such_module",) * 2)
    faster_whisper._loaded.cache_clear()
    with Corpus(corpus) as opened:
        (first,) = opened.add(str(loud), workers=0).outcomes
        assert first.status == "done"
        assert sum("argus-rag[speech]" in one for one in first.warnings) == 1
        assert opened.add(str(loud), workers=0).outcomes[0].status == "unchanged"
        monkeypatch.setattr(FasterWhisper, "available", lambda self: True)
        monkeypatch.setattr(
            FasterWhisper, "transcribe", lambda self, sounds: [[(0.5, 1.5, "It hums.")] for _ in sounds]
        )
        assert opened.add(str(loud), workers=0).outcomes[0].status == "stale"
        assert opened.add(str(loud), workers=0, refresh=True).outcomes[0].warnings == ()
        assert opened.search("hums", k=1)[0].places == (TimeSpan(0.0, 2.0),)
