"""Recordings: the frames that stand for their scenes, and the words that are said in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rag.document import WHOLE, Notice, Part, Place, Source, TimeSpan
from rag.errors import SourceError
from rag.protocols import Assets, Recogniser, Transcriber

from .. import pixels
from .container import chosen, container, surveyed
from .cues import beside
from .frames import Frames, as_seen, check_size
from .head import Chapters, described, head
from .parts import LATE, PART_SECONDS, Recording

SHORTEST = 0.5
"""No scene may be shorter: 240 frames and 250 cues stay below the 500 elements of a Part."""


class Video:
    """Reads moving pictures (loader) and shows the frame of a second (renderer).

    Parts are the two minutes from 120 n seconds on, little enough for a slow machine. Each is read
    by itself, so that one read again is the same.

    `sampling` says which frames stand for the picture, at most `frames` of two minutes: those of `scenes` of
    `min_scene` to `max_scene` seconds (0: as many as there are), or VideoRAG's `uniform` and `kmeans` (0: 8;
    `seed` of the clusters). For scenes `decode = "key"` decodes key frames first, and what lies between two
    of them only where something happens. Frames are at most `max_side` pixels long; `recogniser` reads what
    is written on them.

    Words come from NAME.srt, .vtt or .ass beside the file, else from its subtitles, else from `transcriber`,
    whose repetitions are left out: texts that pack better than `max_compression`, or of whose words fewer
    than `min_unique` differ. `max_pixels` of a picture and `max_bytes` of the file are checked before
    anything is decoded; what lies behind `max_seconds` is left out.
    """

    VERSION = 2
    media_types: tuple[str, ...] = (
        "video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo", "video/3gpp",
        "video/mp2t", "video/mpeg", "video/ogg", "video/x-flv", "video/x-ms-asf",
    )  # fmt: skip

    def __init__(
        self,
        *,
        transcriber: Transcriber | None = None,
        recogniser: Recogniser | None = None,
        sampling: Literal["scenes", "uniform", "kmeans"] = "scenes",
        frames: int = 0,
        seed: int = 0,
        decode: Literal["key", "all"] = "key",
        min_scene: float = 1.5,
        max_scene: float = 30.0,
        max_side: int = 1280,
        max_pixels: int = 36_000_000,
        max_bytes: int = 20_000_000_000,
        max_seconds: float = 86_400.0,
        max_compression: float = 2.4,
        min_unique: float = 0.3,
        assets: Assets | None = None,
    ) -> None:
        if not SHORTEST <= min_scene <= max_scene:
            raise ValueError(f"{SHORTEST} <= min_scene <= max_scene (seconds), got {min_scene} and {max_scene}")
        if min(max_side, max_pixels, max_bytes, max_seconds) < 1:
            raise ValueError("max_side, max_pixels, max_bytes and max_seconds are at least 1")
        if sampling not in ("scenes", "uniform", "kmeans") or decode not in ("key", "all"):
            raise ValueError(f"sampling is scenes, uniform or kmeans, decode key or all; got {sampling!r}, {decode!r}")
        if not 0 <= frames <= PART_SECONDS / SHORTEST:
            raise ValueError(f"frames of two minutes are 0 (as many as there are scenes) to 240, got {frames}")
        if max_compression < 0 or not 0 <= min_unique <= 1:
            raise ValueError(f"max_compression is at least 0, min_unique 0 to 1; got {max_compression}, {min_unique}")
        self.transcriber = transcriber
        self.recogniser = recogniser
        self.max_compression = max_compression
        self.min_unique = min_unique
        self.sampling = sampling
        self.frames = frames
        self.seed = seed
        self.decode = decode
        self.min_scene = min_scene
        self.max_scene = max_scene
        self.max_side = max_side
        self.max_pixels = max_pixels
        self.max_bytes = max_bytes
        self.max_seconds = max_seconds
        self.assets = assets

    @property
    def fingerprint(self) -> str:
        """What the words depend on beside the file and the options: the transcriber and recogniser installed."""
        used = (str(getattr(part, "fingerprint", "")) for part in (self.transcriber, self.recogniser))
        return "+".join(filter(None, used))

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Key frames and speech in the order of their time.

        Raises SourceError: limit (bytes, pixels), damaged, missing, empty.
        """
        with container(source, self.max_bytes) as open_:
            streams = chosen(open_)
            if streams.video is not None:
                check_size(streams.video, source, self.max_pixels)
            if streams.video is None and streams.audio is None and streams.words is None:
                told = "; ".join(streams.left_out) or "there is neither picture nor sound in it"
                raise SourceError(told, source=source.uri, kind="unsupported" if streams.left_out else "empty")
            survey = surveyed(open_, streams, source, self.max_seconds)
            cues = beside(source, streams.left_out)
            chapters = Chapters(open_, survey.origin)
            front = head(open_, streams, survey, source)
            about = described(open_)
        until = min(self.max_seconds, survey.end + LATE if survey.end > 0 else self.max_seconds)
        survey.cues = [one for one in cues or survey.cues if one.start < until]
        if survey.pictures_end <= 0 and survey.sound_end <= 0 and not survey.cues:
            raise SourceError("nothing in it can be decoded", source=source.uri, kind="damaged")
        recording = Recording(self, source, front, survey, chapters)
        notices = [Notice(told) for told in streams.left_out]
        if survey.end >= self.max_seconds:
            notices.append(Notice(f"what lies behind {self.max_seconds:,.0f} s is left out (max_seconds)"))
        yield from recording.parts(start, about, notices)

    def render(self, source: Source, place: Place, dpi: int) -> bytes:
        """The frame in the middle of the span as PNG, as its viewer sees it (smaller below 144 dpi).

        SourceError for a place that is no span of time, or where there is no picture.
        """
        if not isinstance(place, TimeSpan):
            raise SourceError(f"a recording has no place like {place}", source=source.uri, kind="unsupported")
        with container(source, self.max_bytes) as open_:
            streams = chosen(open_)
            if streams.video is None:
                raise SourceError("a sound has no picture", source=source.uri, kind="unsupported")
            survey = surveyed(open_, streams, source, self.max_seconds)
        with container(source, self.max_bytes) as open_:
            streams = chosen(open_)
            frames = Frames(open_, streams, survey, source, self.max_pixels)
            found = next(frames.since((place.start + place.end) / 2), None)
            if found is None or streams.video is None:
                raise SourceError("no picture can be decoded there", source=source.uri, kind="damaged")
            return pixels.crop(as_seen(found[1], streams.video), WHOLE, dpi)
