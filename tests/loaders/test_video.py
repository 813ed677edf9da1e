"""Key frames, spans of time and words of recordings made by code."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from rag.loaders.audio import Audio
from rag.loaders.video import Video
from rag.loaders.video.parts import PART_SECONDS

from rag.document import WHOLE, Element, Media, PageRegion, Part, Source, TimeSpan
from rag.errors import MissingExtra, SourceError
from rag.identity import digest
from rag.protocols import Recognised
from tests.golden import videos
from tests.golden.recognisers import line as written_line

TYPES = {
    "mp4": "video/mp4", "matroska": "video/x-matroska", "webm": "video/webm", "avi": "video/x-msvideo",
    "mov": "video/quicktime", "mpegts": "video/mp2t",
}  # fmt: skip


class Kept:
    """Assets in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        self.kept[name] = data
        return Media(media_type, name, len(data))

    def open(self, media: Media) -> bytes:
        return self.kept[media.digest]

    def crop(self, source: Source, place: Any, dpi: int = 144) -> bytes:
        raise NotImplementedError


class Hears:
    """A transcriber that hears one sentence a sound, and remembers what it was given."""

    fingerprint = "hears"

    def __init__(self) -> None:
        self.sounds: list[bytes] = []

    def transcribe(self, sounds: Sequence[bytes]) -> list[list[tuple[float, float, str]]]:
        self.sounds += sounds
        return [[(1.0, 2.0, f" Sentence {len(self.sounds)}. "), (2.5, 3.0, "  ")] for _ in sounds]


class Absent(Hears):
    fingerprint = ""

    def transcribe(self, sounds: Sequence[bytes]) -> list[list[tuple[float, float, str]]]:
        raise MissingExtra("faster_whisper", "speech")


def written(folder: Path, data: bytes, name: str = "plant.mp4", media_type: str = "video/mp4") -> Source:
    path = folder / name
    path.write_bytes(data)
    return Source(str(path), media_type, digest(data), str(path))


def spans(parts: Sequence[Part], role: str = "keyframe") -> list[tuple[float, float]]:
    found = [one.origin.places[0] for part in parts for one in part.elements if one.role == role]
    return [(round(one.start, 2), round(one.end, 2)) for one in found if isinstance(one, TimeSpan)]


def words(parts: Sequence[Part]) -> list[str]:
    return [one.text for part in parts for one in part.elements if one.role == "speech"]


def frames(parts: Sequence[Part]) -> list[Element]:
    return [one for part in parts for one in part.elements if one.role == "keyframe"]


def warnings(parts: Sequence[Part]) -> list[str]:
    return [one.message for part in parts for one in part.warnings]


def picture(assets: Kept, element: Element) -> Image.Image:
    if element.media is None:
        raise ValueError("no picture")
    return Image.open(io.BytesIO(assets.open(element.media))).convert("RGB")


def near(image: Image.Image, at: tuple[int, int], colour: str) -> bool:
    wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    found = image.getpixel(at)
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True)) < 40  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("format", "options"),
    [("mp4", {}), ("mov", {}), ("matroska", {}), ("matroska", {"subtitles": "ass"}),
     ("webm", {"codec": "libvpx"}), ("avi", {"codec": "mpeg4", "cues": ()}), ("mpegts", {"cues": ()})],
)  # fmt: skip
def test_each_container(format: str, options: dict[str, Any], tmp_path: Path) -> None:
    assets = Kept()
    source = written(tmp_path, videos.narrated(format=format, **options), "plant.bin", TYPES[format])
    parts = list(Video(assets=assets).load(source))
    assert spans(parts) == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    assert words(parts) == ([] if "cues" in options else list(videos.SPEECH))
    for number, element in enumerate(frames(parts)):
        assert near(picture(assets, element), (80, 100), videos.SCENES[number])


def test_speech_follows_its_frame(tmp_path: Path) -> None:
    part = next(Video().load(written(tmp_path, videos.narrated())))
    assert [one.role for one in part.elements] == ["keyframe", "speech"] * 3
    assert spans([part], "speech") == [(0.2, 1.8), (2.2, 3.8), (4.2, 5.8)]
    assert part.head.title == "plant"
    told = dict(part.head.metadata)
    assert (told["duration"], told["width"], told["height"]) == (6.0, 160, 120)
    assert part.pages == ()


