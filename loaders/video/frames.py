"""The pictures of a recording with their times, and a picture as its viewer sees it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.document import Source
from rag.errors import SourceError

from . import quiet
from .container import Streams, Survey, packets
from .quiet import Quiet

if TYPE_CHECKING:
    import numpy as np
    from av.container.input import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    Detail = NDArray[np.int16]
    """(h, w) grey values of a picture whose longer side is DETAIL pixels."""

DETAIL = 480
_BLOCK = 8
_TOLD_APART = 0.03
PREROLL = 1.0
"""Seconds before the wanted one where seeking aims: indexes may count in decoding order."""
_MOST_STRETCH = 4
_FEW = 20


@dataclass(slots=True)
class Damage:
    """Packets that no picture came of, and where: told once a part."""

    packets: int = 0
    too_large: int = 0
    first: float = 0.0
    last: float = 0.0

    def met(self, at: float) -> None:
        self.first = self.first if self.packets else at
        self.last = at
        self.packets += 1


class Frames:
    """Decodes from an open recording; `max_pixels` of one picture."""

    def __init__(
        self, open_: InputContainer, streams: Streams, survey: Survey, source: Source, max_pixels: int
    ) -> None:
        if streams.video is None:
            raise SourceError("there is no picture in it", source=source.uri, kind="unsupported")
        self._open = open_
        self._stream: VideoStream = streams.video
        self._survey = survey
        self._source = source
        self._max_pixels = max_pixels
        self.damage = Damage()
        self._quiet = Quiet()
        check_size(self._stream, source, max_pixels)
        self._stream.thread_type = "AUTO"

    def passing(self, begin: float, end: float, longest: float) -> None:
        """Look at the key frames of [begin, end), so that `since` passes over what is quiet between them,
        up to `longest` seconds at a time."""
        import av

        if not self._survey.steady or (begin > 0 and not self._sought(begin)):
            return
        seen = quiet.Survey(self._survey.origin, self._max_pixels)
        self._stream.codec_context.skip_frame = "NONKEY"
        for packet in packets(self._open, [self._stream], self._source):
            at = seen.packet(packet)
            if at is None and packet.size:
                continue
            try:
                for frame in packet.decode():
                    seen.frame(frame)
            except av.FFmpegError:
                continue  # it has no signature, so nothing is passed over on either side of it
            if len(seen.stretches) == _FEW and seen.dense:
                break  # each frame is a key frame
            if at is not None and at >= end:
                for frame in self._stream.codec_context.decode(None):
                    seen.frame(frame)
                break
        self._quiet = quiet.quiet(seen.stretches, longest)
        self._stream.codec_context.flush_buffers()
        self._stream.codec_context.skip_frame = "DEFAULT"
        self._open.seek(0)

    def since(self, start: float) -> Iterator[tuple[float, VideoFrame]]:
        """(seconds, frame) from the one on screen at `start` on; times never run backwards."""
        shown: tuple[float, VideoFrame] | None = None
        for at, frame in self._from(start):
            if at >= start:
                if shown and at > start + 1e-3:
                    yield start, shown[1]  # still on screen
                shown = None
                yield at, frame
            else:
                shown = at, frame
        if shown:
            yield start, shown[1]

    def _from(self, start: float) -> Iterator[tuple[float, VideoFrame]]:
        if start > 0 and self._survey.steady:
            frames = self._timed() if self._sought(start) else iter(())
            first = next(frames, None)
            if first and first[0] <= start:
                yield first
                yield from frames
                return
            self._open.seek(0)  # no index, or one that lies: read up to there
            self._stream.codec_context.flush_buffers()
            self.damage = Damage()
        yield from self._timed()

    def _sought(self, start: float) -> bool:
        import av

        base = self._stream.time_base
        if not base:
            return False
        try:
            self._open.seek(int((max(start - PREROLL, 0) + self._survey.origin) / base), stream=self._stream)
        except (av.FFmpegError, OverflowError):
            return False
        return True

    def _timed(self) -> Iterator[tuple[float, VideoFrame]]:
        last = 0.0
        for number, frame in enumerate(self._decoded()):
            stamp = frame.pts if frame.pts is not None else frame.dts
            if not self._survey.steady:
                at = number / self._survey.rate
            elif stamp is None or not frame.time_base:
                at = last
            else:
                at = float(stamp * frame.time_base) - self._survey.origin
            last = max(last, at)
            if frame.width * frame.height > self._max_pixels or frame.width * frame.height == 0:
                self.damage.too_large += 1
            elif not frame.is_corrupt and self._quiet.shown(last):
                yield last, frame

    def _decoded(self) -> Iterator[VideoFrame]:
        import av

        passed = False
        for packet in packets(self._open, [self._stream], self._source):
            if packet.is_keyframe and packet.pts is not None:
                passed = self._quiet.passes(float(packet.pts * (packet.time_base or 0)) - self._survey.origin)
            elif passed and packet.size:
                continue
            try:
                yield from packet.decode()
            except av.FFmpegError:
                stamp = packet.pts if packet.pts is not None else packet.dts
                self.damage.met((stamp or 0) * float(packet.time_base or 0) - self._survey.origin)


def check_size(stream: VideoStream, source: Source, max_pixels: int) -> None:
    """SourceError for pictures of more pixels than the limit, before one is decoded."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > max_pixels:
        raise SourceError(
            f"{width} x {height} pixels, more than the limit of {max_pixels:,} (max_pixels)",
            source=source.uri, kind="limit",
        )  # fmt: skip


