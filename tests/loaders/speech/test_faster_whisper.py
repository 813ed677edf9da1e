"""The transcriber of the extra `speech`, on the sound of the sample video and on a stand-in model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rag.loaders.speech import faster_whisper
from rag.loaders.speech.faster_whisper import FasterWhisper
from rag.loaders.video.container import chosen, container, surveyed
from rag.loaders.video.sound import piece, wav

from rag.document import Source
from rag.errors import ConfigError, MissingExtra
from rag.identity import file_digest

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "corpus" / "narrated.mp4"
SPOKEN = (
    (0.5, 5.18, "laptop computer stands on a desk"),
    (6.5, 11.22, "passenger jets are parked at the airport"),
    (12.5, 16.66, "tennis player serves on a clay court"),
    (18.5, 23.69, "white stove stands in a kitchen with wooden cabinets"),
)


def sound_of(path: Path) -> bytes:
    source = Source(str(path), "video/mp4", file_digest(path), str(path))
    with container(source, 10**8) as open_:
        streams = chosen(open_)
        survey = surveyed(open_, streams, source, 1000.0)
    with container(source, 10**8) as open_:
        audio = chosen(open_).audio
        if audio is None:
            raise ValueError("no sound")
        _, sound = piece(open_, audio, survey, source, 0.0, survey.end, True)
    return sound or b""


def test_the_sample_video_word_for_word() -> None:
    sentences = FasterWhisper(language="en").transcribe([sound_of(SAMPLE)])[0]
    assert [start for start, _, _ in sentences] == sorted(start for start, _, _ in sentences)
    for start, end, words in SPOKEN:
        found = [one for one in sentences if words in re.sub(r"[^a-z ]", "", one[2].lower())]
        assert len(found) == 1, (words, sentences)
        assert start - 0.5 <= found[0][0] < found[0][1] <= end + 0.5


def test_no_sound_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_whisper, "_loaded", lambda *_: pytest.fail("loaded"))
    assert FasterWhisper().transcribe([]) == []


@dataclass
class Model:
    """Stands in for WhisperModel: gives these segments, remembers how it was asked."""

    segments: list[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def transcribe(self, samples: Any, **options: Any) -> tuple[Iterator[Any], None]:
        self.asked.append({"samples": len(samples), **options})
        return iter(self.segments), None


def word(text: str, start: float, end: float) -> SimpleNamespace:
    return SimpleNamespace(word=text, start=start, end=end)


def segment(*words: SimpleNamespace, text: str = "", sure: float = -0.2) -> SimpleNamespace:
    return SimpleNamespace(start=0.0, end=9.0, text=text, words=list(words), avg_logprob=sure)


def test_segments_are_cut_at_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model([
        segment(word(" The", 0.5, 0.7), word(" pump", 0.7, 1.0), word(" starts.", 1.0, 1.5), word(" It", 2.0, 2.2)),
        segment(text=" no words "),
    ])  # fmt: skip
    monkeypatch.setattr(faster_whisper, "_loaded", lambda *_: model)
    heard = FasterWhisper(language="de", beam=3).transcribe([wav(np.ones(16000, np.int16))] * 2)
    assert heard[0] == [(0.5, 1.5, "The pump starts."), (2.0, 2.2, "It"), (0.0, 9.0, "no words")]
    assert heard[0] == heard[1]
    assert model.asked[0]["samples"] == 16000
    assert (model.asked[0]["language"], model.asked[0]["beam_size"]) == ("de", 3)


def test_nonsense_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_whisper, "_loaded", lambda *_: Model([segment(text="!!!", sure=math.nan)]))
    with pytest.raises(ArithmeticError):
        FasterWhisper().transcribe([wav(np.ones(16000, np.int16))])


def test_threads_stay_within_what_openmp_may_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    assert FasterWhisper(threads=4)._threads() == 1
    monkeypatch.delenv("OMP_THREAD_LIMIT")
    assert FasterWhisper(threads=4)._threads() == 4


@pytest.mark.parametrize("sound", [b"", b"RIFF", b"not a wav at all"])
def test_what_is_no_wav(sound: bytes) -> None:
    with pytest.raises(ValueError, match="expected a WAV"):
        FasterWhisper().transcribe([sound])


def test_the_fingerprint_names_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = FasterWhisper().fingerprint
    assert packaged.startswith("whisper-base.d01c3014881c")
    assert len({packaged, FasterWhisper(beam=2).fingerprint, FasterWhisper(language="en").fingerprint}) == 3
    assert FasterWhisper(threads=2).fingerprint == packaged
    monkeypatch.setattr(faster_whisper, "HALVES", ("no_such_module",))
    assert FasterWhisper().fingerprint == ""
    assert FasterWhisper(model="/models/mine").fingerprint.startswith("/models/mine.")


def test_missing_weights_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_whisper, "HALVES", ("no_such_module", "nor_this"))
    with pytest.raises(MissingExtra, match=r"argus-rag\[speech\]"):
        faster_whisper._packaged()


def test_weights_with_another_digest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(faster_whisper.DIGESTS, "config.json", "0" * 64)
    with pytest.raises(ConfigError, match=r"config\.json"):
        faster_whisper._packaged()


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        FasterWhisper(model=str(tmp_path)).transcribe([wav(np.ones(16000, np.int16))])


def test_options_that_make_no_sense() -> None:
    with pytest.raises(ValueError):
        FasterWhisper(beam=0)
    with pytest.raises(ValueError):
        FasterWhisper(threads=0)
