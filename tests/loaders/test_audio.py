"""Sound files of each kind: told by their bytes, heard from start to end."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.loaders.audio import Audio

from rag.document import Source
from rag.errors import SourceError
from rag.identity import digest
from rag.sniff import media_type
from tests.golden import videos
from tests.loaders.test_video import Hears, spans, words

KINDS = [
    ("wav", "pcm_s16le", "audio/wav"), ("mp3", "libmp3lame", "audio/mpeg"), ("flac", "flac", "audio/flac"),
    ("ipod", "aac", "audio/mp4"), ("ogg", "libopus", "audio/ogg"),
    ("opus", "libopus", "audio/ogg"), ("aiff", "pcm_s16be", "audio/aiff"),
]  # fmt: skip


@pytest.mark.parametrize(("format", "codec", "kind"), KINDS)
def test_each_kind_is_heard(format: str, codec: str, kind: str, tmp_path: Path) -> None:
    data = videos.sound(format=format, codec=codec)
    assert media_type("talk.bin", data[:8192]) == kind
    assert kind in Audio.media_types
    path = tmp_path / "talk.bin"
    path.write_bytes(data)
    hears = Hears()
    parts = list(Audio(transcriber=hears).load(Source(str(path), kind, digest(data), str(path))))
    assert words(parts) == ["Sentence 1."]
    assert spans(parts, "speech") == [(1.0, 2.0)]
    assert (len(hears.sounds[0]) - 44) / 2 / 16000 == pytest.approx(4.0, abs=0.15)
    assert dict(parts[0].head.metadata)["duration"] == pytest.approx(4.0, abs=0.15)


@pytest.mark.parametrize(("format", "codec", "kind"), KINDS)
def test_a_cut_sound_is_heard_up_to_the_cut_or_an_error(format: str, codec: str, kind: str, tmp_path: Path) -> None:
    data = videos.sound(format=format, codec=codec)
    path = tmp_path / "talk.bin"
    for share in (0.0, 0.01, 0.5, 0.97):
        cut = data[: int(len(data) * share)]
        path.write_bytes(cut)
        source = Source(str(path), kind, digest(cut), str(path))
        assert ended(source) in (("", "damaged") if cut else ("empty",))


def ended(source: Source) -> str:
    """The kind of error that hearing a sound ends in, "" for none."""
    try:
        parts = list(Audio(transcriber=Hears()).load(source))
    except SourceError as error:
        return error.kind
    return "" if all(end <= 4.15 for _, end in spans(parts, "speech")) else "beyond its end"


def test_subtitles_beside_a_sound_come_first(tmp_path: Path) -> None:
    data = videos.sound(format="flac", codec="flac")
    path = tmp_path / "talk.flac"
    path.write_bytes(data)
    (tmp_path / "talk.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nThe pump starts.\n")
    hears = Hears()
    parts = list(Audio(transcriber=hears).load(Source(str(path), "audio/flac", digest(data), str(path))))
    assert (words(parts), hears.sounds) == (["The pump starts."], [])