def test_title_chapters_description(tmp_path: Path) -> None:
    part = next(Video().load(written(tmp_path, videos.tour(), "0001.mov", "video/quicktime")))
    assert part.head.title == "A tour of the plant"
    assert [one.text for one in part.elements if one.role == "paragraph"] == ["Filmed on a quiet morning."]
    assert [one.headings for one in part.elements if one.role == "keyframe"] == [
        ("The pump house",), ("The tank",), ("The tank",),
    ]  # fmt: skip


# --- scenes ---------------------------------------------------------------------------------------


def test_a_fade_is_one_change(tmp_path: Path) -> None:
    before, after = videos.scene(0), videos.scene(2)
    fade = [(Image.blend(before, after, step / 10), 0.1) for step in range(10)]
    assets = Kept()
    parts = list(Video(assets=assets).load(written(tmp_path, videos.video([(before, 3), *fade, (after, 3)]))))
    assert len(spans(parts)) == 2
    assert 3.0 <= spans(parts)[1][0] <= 4.2
    assert near(picture(assets, frames(parts)[0]), (80, 100), videos.SCENES[0])
    assert near(picture(assets, frames(parts)[1]), (80, 100), videos.SCENES[2])


def test_a_flash_is_no_scene(tmp_path: Path) -> None:
    white = Image.new("RGB", (160, 120), "white")
    shown = videos.video([(videos.scene(1), 3), (white, 0.1), (videos.scene(1), 3)])
    assert spans(list(Video().load(written(tmp_path, shown)))) == [(0.0, 6.1)]


def test_a_short_scene_joins_the_next(tmp_path: Path) -> None:
    shown = videos.video([(videos.scene(0), 3), (videos.scene(1), 0.6), (videos.scene(2), 3)])
    assets = Kept()
    parts = list(Video(assets=assets).load(written(tmp_path, shown)))
    assert spans(parts) == [(0.0, 3.0), (3.0, 6.6)]
    assert near(picture(assets, frames(parts)[1]), (80, 100), videos.SCENES[2])


def slide(lines: int, number: int = 1) -> Image.Image:
    image = Image.new("RGB", (640, 360), "white")
    draw = ImageDraw.Draw(image)
    for line in range(lines):
        draw.text((40, 30 + 70 * line), f"{number}. Line {line} of a slide of text", "black", font_size=30)
    return image


def test_slides_that_differ_little(tmp_path: Path) -> None:
    """The picture changes by a hundredth, but where it does a reader sees other words."""
    shown = videos.video([(slide(4, number), 4.0) for number in (1, 8)] + [(slide(1), 4.0)])
    assets = Kept()
    parts = list(Video(assets=assets, max_scene=4.0).load(written(tmp_path, shown)))
    assert [start for start, _ in spans(parts)] == [0.0, 4.0, 8.0]
    ink = [int((np.asarray(picture(assets, one).convert("L")) < 128).sum()) for one in frames(parts)]
    assert len(assets.kept) == 3
    assert min(ink[:2]) > 3 * ink[2]


def test_slides_of_one_layout_are_scenes_and_a_pointer_is_none(tmp_path: Path) -> None:
    """A fiftieth of the picture becomes another at once; the pointer that moves over it is smaller."""
    shown = []
    for title in ("Pumps", "Valves", "Tanks"):
        for step in range(5):
            image = Image.new("RGB", (320, 240), "white")
            draw = ImageDraw.Draw(image)
            draw.text((20, 14), title, "black", font_size=24)
            for line in range(5):
                draw.text((24, 60 + 26 * line), f"{line + 1}. A point about {title.lower()}", "black", font_size=16)
            draw.polygon([(240 + 9 * step, 200), (240 + 9 * step, 212), (248 + 9 * step, 208)], "black")
            shown.append((image, 1.0))
    assert spans(list(Video().load(written(tmp_path, videos.video(shown))))) == [(0.0, 5.0), (5.0, 10.0), (10.0, 15.0)]


