"""Subtitles: their times, their words without decoration, sentences put together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.video.cues import Cue, beside, clean, embedded, fewer, ordered, scripted, written

from rag.document import Source

SRT = """1
00:00:01,000 --> 00:00:02,500
<font color="red">The <b>pump</b></font> starts

2
00:00:02,500 --> 00:00:04,000
at dawn.

3
01:00:00,000 --> 01:00:01,000
{\\an8}Later &amp; elsewhere
"""
VTT = """WEBVTT - a title

NOTE
not spoken

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ada>Hello there.</v>

00:03.500 --> 00:05.000
<c.yellow>Second</c><00:04.000> line.
"""


def test_subrip() -> None:
    assert written(SRT) == [
        Cue(1.0, 4.0, "The pump starts at dawn."),
        Cue(3600.0, 3601.0, "Later & elsewhere"),
    ]


ASS = """[Script Info]
Title: any
[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:02.50,0:00:04.00,Default,,0,0,0,,at dawn, {\\i1}slowly{\\i0}.
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,The pump\\Nstarts
Comment: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,Not said
Dialogue: 0,0:00:07.00,0:00:08.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100 100{\\p0}
Dialogue: 0,nonsense,0:00:09.00,Default,,0,0,0,,Never
"""


def test_substation_alpha(tmp_path: Path) -> None:
    assert scripted(ASS) == [Cue(1.0, 4.0, "The pump starts at dawn, slowly.")]
    (tmp_path / "talk.ass").write_text(ASS)
    path = str(tmp_path / "talk.mp4")
    assert beside(Source(path, "video/mp4", "0" * 64, path)) == scripted(ASS)
    (tmp_path / "talk.srt").write_text(SRT)
    assert beside(Source(path, "video/mp4", "0" * 64, path)) == written(SRT)


@given(st.text(alphabet="Dialogue:,0123456789.\\n{}pN Format text", max_size=200))
def test_any_script(text: str) -> None:
    assert all(one.text and one.start < one.end for one in scripted(text))


def test_words_of_a_hundred_megabytes_are_left_out_and_told(tmp_path: Path) -> None:
    with (tmp_path / "talk.srt").open("wb") as file:
        file.truncate(100_000_000)
    path, told = str(tmp_path / "talk.mp4"), []  # type: ignore[var-annotated]
    assert beside(Source(path, "video/mp4", "0" * 64, path), told) == []
    assert "talk.srt" in told[0]


def test_markup_in_words_is_not_kept() -> None:
    text = "00:01.000 --> 00:02.000\n<script src='x'>alert(1)</script><img src=x onerror=y>Hi &lt;b&gt;\n"
    assert written(text) == [Cue(1.0, 2.0, "alert(1)Hi <b>")]


def test_webvtt() -> None:
    assert written(VTT) == [Cue(1.0, 2.0, "Hello there."), Cue(3.5, 5.0, "Second line.")]


@pytest.mark.parametrize(
    ("given_text", "words"),
    [
        ("{\\i1}One{\\i0}\\NTwo\\hthree", "One\nTwo three"),
        ("<i>a</i> < b and c > d", "a < b and c > d"),
        ("tab\tand \x00 control\x07", "tab and control"),
        ("caf&eacute;", "café"),
        ("{not closed", "{not closed"),
    ],
)
def test_clean(given_text: str, words: str) -> None:
    assert clean(given_text) == words


def test_embedded_packets() -> None:
    text = "Straße".encode()
    assert embedded([(1.0, 2.0, len(text).to_bytes(2, "big") + text + b"\0\0\0\x0cstyl")], "mov_text") == [
        Cue(1.0, 3.0, "Straße")
    ]
    assert embedded([(1.0, 2.0, b"0,0,Default,,0,0,0,,Hello, {\\b1}you{\\b0}.")], "ass") == [
        Cue(1.0, 3.0, "Hello, you.")
    ]
    assert embedded([(1.0, 2.0, b"\0\0")], "mov_text") == []


def test_a_cue_without_length_lasts_until_the_next() -> None:
    assert ordered([Cue(1.0, 1.0, "One."), Cue(2.5, 2.5, "Two.")]) == [Cue(1.0, 2.5, "One."), Cue(2.5, 6.5, "Two.")]


def test_rolling_captions_are_said_once() -> None:
    rolled = [Cue(0, 2, "we open the"), Cue(2, 4, "we open the\nvalve and then"), Cue(4, 6, "valve and then\nwe wait.")]
    assert ordered(rolled) == [Cue(0, 6, "we open the valve and then we wait.")]


def test_a_pause_and_a_speaker_part_cues() -> None:
    assert [one.text for one in ordered([Cue(0, 1, "one"), Cue(9, 10, "two"), Cue(10, 11, "- three")])] == [
        "one", "two", "- three",
    ]  # fmt: skip


def test_fewer_loses_no_word() -> None:
    cues = [Cue(at, at + 1, str(at)) for at in range(1000)]
    told = fewer(cues, 250)
    assert len(told) == 250
    assert " ".join(one.text for one in told).split() == [str(at) for at in range(1000)]
    assert fewer([], 250) == []


def test_beside(tmp_path: Path) -> None:
    source = Source("talk.mp4", "video/mp4", "0" * 64, str(tmp_path / "talk.mp4"))
    assert beside(source) == []
    (tmp_path / "talk.srt").write_bytes("1\n0:00:01,0 --> 0:00:02,0\nGrüße.\n".encode("cp1252"))
    assert beside(source) == [Cue(1.0, 2.0, "Grüße.")]
    (tmp_path / "talk.srt").write_bytes(b"")
    (tmp_path / "talk.vtt").write_text(VTT)
    assert len(beside(source)) == 2
    assert beside(Source("x", "video/mp4", "0" * 64, "")) == []


@given(st.text(alphabet="0123456789:,.-> \n<>{}\\Nab", max_size=400))
def test_any_text_gives_cues_in_order(text: str) -> None:
    cues = written("00:01 --> 00:02\n" + text)
    assert all(one.start < one.end and one.text for one in cues)
    assert [one.start for one in cues] == sorted(one.start for one in cues)