def as_seen(frame: VideoFrame, stream: VideoStream, max_side: int = 0) -> Pillow.Image:
    """The frame in RGB, its pixels square, turned as its display matrix says, at most `max_side` long."""
    from PIL import Image as pillow

    width, height = frame.width, frame.height
    wide = stream.sample_aspect_ratio
    if wide and 1 / _MOST_STRETCH <= wide <= _MOST_STRETCH and wide != 1:
        width, height = (round(width * wide), height) if wide > 1 else (width, round(height / wide))
    longest = max(width, height)
    if max_side and longest > max_side:
        width, height = max(1, round(width * max_side / longest)), max(1, round(height * max_side / longest))
    made = frame.reformat(width=width, height=height, format="rgb24", interpolation="BICUBIC").to_ndarray()
    return _turned(pillow.fromarray(made, "RGB"), frame)


def detail(image: Pillow.Image) -> Detail:
    """A picture small enough to remember and large enough to read by."""
    import numpy as np

    share = DETAIL / max(image.size)
    size = max(_BLOCK, round(image.width * share)), max(_BLOCK, round(image.height * share))
    return np.asarray(image.convert("L").resize(size), np.int16)


def indistinguishable(one: Detail, other: Detail) -> bool:
    """Whether two pictures differ nowhere by more than a codec's noise: a digit tells two slides apart."""
    import numpy as np

    if one.shape != other.shape:
        return False
    high, wide = one.shape[0] // _BLOCK, one.shape[1] // _BLOCK
    apart = np.abs(one - other)[: high * _BLOCK, : wide * _BLOCK]
    blocks = apart.reshape(high, _BLOCK, wide, _BLOCK).mean(axis=(1, 3))
    return float(blocks.max()) / 255 <= _TOLD_APART


def _turned(image: Pillow.Image, frame: VideoFrame) -> Pillow.Image:
    """x' = ax + cy, y' = bx + dy, with y downwards: the matrix (a, b, c, d) as whole quarter turns."""
    from PIL import Image as pillow

    methods = {
        (0, -1, 1, 0): pillow.Transpose.ROTATE_90,
        (-1, 0, 0, -1): pillow.Transpose.ROTATE_180,
        (0, 1, -1, 0): pillow.Transpose.ROTATE_270,
        (-1, 0, 0, 1): pillow.Transpose.FLIP_LEFT_RIGHT,
        (1, 0, 0, -1): pillow.Transpose.FLIP_TOP_BOTTOM,
        (0, 1, 1, 0): pillow.Transpose.TRANSPOSE,
        (0, -1, -1, 0): pillow.Transpose.TRANSVERSE,
    }
    method = methods.get(_matrix(frame))
    return image.transpose(method) if method is not None else image


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """The signs of the display matrix; those of no turn where there is none."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    raw = bytes(data or b"")
    if len(raw) < 36:
        return 1, 0, 0, 1
    values = [int.from_bytes(raw[at : at + 4], sys.byteorder, signed=True) / 65536 for at in (0, 4, 12, 16)]
    largest = max(abs(value) for value in values) or 1.0
    a, b, c, d = (0 if abs(value) < largest / 2 else (1 if value > 0 else -1) for value in values)
    return a, b, c, d
