"""Recordings made by code with PyAV: each function gives the bytes of a file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

SCENES = ("firebrick", "seagreen", "royalblue", "goldenrod", "indigo", "darkcyan", "sienna", "gray")
SPEECH = ("The pump starts at dawn.", "A green valve opens slowly.", "The tank is full at noon.")
HEADER = b"[Script Info]\r\n\r\n[V4+ Styles]\r\n\r\n[Events]\r\n"
MILLISECONDS = Fraction(1, 1000)
Cue = tuple[float, float, str]


def scene(number: int, width: int = 160, height: int = 120) -> Image.Image:
    """A field of colour with a white mark whose place tells the scene apart, and up from down."""
    image = Image.new("RGB", (width, height), SCENES[number % len(SCENES)])
    draw = ImageDraw.Draw(image)
    left = 4 + (number * 37) % (width - 44)
    draw.rectangle((left, 8, left + 32, 32), "white")
    draw.rectangle((0, height - 8, width, height), "black")
    return image


def video(
    pictures: Sequence[tuple[Image.Image, float]],
    *,
    rate: int = 10,
    format: str = "mp4",
    codec: str = "libx264",
    cues: Iterable[Cue] = (),
    tone: float = 0.0,
    metadata: dict[str, str] | None = None,
    chapters: Sequence[tuple[float, float, str]] = (),
    rotation: int = 0,
    times: Sequence[float] | None = None,
    subtitles: str = "",
    gop: int = 12,
    aspect: Fraction | None = None,
    silences: Sequence[tuple[float, float]] = (),
) -> bytes:
    """Each picture for so many seconds; `cues` are embedded, `tone` is seconds of a sine.

    `times` gives the second of each frame instead of `rate` (then each picture is one frame).
    """
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = pictures[0][0].size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = gop
        stream.options = {"preset": "ultrafast"} if codec == "libx264" else {}
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound: Any = container.add_stream("aac" if format != "webm" else "libopus", rate=48000) if tone else None
        if sound:
            sound.layout = "mono"
        kind = subtitles or {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip"}.get(format, "webvtt")
        words: Any = container.add_stream(kind) if cues else None
        if words:
            words.codec_context.subtitle_header = HEADER
        if chapters:
            container.set_chapters([
                {"id": number, "start": round(start * 1000), "end": round(end * 1000),
                 "time_base": MILLISECONDS, "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(chapters)
            ])  # fmt: skip
        packets = [*_shown(stream, pictures, rate, times), *(_sound(sound, tone, silences) if sound else ())]
        packets += _spoken(words, kind, cues) if words else []
        for packet in sorted(packets, key=lambda one: float((one.dts or 0) * (one.time_base or 0))):
            container.mux(packet)
    return out.getvalue()


def _shown(stream: Any, pictures: Sequence[tuple[Image.Image, float]], rate: int, times: Any) -> list[Any]:
    packets: list[Any] = []
    number = 0
    for image, seconds in pictures:
        frame = av.VideoFrame.from_image(image)
        for _ in range(1 if times else round(seconds * rate)):
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = MILLISECONDS if times else Fraction(1, rate)
            number += 1
            packets += stream.encode(frame)
    return [*packets, *stream.encode()]


def _sound(stream: Any, seconds: float, silences: Sequence[tuple[float, float]] = ()) -> list[Any]:
    packets: list[Any] = []
    step = 960
    for start in range(0, int(seconds * 48000), step):
        loud = 0.0 if any(begin <= start / 48000 < end for begin, end in silences) else 0.2
        wave = loud * np.sin(2 * np.pi * 440 * (start + np.arange(step)) / 48000)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        packets += stream.encode(frame)
    return [*packets, *stream.encode()]


def _spoken(stream: Any, kind: str, cues: Iterable[Cue]) -> list[Any]:
    packets = []
    for start, end, text in cues:
        data = text.encode()
        if kind == "mov_text":
            data = len(data).to_bytes(2, "big") + data
        elif kind == "ass":
            data = b"0,0,Default,,0,0,0,," + data
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, MILLISECONDS
        packet.pts = packet.dts = round(start * 1000)
        packet.duration = round((end - start) * 1000)
        packets.append(packet)
    return packets


def narrated(**options: Any) -> bytes:
    """Three scenes of two seconds, a sentence in each."""
    cues = [(2 * at + 0.2, 2 * at + 1.8, text) for at, text in enumerate(SPEECH)]
    return video([(scene(at), 2.0) for at in range(3)], **{"cues": cues, **options})


def long(minutes: float = 11.0) -> bytes:
    """Scenes of forty seconds at one frame a second, a sentence in each: three parts."""
    count = int(minutes * 60 / 40)
    cues = [(40 * at + 1.0, 40 * at + 4.0, f"This is scene number {at} of {count}.") for at in range(count)]
    return video([(scene(at, 64, 48), 40.0) for at in range(count)], rate=1, cues=cues)


def sound(cues: Iterable[Cue] = (), *, seconds: float = 4.0, format: str = "ipod", codec: str = "aac") -> bytes:
    """A tone without a picture, as .m4a with embedded cues."""
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=48000)
        stream.layout = "mono"
        words: Any = container.add_stream("mov_text") if cues else None
        if words:
            words.codec_context.subtitle_header = HEADER
        packets = [*_sound(stream, seconds), *(_spoken(words, "mov_text", cues) if words else [])]
        for packet in sorted(packets, key=lambda one: float((one.dts or 0) * (one.time_base or 0))):
            container.mux(packet)
    return out.getvalue()


def tour() -> bytes:
    """A turned recording with a title, a description, two chapters, sound, and scenes without words."""
    return video(
        [(scene(at), 2.0) for at in range(3)],
        format="mov", rotation=90, tone=6.0, chapters=[(0, 2, "The pump house"), (2, 6, "The tank")],
        metadata={"title": "A tour of the plant", "comment": "Filmed on a quiet morning."},
    )  # fmt: skip