def test_a_static_scene_is_divided_and_stored_once(tmp_path: Path) -> None:
    assets = Kept()
    parts = list(Video(assets=assets).load(written(tmp_path, videos.video([(videos.scene(3), 70)], rate=2))))
    assert spans(parts) == [(0.0, 30.0), (30.0, 60.0), (60.0, 70.0)]
    assert len(assets.kept) == 1


def test_black_is_no_picture(tmp_path: Path) -> None:
    assets = Kept()
    black = Image.new("RGB", (160, 120))
    parts = list(Video(assets=assets).load(written(tmp_path, videos.video([(black, 3), (videos.scene(0), 3)]))))
    assert [one.media is not None for one in frames(parts)] == [False, True]


def test_variable_frame_rate(tmp_path: Path) -> None:
    """A screen recording holds a frame for long: the times are those of the file, not of a count."""
    times = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 12.0, 12.1, 12.2]
    pictures = [(videos.scene(at // 3), 0.0) for at in range(9)]
    shown = videos.video(pictures, times=times, format="matroska")
    parts = list(Video().load(written(tmp_path, shown, "screen.mkv", "video/x-matroska")))
    assert [start for start, _ in spans(parts)] == [0.0, 5.0, 12.0]


# --- as the viewer sees it ----------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_as_players_turn_it(turn: int, tmp_path: Path) -> None:
    upright = videos.scene(0)
    undo = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    coded = upright.transpose(undo[turn]) if turn else upright
    assets = Kept()
    source = written(tmp_path, videos.video([(coded, 2)], rotation=turn))
    loader = Video(assets=assets)
    shown = picture(assets, frames(list(loader.load(source)))[0])
    drawn = Image.open(io.BytesIO(loader.render(source, TimeSpan(0.0, 2.0), 144)))
    for image in (shown, drawn.convert("RGB")):
        assert image.size == (160, 120)
        assert near(image, (20, 20), "white")
        assert near(image, (80, 117), "black")


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    assets = Kept()
    source = written(tmp_path, videos.video([(videos.scene(0), 2)], aspect=Fraction(3, 2)))
    assert picture(assets, frames(list(Video(assets=assets).load(source)))[0]).size == (240, 120)


def test_the_longer_side_is_limited(tmp_path: Path) -> None:
    assets = Kept()
    source = written(tmp_path, videos.narrated())
    assert picture(assets, frames(list(Video(assets=assets, max_side=80).load(source)))[0]).size == (80, 60)


def test_render_gives_the_frame_of_the_second(tmp_path: Path) -> None:
    source = written(tmp_path, videos.narrated(gop=50))
    for second in range(6):
        drawn = Image.open(io.BytesIO(Video().render(source, TimeSpan(second + 0.4, second + 0.6), 144)))
        assert drawn.format == "PNG"
        assert near(drawn.convert("RGB"), (80, 100), videos.SCENES[second // 2])
    small = Image.open(io.BytesIO(Video().render(source, TimeSpan(0.0, 1.0), 72)))
    assert small.size == (80, 60)
    with pytest.raises(SourceError, match="no place like"):
        Video().render(source, PageRegion(1, WHOLE), 144)


# --- parts --------------------------------------------------------------------------------------------


def test_long_recordings_come_in_parts(tmp_path: Path) -> None:
    source = written(tmp_path, videos.long(6.0))
    parts = list(Video().load(source))
    assert len(parts) == 3
    for number, part in enumerate(parts):
        for start, end in spans([part]):
            assert number * PART_SECONDS <= start < end <= (number + 1) * PART_SECONDS
    starts = [start for start, _ in spans(parts)]
    assert {40.0 * scene for scene in range(9)} <= set(starts)
    for start in range(4):
        assert list(Video().load(source, start=start)) == parts[start:]


def test_a_frame_held_over_the_edge_of_a_part(tmp_path: Path) -> None:
    """Nothing is coded at the second where a part starts: what is on screen then stands for it."""
    times = [0.0, 1.0, 100.0, 200.0, 201.0]
    shown = videos.video([(videos.scene(at), 0.0) for at in (0, 0, 1, 2, 2)], times=times, format="matroska")
    source = written(tmp_path, shown, "screen.mkv", "video/x-matroska")
    assets = Kept()
    parts = list(Video(assets=assets).load(source))
    assert spans(parts)[-2] == (120.0, 200.0)
    assert near(picture(assets, frames(parts)[-2]), (80, 100), videos.SCENES[1])
    assert list(Video(assets=Kept()).load(source, start=1)) == parts[1:]


# --- what is written on frames --------------------------------------------------------------------------


class Sees:
    """A recogniser that reads a colour off each picture, and remembers how many it was given."""

    def __init__(self, fingerprint: str = "sees", fails: bool = False) -> None:
        self.fingerprint = fingerprint
        self.fails = fails
        self.count = 0

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        self.count += len(images)
        if self.fails:
            raise RuntimeError("out of order")
        return [[written_line(self._name(image), 0.1, 0.1, 0.5, 0.2)] for image in images]

    @staticmethod
    def _name(data: bytes) -> str:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return next(name for name in videos.SCENES if near(image, (80, 100), name))


def test_words_of_frames_are_read_once_a_picture(tmp_path: Path) -> None:
    shown = videos.video([(videos.scene(0), 8.0), (videos.scene(1), 3.0), (videos.scene(0), 3.0)])
    source = written(tmp_path, shown)
    sees = Sees()
    parts = list(Video(recogniser=sees, max_scene=4.0).load(source))
    assert [one.text for one in frames(parts)] == ["firebrick", "", "seagreen", ""]
    assert sees.count == 2
    kept = list(Video(recogniser=sees, max_scene=4.0, assets=Kept()).load(source))
    assert [one.text for one in frames(kept)] == [one.text for one in frames(parts)]
    assert [one.text for one in frames(list(Video(recogniser=Sees("")).load(source)))] == [""] * 3
    assert Video(recogniser=sees, transcriber=Hears()).fingerprint == "hears+sees"


def test_a_recogniser_that_fails_costs_no_frame(tmp_path: Path) -> None:
    parts = list(Video(recogniser=Sees(fails=True)).load(written(tmp_path, videos.narrated())))
    assert len(frames(parts)) == 3
    assert warnings(parts) == ["its words could not be recognised (out of order)"] * 3


# --- garbage --------------------------------------------------------------------------------------------


class Makes(Hears):
    """A transcriber that makes things up."""

    def transcribe(self, sounds: Sequence[bytes]) -> list[list[tuple[float, float, str]]]:
        made = ["The pump starts at dawn.", "ほ" * 200, *["Thank you."] * 5, "It stops at noon."]
        return [[(at / 2, at / 2 + 0.4, text) for at, text in enumerate(made)] for _ in sounds]


def test_what_nobody_said_is_left_out_and_told(tmp_path: Path) -> None:
    source = written(tmp_path, videos.narrated(cues=(), tone=6.0))
    parts = list(Video(transcriber=Makes()).load(source))
    assert words(parts) == ["The pump starts at dawn.", *["Thank you."] * 3, "It stops at noon."]
    (told,) = (one for part in parts for one in part.warnings)
    assert "3 repetitions" in told.message
    assert told.place == TimeSpan(0.5, 3.4)
    assert len(words(list(Video(transcriber=Makes(), max_compression=0, min_unique=0).load(source)))) == 8


# --- words --------------------------------------------------------------------------------------------


def test_words_beside_the_file_come_first(tmp_path: Path) -> None:
    source = written(tmp_path, videos.narrated())
    (tmp_path / "plant.srt").write_text("1\n00:00:02,500 --> 00:00:03,500\n<i>Said beside</i> it.\n")
    parts = list(Video().load(source))
    assert words(parts) == ["Said beside it."]
    assert spans(parts, "speech") == [(2.5, 3.5)]


def test_a_link_beside_the_file_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere.txt"
    secret.write_text("00:00:01.000 --> 00:00:02.000\nA secret.\n")
    source = written(tmp_path, videos.narrated())
    (tmp_path / "plant.vtt").symlink_to(secret)
    assert words(list(Video().load(source))) == list(videos.SPEECH)


def test_sound_is_heard_where_nothing_is_written(tmp_path: Path) -> None:
    hears = Hears()
    source = written(tmp_path, videos.narrated(cues=(), tone=6.0))
    parts = list(Video(transcriber=hears).load(source))
    assert words(parts) == ["Sentence 1."]
    assert spans(parts, "speech") == [(1.0, 2.0)]
    with wave.open(io.BytesIO(hears.sounds[0])) as heard:
        assert (heard.getframerate(), heard.getnchannels(), heard.getsampwidth()) == (16000, 1, 2)
        assert heard.getnframes() == pytest.approx(6 * 16000, abs=1600)
        loud = np.frombuffer(heard.readframes(16000), "<i2").astype(float)
    tones = np.abs(np.fft.rfft(loud[:8000]))
    assert np.argmax(tones) * 2 == pytest.approx(440, abs=4)


def test_nothing_is_heard_where_words_are_written(tmp_path: Path) -> None:
    hears = Hears()
    assert words(list(Video(transcriber=hears).load(written(tmp_path, videos.narrated(tone=6.0))))) == [*videos.SPEECH]
    assert hears.sounds == []


def test_pieces_of_sound_have_their_own_time(tmp_path: Path) -> None:
    """Three parts: each piece ends in the quietest place of the seconds before its edge, and a resumed
    run hears the same pieces."""
    hears, again = Hears(), Hears()
    data = videos.video([(videos.scene(0, 64, 48), 250.0)], rate=1, tone=250.0, silences=((113.0, 114.0),))
    source = written(tmp_path, data)
    parts = list(Video(transcriber=hears).load(source))
    lengths = [(len(one) - 44) / 2 / 16000 for one in hears.sounds]
    assert len(lengths) == 3
    assert 113.0 <= lengths[0] <= 114.0
    assert sum(lengths) == pytest.approx(250, abs=0.2)
    starts = [start for start, _ in spans(parts, "speech")]
    assert starts == pytest.approx([1.0, lengths[0] + 1, lengths[0] + lengths[1] + 1], abs=0.02)
    list(Video(transcriber=again).load(source, start=1))
    assert again.sounds == hears.sounds[1:]


def test_silence_is_not_transcribed(tmp_path: Path) -> None:
    hears = Hears()
    data = videos.video([(videos.scene(0), 4.0)], tone=4.0, silences=((0.0, 5.0),))
    assert words(list(Video(transcriber=hears).load(written(tmp_path, data)))) == []
    assert hears.sounds == []


def test_the_missing_extra_is_told_once(tmp_path: Path) -> None:
    data = videos.video([(videos.scene(0, 64, 48), 250.0)], rate=1, tone=250.0)
    parts = list(Video(transcriber=Absent()).load(written(tmp_path, data)))
    assert [one for one in warnings(parts) if "argus-rag[speech]" in one] == warnings(parts)
    assert len(warnings(parts)) == 1
    assert len(parts) == 3
    silent = videos.video([(videos.scene(0), 4.0)], tone=4.0, silences=((0.0, 5.0),))
    assert len(warnings(list(Video(transcriber=Absent()).load(written(tmp_path, silent))))) == 1


def test_the_transcriber_is_part_of_what_the_output_depends_on() -> None:
    assert Video(transcriber=Hears()).fingerprint == "hears"
    assert Video(transcriber=Absent()).fingerprint == ""
    assert Video().fingerprint == ""


def test_sound_files(tmp_path: Path) -> None:
    source = written(tmp_path, videos.sound([(0.5, 2.0, "The pump starts.")]), "talk.m4a", "audio/mp4")
    parts = list(Audio().load(source))
    assert words(parts) == ["The pump starts."]
    assert dict(parts[0].head.metadata)["duration"] == pytest.approx(4.0, abs=0.1)
    with pytest.raises(SourceError, match="no picture"):
        Audio().render(source, TimeSpan(0.0, 1.0), 144)
    mp3 = written(tmp_path, videos.sound(format="mp3", codec="libmp3lame"), "tone.mp3", "audio/mpeg")
    assert words(list(Audio(transcriber=Hears()).load(mp3))) == ["Sentence 1."]


def test_options_that_make_no_sense() -> None:
    for options in ({"min_scene": 0.1}, {"min_scene": 9.0, "max_scene": 3.0}, {"max_side": 0}, {"max_pixels": 0}):
        with pytest.raises(ValueError):
            Video(**options)
