"""Recordings opened with care, and one pass over their packets that decodes no picture.

FFmpeg gets an open file and the name of one demuxer, never a path: a playlist in disguise can
neither name other files nor addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.document import Source
from rag.errors import SourceError

from ..reading import opened
from .cues import Cue, embedded

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.subtitles.stream import SubtitleStream
    from av.video.stream import VideoStream

DEMUXERS = {
    "video/mp4": "mov", "video/quicktime": "mov", "video/3gpp": "mov", "audio/mp4": "mov",
    "video/webm": "matroska", "video/x-matroska": "matroska", "video/x-msvideo": "avi", "video/x-flv": "flv",
    "video/x-ms-asf": "asf", "video/mp2t": "mpegts", "video/mpeg": "mpeg", "video/ogg": "ogg",
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/flac": "flac", "audio/wav": "wav", "audio/aiff": "aiff",
}  # fmt: skip
MICROSECONDS = 1e6
MOST_PACKETS = 30_000_000
MOST_FAILURES = 1000
"""Damaged packets after which reading stops: a file of nothing else must not hold us."""
_BUFFER = 2**18


@contextmanager
def container(source: Source, max_bytes: int) -> Iterator[InputContainer]:
    """The recording, open. Raises SourceError as `reading.opened` does, unsupported and damaged."""
    import av

    demuxer = DEMUXERS.get(source.media_type)
    if demuxer is None:  # FFmpeg would guess, and might take it for a list of other files
        kind = f"not a kind of recording that is read: {source.media_type or 'unknown'}"
        raise SourceError(kind, source=source.uri, kind="unsupported")
    with opened(source, max_bytes) as file:
        try:
            open_ = av.open(
                file, "r", format=demuxer, metadata_errors="replace", buffer_size=_BUFFER,
                io_open=_nothing_else,
            )  # fmt: skip
        except PermissionError as error:
            raise SourceError(str(error), source=source.uri, kind="refused") from error
        except (av.FFmpegError, ArithmeticError, LookupError, MemoryError, ValueError) as error:
            raise SourceError(f"no recording that can be opened: {_reason(error)}", source=source.uri,
                              kind="damaged") from error  # fmt: skip
        with open_:
            yield open_


def _nothing_else(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError(f"a recording may not open another file: {url[:80]}")


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or error) or type(error).__name__


@dataclass(slots=True)
class Streams:
    """The streams that are read; None where there is none."""

    video: VideoStream | None = None
    audio: AudioStream | None = None
    words: SubtitleStream | None = None
    left_out: list[str] = field(default_factory=list)
    """What is in the file and is not read, in words."""


TEXTUAL = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})


def chosen(open_: InputContainer) -> Streams:
    """The stream of each kind that players take: the one marked as default, else the first."""
    found = Streams()
    moving = [one for one in open_.streams.video if not _has(one, "attached_pic") and _decodes(one)]
    found.video = _preferred(moving)
    found.audio = _preferred([one for one in open_.streams.audio if _decodes(one)])
    written = [one for one in open_.streams.subtitles if _decodes(one) and one.codec_context.name in TEXTUAL]
    found.words = _preferred(written)
    others = [_language(one) for one in written if one is not found.words]
    if others:
        found.left_out.append(f"of {len(written)} subtitle tracks one is read; left out: {', '.join(others)}")
    if not written and any(_decodes(one) for one in open_.streams.subtitles):
        found.left_out.append("its subtitles are pictures, which are not read")
    for kind, streams, taken in (("picture", open_.streams.video, found.video), ("sound", open_.streams.audio,
                                                                              found.audio)):  # fmt: skip
        if taken is None and any(not _has(one, "attached_pic") for one in streams):
            found.left_out.append(f"no decoder for its {kind}")
    return found


def _preferred(streams: list[Any]) -> Any:
    return next((one for one in streams if _has(one, "default")), streams[0] if streams else None)


def _has(stream: Stream, disposition: str) -> bool:
    return disposition in (getattr(stream.disposition, "name", "") or "").split("|")


def _decodes(stream: Stream) -> bool:
    return getattr(stream, "codec_context", None) is not None


def _language(stream: Stream) -> str:
    return str(getattr(stream, "language", "") or stream.metadata.get("language") or "unnamed")[:20]


@dataclass(slots=True)
class Survey:
    """What a pass over all packets tells; times in seconds from the start of the recording."""

    origin: float = 0.0
    """The time stamp at which the recording starts."""
    pictures_end: float = 0.0
    sound_end: float = 0.0
    steady: bool = True
    """Whether every picture has a time and these never run backwards, so that seeking can be relied on."""
    pictures: int = 0
    rate: float = 25.0
    cues: list[Cue] = field(default_factory=list)

    @property
    def end(self) -> float:
        return max(self.pictures_end, self.sound_end)


def surveyed(open_: InputContainer, streams: Streams, source: Source, max_seconds: float) -> Survey:
    """One pass over the packets: nothing that the header claims is believed."""
    told = Survey(origin=_origin(open_))
    if streams.video is not None:
        rate = streams.video.average_rate or streams.video.guessed_rate
        told.rate = min(max(float(rate), 0.1), 1000.0) if rate else 25.0
    last = float("-inf")
    subtitles: list[tuple[float, float, bytes]] = []
    wanted: list[Any] = [one for one in (streams.video, streams.audio, streams.words) if one is not None]
    for packet in packets(open_, wanted, source):
        if packet.size == 0:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        base = float(packet.time_base or 0)
        at = (stamp or 0) * base - told.origin
        length = (packet.duration or 0) * base
        if packet.stream is streams.video:
            told.pictures += 1
            order = (packet.dts if packet.dts is not None else stamp or 0) * base
            told.steady &= stamp is not None and order >= last and -60.0 < at < 10 * max_seconds
            last = order
            told.pictures_end = max(told.pictures_end, at + (length or 1 / told.rate))
        elif packet.stream is streams.words:
            subtitles.append((at, length, bytes(packet)))
        elif stamp is not None:
            told.sound_end = max(told.sound_end, at + length)
    if not told.steady:
        told.pictures_end = told.pictures / told.rate
    told.pictures_end = min(told.pictures_end, max_seconds)
    told.sound_end = min(told.sound_end, max_seconds)
    if streams.words is not None:
        told.cues = embedded(subtitles, streams.words.codec_context.name)
    return told


def _origin(open_: InputContainer) -> float:
    start: int | None = open_.start_time
    return start / MICROSECONDS if start is not None and abs(start) < 10**15 else 0.0


def packets(open_: InputContainer, streams: Iterable[Any], source: Source) -> Iterator[Packet[Any]]:
    """All packets of these streams; reading goes on behind damage where the demuxer can."""
    import av

    chosen_streams = list(streams)
    failures = 0
    count = 0
    while chosen_streams and failures < MOST_FAILURES:
        try:
            for packet in open_.demux(*chosen_streams):
                count += 1
                if count > MOST_PACKETS:
                    raise SourceError(f"more than {MOST_PACKETS:,} packets", source=source.uri, kind="limit")
                yield packet
            return
        except (av.FFmpegError, OSError, LookupError):  # a stream that comes up on the way has no number yet
            failures += 1
